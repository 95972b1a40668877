/* deltastream import: rows of a file into the store. */
#include "clients/cli/command.h"
#include "clients/cli/import_resume.h"
#include "clients/cli/ingest.h"
#include "ds/exit_code.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define IMPORT_SETTINGS_BYTES_MAX 2048

struct import_options {
    struct connection_options connection;
    struct ingest_settings ingest;
    const char *product;
    const char *symbol;
    const char *map;
    const char *delimiter;
    int kind;
    int format;
    int header;
    int time_format;
    bool resume;
    bool dry_run;
};

static const struct ds_setting settings[] = {
    {.name = "kind",
     .kind = DS_SETTING_CHOICE,
     .argument = "ticks|quotes|chains",
     .default_text = "auto",
     .choices = row_kind_choices,
     .help = "what the rows are; auto looks at the file's name (day.ticks.pb) and its beginning",
     .offset = offsetof(struct import_options, kind)},
    {.name = "format",
     .kind = DS_SETTING_CHOICE,
     .argument = "csv|ndjson|protobuf",
     .default_text = "auto",
     .choices = row_format_choices,
     .help = "ndjson: a row a line as REST shows it; protobuf: messages each behind its length as "
             "a varint (writeDelimitedTo), without a header; auto looks at the name's end (.csv "
             ".tsv .ndjson .jsonl .json .pb .protobuf) and at the beginning",
     .offset = offsetof(struct import_options, format)},
    {.name = "map",
     .kind = DS_SETTING_TEXT,
     .argument = "FIELD=COLUMN,...",
     .help = "CSV: which column fills which field; a column is its index from 0 or its name in the "
             "header; fields of a tick: timestamp, price, tick_id, volume, open, high, low, close, "
             "change, processed_at, product; without it the header names fields",
     .offset = offsetof(struct import_options, map)},
    {.name = "product",
     .kind = DS_SETTING_TEXT,
     .argument = "NAME",
     .help = "the product of rows that name none",
     .offset = offsetof(struct import_options, product)},
    {.name = "symbol",
     .kind = DS_SETTING_TEXT,
     .argument = "NAME",
     .help = "the symbol of quotes that name none",
     .offset = offsetof(struct import_options, symbol)},
    {.name = "time-format",
     .kind = DS_SETTING_CHOICE,
     .argument = "iso|unix|unix-ms|unix-us",
     .default_text = "iso",
     .choices = import_time_choices,
     .help = "CSV: how times are written; iso takes a date, T or a blank, a zone or none (UTC)",
     .offset = offsetof(struct import_options, time_format)},
    {.name = "header",
     .kind = DS_SETTING_CHOICE,
     .argument = "auto|yes|no",
     .default_text = "auto",
     .choices = row_header_choices,
     .help = "CSV: whether the first line names the columns; auto: yes without --map, where --map "
             "has names, or where the first line's timestamp is none",
     .offset = offsetof(struct import_options, header)},
    {.name = "delimiter",
     .kind = DS_SETTING_TEXT,
     .argument = "CHARACTER",
     .help = "CSV: what parts the columns, \"tab\" for a tab [a comma; in a .tsv a tab]",
     .offset = offsetof(struct import_options, delimiter)},
    INGEST_SETTINGS(import_options),
    {.name = "resume",
     .kind = DS_SETTING_BOOLEAN,
     .help = "keep a note of how far the import came, and go on where an earlier run with --resume "
             "ended",
     .offset = offsetof(struct import_options, resume)},
    {.name = "dry-run",
     .kind = DS_SETTING_BOOLEAN,
     .help = "read and check the file, send nothing",
     .offset = offsetof(struct import_options, dry_run)},
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream import",
    .summary = "Store ticks, quotes or chains from a CSV, NDJSON or protobuf file.",
    .examples = "  deltastream import EURUSD.csv --product EURUSD \\\n"
                "      --map timestamp=0,price=Close,open=Open,high=High,low=Low,volume=Volume\n"
                "  deltastream import ticks.csv --map product=0,timestamp=1,price=2 "
                "--time-format unix-ms\n"
                "  deltastream import nifty.ndjson --resume    # again after an interruption\n"
                "  deltastream import day.chains.pb --on-error skip --rejected rejected.txt\n"
                "  zstdcat day.ndjson.zst | deltastream import - --format ndjson --kind quotes\n"
                "  deltastream import big.csv --product X --map timestamp=time,price=last "
                "--dry-run\n",
    .operands = "FILE | -",
    .operand_min = 1,
    .operand_max = 1,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* One run over a file. */
struct work {
    const char *path;
    const struct import_options *options;
    struct row_reader *reader;
    struct ingest *ingest;
    struct progress *progress;
    struct import_resume *resume; /* NULL: nothing is kept */
    struct import_point begun;    /* where this run began */
    struct import_point point;    /* up to where everything is settled */
    FILE *rejected;
};

/* The delimiter as a character; '\0' where the setting names none. */
static char delimiter_of(const char *text, const char *path)
{
    if (text == NULL) {
        const size_t path_bytes = strlen(path);
        return path_bytes >= 4 && strcmp(path + path_bytes - 4, ".tsv") == 0 ? '\t' : ',';
    }
    if (strcmp(text, "tab") == 0) {
        return '\t';
    }
    const bool is_usable = text[0] != '\0' && text[1] == '\0' && strchr("\"\r\n", text[0]) == NULL;
    return is_usable ? text[0] : '\0';
}

static uint64_t rejected_bytes(FILE *rejected)
{
    if (rejected == NULL || fflush(rejected) != 0) {
        return 0;
    }
    const off_t place = ftello(rejected);
    return place < 0 ? 0 : (uint64_t)place;
}

static void note_settled(void *context, struct row_place end, const struct ingest_counts *counts)
{
    struct work *work = context;
    work->point = (struct import_point){
        .place = end, .counts = *counts, .rejected_bytes = rejected_bytes(work->rejected)};
    progress_update(work->progress, end.offset, counts->read - work->begun.counts.read);
    if (work->resume != NULL) {
        import_resume_save(work->resume, &work->point, false);
    }
}

/* Everything that decides what the file's rows are. */
static void describe_settings(const struct import_options *options,
                              char target[IMPORT_SETTINGS_BYTES_MAX])
{
    const char *texts[] = {options->map, options->product, options->symbol, options->delimiter};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        texts[i] = texts[i] == NULL ? "" : texts[i];
    }
    snprintf(target, IMPORT_SETTINGS_BYTES_MAX,
             "kind=%s format=%s header=%s time-format=%s on-conflict=%s delimiter=%s product=%s "
             "symbol=%s map=%s",
             row_kind_choices[options->kind], row_format_choices[options->format],
             row_header_choices[options->header], import_time_choices[options->time_format],
             ingest_conflict_choices[options->ingest.on_conflict], texts[3], texts[1], texts[2],
             texts[0]);
}

static int refuse(const char *reason)
{
    fprintf(stderr, "deltastream: %s\n", reason);
    return DS_EXIT_USAGE;
}

/* Finds where an earlier run ended and goes there. */
static int begin_resume(struct work *work, const char *destination)
{
    char reason[RESUME_REASON_BYTES_MAX];
    char text[IMPORT_SETTINGS_BYTES_MAX];
    if (!work->options->resume || work->options->dry_run) {
        return DS_EXIT_OK;
    }
    describe_settings(work->options, text);
    if (import_resume_open(work->path, destination, text, &work->resume, &work->begun, reason) !=
        DS_OK) {
        return refuse(reason);
    }
    work->point = work->begun;
    if (work->begun.place.offset == 0) {
        return DS_EXIT_OK;
    }
    if (row_reader_seek(work->reader, work->begun.place) != DS_OK) {
        return refuse("the file can't be read from where the earlier run ended");
    }
    if (work->options->connection.quiet) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, "going on behind %" PRIu64 " rows at ", work->begun.counts.read);
    row_place_print(work->begun.place, stderr);
    fputc('\n', stderr);
    return DS_EXIT_OK;
}

static uint64_t file_bytes(const char *path)
{
    struct stat status;
    const bool is_file = strcmp(path, "-") != 0 && stat(path, &status) == 0 &&
                         S_ISREG(status.st_mode) && status.st_size > 0;
    return is_file ? (uint64_t)status.st_size : 0;
}

/* Says how to go on, or that there is nothing left to do. */
static void end_resume(struct work *work, int exit_code)
{
    const bool is_complete = work->point.place.offset == row_reader_position(work->reader).offset &&
                             exit_code <= DS_EXIT_ERROR;
    if (work->resume != NULL && is_complete) {
        import_resume_finish(work->resume);
    } else if (work->resume != NULL) {
        import_resume_save(work->resume, &work->point, true);
        fprintf(stderr, "  everything in front of ");
        row_place_print(work->point.place, stderr);
        fprintf(stderr, " is done; the same command goes on there\n");
    } else if (exit_code > DS_EXIT_USAGE && !work->options->dry_run) {
        fprintf(stderr, "  import it again to go on: rows that are stored count as duplicates "
                        "(with --resume they are not sent again)\n");
    }
}

static int import_rows(struct work *work, const struct connection *connection)
{
    const struct import_options *options = work->options;
    const struct progress_options progress_options = {.stream = stderr,
                                                      .label = "import",
                                                      .unit = "rows",
                                                      .total_bytes = file_bytes(work->path),
                                                      .begin_bytes = work->begun.place.offset,
                                                      .is_off = options->connection.quiet};
    const enum row_kind kind = row_reader_kind(work->reader);
    struct ingest_options ingest_options = {.connection = options->dry_run ? NULL : connection,
                                            .kind = kind == ROW_KIND_AUTO ? ROW_KIND_TICKS : kind,
                                            .settings = options->ingest,
                                            .is_quiet = options->connection.quiet,
                                            .rejected = work->rejected,
                                            .begun = work->begun.counts,
                                            .settled = note_settled,
                                            .context = work};
    work->progress = progress_create(&progress_options);
    ingest_options.progress = work->progress;
    work->ingest = ingest_create(&ingest_options);
    const int exit_code = ingest_all(work->ingest, work->reader, work->path);
    end_resume(work, exit_code);
    ingest_destroy(work->ingest);
    progress_destroy(work->progress);
    return exit_code;
}

static int import_file(struct work *work, const struct connection *connection)
{
    const char *path = work->options->ingest.rejected_path;
    int exit_code = begin_resume(work, work->options->connection.connect);
    if (exit_code == DS_EXIT_OK &&
        !ingest_open_rejected(path, work->begun.rejected_bytes, &work->rejected)) {
        exit_code = DS_EXIT_ERROR;
    }
    if (exit_code == DS_EXIT_OK) {
        exit_code = import_rows(work, connection);
        if (!ingest_close_rejected(path, work->rejected) && exit_code == DS_EXIT_OK) {
            exit_code = DS_EXIT_ERROR;
        }
    }
    import_resume_close(work->resume);
    return exit_code;
}

/* A dry run needs no service. */
static int connect_and_import(struct ds_config *config, struct import_options *options,
                              struct work *work)
{
    struct connection connection = {.client = NULL};
    int exit_code = DS_EXIT_OK;
    if (options->dry_run ||
        connection_open(config, &options->connection, &connection, &exit_code)) {
        exit_code = import_file(work, &connection);
        connection_close(&connection);
    }
    return exit_code;
}

static int open_reader(struct ds_config *config, const struct import_options *options,
                       struct row_reader **ret_reader)
{
    const char *path = ds_config_operand(config, 0);
    const struct row_reader_options reader_options = {
        .path = path,
        .kind = (enum row_kind)options->kind,
        .format = (enum row_format)options->format,
        .product = options->product,
        .symbol = options->symbol,
        .map = options->map,
        .delimiter = delimiter_of(options->delimiter, path),
        .header = (enum row_header)options->header,
        .time_format = (enum import_time)options->time_format};
    char reason[ROW_READER_REASON_BYTES_MAX];
    if (reader_options.delimiter == '\0') {
        return ds_config_refuse(config, options, "delimiter", "not one character, nor \"tab\"");
    }
    const ds_code code = row_reader_open(&reader_options, ret_reader, reason);
    if (code == DS_OK) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, "deltastream: %s\n", reason);
    return code == DS_INVALID_ARGUMENT ? DS_EXIT_USAGE : DS_EXIT_ERROR;
}

static int run(struct ds_config *config, void *context)
{
    struct import_options *options = context;
    struct work work = {.path = ds_config_operand(config, 0), .options = options};
    int exit_code = open_reader(config, options, &work.reader);
    if (exit_code == DS_EXIT_OK) {
        exit_code = connect_and_import(config, options, &work);
        row_reader_close(work.reader);
    }
    return exit_code;
}

const struct cli_command command_import = {.program = &program,
                                           .options_bytes = sizeof(struct import_options),
                                           .run = run,
                                           .operand = CLI_OPERAND_FILE};
