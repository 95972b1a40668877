/* deltastream import: ticks from a CSV file. */
#include "clients/cli/column_map.h"
#include "clients/cli/command.h"
#include "clients/cli/csv.h"
#include "clients/cli/import_row.h"
#include "clients/cli/ingest.h"
#include "clients/cli/input.h"
#include "ds/exit_code.h"

#include <string.h>

#define TICK "deltastream.storage.v1.Tick"

static const char *const header_choices[] = {"auto", "yes", "no", NULL};
enum header {
    HEADER_AUTO = 0,
    HEADER_YES,
    HEADER_NO,
};

struct import_options {
    struct connection_options connection;
    const char *product;
    const char *map;
    const char *delimiter;
    int64_t batch_rows;
    int header;
    int time_format;
    int on_error;
    int on_conflict;
    bool dry_run;
};

static const struct ds_setting settings[] = {
    {.name = "map",
     .kind = DS_SETTING_TEXT,
     .argument = "FIELD=COLUMN,…",
     .help = "which column fills which field; a column is its index from 0 or its name in the "
             "header; fields: timestamp, price, tick_id, volume, open, high, low, close, change, "
             "processed_at, product",
     .offset = offsetof(struct import_options, map)},
    {.name = "product",
     .kind = DS_SETTING_TEXT,
     .argument = "NAME",
     .help = "the product of every row, where no column says it",
     .offset = offsetof(struct import_options, product)},
    {.name = "time-format",
     .kind = DS_SETTING_CHOICE,
     .argument = "iso|unix|unix-ms|unix-us",
     .default_text = "iso",
     .choices = import_time_choices,
     .help = "how times are written; iso takes a date, T or a blank, a zone or none (UTC)",
     .offset = offsetof(struct import_options, time_format)},
    {.name = "header",
     .kind = DS_SETTING_CHOICE,
     .argument = "auto|yes|no",
     .default_text = "auto",
     .choices = header_choices,
     .help = "whether the first line names the columns; auto: yes where --map has names or the "
             "first line's timestamp is none",
     .offset = offsetof(struct import_options, header)},
    {.name = "delimiter",
     .kind = DS_SETTING_TEXT,
     .argument = "CHARACTER",
     .default_text = ",",
     .help = "what parts the columns; \"tab\" for a tab",
     .offset = offsetof(struct import_options, delimiter)},
    INGEST_SETTINGS(import_options),
    {.name = "dry-run",
     .kind = DS_SETTING_BOOLEAN,
     .help = "read and check the file, send nothing",
     .offset = offsetof(struct import_options, dry_run)},
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream import",
    .summary = "Store ticks from a CSV file.",
    .examples = "  deltastream import EURUSD.csv --product EURUSD \\\n"
                "      --map timestamp=0,price=Close,open=Open,high=High,low=Low,volume=Volume\n"
                "  deltastream import ticks.csv --map product=0,timestamp=1,price=2 "
                "--time-format unix-ms\n"
                "  deltastream import big.csv --product X --map timestamp=time,price=last "
                "--dry-run\n",
    .operands = "FILE",
    .operand_min = 1,
    .operand_max = 1,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* One run over a file. */
struct work {
    struct ds_arena *arena;
    struct csv_reader *reader;
    struct ingest *ingest;
    struct import_row row;
    struct ds_buffer wire;
    size_t column_count; /* of the first record; every other has as many */
    enum header header;
};

/* The delimiter as a character; '\0' where the setting names none. */
static char delimiter_of(const char *text)
{
    if (strcmp(text, "tab") == 0) {
        return '\t';
    }
    const bool is_usable = text[0] != '\0' && text[1] == '\0' && strchr("\"\r\n", text[0]) == NULL;
    return is_usable ? text[0] : '\0';
}

static int check_options(struct ds_config *config, struct import_options *options,
                         struct column_map *ret_map)
{
    char reason[COLUMN_REASON_BYTES_MAX];
    if (options->map == NULL) {
        return ds_config_refuse(config, options, "map",
                                "say which columns there are, such as timestamp=0,price=Close");
    }
    if (column_map_parse(options->map, ds_message_find(TICK), ds_config_arena(config), ret_map,
                         reason) != DS_OK) {
        return ds_config_refuse(config, options, "map", "%s", reason);
    }
    if (column_map_find(ret_map, "timestamp") == NULL) {
        return ds_config_refuse(config, options, "map", "a tick needs timestamp=COLUMN");
    }
    const bool has_product = options->product != NULL && options->product[0] != '\0';
    if (has_product == (column_map_find(ret_map, "product") != NULL)) {
        return ds_config_refuse(config, options, "product",
                                "say either --product NAME or product=COLUMN in --map");
    }
    if (delimiter_of(options->delimiter) == '\0') {
        return ds_config_refuse(config, options, "delimiter", "not one character, nor \"tab\"");
    }
    if (options->header == HEADER_NO && column_map_has_names(ret_map)) {
        return ds_config_refuse(config, options, "map",
                                "without a header columns have an index from 0 and no name");
    }
    return DS_EXIT_OK;
}

static bool is_header(const struct work *work, const struct csv_record *record)
{
    if (work->header != HEADER_AUTO) {
        return work->header == HEADER_YES;
    }
    return column_map_has_names(&work->row.map) || !import_row_has_time(&work->row, record);
}

/* Binds the map to the first record; ret_is_row tells whether it is a row itself. */
static ds_code begin_file(struct work *work, const struct csv_record *record, bool *ret_is_row)
{
    char reason[COLUMN_REASON_BYTES_MAX];
    work->column_count = record->field_count;
    *ret_is_row = !is_header(work, record);
    if (!*ret_is_row && column_map_bind(&work->row.map, record, work->arena, reason) != DS_OK) {
        fprintf(stderr, "deltastream: %s\n", reason);
        return DS_INVALID_ARGUMENT;
    }
    return DS_OK;
}

static ds_code take_row(struct work *work, const struct csv_record *record)
{
    char reason[IMPORT_REASON_BYTES_MAX];
    const char *column = "";
    if (record->field_count != work->column_count) {
        snprintf(reason, sizeof(reason), "%zu columns where the first line has %zu",
                 record->field_count, work->column_count);
        return ingest_reject(work->ingest, record->line, "", reason);
    }
    ds_buffer_clear(&work->wire);
    if (import_row_write(&work->row, record, &work->wire, &column, reason) != DS_OK) {
        return ingest_reject(work->ingest, record->line, column, reason);
    }
    return ingest_add(work->ingest, record->line, ds_buffer_bytes(&work->wire));
}

static ds_code take_record(struct work *work, const struct csv_record *record)
{
    bool is_row = true;
    if (work->column_count == 0) {
        DS_TRY(begin_file(work, record, &is_row));
    }
    return is_row ? take_row(work, record) : DS_OK;
}

static ds_code import_records(struct work *work)
{
    for (;;) {
        struct csv_record record = {0};
        const char *reason = "";
        switch (csv_reader_next(work->reader, &record, &reason)) {
        case CSV_RECORD:
            DS_TRY(take_record(work, &record));
            break;
        case CSV_DAMAGED:
            DS_TRY(ingest_reject(work->ingest, record.line, "", reason));
            break;
        case CSV_UNREADABLE:
            fprintf(stderr, "deltastream: the file can't be read to its end\n");
            return DS_UNKNOWN;
        case CSV_END:
            return DS_OK;
        }
    }
}

static int import_stream(FILE *stream, const struct import_options *options,
                         const struct column_map *map, const struct connection *connection,
                         struct ds_arena *arena)
{
    const struct ingest_options ingest_options = {.connection =
                                                      options->dry_run ? NULL : connection,
                                                  .batch_rows = (size_t)options->batch_rows,
                                                  .conflict = options->on_conflict,
                                                  .stops_on_error = options->on_error == 0};
    struct work work = {.arena = arena,
                        .reader = csv_reader_create(stream, delimiter_of(options->delimiter)),
                        .ingest = ingest_create(&ingest_options),
                        .row = {.map = *map,
                                .message = ds_message_find(TICK),
                                .product = options->product,
                                .time_format = (enum import_time)options->time_format},
                        .header = (enum header)options->header};
    ds_buffer_init(&work.wire, CSV_RECORD_BYTES_MAX * 2);
    const int exit_code = ingest_finish(work.ingest, import_records(&work));
    ds_buffer_deinit(&work.wire);
    ingest_destroy(work.ingest);
    csv_reader_destroy(work.reader);
    return exit_code;
}

/* A dry run needs no service. */
static int import_file(struct ds_config *config, struct import_options *options,
                       const struct column_map *map)
{
    FILE *stream = input_open(ds_config_operand(config, 0));
    if (stream == NULL) {
        return DS_EXIT_ERROR;
    }
    struct connection connection = {.channel = NULL};
    int exit_code = DS_EXIT_OK;
    if (options->dry_run ||
        connection_open(config, &options->connection, &connection, &exit_code)) {
        exit_code = import_stream(stream, options, map, &connection, ds_config_arena(config));
        connection_close(&connection);
    }
    input_close(stream);
    return exit_code;
}

static int run(struct ds_config *config, void *options)
{
    struct column_map map;
    const int exit_code = check_options(config, options, &map);
    return exit_code == DS_EXIT_OK ? import_file(config, options, &map) : exit_code;
}

const struct cli_command command_import = {
    .program = &program, .options_bytes = sizeof(struct import_options), .run = run};
