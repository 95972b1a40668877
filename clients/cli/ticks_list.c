/* deltastream ticks list. */
#include "clients/cli/command.h"
#include "clients/cli/connection.h"
#include "clients/cli/fields.h"
#include "clients/cli/rows.h"
#include "ds/exit_code.h"
#include "ds/json.h"
#include "ds/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define LIST_TICKS "deltastream.storage.v1.Storage/ListTicks"
#define LIST_REQUEST_BYTES_MAX 16384
#define LIST_ROW_BYTES_MAX (16 * 1024 * 1024)
#define LIST_PAGE_ROWS_MAX 10000
#define PAGE_TOKEN_BYTES_MAX 4096

enum {
    RESPONSE_TICKS = 3,
    RESPONSE_NEXT_PAGE_TOKEN = 4,
    TICK_PRODUCT = 1,
};

static const char *const order_choices[] = {"desc", "asc", NULL};

struct list_options {
    struct connection_options connection;
    const char *start;
    const char *end;
    int64_t limit;
    const char *page_token;
    int order;
    int format;
    bool all;
};

static const struct ds_setting settings[] = {
    {.name = "start",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .help = "the oldest time wanted, such as 2025-01-25 or 2025-01-25T10:00:00Z; without a zone "
             "it is UTC",
     .offset = offsetof(struct list_options, start)},
    {.name = "end",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .help = "the newest time wanted",
     .offset = offsetof(struct list_options, end)},
    {.name = "limit",
     .kind = DS_SETTING_INTEGER,
     .argument = "N",
     .default_text = "100",
     .minimum = 1,
     .maximum = LIST_PAGE_ROWS_MAX,
     .help = "at most so many rows; with --all the rows of a page",
     .offset = offsetof(struct list_options, limit)},
    {.name = "order",
     .kind = DS_SETTING_CHOICE,
     .argument = "desc|asc",
     .default_text = "desc",
     .choices = order_choices,
     .help = "newest or oldest first",
     .offset = offsetof(struct list_options, order)},
    {.name = "page-token",
     .kind = DS_SETTING_TEXT,
     .argument = "TOKEN",
     .help = "go on where the page before ended",
     .offset = offsetof(struct list_options, page_token)},
    {.name = "all",
     .kind = DS_SETTING_BOOLEAN,
     .help = "all pages to the end",
     .offset = offsetof(struct list_options, all)},
    {.name = "output",
     .short_flag = 'o',
     .environment = {"DS_OUTPUT"},
     .kind = DS_SETTING_CHOICE,
     .argument = "table|json|ndjson|csv",
     .default_text = "auto",
     .choices = rows_format_choices,
     .help = "how rows are written; auto is a table on a terminal and NDJSON in a pipe",
     .offset = offsetof(struct list_options, format)},
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream ticks list",
    .summary = "List the ticks of a product.",
    .examples = "  deltastream ticks list NIFTY --limit 5\n"
                "  deltastream ticks list NIFTY --start 2025-01-25 --end 2025-01-26 --order asc\n"
                "  deltastream ticks list NIFTY --all -o csv > nifty.csv\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* What goes over the pages. */
struct listing {
    const struct ds_method *method;
    const struct ds_message *tick;
    const char *product;
    struct rows *rows;
    struct ds_buffer row;
    char page_token[PAGE_TOKEN_BYTES_MAX]; /* "" at the end */
};

static bool add_field(const struct ds_method *method, const char *name, const char *text,
                      struct ds_buffer *request)
{
    const struct ds_field *field = ds_field_by_name(method->request, name, strlen(name));
    assert(field != NULL);
    if (text == NULL || text[0] == '\0') {
        return true;
    }
    const struct ds_json_read_options read_options = {.lenient_times = true};
    struct ds_json_error error = {0};
    if (ds_json_scalar_to_wire(field, ds_bytes_of_text(text), &read_options, request, &error) ==
        DS_OK) {
        return true;
    }
    fprintf(stderr, "deltastream: %s: \"%s\": %s\n", name, text,
            request->overflow ? "too long" : error.message);
    return false;
}

static bool write_request(const struct listing *listing, const struct list_options *options,
                          struct ds_buffer *request)
{
    char limit[24];
    snprintf(limit, sizeof(limit), "%" PRId64, options->limit);
    return add_field(listing->method, "product", listing->product, request) &&
           add_field(listing->method, "start", options->start, request) &&
           add_field(listing->method, "end", options->end, request) &&
           add_field(listing->method, "limit", limit, request) &&
           add_field(listing->method, "order", order_choices[options->order], request) &&
           add_field(listing->method, "page_token", listing->page_token, request);
}

/* The reply names the product once; every row is shown with it. */
static ds_code add_row(struct listing *listing, struct ds_bytes tick)
{
    ds_buffer_clear(&listing->row);
    ds_wire_write_bytes_field(&listing->row, TICK_PRODUCT, ds_bytes_of_text(listing->product));
    ds_buffer_append(&listing->row, tick.data, tick.size);
    return rows_add(listing->rows, ds_buffer_bytes(&listing->row));
}

static ds_code take_field(void *context, uint32_t number, struct ds_bytes value)
{
    struct listing *listing = context;
    if (number == RESPONSE_TICKS) {
        return add_row(listing, value);
    }
    if (number == RESPONSE_NEXT_PAGE_TOKEN && value.size < sizeof(listing->page_token)) {
        memcpy(listing->page_token, value.data, value.size);
        listing->page_token[value.size] = '\0';
    }
    return DS_OK;
}

static int list_page(struct listing *listing, const struct connection *connection,
                     const struct list_options *options)
{
    struct ds_buffer request;
    ds_buffer_init(&request, LIST_REQUEST_BYTES_MAX);
    if (!write_request(listing, options, &request)) {
        ds_buffer_deinit(&request);
        return DS_EXIT_USAGE;
    }
    struct ds_client_call call;
    listing->page_token[0] = '\0';
    ds_code code = connection_call(connection, listing->method, ds_buffer_bytes(&request), &call);
    if (code == DS_OK) {
        code = fields_each(call.response, take_field, listing);
        if (code != DS_OK) {
            fprintf(stderr, "deltastream: the reply is damaged\n");
        }
    }
    ds_client_call_release(&call);
    ds_buffer_deinit(&request);
    return ds_exit_code_of(code);
}

static int list_pages(struct listing *listing, const struct connection *connection,
                      const struct list_options *options)
{
    int exit_code = DS_EXIT_OK;
    do {
        exit_code = list_page(listing, connection, options);
    } while (options->all && exit_code == DS_EXIT_OK && listing->page_token[0] != '\0' &&
             ferror(stdout) == 0);
    return exit_code;
}

static int run(struct ds_config *config, void *context)
{
    struct list_options *options = context;
    if (options->all && !ds_config_is_given(config, "limit")) {
        options->limit = LIST_PAGE_ROWS_MAX;
    }
    struct listing listing = {.method = ds_method_find(LIST_TICKS, strlen(LIST_TICKS)),
                              .tick = ds_message_find("deltastream.storage.v1.Tick")};
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    listing.product = ds_config_operand(config, 0);
    snprintf(listing.page_token, sizeof(listing.page_token), "%s",
             options->page_token == NULL ? "" : options->page_token);
    ds_buffer_init(&listing.row, LIST_ROW_BYTES_MAX);
    listing.rows = rows_create(stdout, (enum rows_format)options->format, listing.tick);
    exit_code = list_pages(&listing, &connection, options);
    rows_destroy(listing.rows);
    ds_buffer_deinit(&listing.row);
    connection_close(&connection);
    if (exit_code == DS_EXIT_OK && listing.page_token[0] != '\0' && !options->all) {
        fprintf(stderr, "there are more rows: --page-token %s, or --all\n", listing.page_token);
    }
    return exit_code;
}

const struct cli_command command_ticks_list = {
    .program = &program, .options_bytes = sizeof(struct list_options), .run = run};
