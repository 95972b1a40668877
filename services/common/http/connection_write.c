/* The writing half of a connection: replies in the order of their requests. */
#include "http/connection.h"

#include <assert.h>

static size_t reply_bytes(const struct http_request *request)
{
    return request->reply_head.size + request->reply_body.size;
}

static void pop_written(struct http_connection *connection, uint32_t count)
{
    struct http_server *server = connection->server;
    for (uint32_t i = 0; i < count; i++) {
        struct http_request *request = connection->first;
        connection->first = request->next;
        if (connection->first == NULL) {
            connection->last = NULL;
        }
        connection->in_work--;
        connection->unsent_bytes -= reply_bytes(request);
        server->counters.unsent_bytes -= reply_bytes(request);
        http_server_give_back(server, request);
    }
}

/* Collects the replies that are next in order. Returns how many; ret_buffer_count of `buffers` are
 * filled. */
static uint32_t gather(struct http_connection *connection, uv_buf_t *buffers,
                       unsigned int *ret_buffer_count)
{
    static char continue_text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned int count = 0;
    uint32_t reply_count = 0;
    struct http_request *request = connection->first;
    while (request != NULL && request->replied && request->complete &&
           count + 2 < HTTP_WRITE_BUFFERS_MAX) {
        buffers[count++] =
            uv_buf_init((char *)request->reply_head.data, (unsigned int)request->reply_head.size);
        if (request->reply_body.size > 0) {
            buffers[count++] = uv_buf_init((char *)request->reply_body.data,
                                           (unsigned int)request->reply_body.size);
        }
        reply_count++;
        request = request->next;
    }
    if (request != NULL && request->continue_pending && count < HTTP_WRITE_BUFFERS_MAX) {
        request->continue_pending = false;
        buffers[count++] = uv_buf_init(continue_text, sizeof continue_text - 1);
    }
    *ret_buffer_count = count;
    return reply_count;
}

static void on_write(uv_write_t *write, int status)
{
    struct http_connection *connection = write->data;
    connection->writing = false;
    if (connection->closed) {
        return;
    }
    http_timeout_clear(&connection->write_timeout);
    if (status < 0) {
        http_connection_close(connection);
        return;
    }
    pop_written(connection, connection->write_count);
    http_server_mark_dirty(connection);
}

/* Passes over the bytes that are written already. */
static unsigned int skip_written(uv_buf_t *buffers, unsigned int count, size_t written)
{
    unsigned int first = 0;
    while (first < count && written >= buffers[first].len) {
        written -= buffers[first].len;
        first++;
    }
    if (first < count) {
        buffers[first].base += written;
        buffers[first].len -= written;
    }
    return first;
}

/* Writes what is ready. False where nothing was, or where libuv has to go on with it. */
static bool write_some(struct http_connection *connection)
{
    uv_buf_t buffers[HTTP_WRITE_BUFFERS_MAX];
    unsigned int count = 0;
    const uint32_t reply_count = gather(connection, buffers, &count);
    if (count == 0) {
        return false;
    }
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    const int written = uv_try_write(stream, buffers, count);
    if (written < 0 && written != UV_EAGAIN) {
        http_connection_close(connection);
        return false;
    }
    const unsigned int first = skip_written(buffers, count, written < 0 ? 0 : (size_t)written);
    if (first == count) {
        pop_written(connection, reply_count);
        return true;
    }
    connection->writing = true;
    connection->write_count = reply_count;
    connection->write.data = connection;
    http_server_set_timeout(connection->server, &connection->write_timeout, HTTP_TIMEOUT_WRITE);
    if (uv_write(&connection->write, stream, buffers + first, count - first, on_write) != 0) {
        connection->writing = false;
        http_connection_close(connection);
    }
    return false;
}

void http_connection_flush(struct http_connection *connection)
{
    while (!connection->closed && !connection->writing && write_some(connection)) {
    }
    if (connection->closed || connection->writing) {
        return;
    }
    if (connection->held.size > 0 && !http_connection_is_full(connection)) {
        http_connection_resume(connection);
    }
    if (connection->closed || connection->first != NULL || connection->reading != NULL) {
        return;
    }
    if (connection->final || connection->server->draining) {
        http_connection_finish(connection);
    } else if (connection->held.size == 0) {
        http_server_set_timeout(connection->server, &connection->read_timeout, HTTP_TIMEOUT_IDLE);
    }
}

/* Whether another request may follow once this reply is out. */
static bool may_stay(const struct http_request *request)
{
    const struct http_connection *connection = request->connection;
    if (!request->keep_alive) {
        return false;
    }
    /* A server that is stopping takes the requests whose first bytes it has, and no others. */
    const bool is_last =
        request->next == NULL && (connection->reading == NULL || connection->reading == request);
    if (connection->server->draining && is_last) {
        return false;
    }
    const bool body_outstanding = request->has_body && !request->complete;
    return !body_outstanding || (!request->chunked && !request->expects_continue &&
                                 request->content_length <= HTTP_DISCARD_BYTES_MAX);
}

static void complete_head(struct http_request *request)
{
    struct ds_buffer *head = &request->reply_head;
    ds_buffer_append(head, "Date: ", 6);
    ds_buffer_append(head, http_server_date(request->connection->server), HTTP_DATE_BYTES);
    ds_buffer_append(head, "\r\n", 2);
    if (request->status != 204) {
        http_reply_field_number(request, "Content-Length", request->reply_body.size);
    }
    if (!request->keep_alive) {
        ds_buffer_append_text(head, "Connection: close\r\n");
    } else if (request->version_minor == 0) {
        ds_buffer_append_text(head, "Connection: keep-alive\r\n");
    }
    ds_buffer_append(head, "\r\n", 2);
    if (request->method == HTTP_METHOD_HEAD || request->status == 204) {
        ds_buffer_clear(&request->reply_body);
    }
}

void http_reply_send(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    assert(!request->replied);
    request->replied = true;
    if (connection == NULL) {
        http_server_give_back(request->server, request);
        return;
    }
    request->keep_alive = may_stay(request);
    if (!request->keep_alive) {
        connection->final = true;
    }
    complete_head(request);
    connection->unsent_bytes += reply_bytes(request);
    connection->server->counters.unsent_bytes += reply_bytes(request);
    http_server_mark_dirty(connection);
}
