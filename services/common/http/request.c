#include "http/request.h"

#include <stdlib.h>

/* What a request keeps of its buffers from one use to the next. */
#define KEPT_BYTES_MAX ((size_t)32 * 1024)

static const struct {
    const char *name;
    enum http_header_id id;
} known_headers[] = {
    {"accept", HTTP_HEADER_ACCEPT},
    {"authorization", HTTP_HEADER_AUTHORIZATION},
    {"connection", HTTP_HEADER_CONNECTION},
    {"content-encoding", HTTP_HEADER_CONTENT_ENCODING},
    {"content-length", HTTP_HEADER_CONTENT_LENGTH},
    {"content-type", HTTP_HEADER_CONTENT_TYPE},
    {"expect", HTTP_HEADER_EXPECT},
    {"host", HTTP_HEADER_HOST},
    {"traceparent", HTTP_HEADER_TRACEPARENT},
    {"tracestate", HTTP_HEADER_TRACESTATE},
    {"transfer-encoding", HTTP_HEADER_TRANSFER_ENCODING},
    {"x-api-key", HTTP_HEADER_X_API_KEY},
    {"x-request-id", HTTP_HEADER_X_REQUEST_ID},
};

static const char *const method_names[] = {
    [HTTP_METHOD_GET] = "GET",         [HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
    [HTTP_METHOD_PATCH] = "PATCH",     [HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_HEAD] = "HEAD",
    [HTTP_METHOD_OPTIONS] = "OPTIONS", [HTTP_METHOD_OTHER] = "OTHER",
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
    for (size_t i = 0; i < sizeof known_headers / sizeof known_headers[0]; i++) {
        /* The first letter tells most names apart. */
        if (name.size > 0 && lower(name.data[0]) == (uint8_t)known_headers[i].name[0] &&
            http_text_equal(name, known_headers[i].name)) {
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

static void buffer_reset(struct ds_buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES_MAX) {
        ds_buffer_deinit(buffer);
    }
    ds_buffer_clear(buffer);
    buffer->limit = SIZE_MAX;
}

void http_request_reset(struct http_request *request)
{
    buffer_reset(&request->head);
    buffer_reset(&request->body);
    buffer_reset(&request->reply_head);
    buffer_reset(&request->reply_body);
    const struct http_request kept = *request;
    *request = (struct http_request){
        .headers = kept.headers,
        .header_count_max = kept.header_count_max,
        .head = kept.head,
        .body = kept.body,
        .reply_head = kept.reply_head,
        .reply_body = kept.reply_body,
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
