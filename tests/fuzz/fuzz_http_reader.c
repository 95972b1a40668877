/*
 * The bytes of one connection into its requests, given whole and in pieces. The first byte chooses
 * the limits: bit 0 passes over bodies, bit 1 makes the head's limits small, the rest is the
 * limit of a body.
 */
#include "ds/utf8.h"
#include "fuzz/fuzz.h"
#include "http/host.h"
#include "http/reader.h"
#include "http/target.h"

/* Each input is read once for each of its cuts. */
#define INPUT_BYTES_MAX 4096
#define REQUESTS_MAX 16
#define HEADERS_MAX 12
/* Up to this size an input is cut at each of its places, above at this many. */
#define CUTS_MAX 128

struct connection {
    struct http_reader reader;
    struct http_request *request;
    struct ds_buffer trace; /* what became of the bytes, to be the same however they come */
    size_t body_bytes_max;
    size_t offset; /* of the bytes the first that is not taken */
    size_t request_count;
    bool discard_body;
    bool ended; /* refused, or enough requests */
};

static const struct http_head_limits wide = {
    .request_line_bytes_max = 2048, .headers_bytes_max = 4096, .header_count_max = HEADERS_MAX};
static const struct http_head_limits narrow = {
    .request_line_bytes_max = 40, .headers_bytes_max = 60, .header_count_max = 3};

static void trace_bytes(struct ds_buffer *trace, const char *name, struct ds_bytes bytes)
{
    ds_buffer_printf(trace, "%s %zu ", name, bytes.size);
    ds_buffer_append(trace, bytes.data, bytes.size);
    ds_buffer_append_byte(trace, '\n');
}

static void trace_head(struct ds_buffer *trace, const struct http_request *request)
{
    ds_buffer_printf(trace, "head %u 1.%u body %d chunked %d keep %d continue %d length %llu\n",
                     request->method, request->version_minor, request->has_body, request->chunked,
                     request->keep_alive, request->expects_continue,
                     (unsigned long long)request->content_length);
    trace_bytes(trace, "method", request->method_text);
    trace_bytes(trace, "host", request->host);
    trace_bytes(trace, "path", request->path);
    trace_bytes(trace, "query", request->query);
    for (size_t i = 0; i < request->header_count; i++) {
        trace_bytes(trace, "name", request->headers[i].name);
        trace_bytes(trace, "value", request->headers[i].value);
    }
}

static void check_target(struct ds_bytes text)
{
    struct ds_buffer decoded;
    ds_buffer_init(&decoded, text.size);
    http_target_decode(text, false, false, &decoded);
    fuzz_require(!decoded.overflow, "a target does not grow when it is decoded");
    fuzz_require(ds_utf8_valid_without_nul(ds_buffer_bytes(&decoded)),
                 "an accepted target decodes to UTF-8");
    ds_buffer_deinit(&decoded);
}

static bool has_control_character(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((text.data[i] < ' ' && text.data[i] != '\t') || text.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static void check_head(const struct connection *connection)
{
    const struct http_request *request = connection->request;
    const struct http_head_limits *limits = &connection->reader.limits;
    fuzz_require(request->head.size <= limits->request_line_bytes_max + limits->headers_bytes_max,
                 "a head is within its limits");
    fuzz_require(request->header_count <= limits->header_count_max,
                 "the fields are within their limit");
    fuzz_require(request->method_text.size > 0, "a request has a method");
    fuzz_require(request->path.size > 0 &&
                     (request->path.data[0] == '/' || ds_bytes_equal_text(request->path, "*")),
                 "a path begins with a slash");
    fuzz_require(request->version_minor == 0 ||
                     http_host_is_well_formed(request->host, HTTP_PORT_OPTIONAL),
                 "an HTTP/1.1 request is for a host");
    check_target(request->path);
    check_target(request->query);
    for (size_t i = 0; i < request->header_count; i++) {
        fuzz_require(!has_control_character(request->headers[i].value),
                     "a field's value has no control characters");
    }
    fuzz_require(request->has_body == (request->chunked || request->content_length > 0),
                 "a body is announced in one way");
}

/* Writes the target in the form that it had. */
static void write_target(const struct http_request *request, struct ds_buffer *head)
{
    const bool is_connect = request->method == HTTP_METHOD_CONNECT;
    if (request->host.data != http_request_header(request, HTTP_HEADER_HOST).data) {
        ds_buffer_append_text(head, is_connect ? "" : "http://");
        ds_buffer_append(head, request->host.data, request->host.size);
        if (ds_bytes_equal_text(request->path, "*")) {
            return;
        }
    }
    ds_buffer_append(head, request->path.data, request->path.size);
}

/* Writes the head again from what was read of it. */
static void write_head(const struct http_request *request, struct ds_buffer *head)
{
    ds_buffer_append(head, request->method_text.data, request->method_text.size);
    ds_buffer_append_byte(head, ' ');
    write_target(request, head);
    if (request->query.size > 0) {
        ds_buffer_append_byte(head, '?');
        ds_buffer_append(head, request->query.data, request->query.size);
    }
    ds_buffer_printf(head, " HTTP/1.%u\r\n", request->version_minor);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        ds_buffer_append(head, header->name.data, header->name.size);
        ds_buffer_append_text(head, ": ");
        ds_buffer_append(head, header->value.data, header->value.size);
        ds_buffer_append_text(head, "\r\n");
    }
    ds_buffer_append_text(head, "\r\n");
}

/* A head that we understood must mean the same to a stricter reader, or it could smuggle. */
static void check_head_again(const struct http_request *request)
{
    struct http_reader reader = {.limits = {.request_line_bytes_max = SIZE_MAX / 4,
                                            .headers_bytes_max = SIZE_MAX / 4,
                                            .header_count_max = HEADERS_MAX}};
    struct http_request *again = http_request_create(HEADERS_MAX + 1);
    struct ds_buffer head;
    struct ds_buffer first;
    struct ds_buffer second;
    ds_buffer_init(&head, FUZZ_BYTES_MAX);
    ds_buffer_init(&first, FUZZ_BYTES_MAX);
    ds_buffer_init(&second, FUZZ_BYTES_MAX);
    write_head(request, &head);
    http_reader_begin(&reader);
    size_t used = 0;
    fuzz_require(http_reader_take(&reader, again, ds_buffer_bytes(&head), &used) == HTTP_EVENT_HEAD,
                 "a head that is written again is a head");
    fuzz_require(used == head.size, "a head that is written again ends where it ends");
    trace_head(&first, request);
    trace_head(&second, again);
    fuzz_require(ds_bytes_equal(ds_buffer_bytes(&first), ds_buffer_bytes(&second)),
                 "a head that is written again means the same");
    ds_buffer_deinit(&head);
    ds_buffer_deinit(&first);
    ds_buffer_deinit(&second);
    http_request_destroy(again);
}

static void check_end(const struct connection *connection)
{
    const struct http_request *request = connection->request;
    if (connection->discard_body) {
        fuzz_require(request->body.size == 0, "a body that is passed over is not kept");
    } else if (!request->chunked) {
        fuzz_require(request->body.size == request->content_length, "a body has its length");
    }
    fuzz_require(request->body.size <= connection->body_bytes_max, "a body is within its limit");
}

static void begin(struct connection *connection)
{
    size_t budget_bytes = 0;
    http_request_reset(connection->request, &budget_bytes);
    http_reader_begin(&connection->reader);
}

static void take_event(struct connection *connection, enum http_event event)
{
    struct http_request *request = connection->request;
    switch (event) {
    case HTTP_EVENT_MORE:
        break;
    case HTTP_EVENT_HEAD:
        check_head(connection);
        check_head_again(request);
        trace_head(&connection->trace, request);
        request->body_bytes_max = connection->body_bytes_max;
        connection->reader.discard_body = connection->discard_body;
        break;
    case HTTP_EVENT_END:
        check_end(connection);
        trace_bytes(&connection->trace, "body", ds_buffer_bytes(&request->body));
        ds_buffer_printf(&connection->trace, "end at %zu\n", connection->offset);
        connection->ended = ++connection->request_count == REQUESTS_MAX;
        begin(connection);
        break;
    case HTTP_EVENT_REFUSED:
        fuzz_require(connection->reader.refusal.reason != DS_REASON(REASON_UNSPECIFIED) &&
                         connection->reader.refusal.detail != NULL,
                     "a refusal says what is wrong");
        ds_buffer_printf(&connection->trace, "refused %d %s\n",
                         (int)connection->reader.refusal.reason, connection->reader.refusal.detail);
        connection->ended = true;
        break;
    }
}

/* Gives the bytes as the connection layer does: a request begins with its first byte. */
static void give(struct connection *connection, struct ds_bytes bytes)
{
    enum http_event event = HTTP_EVENT_END;
    while (!connection->ended && (bytes.size > 0 || event == HTTP_EVENT_HEAD)) {
        size_t used = 0;
        event = http_reader_take(&connection->reader, connection->request, bytes, &used);
        fuzz_require(used <= bytes.size, "no more bytes are taken than there are");
        fuzz_require(event != HTTP_EVENT_MORE || used == bytes.size,
                     "a request that goes on takes all bytes");
        bytes = ds_bytes_of(bytes.data + used, bytes.size - used);
        connection->offset += used;
        take_event(connection, event);
    }
}

static void run(struct connection *connection, struct ds_bytes first, struct ds_bytes second,
                size_t piece)
{
    connection->offset = 0;
    connection->request_count = 0;
    connection->ended = false;
    ds_buffer_clear(&connection->trace);
    begin(connection);
    give(connection, first);
    for (size_t at = 0; at < second.size; at += piece) {
        const size_t left = second.size - at;
        give(connection, ds_bytes_of(second.data + at, left < piece ? left : piece));
    }
    if (!connection->ended) {
        trace_bytes(&connection->trace, "head so far", ds_buffer_bytes(&connection->request->head));
        trace_bytes(&connection->trace, "body so far", ds_buffer_bytes(&connection->request->body));
    }
}

static void require_same(const struct ds_buffer *whole, const struct ds_buffer *trace)
{
    fuzz_require(ds_bytes_equal(ds_buffer_bytes(whole), ds_buffer_bytes(trace)),
                 "bytes in pieces are read as they are whole");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct connection connection = {
        .reader = {.limits = (data[0] & 2) != 0 ? narrow : wide},
        .request = http_request_create(HEADERS_MAX + 1),
        .discard_body = (data[0] & 1) != 0,
        .body_bytes_max = data[0] >> 2,
    };
    const struct ds_bytes bytes = ds_bytes_of(data + 1, size - 1);
    struct ds_buffer whole;
    ds_buffer_init(&whole, FUZZ_BYTES_MAX);
    ds_buffer_init(&connection.trace, FUZZ_BYTES_MAX);
    run(&connection, bytes, ds_bytes_of(NULL, 0), 1);
    ds_buffer_append(&whole, connection.trace.data, connection.trace.size);

    run(&connection, ds_bytes_of(NULL, 0), bytes, 1);
    require_same(&whole, &connection.trace);
    const size_t step = bytes.size / CUTS_MAX + 1;
    for (size_t cut = 1; cut < bytes.size; cut += step) {
        run(&connection, ds_bytes_of(bytes.data, cut),
            ds_bytes_of(bytes.data + cut, bytes.size - cut), SIZE_MAX / 4);
        require_same(&whole, &connection.trace);
    }
    ds_buffer_deinit(&whole);
    ds_buffer_deinit(&connection.trace);
    http_request_destroy(connection.request);
    return 0;
}
