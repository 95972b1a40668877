#include "http/connection.h"

#include <assert.h>
#include <stdlib.h>

static void append_request(struct http_connection *connection, struct http_request *request)
{
    if (connection->last == NULL) {
        connection->first = request;
    } else {
        connection->last->next = request;
    }
    connection->last = request;
    connection->in_work++;
    http_proxies_read(connection->server->proxies, request);
    request->began_us = ds_clock_monotonic_us(connection->server->clock);
}

static void begin_request(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_request *request = http_server_take_request(server);
    request->connection = connection;
    request->listener_name = connection->listener_name;
    memcpy(request->peer, connection->peer, sizeof request->peer);
    connection->reading = request;
    http_reader_begin(&connection->reader);
    http_server_set_timeout(server, &connection->read_timeout, HTTP_TIMEOUT_HEADERS);
}

void http_connection_stop_reading(struct http_connection *connection)
{
    if (!connection->read_stopped) {
        connection->read_stopped = true;
        uv_read_stop((uv_stream_t *)&connection->tcp);
    }
}

/* The request under way can't be taken: it is replied to, and nothing behind it is read. */
static void refuse_request(struct http_connection *connection, const struct http_refusal *refusal)
{
    struct http_request *request = connection->reading;
    const struct http_handler *handler = &connection->server->handler;
    if (!connection->reader.in_body) {
        http_head_read_method(request);
        append_request(connection, request);
    }
    connection->reading = NULL;
    connection->final = true;
    http_timeout_clear(&connection->read_timeout);
    request->complete = true;
    request->keep_alive = false;
    request->continue_pending = false;
    if (request->replied) {
        http_server_mark_dirty(connection);
        return;
    }
    handler->refuse(handler->context, request, refusal);
    assert(request->connection == NULL || request->replied);
}

static void take_head(struct http_connection *connection)
{
    static const struct http_refusal unknown_method = {
        DS_REASON(NOT_IMPLEMENTED), "the request method is not known here; methods are upper case"};
    struct http_server *server = connection->server;
    struct http_request *request = connection->reading;
    append_request(connection, request);
    request->body_bytes_max = server->limits.body_bytes_max;
    if (request->has_body) {
        http_server_set_timeout(server, &connection->read_timeout, HTTP_TIMEOUT_BODY);
    }
    const struct http_refusal *refusal =
        request->method == HTTP_METHOD_OTHER ? &unknown_method : http_server_busy(server);
    if (refusal != NULL) {
        server->handler.refuse(server->handler.context, request, refusal);
    } else {
        server->handler.head(server->handler.context, request);
    }
    if (!request->replied) {
        request->continue_pending = request->expects_continue;
        if (request->continue_pending) {
            http_server_mark_dirty(connection);
        }
        return;
    }
    if (request->keep_alive) {
        connection->reader.discard_body = true;
        return;
    }
    /* The body is not read at all; what comes of it is drained when the reply is out. */
    request->complete = true;
    connection->reading = NULL;
    http_timeout_clear(&connection->read_timeout);
}

static void end_request(struct http_connection *connection)
{
    struct http_request *request = connection->reading;
    const struct http_handler *handler = &connection->server->handler;
    connection->reading = NULL;
    http_timeout_clear(&connection->read_timeout);
    request->complete = true;
    request->continue_pending = false;
    if (!request->keep_alive) {
        connection->final = true;
    }
    if (request->replied) {
        http_server_mark_dirty(connection);
        return;
    }
    handler->request(handler->context, request);
}

bool http_connection_is_full(const struct http_connection *connection)
{
    return connection->stream_count > 0 ||
           connection->in_work >= connection->server->limits.pipeline_max ||
           connection->unsent_bytes > HTTP_UNSENT_BYTES_MAX;
}

/* Gives the request its bytes, as far as there is room for more bodies. */
static enum http_event read_request(struct http_connection *connection, struct ds_bytes bytes,
                                    size_t *ret_used)
{
    struct http_server_counters *counters = &connection->server->counters;
    struct http_request *request = connection->reading;
    const size_t size_before = request->body.size;
    const enum http_event event = http_reader_take(&connection->reader, request, bytes, ret_used);
    counters->body_bytes += request->body.size - size_before;
    if (request->body.size == size_before || counters->body_bytes <= HTTP_BODIES_TOTAL_BYTES_MAX) {
        return event;
    }
    connection->reader.refusal = (struct http_refusal){
        DS_REASON(SERVER_BUSY), "the server has too many large requests in work; try again"};
    return HTTP_EVENT_REFUSED;
}

static void take_bytes(struct http_connection *connection, struct ds_bytes bytes)
{
    while (!connection->final) {
        if (connection->reading == NULL) {
            if (bytes.size == 0) {
                return;
            }
            if (http_connection_is_full(connection)) {
                ds_buffer_append(&connection->held, bytes.data, bytes.size);
                http_connection_stop_reading(connection);
                return;
            }
            begin_request(connection);
        }
        size_t used = 0;
        const enum http_event event = read_request(connection, bytes, &used);
        bytes.data += used;
        bytes.size -= used;
        switch (event) {
        case HTTP_EVENT_MORE:
            return;
        case HTTP_EVENT_HEAD:
            take_head(connection);
            break;
        case HTTP_EVENT_END:
            end_request(connection);
            break;
        case HTTP_EVENT_REFUSED:
            refuse_request(connection, &connection->reader.refusal);
            break;
        }
    }
    if (connection->upgraded != NULL && connection->upgraded->reading_stopped) {
        /* What came with the head, before the reading could be stopped. */
        ds_buffer_append(&connection->held, bytes.data, bytes.size);
        return;
    }
    if (connection->upgraded != NULL && http_stream_take(connection->upgraded, bytes)) {
        return;
    }
    connection->drained_bytes += bytes.size;
    if (connection->drained_bytes > HTTP_LINGER_BYTES_MAX) {
        http_connection_stop_reading(connection);
    }
}

/* The client has closed its side. Requests that came whole are still answered, for a while: it may
 * have closed that side only. */
static void take_end(struct http_connection *connection)
{
    static const struct http_refusal early = {DS_REASON(INVALID_REQUEST),
                                              "the request ended before it was complete"};
    connection->saw_end = true;
    http_connection_stop_reading(connection);
    if (connection->reading != NULL) {
        refuse_request(connection, &early);
    }
    if (connection->first == NULL || connection->shutting_down) {
        http_connection_close(connection);
        return;
    }
    connection->final = true;
    http_server_set_timeout(connection->server, &connection->read_timeout,
                            HTTP_TIMEOUT_HALF_CLOSED);
}

static void on_read(uv_stream_t *stream, ssize_t read_count, const uv_buf_t *buffer)
{
    struct http_connection *connection = (struct http_connection *)(void *)stream;
    if (read_count > 0) {
        take_bytes(connection, ds_bytes_of(buffer->base, (size_t)read_count));
        if (connection->shutting_down && connection->drained_bytes > HTTP_LINGER_BYTES_MAX) {
            http_connection_close(connection);
        }
    } else if (read_count == UV_EOF) {
        take_end(connection);
    } else if (read_count < 0) {
        http_connection_close(connection);
    }
}

static void on_allocate(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    (void)suggested_size;
    struct http_connection *connection = (struct http_connection *)(void *)handle;
    *buffer = uv_buf_init(connection->server->read_buffer, HTTP_READ_BYTES);
}

static void start_reading(struct http_connection *connection)
{
    connection->read_stopped = false;
    if (uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read) != 0) {
        http_connection_close(connection);
    }
}

void http_connection_resume(struct http_connection *connection)
{
    struct ds_buffer held = connection->held;
    ds_buffer_init(&connection->held, SIZE_MAX);
    take_bytes(connection, ds_buffer_bytes(&held));
    ds_buffer_deinit(&held);
    const bool is_stopped = connection->upgraded != NULL && connection->upgraded->reading_stopped;
    if (connection->held.size == 0 && !connection->closed && !connection->saw_end && !is_stopped &&
        connection->drained_bytes <= HTTP_LINGER_BYTES_MAX) {
        start_reading(connection);
    }
}

void http_connection_begin(struct http_connection *connection, const struct http_refusal *refusal)
{
    connection->reader.limits = (struct http_head_limits){
        .request_line_bytes_max = connection->server->limits.request_line_bytes_max,
        .headers_bytes_max = connection->server->limits.headers_bytes_max,
        .header_count_max = connection->server->limits.header_count_max,
    };
    ds_buffer_init(&connection->held, SIZE_MAX);
    if (refusal != NULL) {
        begin_request(connection);
        refuse_request(connection, refusal);
    } else {
        http_server_set_timeout(connection->server, &connection->read_timeout, HTTP_TIMEOUT_IDLE);
    }
    start_reading(connection);
}

void http_connection_read_timeout(struct http_connection *connection, enum http_timeout_kind kind)
{
    static const struct http_refusal slow_head = {DS_REASON(REQUEST_TIMEOUT),
                                                  "the head of the request did not come in time"};
    static const struct http_refusal slow_body = {DS_REASON(REQUEST_TIMEOUT),
                                                  "the body of the request did not come in time"};
    if (kind == HTTP_TIMEOUT_HEADERS) {
        refuse_request(connection, &slow_head);
    } else if (kind == HTTP_TIMEOUT_BODY) {
        refuse_request(connection, &slow_body);
    } else {
        http_connection_close(connection);
    }
}

void http_connection_drain(struct http_connection *connection)
{
    if (connection->first == NULL && connection->reading == NULL) {
        http_connection_close(connection);
        return;
    }
    struct http_request *request = connection->first;
    while (request != NULL) {
        if (request->stream != NULL) {
            request->stream->drain_pending = true;
            http_server_mark_dirty(connection);
        }
        request = request->next;
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *connection = (struct http_connection *)(void *)handle;
    struct http_server *server = connection->server;
    while (connection->first != NULL) {
        struct http_request *request = connection->first;
        connection->first = request->next;
        http_stream_destroy(request->stream);
        http_server_give_back(server, request);
    }
    ds_buffer_deinit(&connection->held);
    free(connection);
    server->handles_open--;
    http_server_check_drained(server);
}

/* Requests without a reply stay the handler's until it sends one; the others go with the
 * connection, when libuv has let go of their buffers. */
static void let_requests_go(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_request *request = connection->first;
    struct http_request *replied = NULL;
    if (connection->reading != NULL && !connection->reader.in_body) {
        http_server_give_back(server, connection->reading);
    }
    connection->reading = NULL;
    while (request != NULL) {
        struct http_request *next = request->next;
        request->connection = NULL;
        if (request->stream != NULL) {
            http_stream_close(request->stream);
        }
        if (request->replied) {
            request->next = replied;
            replied = request;
        } else {
            server->handler.abandon(server->handler.context, request);
        }
        request = next;
    }
    connection->first = replied;
    connection->last = NULL;
}

void http_connection_close(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->closed) {
        return;
    }
    connection->closed = true;
    http_timeout_clear(&connection->read_timeout);
    http_timeout_clear(&connection->write_timeout);
    server->counters.unsent_bytes -= connection->unsent_bytes;
    connection->unsent_bytes = 0;
    if (connection->counted != NULL) {
        http_peers_remove(&server->peers, connection->counted);
        server->counters.connections_open--;
    } else {
        server->refused_open--;
    }
    if (connection->previous == NULL) {
        server->connections = connection->next;
    } else {
        connection->previous->next = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    let_requests_go(connection);
    if (!connection->reset || uv_tcp_close_reset(&connection->tcp, on_closed) != 0) {
        uv_close((uv_handle_t *)&connection->tcp, on_closed);
    }
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct http_connection *connection = shutdown->data;
    if (connection->closed) {
        return;
    }
    if (status < 0 || connection->saw_end || connection->drained_bytes > HTTP_LINGER_BYTES_MAX) {
        http_connection_close(connection);
        return;
    }
    http_server_set_timeout(connection->server, &connection->read_timeout, HTTP_TIMEOUT_LINGER);
    if (connection->read_stopped) {
        start_reading(connection);
    }
}

void http_connection_finish(struct http_connection *connection)
{
    if (connection->shutting_down) {
        return;
    }
    connection->shutting_down = true;
    connection->shutdown.data = connection;
    http_timeout_clear(&connection->read_timeout);
    if (uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, on_shutdown) != 0) {
        http_connection_close(connection);
    }
}
