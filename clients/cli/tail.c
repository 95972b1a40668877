/* deltastream ticks tail, quotes tail: each new row once. */
#include "clients/cli/command.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/output.h"
#include "clients/cli/plain_text.h"
#include "clients/cli/poll_wait.h"
#include "clients/cli/row_writer.h"
#include "clients/cli/rows_columns.h"
#include "clients/cli/tail_source.h"
#include "ds/exit_code.h"

#include <errno.h>
#include <unistd.h>

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
    POLL_INTERVAL_SETTING(tail_options),
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
    size_t source_count;
    int write_failure; /* errno of a write that failed; 0: none did */
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
    const ds_code code =
        work->writer == NULL ? write_text(work, row) : row_writer_add(work->writer, row);
    if (code != DS_OK && ferror(stdout) != 0) {
        work->write_failure = errno;
        return DS_ABORTED;
    }
    return code;
}

/* Rows leave at once: somebody waits for them. */
static bool flush_rows(struct work *work)
{
    if (work->write_failure == 0 && fflush(stdout) != 0) {
        work->write_failure = errno;
    }
    return work->write_failure == 0;
}

static int end_of(const struct work *work, ds_code code)
{
    if (work->write_failure != 0) {
        return output_fail(work->write_failure);
    }
    if (code == DS_OUT_OF_RANGE) {
        fprintf(stderr, "deltastream: more than %d rows are within --late; choose a shorter time\n",
                TAIL_ROWS_MAX);
        return DS_EXIT_ERROR;
    }
    return ds_exit_code_of(code);
}

static int tail(struct work *work)
{
    struct poll_wait wait = {.is_quiet = work->options->connection.quiet};
    do {
        ds_code code = DS_OK;
        for (size_t i = 0; code == DS_OK && i < work->source_count; i++) {
            code = tail_source_poll(work->sources[i]);
        }
        if (!flush_rows(work) || !poll_wait_goes_on(&wait, work->connection, code)) {
            return end_of(work, code);
        }
    } while (!interrupt_wait_ms(work->options->interval_ms));
    return DS_EXIT_INTERRUPTED;
}

static void open_sources(struct work *work, struct ds_config *config)
{
    work->source_count = ds_config_operand_count(config);
    for (size_t i = 0; i < work->source_count; i++) {
        const struct tail_source_options source_options = {.connection = work->connection,
                                                           .kind = work->kind,
                                                           .key = ds_config_operand(config, i),
                                                           .late_us = work->options->late_ms * 1000,
                                                           .first_count =
                                                               work->options->first_count,
                                                           .take = take_row,
                                                           .context = work};
        work->sources[i] = tail_source_create(&source_options);
    }
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
    interrupt_begin("");
    exit_code = tail(&work);
    interrupt_end();
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
