#include "clients/cli/query.h"

#include "clients/cli/fields.h"
#include "clients/cli/query_request.h"
#include "clients/cli/rows.h"
#include "clients/cli/status.h"
#include "clients/cli/values.h"
#include "ds/exit_code.h"
#include "ds/wire.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define QUERY_REQUEST_BYTES_MAX (1024 * 1024)
#define QUERY_ROW_BYTES_MAX (16 * 1024 * 1024)
#define QUERY_PATH_DEPTH_MAX 2
#define PAGE_TOKEN_BYTES_MAX 4096

/* A field of the reply that holds rows, by the numbers of the fields on the way to it. */
struct source {
    uint32_t numbers[QUERY_PATH_DEPTH_MAX];
    size_t depth; /* 0: there is no such source */
};

/* What goes over the pages. */
struct listing {
    const struct query *query;
    const struct ds_method *method;
    const struct query_options *options;
    struct source sources[QUERY_SOURCES_MAX];
    const struct ds_message *row_message;
    const struct ds_field *series;       /* of the row; NULL where it has none */
    const struct ds_field *series_field; /* of the reply, which names it once; or NULL */
    const struct ds_field *token_field;
    const struct ds_field *values_field;
    const struct ds_field *missing_field;
    struct rows *rows; /* one of these two */
    struct values *values;
    struct ds_buffer row;
    struct ds_bytes series_name; /* of the page, into its reply */
    size_t missing_count;
    char page_token[PAGE_TOKEN_BYTES_MAX]; /* "" at the end */
};

static const struct ds_field *field_named(const struct ds_message *message, const char *name)
{
    return name == NULL ? NULL : ds_field_by_name(message, name, strlen(name));
}

static const struct ds_message *source_find(const struct ds_message *reply, const char *path,
                                            struct source *ret_source)
{
    const struct ds_message *message = reply;
    struct source source = {0};
    while (path[0] != '\0') {
        const size_t name_bytes = strcspn(path, ".");
        const struct ds_field *field = ds_field_by_name(message, path, name_bytes);
        assert(field != NULL && field->message != NULL && source.depth < QUERY_PATH_DEPTH_MAX);
        source.numbers[source.depth++] = field->number;
        message = field->message;
        path += name_bytes + (path[name_bytes] == '.');
    }
    *ret_source = source;
    return message;
}

static size_t view_of(const struct query_options *options)
{
    return options->history ? 1 : (size_t)options->view;
}

static void find_sources(struct listing *listing)
{
    const struct ds_message *reply = listing->method->response;
    const char *const *paths = listing->query->sources[view_of(listing->options)];
    listing->row_message = reply;
    for (size_t i = 0; i < QUERY_SOURCES_MAX && paths[i] != NULL; i++) {
        listing->row_message = source_find(reply, paths[i], &listing->sources[i]);
    }
    for (size_t i = 0; i < listing->row_message->field_count; i++) {
        const struct ds_field *field = &listing->row_message->fields[i];
        if (listing->row_message != reply && (field->flags & DS_FIELD_SERIES) != 0) {
            listing->series = field;
            listing->series_field = field_named(reply, field->name);
        }
    }
}

static ds_code add_row(struct listing *listing, struct ds_bytes row)
{
    ds_buffer_clear(&listing->row);
    if (listing->series_field != NULL) {
        ds_wire_write_bytes_field(&listing->row, listing->series->number, listing->series_name);
    }
    ds_buffer_append(&listing->row, row.data, row.size);
    if (listing->row.overflow) {
        return DS_RESOURCE_EXHAUSTED;
    }
    return rows_add(listing->rows, ds_buffer_bytes(&listing->row));
}

/* Where one is in a reply: a source and how far down its way. */
struct position {
    struct listing *listing;
    const struct source *source;
    size_t depth;
};

static ds_code take_row(void *context, uint32_t number, struct ds_bytes value)
{
    const struct position *position = context;
    if (number != position->source->numbers[position->depth]) {
        return DS_OK;
    }
    if (position->depth + 1 == position->source->depth) {
        return add_row(position->listing, value);
    }
    struct position inner = *position;
    inner.depth++;
    return fields_each(value, take_row, &inner);
}

/* What a reply says beside its rows; they need it, so that it is read first. */
static ds_code take_frame(void *context, uint32_t number, struct ds_bytes value)
{
    struct listing *listing = context;
    if (listing->series_field != NULL && number == listing->series_field->number) {
        listing->series_name = value;
    }
    if (listing->token_field != NULL && number == listing->token_field->number &&
        value.size < sizeof(listing->page_token)) {
        memcpy(listing->page_token, value.data, value.size);
        listing->page_token[value.size] = '\0';
    }
    if (listing->missing_field != NULL && number == listing->missing_field->number) {
        fprintf(stderr, "deltastream: there is nothing of \"%.*s\"\n", (int)value.size,
                (const char *)value.data);
        listing->missing_count++;
    }
    return DS_OK;
}

static ds_code show_reply(struct listing *listing, struct ds_bytes reply)
{
    listing->series_name = (struct ds_bytes){0};
    listing->page_token[0] = '\0';
    DS_TRY(fields_each(reply, take_frame, listing));
    if (listing->values != NULL) {
        return values_add(listing->values, listing->method->response, listing->values_field, reply);
    }
    if (listing->sources[0].depth == 0) {
        return add_row(listing, reply);
    }
    for (size_t i = 0; i < QUERY_SOURCES_MAX && listing->sources[i].depth > 0; i++) {
        struct position position = {.listing = listing, .source = &listing->sources[i]};
        DS_TRY(fields_each(reply, take_row, &position));
    }
    return DS_OK;
}

static int list_page(struct listing *listing, struct ds_config *config,
                     const struct connection *connection)
{
    struct ds_buffer request;
    ds_buffer_init(&request, QUERY_REQUEST_BYTES_MAX);
    if (!query_request_write(listing->query, config, listing->options, listing->page_token,
                             &request)) {
        ds_buffer_deinit(&request);
        return DS_EXIT_USAGE;
    }
    struct answer answer;
    const ds_code code =
        connection_call(connection, listing->method, ds_buffer_bytes(&request), &answer);
    int exit_code = status_exit_code(&answer);
    if (code == DS_OK && show_reply(listing, answer.response) != DS_OK) {
        fprintf(stderr, "deltastream: the reply is damaged\n");
        exit_code = DS_EXIT_ERROR;
    }
    answer_release(&answer);
    ds_buffer_deinit(&request);
    return exit_code;
}

/* Whether somebody reads what is written: nobody is told about rows that nobody wants. */
static bool has_reader(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    return fflush(stdout) == 0 && ferror(stdout) == 0 &&
           (poll(&output, 1, 0) <= 0 || (output.revents & POLLERR) == 0);
}

static int list_pages(struct listing *listing, struct ds_config *config,
                      const struct connection *connection)
{
    int exit_code = DS_EXIT_OK;
    do {
        exit_code = list_page(listing, config, connection);
    } while (listing->options->all && exit_code == DS_EXIT_OK && listing->page_token[0] != '\0' &&
             ferror(stdout) == 0);
    return exit_code;
}

static void open_output(struct listing *listing)
{
    const enum rows_format format = (enum rows_format)listing->options->format;
    if (listing->values_field != NULL) {
        listing->values = values_create(stdout, format, listing->query->heading);
    } else if (listing->query->is_vertical) {
        listing->rows = rows_create_vertical(stdout, format, listing->row_message);
    } else {
        listing->rows = rows_create(stdout, format, listing->row_message);
    }
}

static int list(struct listing *listing, struct ds_config *config,
                const struct connection *connection)
{
    ds_buffer_init(&listing->row, QUERY_ROW_BYTES_MAX);
    open_output(listing);
    int exit_code = list_pages(listing, config, connection);
    rows_destroy(listing->rows);
    values_destroy(listing->values);
    ds_buffer_deinit(&listing->row);
    if (exit_code == DS_EXIT_OK && listing->page_token[0] != '\0' && !listing->options->all &&
        !listing->options->connection.quiet && has_reader()) {
        fprintf(stderr, "there are more rows: --page-token %s, or --all\n", listing->page_token);
    }
    return exit_code == DS_EXIT_OK && listing->missing_count > 0 ? DS_EXIT_NOT_FOUND : exit_code;
}

/* With --all the pages are as large as they may be, unless --limit says otherwise. */
static void widen_pages(const struct ds_config *config, struct query_options *options)
{
    const struct ds_program *program = ds_config_program(config);
    for (size_t i = 0; i < program->setting_count && options->all; i++) {
        if (strcmp(program->settings[i].name, "limit") == 0 &&
            !ds_config_is_given(config, "limit")) {
            options->limit = program->settings[i].maximum;
        }
    }
}

int query_run(const struct query *query, struct ds_config *config, struct query_options *options)
{
    const struct ds_method *method = ds_method_find(query->method, strlen(query->method));
    assert(method != NULL);
    struct listing listing = {.query = query,
                              .method = method,
                              .options = options,
                              .token_field = field_named(method->response, "next_page_token"),
                              .values_field = field_named(method->response, query->values),
                              .missing_field = field_named(method->response, query->missing)};
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    widen_pages(config, options);
    if (!connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    find_sources(&listing);
    snprintf(listing.page_token, sizeof(listing.page_token), "%s",
             options->page_token == NULL ? "" : options->page_token);
    exit_code = list(&listing, config, &connection);
    connection_close(&connection);
    return exit_code;
}
