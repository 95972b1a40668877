#include "gateway/connect.h"

#include "gateway/connect_error.h"
#include "gateway/connect_metadata.h"
#include "gateway/connect_query.h"
#include "gateway/finish.h"

/* Connect's timeouts have ten digits at most; 24 days are as good as the 115 that this may be. */
#define TIMEOUT_DIGITS_MAX 10
#define TIMEOUT_MS_MAX INT32_MAX

bool connect_find(struct gateway *gateway, struct ds_bytes path,
                  const struct ds_method **ret_method)
{
    for (size_t i = 0; i < gateway->backend_count; i++) {
        const struct ds_service *service = gateway->backends[i].service;
        const size_t size = strlen(service->full_name);
        if (path.size > size + 1 && path.data[size + 1] == '/' &&
            memcmp(path.data + 1, service->full_name, size) == 0) {
            *ret_method =
                ds_service_method_find(service, (const char *)path.data + 1, path.size - 1);
            return true;
        }
    }
    return false;
}

bool connect_takes(const struct exchange *exchange, const char **ret_allow)
{
    const unsigned int method = exchange->request->method;
    const bool has_get = exchange->method->idempotency == DS_NO_SIDE_EFFECTS;
    *ret_allow = has_get ? "GET, HEAD, POST, OPTIONS" : "POST, OPTIONS";
    return method == HTTP_METHOD_POST ||
           (has_get && (method == HTTP_METHOD_GET || method == HTTP_METHOD_HEAD));
}

static bool refuse(struct problem *ret_problem, ds_reason reason, const char *detail)
{
    problem_set(ret_problem, reason, "%s", detail);
    return false;
}

static bool check_version(const struct http_request *request, struct problem *ret_problem)
{
    const struct ds_bytes version =
        http_request_header(request, HTTP_HEADER_CONNECT_PROTOCOL_VERSION);
    const uint8_t count = request->seen[HTTP_HEADER_CONNECT_PROTOCOL_VERSION];
    return count == 0 || (count == 1 && ds_bytes_equal_text(version, "1")) ||
           refuse(ret_problem, DS_REASON(INVALID_REQUEST),
                  "Connect-Protocol-Version: send 1, or leave it out");
}

/* The milliseconds of Connect-Timeout-Ms; ret_has_timeout is false where there is none. */
static bool read_timeout(const struct http_request *request, bool *ret_has_timeout,
                         uint64_t *ret_timeout_ms, struct problem *ret_problem)
{
    const uint8_t count = request->seen[HTTP_HEADER_CONNECT_TIMEOUT_MS];
    *ret_has_timeout = count > 0;
    if (count == 0) {
        return true;
    }
    const struct ds_bytes text = http_request_header(request, HTTP_HEADER_CONNECT_TIMEOUT_MS);
    bool is_number = count == 1 && text.size > 0 && text.size <= TIMEOUT_DIGITS_MAX;
    uint64_t timeout_ms = 0;
    for (size_t i = 0; is_number && i < text.size; i++) {
        is_number = text.data[i] >= '0' && text.data[i] <= '9';
        timeout_ms = timeout_ms * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret_timeout_ms = timeout_ms;
    return is_number || refuse(ret_problem, DS_REASON(INVALID_REQUEST),
                               "Connect-Timeout-Ms: send milliseconds in one to ten digits");
}

/* The client's time began with its request, not with the end of the body. */
static bool take_timeout(struct exchange *exchange, struct problem *ret_problem)
{
    bool has_timeout = false;
    uint64_t timeout_ms = 0;
    if (!read_timeout(exchange->request, &has_timeout, &timeout_ms, ret_problem)) {
        return false;
    }
    if (!has_timeout) {
        return true;
    }
    const int64_t passed_us =
        ds_clock_monotonic_us(exchange->gateway->clock) - exchange->request->began_us;
    const uint64_t passed_ms = passed_us > 0 ? (uint64_t)passed_us / 1000 : 0;
    if (timeout_ms <= passed_ms) {
        problem_set(ret_problem, DS_REASON(DEADLINE_EXCEEDED),
                    "Connect-Timeout-Ms had passed before the call was made");
        ret_problem->code = DS_DEADLINE_EXCEEDED;
        return false;
    }
    const uint64_t left_ms = timeout_ms - passed_ms;
    exchange->call.timeout_ms = left_ms < TIMEOUT_MS_MAX ? (uint32_t)left_ms : TIMEOUT_MS_MAX;
    return true;
}

static bool is_utf8_charset(struct ds_bytes parameter)
{
    return http_text_equal(parameter, "charset=utf-8") ||
           http_text_equal(parameter, "charset=\"utf-8\"");
}

static bool read_content_type(const struct http_request *request, enum body_form *ret_form)
{
    struct ds_bytes rest = http_request_header(request, HTTP_HEADER_CONTENT_TYPE);
    struct ds_bytes media = {0};
    struct ds_bytes parameter;
    (void)http_list_next(&rest, ';', &media);
    const bool is_json = http_text_equal(media, "application/json");
    bool is_taken = request->seen[HTTP_HEADER_CONTENT_TYPE] == 1 &&
                    (is_json || http_text_equal(media, "application/proto"));
    while (is_taken && http_list_next(&rest, ';', &parameter)) {
        is_taken = is_json && is_utf8_charset(parameter);
    }
    *ret_form = is_json ? BODY_FORM_JSON : BODY_FORM_PROTO;
    return is_taken;
}

static bool check_post(struct exchange *exchange, struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    enum body_form form = BODY_FORM_JSON;
    if (request->query.size > 0) {
        return refuse(ret_problem, DS_REASON(UNKNOWN_PARAMETER),
                      "a POST has no query: send the request in its body");
    }
    if (!read_content_type(request, &form)) {
        return refuse(ret_problem, DS_REASON(UNSUPPORTED_MEDIA_TYPE),
                      "Content-Type: send application/json in UTF-8 or application/proto");
    }
    exchange->form = (uint8_t)form;
    if (request->body_bytes_max > exchange->method->request_bytes_max) {
        request->body_bytes_max = exchange->method->request_bytes_max;
    }
    return finish_check_body_encoding(exchange, NULL, ret_problem);
}

static bool check_request(struct exchange *exchange, struct problem *ret_problem)
{
    return exchange->request->method == HTTP_METHOD_POST
               ? check_post(exchange, ret_problem)
               : negotiate_no_body(exchange->request, ret_problem);
}

static bool check_head(struct exchange *exchange, struct problem *ret_problem)
{
    const struct http_request *request = exchange->request;
    bool has_timeout = false;
    uint64_t timeout_ms = 0;
    return check_version(request, ret_problem) &&
           read_timeout(request, &has_timeout, &timeout_ms, ret_problem) &&
           check_request(exchange, ret_problem) && finish_check_encoding(exchange, ret_problem) &&
           finish_check_preconditions(exchange, ret_problem);
}

static bool read_json(struct exchange *exchange, struct ds_bytes text, struct ds_bytes *ret_payload,
                      struct problem *ret_problem)
{
    const struct ds_method *method = exchange->method;
    const struct ds_json_types types = gateway_tables_types(&exchange->gateway->tables);
    const struct ds_json_read_options options = {.lenient_times = true, .types = &types};
    struct ds_json_error error = {.offset = 0};
    /* A limit below what the buffer has already would be no limit: the size is asked for below. */
    struct ds_buffer *wire = &exchange->wire;
    wire->limit =
        method->request_bytes_max > wire->capacity ? method->request_bytes_max : wire->capacity;
    ds_code code = ds_json_to_wire(method->request, text, &options, wire, &error);
    if (code == DS_OK && wire->size > method->request_bytes_max) {
        code = DS_RESOURCE_EXHAUSTED;
    }
    switch (code) {
    case DS_OK:
        *ret_payload = ds_buffer_bytes(&exchange->wire);
        return true;
    case DS_RESOURCE_EXHAUSTED:
        return refuse(ret_problem, DS_REASON(REQUEST_TOO_LARGE),
                      "the request is larger than this method takes");
    default:
        problem_set(ret_problem,
                    error.is_unknown_field ? DS_REASON(UNKNOWN_FIELD) : DS_REASON(INVALID_JSON),
                    "%s%s%s (byte %zu of the JSON)", error.pointer,
                    error.pointer[0] == '\0' ? "" : ": ", error.message, error.offset);
        return false;
    }
}

static bool read_request(struct exchange *exchange, struct ds_bytes *ret_payload,
                         struct problem *ret_problem)
{
    struct ds_bytes message;
    if (exchange->request->method == HTTP_METHOD_POST) {
        if (!finish_decode_body(exchange, ret_problem)) {
            return false;
        }
        message = ds_buffer_bytes(&exchange->request->body);
    } else if (!connect_query_read(exchange, &message, ret_problem)) {
        return false;
    }
    if (!take_timeout(exchange, ret_problem) ||
        !connect_metadata_take(exchange->request, &exchange->metadata, &exchange->call,
                               ret_problem)) {
        return false;
    }
    if (exchange->form == BODY_FORM_JSON) {
        return read_json(exchange, message, ret_payload, ret_problem);
    }
    *ret_payload = message;
    return true;
}

static bool write_reply(struct exchange *exchange, struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    const struct ds_bytes response = exchange->call.response;
    const bool is_json = exchange->form == BODY_FORM_JSON;
    exchange_begin_reply(exchange, 200, is_json ? "application/json" : "application/proto");
    connect_metadata_write(&exchange->call, request);
    request->reply_body.limit = EXCHANGE_REPLY_BYTES_MAX;
    if (!is_json) {
        ds_buffer_append(&request->reply_body, response.data, response.size);
        return true;
    }
    const struct ds_json_types types = gateway_tables_types(&exchange->gateway->tables);
    const struct ds_json_style style = {.types = &types};
    const ds_code code =
        ds_wire_to_json(exchange->method->response, response, &style, &request->reply_body);
    if (code == DS_OK) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(INTERNAL), "%s",
                code == DS_RESOURCE_EXHAUSTED ? "the reply is too large; ask for fewer rows"
                                              : "the service's answer can't be read");
    ret_problem->code = DS_INTERNAL;
    return false;
}

const struct exchange_protocol exchange_connect = {
    .check_head = check_head,
    .read = read_request,
    .write = write_reply,
    .fail = connect_fail,
};
