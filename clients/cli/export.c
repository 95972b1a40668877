/* deltastream export: rows of the store into a file that import reads. */
#include "clients/cli/command.h"
#include "clients/cli/export_file.h"
#include "clients/cli/export_keys.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/output.h"
#include "clients/cli/progress.h"
#include "clients/cli/row_writer.h"
#include "ds/exit_code.h"
#include "ds/suggest.h"

#include <errno.h>
#include <inttypes.h>

#define EXPORT_SETTINGS_BYTES_MAX 3072

struct export_options {
    struct connection_options connection;
    const char *start;
    const char *end;
    const char *expiry;
    const char *product;
    const char *file;
    int format;
    bool all;
    bool resume;
};

static const struct ds_setting settings[] = {
    {.name = "file",
     .kind = DS_SETTING_TEXT,
     .argument = "FILE",
     .help = "write there instead of standard output; it is FILE.partial until it is whole",
     .offset = offsetof(struct export_options, file)},
    {.name = "format",
     .kind = DS_SETTING_CHOICE,
     .argument = "csv|ndjson|protobuf",
     .default_text = "auto",
     .choices = row_format_choices,
     .help = "protobuf: messages each behind its length as a varint; chains can't be CSV; auto: by "
             "the end of the file's name (.csv .ndjson .pb), else ndjson",
     .offset = offsetof(struct export_options, format)},
    {.name = "start",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .help = "the oldest time wanted, such as 2025-01-25 or 2025-01-25T10:00:00Z; without a zone "
             "it is UTC",
     .offset = offsetof(struct export_options, start)},
    {.name = "end",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .help = "the newest time wanted",
     .offset = offsetof(struct export_options, end)},
    {.name = "expiry",
     .kind = DS_SETTING_TEXT,
     .argument = "YYYY-MM-DD",
     .help = "chains: of this expiry only",
     .offset = offsetof(struct export_options, expiry)},
    {.name = "product",
     .kind = DS_SETTING_TEXT,
     .argument = "NAME",
     .help = "quotes: every symbol of this product",
     .offset = offsetof(struct export_options, product)},
    {.name = "all",
     .kind = DS_SETTING_BOOLEAN,
     .help = "of every product that products list shows; quotes: of all their symbols",
     .offset = offsetof(struct export_options, all)},
    {.name = "resume",
     .kind = DS_SETTING_BOOLEAN,
     .help = "keep what is written when it is interrupted, and go on where an earlier run with "
             "--resume ended; needs --file",
     .offset = offsetof(struct export_options, resume)},
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream export",
    .summary = "Write ticks, quotes or chains to a file that import reads.",
    .examples = "  deltastream export ticks NIFTY --file nifty.csv\n"
                "  deltastream export quotes --product NIFTY --file nifty.quotes.pb --resume\n"
                "  deltastream export chains NIFTY BANKNIFTY --start 2025-01-25 > chains.ndjson\n"
                "  deltastream export ticks --all --file all.ticks.pb\n",
    .operands = "ticks|quotes|chains [PRODUCT | SYMBOL]...",
    .operand_min = 1,
    .operand_max = DS_CONFIG_OPERANDS_MAX,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* One run. */
struct work {
    const struct export_options *options;
    const struct connection *connection;
    enum row_kind kind;
    enum row_format format;
    struct export_keys *keys;
    size_t key; /* index of the one whose rows come next */
    struct export_file *file;
    struct row_writer *writer;
    struct progress *progress;
    uint64_t row_count;
    uint64_t row_count_begun;
    int64_t oldest_us; /* of the key's rows, for the share that is done */
    int64_t newest_us;
    int64_t last_us;
    int write_failure; /* errno of a write that failed; 0: none did */
    char page_token[ROW_PAGE_TOKEN_BYTES_MAX];
};

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static int refuse(const char *text)
{
    fprintf(stderr, "deltastream: %s\n", text);
    return DS_EXIT_USAGE;
}

static enum row_kind kind_of_operand(const char *text)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, text);
    for (int kind = ROW_KIND_TICKS; kind < ROW_KIND_COUNT; kind++) {
        if (strcmp(text, row_kind_choices[kind]) == 0) {
            return (enum row_kind)kind;
        }
        ds_suggest_offer(&suggestion, row_kind_choices[kind]);
    }
    fprintf(stderr,
            "deltastream: there are ticks, quotes and chains to export, and no \"%s\"%s%s%s\n",
            text, suggestion.best == NULL ? "" : "; did you mean \"",
            suggestion.best == NULL ? "" : suggestion.best, suggestion.best == NULL ? "" : "\"?");
    return ROW_KIND_AUTO;
}

static int check_options(struct ds_config *config, struct work *work)
{
    const struct export_options *options = work->options;
    const bool has_operands = ds_config_operand_count(config) > 1;
    const bool has_product = is_given(options->product);
    work->kind = kind_of_operand(ds_config_operand(config, 0));
    if (work->kind == ROW_KIND_AUTO) {
        return DS_EXIT_USAGE;
    }
    if (has_operands + has_product + options->all != 1) {
        return refuse(work->kind == ROW_KIND_QUOTES
                          ? "say which: SYMBOL..., --product NAME for all symbols of one, or --all"
                          : "say which: PRODUCT..., or --all, and not both");
    }
    if (has_product && work->kind != ROW_KIND_QUOTES) {
        return ds_config_refuse(config, options, "product",
                                "for quotes only; name the products behind the kind");
    }
    if (is_given(options->expiry) && work->kind != ROW_KIND_CHAINS) {
        return ds_config_refuse(config, options, "expiry", "for chains only");
    }
    if (options->resume && !is_given(options->file)) {
        return ds_config_refuse(config, options, "resume", "needs --file FILE");
    }
    work->format = (enum row_format)options->format;
    if (work->format == ROW_FORMAT_AUTO && is_given(options->file)) {
        work->format = row_format_of_path(options->file);
    }
    work->format = work->format == ROW_FORMAT_AUTO ? ROW_FORMAT_NDJSON : work->format;
    if (work->format == ROW_FORMAT_CSV && work->kind == ROW_KIND_CHAINS) {
        return ds_config_refuse(config, options, "format",
                                "a chain holds lists of quotes, which CSV can't carry; use ndjson "
                                "or protobuf");
    }
    return DS_EXIT_OK;
}

static ds_code add_symbols_of_all(struct work *work)
{
    struct export_keys *products = export_keys_create();
    ds_code code = export_keys_add_products(products, work->connection);
    for (size_t i = 0; code == DS_OK && i < export_keys_count(products); i++) {
        code = export_keys_add_symbols(work->keys, work->connection, export_keys_get(products, i));
    }
    export_keys_destroy(products);
    return code;
}

static ds_code find_keys(struct work *work, struct ds_config *config)
{
    const bool is_quotes = work->kind == ROW_KIND_QUOTES;
    if (work->options->all) {
        return is_quotes ? add_symbols_of_all(work)
                         : export_keys_add_products(work->keys, work->connection);
    }
    if (is_given(work->options->product)) {
        return export_keys_add_symbols(work->keys, work->connection, work->options->product);
    }
    for (size_t i = 1; i < ds_config_operand_count(config); i++) {
        DS_TRY(export_keys_add(work->keys, ds_bytes_of_text(ds_config_operand(config, i))));
    }
    return DS_OK;
}

static struct row_page_request page_request(const struct work *work)
{
    return (struct row_page_request){.kind = work->kind,
                                     .key = export_keys_get(work->keys, work->key),
                                     .expiry = work->options->expiry,
                                     .start = work->options->start,
                                     .end = work->options->end,
                                     .limit = row_kind_info(work->kind)->list_rows_max,
                                     .page_token = work->page_token};
}

static ds_code take_time(void *context, struct ds_bytes row)
{
    struct work *work = context;
    if (!row_kind_time(work->kind, row, &work->last_us)) {
        work->last_us = 0;
    }
    return DS_OK;
}

/* The ends of the key's rows, from which the share that is done follows. Only asked for where it is
 * shown; a failure costs the bar alone. */
static void find_ends(struct work *work)
{
    char token[ROW_PAGE_TOKEN_BYTES_MAX] = "";
    struct row_page_request request = page_request(work);
    request.limit = 1;
    request.page_token = "";
    work->oldest_us = 0;
    work->newest_us = 0;
    if (!progress_is_drawn(stderr)) {
        return;
    }
    if (row_page_get(work->connection, &request, true, take_time, work, token) == DS_OK) {
        work->oldest_us = work->last_us;
    }
    request.is_descending = true;
    if (row_page_get(work->connection, &request, true, take_time, work, token) == DS_OK) {
        work->newest_us = work->last_us;
    }
}

static double share_done(const struct work *work)
{
    const double whole = (double)(work->newest_us - work->oldest_us);
    const double part = (double)(work->last_us - work->oldest_us);
    const double of_key = whole > 0 && part < whole ? part / whole : 1;
    return ((double)work->key + (of_key > 0 ? of_key : 0)) / (double)export_keys_count(work->keys);
}

static ds_code take_row(void *context, struct ds_bytes row)
{
    struct work *work = context;
    const ds_code code = row_writer_add(work->writer, row);
    if (code == DS_UNAVAILABLE) {
        work->write_failure = errno;
    }
    DS_TRY(code);
    work->row_count++;
    return take_time(work, row);
}

static int export_page(struct work *work)
{
    const struct row_page_request request = page_request(work);
    const ds_code code =
        row_page_get(work->connection, &request, false, take_row, work, work->page_token);
    if (work->write_failure != 0) {
        return output_fail(work->write_failure);
    }
    if (code != DS_OK) {
        return code == DS_INVALID_ARGUMENT ? DS_EXIT_USAGE : ds_exit_code_of(code);
    }
    if (work->page_token[0] == '\0') {
        work->key++;
    }
    const bool is_end = work->key == export_keys_count(work->keys);
    const struct export_point point = {.key =
                                           is_end ? NULL : export_keys_get(work->keys, work->key),
                                       .page_token = work->page_token,
                                       .row_count = work->row_count};
    if (!export_file_note(work->file, &point)) {
        work->write_failure = errno;
        return output_fail(work->write_failure);
    }
    return DS_EXIT_OK;
}

static int export_keys_all(struct work *work)
{
    size_t shown_key = SIZE_MAX;
    while (work->key < export_keys_count(work->keys)) {
        if (work->key != shown_key) {
            find_ends(work);
            shown_key = work->key;
        }
        const int exit_code = export_page(work);
        if (exit_code != DS_EXIT_OK || work->write_failure != 0) {
            return exit_code;
        }
        progress_update_share(work->progress, share_done(work), export_file_bytes(work->file),
                              work->row_count - work->row_count_begun);
        if (interrupt_came()) {
            return DS_EXIT_INTERRUPTED;
        }
    }
    return DS_EXIT_OK;
}

/* Goes to the key at which an earlier run ended. */
static int begin_at(struct work *work, const struct export_point *point)
{
    if (point->key == NULL) {
        return DS_EXIT_OK;
    }
    for (work->key = 0; work->key < export_keys_count(work->keys); work->key++) {
        if (strcmp(export_keys_get(work->keys, work->key), point->key) == 0) {
            snprintf(work->page_token, sizeof(work->page_token), "%s", point->page_token);
            work->row_count = point->row_count;
            work->row_count_begun = point->row_count;
            fprintf(stderr, "going on behind %" PRIu64 " rows\n", point->row_count);
            return DS_EXIT_OK;
        }
    }
    fprintf(stderr,
            "deltastream: \"%s\", at which the earlier run ended, is not exported any more; "
            "remove \"%s.partial\" and export again\n",
            point->key, work->options->file);
    return DS_EXIT_ERROR;
}

static int finish(struct work *work, int exit_code)
{
    const bool is_file = is_given(work->options->file);
    if (exit_code == DS_EXIT_OK && is_file && !export_file_finish(work->file)) {
        exit_code = DS_EXIT_ERROR;
    }
    if (exit_code == DS_EXIT_OK && is_file && !work->options->connection.quiet) {
        fprintf(stderr, "%" PRIu64 " rows written to %s\n", work->row_count, work->options->file);
    } else if (exit_code > DS_EXIT_USAGE && work->options->resume) {
        fprintf(stderr, "  what is written is kept in %s.partial; the same command goes on there\n",
                work->options->file);
    }
    return exit_code;
}

static int write_rows(struct work *work, const struct export_point *point)
{
    const struct progress_options progress_options = {.stream = stderr,
                                                      .label = "export",
                                                      .unit = "rows",
                                                      .is_off = work->options->connection.quiet};
    int exit_code = begin_at(work, point);
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    work->progress = progress_create(&progress_options);
    work->writer = row_writer_create(export_file_stream(work->file), work->kind, work->format,
                                     point->bytes > 0);
    interrupt_begin("");
    exit_code = export_keys_all(work);
    interrupt_end();
    row_writer_destroy(work->writer);
    progress_destroy(work->progress);
    return finish(work, exit_code);
}

/* Everything that decides what the file holds. */
static void describe(const struct work *work, struct ds_config *config,
                     char target[EXPORT_SETTINGS_BYTES_MAX])
{
    const struct export_options *options = work->options;
    const char *texts[] = {options->start, options->end, options->expiry, options->product};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        texts[i] = texts[i] == NULL ? "" : texts[i];
    }
    int bytes = snprintf(target, EXPORT_SETTINGS_BYTES_MAX,
                         "format=%s start=%s end=%s expiry=%s product=%s all=%d of",
                         row_format_choices[work->format], texts[0], texts[1], texts[2], texts[3],
                         options->all);
    for (size_t i = 0;
         i < ds_config_operand_count(config) && bytes > 0 && bytes < EXPORT_SETTINGS_BYTES_MAX;
         i++) {
        bytes += snprintf(target + bytes, (size_t)(EXPORT_SETTINGS_BYTES_MAX - bytes), " %s",
                          ds_config_operand(config, i));
    }
}

static int export_rows(struct work *work, struct ds_config *config)
{
    char text[EXPORT_SETTINGS_BYTES_MAX];
    char reason[RESUME_REASON_BYTES_MAX];
    describe(work, config, text);
    const struct export_file_options file_options = {
        .path = is_given(work->options->file) ? work->options->file : NULL,
        .destination = work->options->connection.connect,
        .settings = text,
        .resumes = work->options->resume};
    struct export_point point;
    const ds_code keys_code = find_keys(work, config);
    if (keys_code != DS_OK) {
        return ds_exit_code_of(keys_code);
    }
    if (export_file_open(&file_options, &work->file, &point, reason) != DS_OK) {
        fprintf(stderr, "deltastream: %s\n", reason);
        return DS_EXIT_ERROR;
    }
    const int exit_code = write_rows(work, &point);
    export_file_close(work->file);
    return exit_code;
}

static int run(struct ds_config *config, void *context)
{
    struct export_options *options = context;
    struct work work = {.options = options};
    struct connection connection;
    int exit_code = check_options(config, &work);
    if (exit_code != DS_EXIT_OK ||
        !connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    work.connection = &connection;
    work.keys = export_keys_create();
    exit_code = export_rows(&work, config);
    export_keys_destroy(work.keys);
    connection_close(&connection);
    return exit_code;
}

const struct cli_command command_export = {
    .program = &program, .options_bytes = sizeof(struct export_options), .run = run};
