/* deltastream storage stats. */
#include "clients/cli/command.h"
#include "clients/cli/storage_call.h"
#include "clients/common/row_kind.h"
#include "deltastream/storage/v1/admin.pb-c.h"

#include <inttypes.h>

struct stats_options {
    struct connection_options connection;
    int format;
};

static const struct ds_setting settings[] = {STORAGE_FORMAT_SETTING(stats_options),
                                             CONNECTION_SETTINGS};

static const struct ds_program program = {
    .name = "deltastream storage stats",
    .summary = "Show what the store holds and how much room it has.",
    .examples = "  deltastream storage stats\n"
                "  deltastream storage stats -o json | jq .row_count\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

#define TEXT_BYTES_MAX 32

static struct ds_bytes count_text(int64_t count, char target[TEXT_BYTES_MAX])
{
    return ds_bytes_of(target, (size_t)snprintf(target, TEXT_BYTES_MAX, "%" PRId64, count));
}

/* 1.5 GiB: a number that a person takes in. */
static struct ds_bytes bytes_text(int64_t bytes, char target[TEXT_BYTES_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double number = (double)bytes;
    while (number >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        number /= 1024;
        unit++;
    }
    const int size =
        snprintf(target, TEXT_BYTES_MAX, "%.*f %s", unit == 0 ? 0 : 1, number, units[unit]);
    return ds_bytes_of(target, (size_t)size);
}

static void show_store(const Storage__GetStatsResponse *stats)
{
    static const struct table_column columns[] = {
        {.name = "engine"},       {.name = "writes"},      {.name = "rows"},
        {.name = "series"},       {.name = "queued rows"}, {.name = "commits since start"},
        {.name = "file"},         {.name = "reusable"},    {.name = "file may grow to"},
        {.name = "free on disk"}, {.name = "store id"},    {.name = "format version"},
    };
    char texts[12][TEXT_BYTES_MAX];
    const struct table_options options = {.columns = columns,
                                          .column_count = sizeof(columns) / sizeof(columns[0]),
                                          .is_bold = table_terminal_is_bold(stdout),
                                          .is_vertical = true};
    struct table *table = table_create(stdout, &options);
    table_row(table);
    table_cell(table, 0, ds_bytes_of_text(stats->engine));
    table_cell(table, 1, ds_bytes_of_text(stats->writes));
    table_cell(table, 2, count_text(stats->row_count, texts[2]));
    table_cell(table, 3, count_text(stats->series_count, texts[3]));
    table_cell(table, 4, count_text(stats->queued_row_count, texts[4]));
    table_cell(table, 5, count_text(stats->commit_count, texts[5]));
    if (stats->file_bytes > 0) {
        table_cell(table, 6, bytes_text(stats->file_bytes, texts[6]));
        table_cell(table, 7, bytes_text(stats->reusable_bytes, texts[7]));
        table_cell(table, 8, bytes_text(stats->file_bytes_max, texts[8]));
        table_cell(table, 9, bytes_text(stats->disk_free_bytes, texts[9]));
    }
    if (stats->store_id[0] != '\0') {
        table_cell(table, 10, ds_bytes_of_text(stats->store_id));
        table_cell(table, 11, count_text(stats->format_version, texts[11]));
    }
    table_destroy(table);
}

static void show_kinds(const Storage__GetStatsResponse *stats)
{
    static const struct table_column columns[] = {{.name = "kind"},
                                                  {.name = "rows", .is_number = true},
                                                  {.name = "series", .is_number = true},
                                                  {.name = "on disk", .is_number = true}};
    const struct table_options options = {.columns = columns,
                                          .column_count = sizeof(columns) / sizeof(columns[0]),
                                          .is_bold = table_terminal_is_bold(stdout)};
    struct table *table = table_create(stdout, &options);
    for (size_t i = 0; i < stats->n_kinds; i++) {
        const Storage__KindStats *kind = stats->kinds[i];
        char text[TEXT_BYTES_MAX];
        const bool is_known = kind->kind > 0 && (int)kind->kind < ROW_KIND_COUNT;
        table_row(table);
        table_cell(table, 0, ds_bytes_of_text(is_known ? row_kind_choices[kind->kind] : "?"));
        table_cell(table, 1, count_text(kind->row_count, text));
        table_cell(table, 2, count_text(kind->series_count, text));
        table_cell(table, 3, bytes_text(kind->bytes, text));
    }
    table_destroy(table);
}

static void show(const ProtobufCMessage *response)
{
    const Storage__GetStatsResponse *stats = (const Storage__GetStatsResponse *)response;
    show_store(stats);
    fputc('\n', stdout);
    show_kinds(stats);
}

static int run(struct ds_config *config, void *context)
{
    struct stats_options *options = context;
    const Storage__GetStatsRequest request = STORAGE__GET_STATS_REQUEST__INIT;
    const struct storage_call call = {.method = "GetStats",
                                      .request = &request.base,
                                      .format = (enum rows_format)options->format,
                                      .show = show};
    return storage_call_run(config, &options->connection, &call);
}

const struct cli_command command_storage_stats = {
    .program = &program, .options_bytes = sizeof(struct stats_options), .run = run};
