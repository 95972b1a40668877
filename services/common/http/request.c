#include "http/request.h"

#include <stdlib.h>

/* By length, since that tells most names apart. */
static const struct {
    const char *name;
    enum http_header_id id;
} known_headers[] = {
    {"te", HTTP_HEADER_TE},
    {"host", HTTP_HEADER_HOST},
    {"accept", HTTP_HEADER_ACCEPT},
    {"cookie", HTTP_HEADER_COOKIE},
    {"expect", HTTP_HEADER_EXPECT},
    {"origin", HTTP_HEADER_ORIGIN},
    {"upgrade", HTTP_HEADER_UPGRADE},
    {"if-match", HTTP_HEADER_IF_MATCH},
    {"x-api-key", HTTP_HEADER_X_API_KEY},
    {"connection", HTTP_HEADER_CONNECTION},
    {"tracestate", HTTP_HEADER_TRACESTATE},
    {"traceparent", HTTP_HEADER_TRACEPARENT},
    {"content-type", HTTP_HEADER_CONTENT_TYPE},
    {"x-request-id", HTTP_HEADER_X_REQUEST_ID},
    {"authorization", HTTP_HEADER_AUTHORIZATION},
    {"if-none-match", HTTP_HEADER_IF_NONE_MATCH},
    {"last-event-id", HTTP_HEADER_LAST_EVENT_ID},
    {"content-length", HTTP_HEADER_CONTENT_LENGTH},
    {"accept-encoding", HTTP_HEADER_ACCEPT_ENCODING},
    {"idempotency-key", HTTP_HEADER_IDEMPOTENCY_KEY},
    {"x-forwarded-for", HTTP_HEADER_X_FORWARDED_FOR},
    {"content-encoding", HTTP_HEADER_CONTENT_ENCODING},
    {"sec-websocket-key", HTTP_HEADER_SEC_WEBSOCKET_KEY},
    {"transfer-encoding", HTTP_HEADER_TRANSFER_ENCODING},
    {"x-forwarded-proto", HTTP_HEADER_X_FORWARDED_PROTO},
    {"connect-timeout-ms", HTTP_HEADER_CONNECT_TIMEOUT_MS},
    {"sec-websocket-version", HTTP_HEADER_SEC_WEBSOCKET_VERSION},
    {"sec-websocket-protocol", HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL},
    {"connect-protocol-version", HTTP_HEADER_CONNECT_PROTOCOL_VERSION},
    {"sec-websocket-extensions", HTTP_HEADER_SEC_WEBSOCKET_EXTENSIONS},
    {"access-control-request-method", HTTP_HEADER_ACCESS_CONTROL_REQUEST_METHOD},
    {"access-control-request-headers", HTTP_HEADER_ACCESS_CONTROL_REQUEST_HEADERS},
};

#define KNOWN_HEADER_BYTES_MAX 30

/* Where the names of a length stand in known_headers. */
static const struct {
    uint8_t first;
    uint8_t count;
} known_of_length[KNOWN_HEADER_BYTES_MAX + 1] = {
    [2] = {0, 1},   [4] = {1, 1},   [6] = {2, 4},   [7] = {6, 1},   [8] = {7, 1},
    [9] = {8, 1},   [10] = {9, 2},  [11] = {11, 1}, [12] = {12, 2}, [13] = {14, 3},
    [14] = {17, 1}, [15] = {18, 3}, [16] = {21, 1}, [17] = {22, 3}, [18] = {25, 1},
    [21] = {26, 1}, [22] = {27, 1}, [24] = {28, 2}, [29] = {30, 1}, [30] = {31, 1},
};

static const char *const method_names[] = {
    [HTTP_METHOD_GET] = "GET",         [HTTP_METHOD_POST] = "POST",
    [HTTP_METHOD_PUT] = "PUT",         [HTTP_METHOD_PATCH] = "PATCH",
    [HTTP_METHOD_DELETE] = "DELETE",   [HTTP_METHOD_HEAD] = "HEAD",
    [HTTP_METHOD_OPTIONS] = "OPTIONS", [HTTP_METHOD_CONNECT] = "CONNECT",
    [HTTP_METHOD_TRACE] = "TRACE",     [HTTP_METHOD_OTHER] = "OTHER",
};

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

bool http_is_token_byte(uint8_t byte)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    const uint8_t lowered = lower(byte);
    return (byte >= '0' && byte <= '9') || (lowered >= 'a' && lowered <= 'z') ||
           memchr(others, byte, sizeof others - 1) != NULL;
}

bool http_text_equal(struct ds_bytes bytes, const char *text)
{
    size_t at = 0;
    while (at < bytes.size && text[at] != '\0' && lower(bytes.data[at]) == (uint8_t)text[at]) {
        at++;
    }
    return at == bytes.size && text[at] == '\0';
}

struct ds_bytes http_trim(struct ds_bytes bytes)
{
    while (bytes.size > 0 && (bytes.data[0] == ' ' || bytes.data[0] == '\t')) {
        bytes.data++;
        bytes.size--;
    }
    while (bytes.size > 0 &&
           (bytes.data[bytes.size - 1] == ' ' || bytes.data[bytes.size - 1] == '\t')) {
        bytes.size--;
    }
    return bytes;
}

bool http_list_next(struct ds_bytes *list, char separator, struct ds_bytes *ret_element)
{
    if (list->size == 0) {
        return false;
    }
    const uint8_t *end = memchr(list->data, separator, list->size);
    const size_t size = end == NULL ? list->size : (size_t)(end - list->data);
    *ret_element = http_trim(ds_bytes_of(list->data, size));
    const size_t taken = end == NULL ? size : size + 1;
    list->data += taken;
    list->size -= taken;
    return true;
}

enum http_header_id http_header_id_of(struct ds_bytes name)
{
    if (name.size > KNOWN_HEADER_BYTES_MAX) {
        return HTTP_HEADER_OTHER;
    }
    const size_t first = known_of_length[name.size].first;
    for (size_t i = first; i < first + known_of_length[name.size].count; i++) {
        if (http_text_equal(name, known_headers[i].name)) {
            return known_headers[i].id;
        }
    }
    return HTTP_HEADER_OTHER;
}

enum http_method http_method_of(struct ds_bytes text)
{
    for (int i = 0; i < HTTP_METHOD_OTHER; i++) {
        if (ds_bytes_equal_text(text, method_names[i])) {
            return (enum http_method)i;
        }
    }
    return HTTP_METHOD_OTHER;
}

const char *http_method_name(enum http_method method)
{
    return method_names[method];
}

struct ds_bytes http_request_header(const struct http_request *request, enum http_header_id id)
{
    if (request->seen[id] == 0) {
        return ds_bytes_of(NULL, 0);
    }
    return request->headers[request->first_header[id]].value;
}

struct http_request *http_request_create(size_t header_count_max)
{
    struct http_request *request = calloc(1, sizeof *request);
    struct http_header *headers = calloc(header_count_max, sizeof *headers);
    if (request == NULL || headers == NULL) {
        abort();
    }
    request->headers = headers;
    request->header_count_max = header_count_max;
    request->listener_name = "";
    ds_buffer_init(&request->head, SIZE_MAX);
    ds_buffer_init(&request->body, SIZE_MAX);
    ds_buffer_init(&request->reply_head, SIZE_MAX);
    ds_buffer_init(&request->reply_body, SIZE_MAX);
    return request;
}

static size_t buffer_reset(struct ds_buffer *buffer, size_t *budget_bytes)
{
    buffer->limit = SIZE_MAX;
    return ds_buffer_recycle(buffer, budget_bytes);
}

void http_request_reset(struct http_request *request, size_t *budget_bytes)
{
    size_t kept_bytes = buffer_reset(&request->head, budget_bytes);
    kept_bytes += buffer_reset(&request->body, budget_bytes);
    kept_bytes += buffer_reset(&request->reply_head, budget_bytes);
    kept_bytes += buffer_reset(&request->reply_body, budget_bytes);
    const struct http_request kept = *request;
    *request = (struct http_request){
        .headers = kept.headers,
        .header_count_max = kept.header_count_max,
        .head = kept.head,
        .body = kept.body,
        .reply_head = kept.reply_head,
        .reply_body = kept.reply_body,
        .kept_bytes = kept_bytes,
        .listener_name = "",
    };
}

void http_request_destroy(struct http_request *request)
{
    if (request == NULL) {
        return;
    }
    ds_buffer_deinit(&request->head);
    ds_buffer_deinit(&request->body);
    ds_buffer_deinit(&request->reply_head);
    ds_buffer_deinit(&request->reply_body);
    free(request->headers);
    free(request);
}
