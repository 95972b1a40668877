/* deltastream storage retention. */
#include "clients/cli/command.h"
#include "clients/cli/storage_call.h"
#include "clients/common/row_kind.h"
#include "deltastream/storage/v1/admin.pb-c.h"
#include "ds/exit_code.h"
#include "storage/retention.h"

#include <inttypes.h>

struct retention_options {
    struct connection_options connection;
    struct ds_text_list rule;
    int format;
    bool dry_run;
};

static const struct ds_setting settings[] = {
    {.name = "rule",
     .kind = DS_SETTING_LIST,
     .argument = "KIND[/PRODUCT]=TIME",
     .help = "delete rows that are older, such as ticks=30d or quotes/NIFTY=7d12h; may be repeated "
             "[the rules that the service was started with]",
     .offset = offsetof(struct retention_options, rule)},
    {.name = "dry-run",
     .kind = DS_SETTING_BOOLEAN,
     .help = "count what would be deleted and delete nothing",
     .offset = offsetof(struct retention_options, dry_run)},
    STORAGE_FORMAT_SETTING(retention_options),
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream storage retention",
    .summary = "Delete the rows that are older than rules allow.",
    .examples = "  deltastream storage retention --dry-run\n"
                "  deltastream storage retention\n"
                "  deltastream storage retention --rule ticks=30d --rule quotes/NIFTY=7d12h\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* The rules of one request. */
struct request_rules {
    struct retention_rule parsed[DS_CONFIG_LIST_MAX];
    Storage__RetentionRule messages[DS_CONFIG_LIST_MAX];
    Storage__RetentionRule *pointers[DS_CONFIG_LIST_MAX];
    Google__Protobuf__Duration keeps[DS_CONFIG_LIST_MAX];
};

static bool read_rule(struct request_rules *rules, size_t index, const char *text)
{
    struct retention_rule *parsed = &rules->parsed[index];
    const char *fault = retention_rule_parse(text, parsed);
    if (fault != NULL) {
        fprintf(stderr, "deltastream: rule: \"%s\": %s\n", text, fault);
        return false;
    }
    storage__retention_rule__init(&rules->messages[index]);
    google__protobuf__duration__init(&rules->keeps[index]);
    rules->keeps[index].seconds = parsed->keep_us / 1000000;
    rules->messages[index].kind = (Storage__RowKind)parsed->kind;
    rules->messages[index].product = parsed->product;
    rules->messages[index].keep = &rules->keeps[index];
    rules->pointers[index] = &rules->messages[index];
    return true;
}

static bool read_rules(struct request_rules *rules, const struct ds_text_list *texts,
                       Storage__RunRetentionRequest *request)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (!read_rule(rules, i, texts->items[i])) {
            return false;
        }
    }
    request->n_rules = texts->count;
    request->rules = rules->pointers;
    return true;
}

static void show_result(struct table *table, const Storage__RetentionResult *result)
{
    char number[32];
    const Storage__RetentionRule *rule = result->rule;
    const bool is_known = rule->kind > 0 && (int)rule->kind < ROW_KIND_COUNT;
    const int64_t seconds = rule->keep == NULL ? 0 : rule->keep->seconds;
    table_row(table);
    table_cell(table, 0, ds_bytes_of_text(is_known ? row_kind_choices[rule->kind] : "?"));
    table_cell(table, 1, ds_bytes_of_text(rule->product[0] == '\0' ? "(every)" : rule->product));
    snprintf(number, sizeof(number), "%" PRId64 "d %02" PRId64 ":%02" PRId64 ":%02" PRId64,
             seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    table_cell(table, 2, ds_bytes_of_text(number));
    snprintf(number, sizeof(number), "%" PRId64, result->deleted);
    table_cell(table, 3, ds_bytes_of_text(number));
}

static void show_results(const Storage__RunRetentionResponse *response, const char *count_name)
{
    const struct table_column columns[] = {{.name = "kind"},
                                           {.name = "product"},
                                           {.name = "kept for", .is_number = true},
                                           {.name = count_name, .is_number = true}};
    const struct table_options options = {.columns = columns,
                                          .column_count = sizeof(columns) / sizeof(columns[0]),
                                          .is_bold = table_terminal_is_bold(stdout)};
    struct table *table = table_create(stdout, &options);
    for (size_t i = 0; i < response->n_results; i++) {
        show_result(table, response->results[i]);
    }
    table_destroy(table);
}

static void show_run(const ProtobufCMessage *response)
{
    show_results((const Storage__RunRetentionResponse *)response, "deleted");
}

static void show_dry_run(const ProtobufCMessage *response)
{
    show_results((const Storage__RunRetentionResponse *)response, "would be deleted");
}

static int run(struct ds_config *config, void *context)
{
    struct retention_options *options = context;
    struct request_rules rules;
    Storage__RunRetentionRequest request = STORAGE__RUN_RETENTION_REQUEST__INIT;
    if (!read_rules(&rules, &options->rule, &request)) {
        return DS_EXIT_USAGE;
    }
    request.dry_run = options->dry_run;
    const struct storage_call call = {.method = "RunRetention",
                                      .request = &request.base,
                                      .format = (enum rows_format)options->format,
                                      .show = options->dry_run ? show_dry_run : show_run};
    return storage_call_run(config, &options->connection, &call);
}

const struct cli_command command_storage_retention = {
    .program = &program, .options_bytes = sizeof(struct retention_options), .run = run};
