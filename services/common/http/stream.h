/*
 * A reply without an announced end, or a connection that speaks another protocol. The request stays
 * the connection's first until the stream ends; requests behind it wait, and a connection with a
 * stream begins no further ones. Loop's thread only. No function here calls back: the callbacks
 * come later, from the loop.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/piece.h"
#include "http/request.h"

#define HTTP_STREAM_PIECES_MAX 256 /* queued in the stream, beside what the kernel has */
/* Who wants to queue less bytes than that many pieces might have stops at twice this. */
#define HTTP_STREAM_HALF_BYTES ((size_t)512 * 1024)

struct http_stream;

/* Each may be NULL but `closed`. */
struct http_stream_events {
    /* The queue was at least half full and no longer is. */
    void (*writable)(void *context);
    /* Of an upgraded stream until http_stream_end(); the view dies with the call. */
    void (*bytes)(void *context, struct ds_bytes bytes);
    void (*drain)(void *context);  /* the server stops: end soon; once */
    void (*closed)(void *context); /* once, the last callback, whoever ended it */
};

/*
 * Begins the stream of request->reply_head as http_reply_begin() and the fields left it. The
 * request must be complete or have no body, and is not the handler's afterwards. Chunked for
 * HTTP/1.1, until the close for HTTP/1.0. HEAD: sends the head and ends (`closed` comes). NULL
 * where the client has gone (abandon was called): the request is ended by http_reply_send() as
 * ever.
 */
struct http_stream *http_stream_begin(struct http_request *request,
                                      const struct http_stream_events *events, void *context);

/*
 * The same after a 101: no framing of ours, bytes behind the head come by `bytes`. The request must
 * be HTTP/1.1 without a body. NULL also where bytes behind it were taken for another request, as
 * happens when the upgrade does not come from the handler's `request` itself.
 */
struct http_stream *http_stream_upgrade(struct http_request *request,
                                        const struct http_stream_events *events, void *context);

/* Takes a reference. False, and nothing taken, where HTTP_STREAM_PIECES_MAX are queued: wait for
 * `writable`. Empty pieces are passed over, and so is everything for HEAD. */
bool http_stream_send(struct http_stream *stream, struct http_piece *piece);

/* `writable` is to come also where less than half is queued: when some of it has been written. */
void http_stream_await_progress(struct http_stream *stream);

size_t http_stream_unsent_bytes(const struct http_stream *stream);

/* Upgraded streams: back-pressure; start resumes. */
void http_stream_stop_reading(struct http_stream *stream);
void http_stream_start_reading(struct http_stream *stream);

/* After what is queued: the last chunk, or the close of an upgraded stream. */
void http_stream_end(struct http_stream *stream);

/* Soon, by a reset, so that a client can't take what it has for the whole. */
void http_stream_abort(struct http_stream *stream);

#endif
