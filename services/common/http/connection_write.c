/* The writing half of a connection: replies in the order of their requests. */
#include "http/connection.h"

#include <assert.h>

static size_t reply_bytes(const struct http_request *request)
{
    return request->reply_head.size + request->reply_body.size;
}

static void pop_first(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_request *request = connection->first;
    connection->first = request->next;
    if (connection->first == NULL) {
        connection->last = NULL;
    }
    connection->in_work--;
    connection->unsent_bytes -= reply_bytes(request);
    server->counters.unsent_bytes -= reply_bytes(request);
    http_stream_destroy(request->stream);
    http_server_give_back(server, request);
}

/* What `write` carried is out. */
static void take_written(struct http_connection *connection)
{
    for (uint32_t i = 0; i < connection->write_count; i++) {
        pop_first(connection);
    }
    if (connection->write_stream != NULL) {
        http_stream_written(connection->write_stream);
    }
}

/* Collects the replies that are next in order, as far as the first stream, and what that has to
 * send. Returns how many of `buffers` are filled. */
static unsigned int gather(struct http_connection *connection, uv_buf_t *buffers)
{
    static char continue_text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned int count = 0;
    struct http_request *request = connection->first;
    connection->write_count = 0;
    connection->write_stream = NULL;
    while (request != NULL && request->replied && request->complete && request->stream == NULL &&
           count + 2 < HTTP_WRITE_BUFFERS_MAX) {
        buffers[count++] =
            uv_buf_init((char *)request->reply_head.data, (unsigned int)request->reply_head.size);
        if (request->reply_body.size > 0) {
            buffers[count++] = uv_buf_init((char *)request->reply_body.data,
                                           (unsigned int)request->reply_body.size);
        }
        connection->write_count++;
        request = request->next;
    }
    if (request != NULL && request->stream != NULL && request->complete &&
        count + HTTP_STREAM_WRITE_BUFFERS_MAX <= HTTP_WRITE_BUFFERS_MAX) {
        connection->write_stream = request->stream;
        return count + http_stream_gather(request->stream, buffers + count);
    }
    if (request != NULL && request->continue_pending && count < HTTP_WRITE_BUFFERS_MAX) {
        request->continue_pending = false;
        buffers[count++] = uv_buf_init(continue_text, sizeof continue_text - 1);
    }
    return count;
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
    take_written(connection);
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
    const unsigned int count = gather(connection, buffers);
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
        take_written(connection);
        return true;
    }
    connection->writing = true;
    connection->write.data = connection;
    http_server_set_timeout(connection->server, &connection->write_timeout, HTTP_TIMEOUT_WRITE);
    if (uv_write(&connection->write, stream, buffers + first, count - first, on_write) != 0) {
        connection->writing = false;
        http_connection_close(connection);
    }
    return false;
}

/* Calls back what is due. False where one of the streams was aborted, and the connection with it.
 */
static bool tell_streams(struct http_connection *connection)
{
    struct http_request *request = connection->stream_count > 0 ? connection->first : NULL;
    while (request != NULL) {
        if (request->stream != NULL && request->stream->aborted) {
            connection->reset = true;
            http_connection_close(connection);
            return false;
        }
        if (request->stream != NULL) {
            http_stream_tell(request->stream);
        }
        request = request->next;
    }
    return true;
}

/* Lets go of the stream that all of is written. False where the first request is none. */
static bool end_stream(struct http_connection *connection)
{
    struct http_request *request = connection->first;
    if (request == NULL || request->stream == NULL || !http_stream_is_over(request->stream)) {
        return false;
    }
    const bool is_last = !request->keep_alive;
    http_stream_close(request->stream);
    pop_first(connection);
    if (is_last && connection->first != NULL) {
        /* The end of the connection is the end of the stream: nothing may follow it. */
        http_connection_close(connection);
    }
    return true;
}

/* An upgraded stream that wants to read has no use for what HTTP may hold back. */
static bool holds_too_much(const struct http_connection *connection)
{
    return connection->upgraded == NULL
               ? connection->held.size > 0 && !http_connection_is_full(connection)
               : connection->read_stopped && !connection->upgraded->reading_stopped;
}

void http_connection_flush(struct http_connection *connection)
{
    do {
        if (!tell_streams(connection)) {
            return;
        }
        while (!connection->closed && !connection->writing && write_some(connection)) {
        }
    } while (!connection->closed && !connection->writing && end_stream(connection));
    if (connection->closed || connection->writing || !tell_streams(connection)) {
        return;
    }
    if (holds_too_much(connection)) {
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

/* What RFC 9110 gives no content, whatever was written; a Content-Length would be of another
 * reply's (304) or may not be there at all (204). */
static bool is_bodyless(unsigned int status)
{
    return status == 204 || status == 304;
}

static void complete_head(struct http_request *request, enum http_framing framing)
{
    struct ds_buffer *head = &request->reply_head;
    ds_buffer_append(head, "Date: ", 6);
    ds_buffer_append(head, http_server_date(request->connection->server), HTTP_DATE_BYTES);
    ds_buffer_append(head, "\r\n", 2);
    if (framing == HTTP_FRAMING_CHUNKED) {
        ds_buffer_append_text(head, "Transfer-Encoding: chunked\r\n");
    } else if (framing == HTTP_FRAMING_LENGTH && !is_bodyless(request->status)) {
        http_reply_field_number(request, "Content-Length", request->reply_body.size);
    }
    if (framing == HTTP_FRAMING_UPGRADE) {
        ds_buffer_append_text(head, "Connection: Upgrade\r\n");
    } else if (!request->keep_alive) {
        ds_buffer_append_text(head, "Connection: close\r\n");
    } else if (request->version_minor == 0) {
        ds_buffer_append_text(head, "Connection: keep-alive\r\n");
    }
    ds_buffer_append(head, "\r\n", 2);
    if (request->method == HTTP_METHOD_HEAD || is_bodyless(request->status)) {
        ds_buffer_clear(&request->reply_body);
    }
}

void http_connection_reply(struct http_request *request, enum http_framing framing)
{
    struct http_connection *connection = request->connection;
    request->replied = true;
    request->keep_alive = may_stay(request);
    if (!request->keep_alive) {
        connection->final = true;
    }
    complete_head(request, framing);
    connection->unsent_bytes += reply_bytes(request);
    connection->server->counters.unsent_bytes += reply_bytes(request);
    http_server_mark_dirty(connection);
}

void http_reply_send(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    assert(!request->replied);
    if (connection == NULL) {
        request->replied = true;
        http_server_give_back(request->server, request);
        return;
    }
    http_connection_reply(request, HTTP_FRAMING_LENGTH);
}
