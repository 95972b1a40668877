#include "http/connection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static struct http_stream *begin(struct http_request *request,
                                 const struct http_stream_events *events, void *context,
                                 enum http_framing framing)
{
    struct http_connection *connection = request->connection;
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        abort();
    }
    assert(events->closed != NULL);
    stream->connection = connection;
    stream->request = request;
    stream->events = *events;
    stream->context = context;
    stream->is_chunked = framing == HTTP_FRAMING_CHUNKED;
    stream->is_head = request->method == HTTP_METHOD_HEAD;
    stream->drain_pending = connection->server->draining;
    request->stream = stream;
    request->continue_pending = false;
    connection->stream_count++;
    connection->server->counters.streams_open++;
    http_connection_reply(request, framing);
    return stream;
}

struct http_stream *http_stream_begin(struct http_request *request,
                                      const struct http_stream_events *events, void *context)
{
    assert(!request->replied && (request->complete || !request->has_body));
    if (request->connection == NULL) {
        return NULL;
    }
    if (request->version_minor == 1) {
        return begin(request, events, context, HTTP_FRAMING_CHUNKED);
    }
    request->keep_alive = false;
    return begin(request, events, context, HTTP_FRAMING_CLOSE);
}

struct http_stream *http_stream_upgrade(struct http_request *request,
                                        const struct http_stream_events *events, void *context)
{
    struct http_connection *connection = request->connection;
    assert(!request->replied && !request->has_body && request->version_minor == 1);
    if (connection == NULL || request->next != NULL ||
        (connection->reading != NULL && connection->reading != request)) {
        return NULL;
    }
    request->keep_alive = false;
    connection->upgraded = begin(request, events, context, HTTP_FRAMING_UPGRADE);
    return connection->upgraded;
}

static bool is_half_full(const struct http_stream *stream)
{
    return stream->piece_count >= HTTP_STREAM_PIECES_MAX / 2 ||
           stream->unsent_bytes >= HTTP_STREAM_HALF_BYTES;
}

bool http_stream_send(struct http_stream *stream, struct http_piece *piece)
{
    assert(!stream->ended);
    if (piece->size == 0 || stream->is_head) {
        return true;
    }
    if (stream->piece_count == HTTP_STREAM_PIECES_MAX) {
        return false;
    }
    const uint32_t place = (stream->first_piece + stream->piece_count) % HTTP_STREAM_PIECES_MAX;
    stream->pieces[place] = http_piece_ref(piece);
    stream->unsent_bytes += piece->size;
    stream->piece_count++;
    stream->was_half_full = stream->was_half_full || is_half_full(stream);
    http_server_mark_dirty(stream->connection);
    return true;
}

void http_stream_await_progress(struct http_stream *stream)
{
    stream->awaits_progress = true;
}

size_t http_stream_unsent_bytes(const struct http_stream *stream)
{
    return stream->unsent_bytes;
}

void http_stream_stop_reading(struct http_stream *stream)
{
    stream->reading_stopped = true;
    http_connection_stop_reading(stream->connection);
}

void http_stream_start_reading(struct http_stream *stream)
{
    stream->reading_stopped = false;
    /* What was held comes first, at the end of the turn. */
    http_server_mark_dirty(stream->connection);
}

void http_stream_end(struct http_stream *stream)
{
    stream->ended = true;
    http_server_mark_dirty(stream->connection);
}

void http_stream_abort(struct http_stream *stream)
{
    stream->aborted = true;
    http_server_mark_dirty(stream->connection);
}

static unsigned int add_buffer(uv_buf_t *buffers, unsigned int count, const void *data, size_t size)
{
    buffers[count] = uv_buf_init((char *)(uintptr_t)data, (unsigned int)size);
    return count + 1;
}

unsigned int http_stream_gather(struct http_stream *stream, uv_buf_t *buffers)
{
    const struct ds_buffer *head = &stream->request->reply_head;
    unsigned int count = 0;
    stream->writing_count = 0;
    stream->writing_last = false;
    if (!stream->head_written) {
        count = add_buffer(buffers, count, head->data, head->size);
    }
    while (stream->writing_count < stream->piece_count &&
           stream->writing_count < HTTP_STREAM_WRITE_PIECES_MAX) {
        const uint32_t i = stream->writing_count++;
        const struct http_piece *piece =
            stream->pieces[(stream->first_piece + i) % HTTP_STREAM_PIECES_MAX];
        if (stream->is_chunked) {
            char *line = stream->chunk_lines[i];
            const int line_bytes =
                snprintf(line, HTTP_CHUNK_LINE_BYTES, "%x\r\n", (unsigned int)piece->size);
            count = add_buffer(buffers, count, line, (size_t)line_bytes);
        }
        count = add_buffer(buffers, count, piece->data, piece->size);
        if (stream->is_chunked) {
            count = add_buffer(buffers, count, "\r\n", 2);
        }
    }
    if (stream->ended && stream->is_chunked && !stream->is_head && !stream->last_written &&
        stream->writing_count == stream->piece_count) {
        count = add_buffer(buffers, count, "0\r\n\r\n", 5);
        stream->writing_last = true;
    }
    return count;
}

static void drop_pieces(struct http_stream *stream, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct http_piece *piece = stream->pieces[stream->first_piece];
        stream->first_piece = (stream->first_piece + 1) % HTTP_STREAM_PIECES_MAX;
        stream->piece_count--;
        stream->unsent_bytes -= piece->size;
        http_piece_unref(piece);
    }
}

void http_stream_written(struct http_stream *stream)
{
    stream->head_written = true;
    stream->last_written = stream->last_written || stream->writing_last;
    drop_pieces(stream, stream->writing_count);
    stream->writing_count = 0;
    stream->was_half_full = stream->was_half_full || stream->awaits_progress;
    stream->awaits_progress = false;
}

bool http_stream_is_over(const struct http_stream *stream)
{
    return stream->head_written &&
           (stream->is_head || (stream->ended && stream->piece_count == 0 &&
                                (!stream->is_chunked || stream->last_written)));
}

void http_stream_tell(struct http_stream *stream)
{
    if (stream->drain_pending && !stream->drain_told) {
        stream->drain_told = true;
        if (stream->events.drain != NULL) {
            stream->events.drain(stream->context);
        }
    }
    if (stream->was_half_full && !is_half_full(stream)) {
        stream->was_half_full = false;
        if (stream->events.writable != NULL) {
            stream->events.writable(stream->context);
        }
    }
}

bool http_stream_take(struct http_stream *stream, struct ds_bytes bytes)
{
    if (stream->ended || stream->aborted || stream->events.bytes == NULL) {
        return false;
    }
    if (bytes.size > 0) {
        stream->events.bytes(stream->context, bytes);
    }
    return true;
}

void http_stream_close(struct http_stream *stream)
{
    struct http_connection *connection = stream->connection;
    connection->stream_count--;
    if (connection->upgraded == stream) {
        connection->upgraded = NULL;
    }
    connection->server->counters.streams_open--;
    stream->events.closed(stream->context);
}

void http_stream_destroy(struct http_stream *stream)
{
    if (stream != NULL) {
        drop_pieces(stream, stream->piece_count);
        free(stream);
    }
}
