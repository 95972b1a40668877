/* deltastream chains watch: the newest chain, drawn again whenever it changes. */
#include "clients/cli/chain_view.h"
#include "clients/cli/command.h"
#include "clients/cli/fields.h"
#include "clients/cli/follow.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/progress.h"
#include "clients/cli/row_page.h"
#include "clients/cli/row_writer.h"
#include "ds/clock.h"
#include "ds/exit_code.h"
#include "ds/time.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LIST_EXPIRIES "deltastream.storage.v1.Storage/ListExpiries"
#define EXPIRIES_FIELD 2
#define EXPIRY_BYTES_MAX 16
#define TOPIC_PREFIX_BYTES_MAX 256
#define DATE_BYTES 10
#define WATCH_CHAIN_BYTES_MAX (16 * 1024 * 1024)
#define WATCH_TEXT_BYTES_MAX (4 * 1024 * 1024)
#define WATCH_WIDTH_DEFAULT 160
#define HIDE_CURSOR "\x1B[?25l"
#define SHOW_CURSOR "\x1B[?25h"

static const char *const format_choices[] = {"auto", "table", "ndjson", NULL};
enum watch_format {
    WATCH_AUTO = 0, /* a table on a terminal, else NDJSON */
    WATCH_TABLE,
    WATCH_NDJSON,
};

struct watch_options {
    struct connection_options connection;
    const char *expiry;
    int64_t interval_ms;
    int format;
    bool is_verbose;
};

static const struct ds_setting settings[] = {
    {.name = "expiry",
     .kind = DS_SETTING_TEXT,
     .argument = "YYYY-MM-DD",
     .help = "the chain of this expiry [the next one; the last where all have passed]",
     .offset = offsetof(struct watch_options, expiry)},
    FOLLOW_SETTINGS(watch_options),
    {.name = "output",
     .short_flag = 'o',
     .environment = {"DS_OUTPUT"},
     .kind = DS_SETTING_CHOICE,
     .argument = "table|ndjson",
     .default_text = "auto",
     .choices = format_choices,
     .help = "auto is a table redrawn in place on a terminal and a row a change in a pipe",
     .offset = offsetof(struct watch_options, format)},
    CONNECTION_SETTINGS,
};

#define WATCH_PROGRAM(words)                                                                       \
    {                                                                                              \
        .name = "deltastream " words,                                                              \
        .summary = "Watch a product's newest option chain until it is interrupted.",               \
        .examples = "  deltastream " words " NIFTY\n"                                              \
                    "  deltastream " words " NIFTY --expiry 2025-01-30 | jq .pcr_oi\n",            \
        .operands = "PRODUCT", .operand_min = 1, .operand_max = 1, .settings = settings,           \
        .setting_count = sizeof(settings) / sizeof(settings[0])                                    \
    }

static const struct ds_program chains_program = WATCH_PROGRAM("chains watch");

struct work {
    const struct watch_options *options;
    const struct connection *connection;
    const char *product;
    char expiry[EXPIRY_BYTES_MAX];             /* "": there is none yet */
    char today[DATE_BYTES + 1];                /* when the expiry was looked for */
    char topic_prefix[TOPIC_PREFIX_BYTES_MAX]; /* of the product's chains */
    bool is_outdated;       /* a chain of an expiry that goes before this one has come */
    struct ds_buffer chain; /* that came last */
    struct ds_buffer shown; /* drawn last */
    struct ds_buffer text;
    struct row_writer *writer; /* NULL: a table */
    bool is_in_place;
    bool is_bold;
    size_t lines_drawn;
    int write_failure; /* errno of a write that failed; 0: none did */
};

/* Expiries come in ascending order: the first one that has not passed stays. */
static ds_code take_expiry(void *context, uint32_t number, struct ds_bytes value)
{
    struct work *work = context;
    const bool is_found = work->expiry[0] != '\0' && strcmp(work->expiry, work->today) >= 0;
    if (number == EXPIRIES_FIELD && !is_found && value.size < sizeof(work->expiry)) {
        memcpy(work->expiry, value.data, value.size);
        work->expiry[value.size] = '\0';
    }
    return DS_OK;
}

static void write_today(char today[DATE_BYTES + 1])
{
    char now[DS_TIME_TEXT_MAX];
    ds_time_format(ds_clock_wall_us(ds_clock_system()) / DS_MICROSECONDS, 0, now);
    memcpy(today, now, DATE_BYTES);
    today[DATE_BYTES] = '\0';
}

static bool expiry_is_given(const struct work *work)
{
    return work->options->expiry != NULL && work->options->expiry[0] != '\0';
}

static ds_code find_expiry(struct work *work)
{
    const struct row_page_field fields[] = {{"product", work->product}};
    if (expiry_is_given(work)) {
        snprintf(work->expiry, sizeof(work->expiry), "%s", work->options->expiry);
        return DS_OK;
    }
    write_today(work->today);
    work->expiry[0] = '\0';
    struct answer answer;
    ds_code code =
        row_page_call(work->connection, ds_method_find(LIST_EXPIRIES, strlen(LIST_EXPIRIES)),
                      fields, 1, true, &answer);
    if (code == DS_OK) {
        code = fields_each(answer.response, take_expiry, work);
    }
    answer_release(&answer);
    return code;
}

static ds_code take_chain(void *context, struct ds_bytes row)
{
    struct work *work = context;
    ds_buffer_append(&work->chain, row.data, row.size);
    return DS_OK;
}

static ds_code read_chain(void *context)
{
    struct work *work = context;
    char token[ROW_PAGE_TOKEN_BYTES_MAX];
    const struct row_page_request request = {.kind = ROW_KIND_CHAINS,
                                             .key = work->product,
                                             .expiry = work->expiry,
                                             .limit = 1,
                                             .is_descending = true};
    ds_buffer_clear(&work->chain);
    DS_TRY(find_expiry(work));
    work->is_outdated = false;
    if (work->expiry[0] == '\0') {
        return DS_OK;
    }
    return row_page_get(work->connection, &request, true, take_chain, work, token);
}

static struct chain_view choose_view(const struct work *work)
{
    struct winsize size = {0};
    struct chain_view view = {.width = WATCH_WIDTH_DEFAULT, .is_bold = work->is_bold};
    if (work->is_in_place && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
        size.ws_row > 1) {
        view.width = size.ws_col - 1U;
        view.lines_max = size.ws_row - 1U;
    }
    return view;
}

static size_t count_lines(const struct ds_buffer *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->size; i++) {
        count += text->data[i] == '\n';
    }
    return count;
}

static ds_code draw(struct work *work)
{
    const struct chain_view view = choose_view(work);
    ds_buffer_clear(&work->text);
    if (work->is_in_place && work->lines_drawn > 0) {
        ds_buffer_printf(&work->text, "\x1B[%zuA\r\x1B[J", work->lines_drawn);
    }
    DS_TRY(chain_view_write(&view, ds_buffer_bytes(&work->chain), &work->text));
    fwrite(work->text.data, 1, work->text.size, stdout);
    work->lines_drawn = count_lines(&work->text);
    return DS_OK;
}

/* Shows the chain where it is another than the one shown. */
static ds_code show(struct work *work)
{
    if (work->chain.size == 0 ||
        ds_bytes_equal(ds_buffer_bytes(&work->chain), ds_buffer_bytes(&work->shown))) {
        return DS_OK;
    }
    ds_code code = work->writer == NULL
                       ? draw(work)
                       : row_writer_add(work->writer, ds_buffer_bytes(&work->chain));
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        work->write_failure = errno;
        code = DS_ABORTED;
    }
    ds_buffer_clear(&work->shown);
    ds_buffer_append(&work->shown, work->chain.data, work->chain.size);
    return code;
}

static ds_code show_newest(void *context)
{
    return show(context);
}

/* Whether a chain of that expiry is to be shown rather than one of the expiry that is: the rule of
 * take_expiry(). */
static bool goes_before(const struct work *work, const char *expiry)
{
    const bool has_passed = strcmp(expiry, work->today) < 0;
    const bool shown_has_passed = strcmp(work->expiry, work->today) < 0;
    if (work->expiry[0] == '\0' || has_passed != shown_has_passed) {
        return work->expiry[0] == '\0' || shown_has_passed;
    }
    return has_passed ? strcmp(expiry, work->expiry) > 0 : strcmp(expiry, work->expiry) < 0;
}

/* What is older than what is there came late, or was read before its event came. */
static bool is_newest(const struct work *work, struct ds_bytes chain)
{
    int64_t time_us = 0;
    int64_t newest_us = INT64_MIN;
    (void)row_kind_time(ROW_KIND_CHAINS, ds_buffer_bytes(&work->chain), &newest_us);
    return row_kind_time(ROW_KIND_CHAINS, chain, &time_us) && time_us >= newest_us;
}

static ds_code take_event(void *context, struct ds_bytes topic, struct ds_bytes chain)
{
    struct work *work = context;
    char expiry[EXPIRY_BYTES_MAX];
    const size_t prefix_bytes = strlen(work->topic_prefix);
    if (topic.size < prefix_bytes || topic.size - prefix_bytes >= sizeof(expiry)) {
        return DS_OK;
    }
    memcpy(expiry, topic.data + prefix_bytes, topic.size - prefix_bytes);
    expiry[topic.size - prefix_bytes] = '\0';
    if (strcmp(expiry, work->expiry) != 0) {
        work->is_outdated |= !expiry_is_given(work) && goes_before(work, expiry);
        return DS_OK;
    }
    if (!is_newest(work, chain)) {
        return DS_OK;
    }
    ds_buffer_clear(&work->chain);
    ds_buffer_append(&work->chain, chain.data, chain.size);
    /* A table shows only the last of those that come at once. */
    return work->writer == NULL ? DS_OK : show(work);
}

/* The next day the next expiry can be another one. */
static bool is_outdated(void *context)
{
    const struct work *work = context;
    char today[DATE_BYTES + 1];
    write_today(today);
    return work->is_outdated || (!expiry_is_given(work) && strcmp(today, work->today) != 0);
}

/* The message stands below what is drawn, which stays as it is. */
static void leave_drawn(void *context)
{
    struct work *work = context;
    work->lines_drawn = 0;
}

static int watch(struct work *work)
{
    const struct follow_options follow_options = {.connection = work->connection,
                                                  .kind = ROW_KIND_CHAINS,
                                                  .topic_prefix = work->topic_prefix,
                                                  .interval_ms = work->options->interval_ms,
                                                  .is_quiet = work->options->connection.quiet,
                                                  .is_verbose = work->options->is_verbose,
                                                  .read = read_chain,
                                                  .take = take_event,
                                                  .pause = show_newest,
                                                  .is_outdated = is_outdated,
                                                  .told = leave_drawn,
                                                  .context = work};
    snprintf(work->topic_prefix, sizeof(work->topic_prefix), "chains/%s/", work->product);
    const ds_code code = follow(&follow_options);
    return follow_end(code, work->write_failure);
}

static int run_connected(struct work *work)
{
    const bool is_table = work->options->format == WATCH_TABLE ||
                          (work->options->format == WATCH_AUTO && isatty(STDOUT_FILENO) == 1);
    const char *no_color = getenv("NO_COLOR");
    work->is_in_place = is_table && progress_is_drawn(stdout);
    work->is_bold = work->is_in_place && (no_color == NULL || no_color[0] == '\0');
    if (!is_table) {
        work->writer = row_writer_create(stdout, ROW_KIND_CHAINS, ROW_FORMAT_NDJSON, false);
    }
    ds_buffer_init(&work->chain, WATCH_CHAIN_BYTES_MAX);
    ds_buffer_init(&work->shown, WATCH_CHAIN_BYTES_MAX);
    ds_buffer_init(&work->text, WATCH_TEXT_BYTES_MAX);
    interrupt_begin(work->is_in_place ? SHOW_CURSOR : "");
    fputs(work->is_in_place ? HIDE_CURSOR : "", stdout);
    const int exit_code = watch(work);
    fputs(work->is_in_place ? SHOW_CURSOR : "", stdout);
    fflush(stdout);
    interrupt_end();
    row_writer_destroy(work->writer);
    ds_buffer_deinit(&work->chain);
    ds_buffer_deinit(&work->shown);
    ds_buffer_deinit(&work->text);
    return exit_code;
}

static int run(struct ds_config *config, void *context)
{
    struct watch_options *options = context;
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    struct work work = {
        .options = options, .connection = &connection, .product = ds_config_operand(config, 0)};
    exit_code = run_connected(&work);
    connection_close(&connection);
    return exit_code;
}

const struct cli_command command_chains_watch = {.program = &chains_program,
                                                 .options_bytes = sizeof(struct watch_options),
                                                 .run = run,
                                                 .operand = CLI_OPERAND_PRODUCT};
