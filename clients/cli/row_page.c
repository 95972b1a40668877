#include "clients/cli/row_page.h"

#include "clients/cli/fields.h"
#include "clients/cli/status.h"
#include "ds/json.h"
#include "ds/wire.h"

#include <assert.h>
#include <inttypes.h>

#define PAGE_REQUEST_BYTES_MAX 16384
#define PAGE_ROW_BYTES_MAX (16 * 1024 * 1024)

struct page {
    const struct row_page_request *request;
    uint32_t rows_number;
    uint32_t token_number;
    uint32_t series_number;
    row_page_fn take;
    void *context;
    struct ds_buffer row;
    char *token;
};

static bool write_field(const struct ds_message *message, const struct row_page_field *given,
                        struct ds_buffer *request)
{
    const struct ds_json_read_options read_options = {.lenient_times = true};
    struct ds_json_error error = {0};
    const struct ds_field *field = ds_field_by_name(message, given->name, strlen(given->name));
    if (given->value == NULL || given->value[0] == '\0') {
        return true;
    }
    assert(field != NULL);
    if (ds_json_scalar_to_wire(field, ds_bytes_of_text(given->value), &read_options, request,
                               &error) == DS_OK) {
        return true;
    }
    fprintf(stderr, "deltastream: %s: \"%s\": %s\n", given->name, given->value,
            request->overflow ? "too long" : error.message);
    return false;
}

bool row_page_is_away(ds_code code)
{
    return code == DS_UNAVAILABLE || code == DS_DEADLINE_EXCEEDED || code == DS_RESOURCE_EXHAUSTED;
}

static ds_code call_quietly(const struct connection *connection, const struct ds_method *method,
                            struct ds_bytes payload, struct answer *ret_answer)
{
    const ds_code code = connection_ask(connection, method, payload, ret_answer);
    if (code != DS_OK && !row_page_is_away(code)) {
        status_print(stderr, code, ret_answer->message, ret_answer->status_details);
    }
    return code;
}

ds_code row_page_call(const struct connection *connection, const struct ds_method *method,
                      const struct row_page_field *fields, size_t field_count, bool is_quiet,
                      struct answer *ret_answer)
{
    struct ds_buffer request;
    ds_buffer_init(&request, PAGE_REQUEST_BYTES_MAX);
    ds_code code = DS_OK;
    *ret_answer = (struct answer){.method = method, .message = ""};
    for (size_t i = 0; code == DS_OK && i < field_count; i++) {
        code = write_field(method->request, &fields[i], &request) ? DS_OK : DS_INVALID_ARGUMENT;
    }
    if (code == DS_OK && is_quiet) {
        code = call_quietly(connection, method, ds_buffer_bytes(&request), ret_answer);
    } else if (code == DS_OK) {
        code = connection_call(connection, method, ds_buffer_bytes(&request), ret_answer);
    }
    ds_buffer_deinit(&request);
    return code;
}

/* The reply names product or symbol once; every row is given with it. */
static ds_code take_row(struct page *page, struct ds_bytes wire)
{
    ds_buffer_clear(&page->row);
    ds_wire_write_bytes_field(&page->row, page->series_number,
                              ds_bytes_of_text(page->request->key));
    ds_buffer_append(&page->row, wire.data, wire.size);
    return page->take(page->context, ds_buffer_bytes(&page->row));
}

static ds_code take_field(void *context, uint32_t number, struct ds_bytes value)
{
    struct page *page = context;
    if (number == page->rows_number) {
        return take_row(page, value);
    }
    if (number == page->token_number && value.size < ROW_PAGE_TOKEN_BYTES_MAX) {
        memcpy(page->token, value.data, value.size);
        page->token[value.size] = '\0';
    }
    return DS_OK;
}

static uint32_t number_of(const struct ds_message *message, const char *name)
{
    const struct ds_field *field = ds_field_by_name(message, name, strlen(name));
    assert(field != NULL);
    return field->number;
}

static ds_code call_list(const struct connection *connection,
                         const struct row_page_request *request, bool is_quiet,
                         struct answer *ret_answer)
{
    char limit[24];
    snprintf(limit, sizeof(limit), "%" PRId64, request->limit);
    const struct row_page_field fields[] = {
        {row_kind_series_field(request->kind)->name, request->key},
        {"start", request->start},
        {"end", request->end},
        {"limit", limit},
        {"order", request->is_descending ? "desc" : "asc"},
        {"page_token", request->page_token},
        {"expiry", request->kind == ROW_KIND_CHAINS ? request->expiry : NULL},
    };
    return row_page_call(connection, row_kind_list_method(request->kind), fields,
                         sizeof(fields) / sizeof(fields[0]), is_quiet, ret_answer);
}

ds_code row_page_get(const struct connection *connection, const struct row_page_request *request,
                     bool is_quiet, row_page_fn take, void *context,
                     char ret_token[ROW_PAGE_TOKEN_BYTES_MAX])
{
    const struct ds_message *response = row_kind_list_method(request->kind)->response;
    char token[ROW_PAGE_TOKEN_BYTES_MAX] = "";
    struct page page = {.request = request,
                        .rows_number = number_of(response, row_kind_info(request->kind)->name),
                        .token_number = number_of(response, "next_page_token"),
                        .series_number = row_kind_series_field(request->kind)->number,
                        .take = take,
                        .context = context,
                        .token = token};
    struct answer answer;
    ds_code code = call_list(connection, request, is_quiet, &answer);
    if (code == DS_OK) {
        ds_buffer_init(&page.row, PAGE_ROW_BYTES_MAX);
        code = fields_each(answer.response, take_field, &page);
        ds_buffer_deinit(&page.row);
    }
    answer_release(&answer);
    if (code == DS_OK) {
        /* The request's token may stand in ret_token's place: it is replaced only now. */
        memcpy(ret_token, token, sizeof(token));
    }
    return code;
}
