/* deltastream storage delete. */
#include "clients/cli/command.h"
#include "clients/cli/storage_call.h"
#include "clients/common/row_kind.h"
#include "deltastream/storage/v1/admin.pb-c.h"
#include "ds/exit_code.h"
#include "ds/time.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 16

struct delete_options {
    struct connection_options connection;
    const char *start;
    const char *end;
    const char *expiry;
    int format;
    bool yes;
};

static const struct ds_setting settings[] = {
    {.name = "start",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .help = "the oldest time to delete, such as 2025-01-25 or 2025-01-25T10:00:00Z; without a "
             "zone it is UTC",
     .offset = offsetof(struct delete_options, start)},
    {.name = "end",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .help = "the newest time to delete",
     .offset = offsetof(struct delete_options, end)},
    {.name = "expiry",
     .kind = DS_SETTING_TEXT,
     .argument = "YYYY-MM-DD",
     .help = "of chains: those of this expiry only [all]",
     .offset = offsetof(struct delete_options, expiry)},
    {.name = "yes",
     .short_flag = 'y',
     .kind = DS_SETTING_BOOLEAN,
     .help = "delete without asking",
     .offset = offsetof(struct delete_options, yes)},
    STORAGE_FORMAT_SETTING(delete_options),
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream storage delete",
    .summary = "Delete the rows of a product or symbol between two times, both included.",
    .examples =
        "  deltastream storage delete ticks NIFTY --start 2025-01-25 --end 2025-01-25T23:59:59\n"
        "  deltastream storage delete chains NIFTY --expiry 2025-01-25 \\\n"
        "      --start 2025-01-01 --end 2025-01-25 --yes\n",
    .operands = "ticks|quotes|chains KEY",
    .operand_min = 2,
    .operand_max = 2,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

static bool read_kind(const char *text, Storage__RowKind *ret_kind)
{
    for (int kind = ROW_KIND_AUTO + 1; kind < ROW_KIND_COUNT; kind++) {
        if (strcmp(text, row_kind_choices[kind]) == 0) {
            *ret_kind = (Storage__RowKind)kind;
            return true;
        }
    }
    fprintf(stderr, "deltastream: \"%s\" is no kind of rows; ticks, quotes and chains are\n", text);
    return false;
}

/* Both ends have to be named: nobody deletes everything by leaving something out. */
static bool read_time(const char *name, const char *text, Google__Protobuf__Timestamp *moment)
{
    if (text == NULL || text[0] == '\0') {
        fprintf(stderr, "deltastream: --%s is required, such as --%s 2025-01-25T10:00:00Z\n", name,
                name);
        return false;
    }
    if (!ds_time_parse(ds_bytes_of_text(text), true, &moment->seconds, &moment->nanos)) {
        fprintf(stderr,
                "deltastream: %s: \"%s\" is no time; 2025-01-25 and 2025-01-25T10:00:00Z are\n",
                name, text);
        return false;
    }
    return true;
}

static bool is_yes(const char *answer)
{
    return strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0;
}

/* Whether it is to be done. Returns an exit code other than DS_EXIT_OK where not. */
static int confirm(const struct ds_config *config, const struct delete_options *options)
{
    if (options->yes) {
        return DS_EXIT_OK;
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        fprintf(stderr, "deltastream: there is nobody to ask whether to delete; --yes says so\n");
        return DS_EXIT_USAGE;
    }
    const bool has_expiry = options->expiry != NULL && options->expiry[0] != '\0';
    fprintf(stderr, "Delete the %s of %s%s%s from %s to %s, both included? [y/N] ",
            ds_config_operand(config, 0), ds_config_operand(config, 1),
            has_expiry ? " that expire on " : "", has_expiry ? options->expiry : "", options->start,
            options->end);
    char answer[ANSWER_BYTES_MAX];
    if (fgets(answer, sizeof(answer), stdin) != NULL && is_yes(answer)) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, "deltastream: nothing was deleted\n");
    return DS_EXIT_ERROR;
}

static void show(const ProtobufCMessage *response)
{
    const int64_t deleted = ((const Storage__DeleteRangeResponse *)response)->deleted;
    printf("%" PRId64 " row%s deleted\n", deleted, deleted == 1 ? "" : "s");
}

static int run(struct ds_config *config, void *context)
{
    struct delete_options *options = context;
    Storage__DeleteRangeRequest request = STORAGE__DELETE_RANGE_REQUEST__INIT;
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Timestamp end = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    if (!read_kind(ds_config_operand(config, 0), &request.kind) ||
        !read_time("start", options->start, &start) || !read_time("end", options->end, &end)) {
        return DS_EXIT_USAGE;
    }
    request.key = (char *)(uintptr_t)ds_config_operand(config, 1);
    if (options->expiry != NULL) {
        request.expiry = (char *)(uintptr_t)options->expiry;
    }
    request.start = &start;
    request.end = &end;
    const int exit_code = confirm(config, options);
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    const struct storage_call call = {.method = "DeleteRange",
                                      .request = &request.base,
                                      .format = (enum rows_format)options->format,
                                      .show = show};
    return storage_call_run(config, &options->connection, &call);
}

const struct cli_command command_storage_delete = {
    .program = &program, .options_bytes = sizeof(struct delete_options), .run = run};
