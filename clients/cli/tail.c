/* deltastream ticks tail, quotes tail: each new row once. */
#include "clients/cli/command.h"
#include "clients/cli/follow.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/plain_text.h"
#include "clients/cli/row_writer.h"
#include "clients/cli/rows_columns.h"
#include "clients/cli/tail_source.h"
#include "ds/exit_code.h"

#include <errno.h>
#include <unistd.h>

#define TOPIC_PREFIX_BYTES_MAX 256

static const char *const format_choices[] = {"auto", "text", "ndjson", "csv", NULL};
enum tail_format {
    TAIL_AUTO = 0, /* text on a terminal, else NDJSON */
    TAIL_TEXT,
    TAIL_NDJSON,
    TAIL_CSV,
};

struct tail_options {
    struct connection_options connection;
    int64_t interval_ms;
    int64_t late_ms;
    int64_t first_count;
    int format;
    bool is_verbose;
};

static const struct ds_setting settings[] = {
    {.name = "lines",
     .short_flag = 'n',
     .kind = DS_SETTING_INTEGER,
     .argument = "N",
     .default_text = "10",
     .minimum = 0,
     .maximum = 10000,
     .help = "begin with the newest N rows that are there already, of each",
     .offset = offsetof(struct tail_options, first_count)},
    FOLLOW_SETTINGS(tail_options),
    {.name = "late",
     .kind = DS_SETTING_DURATION,
     .argument = "TIME",
     .default_text = "5s",
     .minimum = 0,
     .maximum = 86400000,
     .help = "rows that come late are shown too where their time is at most so far behind the "
             "newest row's; what comes later than that is not",
     .offset = offsetof(struct tail_options, late_ms)},
    {.name = "output",
     .short_flag = 'o',
     .environment = {"DS_OUTPUT"},
     .kind = DS_SETTING_CHOICE,
     .argument = "text|ndjson|csv",
     .default_text = "auto",
     .choices = format_choices,
     .help = "how rows are written; auto is text on a terminal and NDJSON in a pipe",
     .offset = offsetof(struct tail_options, format)},
    CONNECTION_SETTINGS,
};

static const struct ds_program ticks_program = {
    .name = "deltastream ticks tail",
    .summary = "Show each new tick of products once, until it is interrupted.",
    .examples = "  deltastream ticks tail NIFTY\n"
                "  deltastream ticks tail NIFTY BANKNIFTY -n 0 | jq .price\n",
    .operands = "PRODUCT...",
    .operand_min = 1,
    .operand_max = DS_CONFIG_OPERANDS_MAX,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

static const struct ds_program quotes_program = {
    .name = "deltastream quotes tail",
    .summary = "Show each new quote of options once, until it is interrupted.",
    .examples = "  deltastream quotes tail NIFTY20250125C21500\n"
                "  deltastream quotes tail NIFTY20250125C21500 NIFTY20250125P21500 --late 1min\n",
    .operands = "SYMBOL...",
    .operand_min = 1,
    .operand_max = DS_CONFIG_OPERANDS_MAX,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

struct work {
    const struct tail_options *options;
    const struct connection *connection;
    enum row_kind kind;
    enum tail_format format;
    struct row_writer *writer; /* NULL for text */
    struct rows_columns columns;
    struct tail_source *sources[DS_CONFIG_OPERANDS_MAX];
    const char *keys[DS_CONFIG_OPERANDS_MAX]; /* of the sources */
    size_t source_count;
    char topic_prefix[TOPIC_PREFIX_BYTES_MAX]; /* of the topics of all sources */
    int write_failure;                         /* errno of a write that failed; 0: none did */
};

/* What stands in front of the others, without its name. */
static void print_first(const struct rows_columns *columns, const char *name, const char *gap)
{
    for (size_t i = 0; i < columns->count; i++) {
        struct ds_bytes text;
        if (strcmp(columns->heads[i].name, name) == 0 && rows_columns_value(columns, i, &text)) {
            fputs(gap, stdout);
            plain_text_write(stdout, text);
        }
    }
}

/* "2025-01-25T10:00:00Z NIFTY price=21500 volume=3"; when a row was stored matters to nobody here.
 */
static ds_code write_text(struct work *work, struct ds_bytes row)
{
    const char *series = row_kind_series_field(work->kind)->name;
    const struct rows_columns *columns = &work->columns;
    DS_TRY(rows_columns_read(&work->columns, row, false));
    print_first(columns, "timestamp", "");
    print_first(columns, series, " ");
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = columns->heads[i].name;
        struct ds_bytes text;
        const bool is_elsewhere = strcmp(name, "timestamp") == 0 || strcmp(name, series) == 0 ||
                                  strcmp(name, "processed_at") == 0;
        if (!is_elsewhere && rows_columns_value(columns, i, &text)) {
            printf(" %s=", name);
            plain_text_write(stdout, text);
        }
    }
    putchar('\n');
    return ferror(stdout) == 0 ? DS_OK : DS_UNAVAILABLE;
}

static ds_code take_row(void *context, struct ds_bytes row)
{
    struct work *work = context;
    if (interrupt_came()) {
        return DS_CANCELLED; /* What is being read may be long. */
    }
    const ds_code code =
        work->writer == NULL ? write_text(work, row) : row_writer_add(work->writer, row);
    if (code != DS_OK && ferror(stdout) != 0) {
        work->write_failure = errno;
        return DS_ABORTED;
    }
    return code;
}

/* Rows leave at once: somebody waits for them. */
static ds_code flush_rows(void *context)
{
    struct work *work = context;
    if (work->write_failure == 0 && fflush(stdout) != 0) {
        work->write_failure = errno;
    }
    return work->write_failure == 0 ? DS_OK : DS_ABORTED;
}

static int end_of(const struct work *work, ds_code code)
{
    if (code == DS_OUT_OF_RANGE) {
        fprintf(stderr, "deltastream: more than %d rows are within --late; choose a shorter time\n",
                TAIL_ROWS_MAX);
        return DS_EXIT_ERROR;
    }
    return follow_end(code, work->write_failure);
}

static ds_code read_sources(void *context)
{
    struct work *work = context;
    for (size_t i = 0; i < work->source_count; i++) {
        DS_TRY(tail_source_read(work->sources[i]));
    }
    return DS_OK;
}

/* The source of a topic: "ticks/NIFTY" is that of NIFTY. NULL: none. */
static struct tail_source *source_of(const struct work *work, struct ds_bytes topic)
{
    const size_t kind_bytes = strlen(row_kind_info(work->kind)->name) + 1;
    if (topic.size < kind_bytes) {
        return NULL;
    }
    const struct ds_bytes key = ds_bytes_of(topic.data + kind_bytes, topic.size - kind_bytes);
    for (size_t i = 0; i < work->source_count; i++) {
        if (ds_bytes_equal(key, ds_bytes_of_text(work->keys[i]))) {
            return work->sources[i];
        }
    }
    return NULL;
}

/* Another thread's; what it looks at stays as it is. */
static bool is_wanted(void *context, struct ds_bytes topic)
{
    return source_of(context, topic) != NULL;
}

static ds_code take_event(void *context, struct ds_bytes topic, struct ds_bytes row)
{
    return tail_source_take_event(source_of(context, topic), row);
}

/* The longest beginning that the topics of all keys have, so that the service gives again no more
 * events than need be. */
static void write_topic_prefix(struct work *work)
{
    snprintf(work->topic_prefix, sizeof(work->topic_prefix), "%s/%s",
             row_kind_info(work->kind)->name, work->keys[0]);
    char *keys = strchr(work->topic_prefix, '/') + 1;
    for (size_t i = 1; i < work->source_count; i++) {
        size_t same = 0;
        while (keys[same] != '\0' && keys[same] == work->keys[i][same]) {
            same++;
        }
        /* Not within a character: topics are UTF-8. */
        while (same > 0 && ((unsigned char)keys[same] & 0xC0) == 0x80) {
            same--;
        }
        keys[same] = '\0';
    }
}

static void open_sources(struct work *work, struct ds_config *config)
{
    work->source_count = ds_config_operand_count(config);
    for (size_t i = 0; i < work->source_count; i++) {
        work->keys[i] = ds_config_operand(config, i);
        const struct tail_source_options source_options = {.connection = work->connection,
                                                           .kind = work->kind,
                                                           .key = work->keys[i],
                                                           .late_us = work->options->late_ms * 1000,
                                                           .first_count =
                                                               work->options->first_count,
                                                           .take = take_row,
                                                           .context = work};
        work->sources[i] = tail_source_create(&source_options);
    }
    write_topic_prefix(work);
}

static int tail(struct work *work)
{
    const struct follow_options follow_options = {.connection = work->connection,
                                                  .kind = work->kind,
                                                  .topic_prefix = work->topic_prefix,
                                                  .is_wanted = is_wanted,
                                                  .interval_ms = work->options->interval_ms,
                                                  .is_quiet = work->options->connection.quiet,
                                                  .is_verbose = work->options->is_verbose,
                                                  .read = read_sources,
                                                  .take = take_event,
                                                  .pause = flush_rows,
                                                  .context = work};
    interrupt_begin("");
    const ds_code code = follow(&follow_options);
    const int exit_code = end_of(work, code);
    interrupt_end();
    return exit_code;
}

static enum tail_format choose_format(const struct tail_options *options)
{
    if (options->format != TAIL_AUTO) {
        return (enum tail_format)options->format;
    }
    return isatty(STDOUT_FILENO) == 1 ? TAIL_TEXT : TAIL_NDJSON;
}

static int run_kind(struct ds_config *config, struct tail_options *options, enum row_kind kind)
{
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    struct work work = {.options = options,
                        .connection = &connection,
                        .kind = kind,
                        .format = choose_format(options)};
    rows_columns_init(&work.columns, row_kind_message(kind));
    if (work.format != TAIL_TEXT) {
        work.writer = row_writer_create(
            stdout, kind, work.format == TAIL_CSV ? ROW_FORMAT_CSV : ROW_FORMAT_NDJSON, false);
    }
    open_sources(&work, config);
    exit_code = tail(&work);
    for (size_t i = 0; i < work.source_count; i++) {
        tail_source_destroy(work.sources[i]);
    }
    row_writer_destroy(work.writer);
    rows_columns_deinit(&work.columns);
    connection_close(&connection);
    return exit_code;
}

static int run_ticks(struct ds_config *config, void *options)
{
    return run_kind(config, options, ROW_KIND_TICKS);
}

static int run_quotes(struct ds_config *config, void *options)
{
    return run_kind(config, options, ROW_KIND_QUOTES);
}

const struct cli_command command_ticks_tail = {.program = &ticks_program,
                                               .options_bytes = sizeof(struct tail_options),
                                               .run = run_ticks,
                                               .operand = CLI_OPERAND_PRODUCT};

const struct cli_command command_quotes_tail = {
    .program = &quotes_program, .options_bytes = sizeof(struct tail_options), .run = run_quotes};
