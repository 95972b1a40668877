/* deltastream contexts: what a person keeps, see context.h. */
#include "clients/cli/command.h"
#include "clients/cli/context.h"
#include "clients/cli/records.h"
#include "ds/exit_code.h"
#include "ds/paths.h"
#include "ds/tls.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct contexts_options {
    const char *connect;
    const char *data_dir;
    int64_t timeout_ms;
    int output;
    int format;
};

static const struct ds_setting add_settings[] = {
    {.name = "connect",
     .kind = DS_SETTING_TEXT,
     .argument = "URL",
     .help = "the storage service: ipc:///path, tcp://host:port or tls+tcp://host:port",
     .offset = offsetof(struct contexts_options, connect)},
    {.name = "data-dir",
     .kind = DS_SETTING_TEXT,
     .argument = "DIR",
     .help = "the data folder whose service is meant where there is no URL",
     .offset = offsetof(struct contexts_options, data_dir)},
    {.name = "timeout",
     .kind = DS_SETTING_DURATION,
     .argument = "TIME",
     .minimum = 1,
     .maximum = 3600000,
     .help = "how long a call may take, such as 10s",
     .offset = offsetof(struct contexts_options, timeout_ms)},
    {.name = "output",
     .short_flag = 'o',
     .kind = DS_SETTING_CHOICE,
     .argument = "FORMAT",
     .choices = rows_format_choices,
     .help = "table, json, ndjson or csv",
     .offset = offsetof(struct contexts_options, output)},
};

static const struct ds_setting list_settings[] = {ROWS_FORMAT_SETTING(contexts_options)};

/* Says what went wrong with a context and ends with its exit code. */
static int tell(ds_code code, const char *reason)
{
    if (code == DS_OK) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, "deltastream: %s\n", reason);
    return code == DS_NOT_FOUND || code == DS_INVALID_ARGUMENT ? ds_exit_code_of(code)
                                                               : DS_EXIT_ERROR;
}

/* NULL after telling that there is no home to keep contexts in. */
static const char *find_folder(struct ds_config *config)
{
    const char *folder = context_folder(ds_config_arena(config), environ);
    if (folder == NULL) {
        fprintf(stderr, "deltastream: set HOME or XDG_CONFIG_HOME: contexts are kept there\n");
    }
    return folder;
}

static void fill(struct context *context, const struct ds_config *config,
                 const struct contexts_options *options, struct ds_arena *arena)
{
    if (options->connect != NULL) {
        context->values[CONTEXT_CONNECT] = options->connect;
    }
    if (options->data_dir != NULL) {
        context->values[CONTEXT_DATA_DIR] = ds_absolute_path(arena, options->data_dir);
    }
    if (options->timeout_ms != 0) {
        context->values[CONTEXT_TIMEOUT] =
            ds_arena_printf(arena, "%" PRId64 "ms", options->timeout_ms);
    }
    if (ds_config_is_given(config, "output")) {
        context->values[CONTEXT_OUTPUT] = rows_format_choices[options->output];
    }
}

static bool has_form_of_url(const char *url)
{
    return strncmp(url, "ipc:///", strlen("ipc:///")) == 0 ||
           strncmp(url, "tcp://", strlen("tcp://")) == 0 || ds_url_is_tls(url);
}

static int run_add(struct ds_config *config, void *context)
{
    struct contexts_options *options = context;
    struct ds_arena *arena = ds_config_arena(config);
    const char *folder = find_folder(config);
    struct context added = {.name = ds_config_operand(config, 0)};
    char reason[CONTEXT_REASON_BYTES_MAX];
    if (folder == NULL) {
        return DS_EXIT_ERROR;
    }
    if (!context_name_is_valid(added.name) || strcmp(added.name, CONTEXT_NONE) == 0) {
        fprintf(stderr,
                "deltastream: \"%s\" is no name for a context: up to %d letters, digits, '-', '_' "
                "and '.', and not \"none\"\n",
                added.name, CONTEXT_NAME_BYTES_MAX);
        return DS_EXIT_USAGE;
    }
    if (options->connect != NULL && !has_form_of_url(options->connect)) {
        return ds_config_refuse(config, options, "connect",
                                "not of the form ipc:///path, tcp://host:port or "
                                "tls+tcp://host:port");
    }
    fill(&added, config, options, arena);
    return tell(context_write(folder, &added, arena, reason), reason);
}

static const struct ds_program add_program = {
    .name = "deltastream contexts add",
    .summary = "Keep a service's address and one's preferences under a name.",
    .examples = "  deltastream contexts add work --connect tcp://10.0.0.5:9003 --timeout 10s\n"
                "  deltastream contexts add test --data-dir ./data -o json\n",
    .operands = "NAME",
    .operand_min = 1,
    .operand_max = 1,
    .settings = add_settings,
    .setting_count = COUNT_OF(add_settings),
};

const struct cli_command command_contexts_add = {.program = &add_program,
                                                 .options_bytes = sizeof(struct contexts_options),
                                                 .run = run_add,
                                                 .operand = CLI_OPERAND_CONTEXT,
                                                 .is_local = true};

static const struct table_column list_columns[] = {{.name = "name"},    {.name = "current"},
                                                   {.name = "connect"}, {.name = "data-dir"},
                                                   {.name = "timeout"}, {.name = "output"}};

static int list(struct records *records, const char *folder, struct ds_arena *arena)
{
    const char *names[CONTEXT_COUNT_MAX];
    const char *current = CONTEXT_NONE;
    char reason[CONTEXT_REASON_BYTES_MAX];
    ds_code code = context_current(folder, arena, &current, reason);
    const size_t count = context_list(folder, arena, names);
    for (size_t i = 0; i < count && code == DS_OK; i++) {
        struct context context;
        code = context_read(folder, names[i], arena, &context, reason);
        if (code == DS_OK) {
            const char *values[COUNT_OF(list_columns)] = {
                names[i], strcmp(names[i], current) == 0 ? "yes" : NULL};
            memcpy(values + 2, context.values, sizeof(context.values));
            records_add(records, values);
        }
    }
    return tell(code, reason);
}

static int run_list(struct ds_config *config, void *context)
{
    const struct contexts_options *options = context;
    const char *folder = find_folder(config);
    if (folder == NULL) {
        return DS_EXIT_ERROR;
    }
    struct records *records = records_create(stdout, (enum rows_format)options->format,
                                             list_columns, COUNT_OF(list_columns));
    const int exit_code = list(records, folder, ds_config_arena(config));
    records_destroy(records);
    return exit_code;
}

static const struct ds_program list_program = {
    .name = "deltastream contexts list",
    .summary = "List the contexts and which of them is the current one.",
    .examples = "  deltastream contexts list\n",
    .settings = list_settings,
    .setting_count = COUNT_OF(list_settings),
};

const struct cli_command command_contexts_list = {.program = &list_program,
                                                  .options_bytes = sizeof(struct contexts_options),
                                                  .run = run_list,
                                                  .is_local = true};

static int run_use(struct ds_config *config, void *options)
{
    (void)options;
    const char *folder = find_folder(config);
    char reason[CONTEXT_REASON_BYTES_MAX];
    if (folder == NULL) {
        return DS_EXIT_ERROR;
    }
    return tell(context_use(folder, ds_config_operand(config, 0), ds_config_arena(config), reason),
                reason);
}

static const struct ds_program use_program = {
    .name = "deltastream contexts use",
    .summary = "Make a context the current one.",
    .examples = "  deltastream contexts use work\n"
                "  deltastream contexts use none\n",
    .operands = "NAME",
    .operand_min = 1,
    .operand_max = 1,
};

const struct cli_command command_contexts_use = {.program = &use_program,
                                                 .options_bytes = sizeof(struct contexts_options),
                                                 .run = run_use,
                                                 .operand = CLI_OPERAND_CONTEXT,
                                                 .is_local = true};

static int run_remove(struct ds_config *config, void *options)
{
    (void)options;
    const char *folder = find_folder(config);
    char reason[CONTEXT_REASON_BYTES_MAX];
    if (folder == NULL) {
        return DS_EXIT_ERROR;
    }
    return tell(
        context_remove(folder, ds_config_operand(config, 0), ds_config_arena(config), reason),
        reason);
}

static const struct ds_program remove_program = {
    .name = "deltastream contexts remove",
    .summary = "Forget a context.",
    .examples = "  deltastream contexts remove test\n",
    .operands = "NAME",
    .operand_min = 1,
    .operand_max = 1,
};

const struct cli_command command_contexts_remove = {.program = &remove_program,
                                                    .options_bytes =
                                                        sizeof(struct contexts_options),
                                                    .run = run_remove,
                                                    .operand = CLI_OPERAND_CONTEXT,
                                                    .is_local = true};
