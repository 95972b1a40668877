/* The insides of the HTTP server, shared by server.c, connection.c, connection_write.c and stream.c
 * only. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/endpoint.h"
#include "http/peers.h"
#include "http/reader.h"
#include "http/server.h"
#include "http/stream.h"
#include "http/timeout.h"

#include <uv.h>

#define HTTP_LISTENERS_MAX 16

#define HTTP_READ_BYTES ((size_t)64 * 1024)
/* Replies that one client has not taken; beyond it no further request of it is begun. */
#define HTTP_UNSENT_BYTES_MAX ((size_t)256 * 1024)
/* The same of all clients together; beyond it requests are refused as 503 until some has gone. */
#define HTTP_UNSENT_TOTAL_BYTES_MAX ((uint64_t)128 * 1024 * 1024)
/* Bodies of requests without a reply, of all clients together; beyond it requests with a body are
 * refused as 503. */
#define HTTP_BODIES_TOTAL_BYTES_MAX ((uint64_t)128 * 1024 * 1024)
/* What is read and thrown away after the last reply, so that the client gets to read it: closing
 * with unread bytes would send a reset that overtakes the reply. */
#define HTTP_LINGER_BYTES_MAX ((uint64_t)16 * 1024 * 1024)
#define HTTP_LINGER_MS 3000
/* How long requests in work may still end after the client has closed its side. */
#define HTTP_HALF_CLOSED_MS 1000
/* A refused request's body up to this size is passed over, so that the connection can stay. */
#define HTTP_DISCARD_BYTES_MAX ((uint64_t)64 * 1024)
/* Connections over a cap that are told so; more are closed without a word. */
#define HTTP_REFUSED_CONNECTIONS_MAX 64
#define HTTP_IDLE_REQUESTS_MAX 256
/* Memory of large buffers that idle requests keep, all together: pages of 1,000 rows need no new
 * memory then. */
#define HTTP_KEPT_TOTAL_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define HTTP_WRITE_BUFFERS_MAX 32
/* Pieces of a stream that one write carries, and the buffers that this takes: head, line, data and
 * line end of each, last chunk. The time limit of writing counts for each write anew. */
#define HTTP_STREAM_WRITE_PIECES_MAX 8
#define HTTP_STREAM_WRITE_BUFFERS_MAX (3 * HTTP_STREAM_WRITE_PIECES_MAX + 2)
#define HTTP_CHUNK_LINE_BYTES 12 /* of a size of 32 bits */
/* How often one turn of the loop goes back to connections that hold further requests: a client with
 * a long pipeline must not keep the others waiting. */
#define HTTP_TURN_ROUNDS_MAX 2

struct http_listener {
    uv_tcp_t tcp;
    struct http_server *server;
    char name[HTTP_ENDPOINT_NAME_BYTES];
    bool open;
};

struct http_connection {
    uv_tcp_t tcp; /* first: libuv's callbacks get this address */
    struct http_server *server;
    struct http_connection *next; /* in the server's list of all connections */
    struct http_connection *previous;
    struct http_connection *next_dirty;
    struct http_peer *counted; /* NULL for a connection over a cap */
    const char *listener_name;

    struct http_reader reader;
    struct http_request *reading; /* whose bytes are arriving; NULL between requests */
    struct http_request *first;   /* requests without a written reply, in their order */
    struct http_request *last;
    uint32_t in_work;                 /* how many they are */
    uint32_t stream_count;            /* how many of them are streams */
    struct http_stream *upgraded;     /* who gets the bytes that come; NULL: HTTP does */
    struct http_stream *write_stream; /* of which `write` carries something */
    struct ds_buffer held;            /* bytes that came while the pipeline was full */
    struct http_timeout read_timeout;
    struct http_timeout write_timeout;
    uint64_t drained_bytes;
    size_t unsent_bytes;

    uv_write_t write;
    uv_shutdown_t shutdown;
    uint32_t write_count; /* requests whose replies `write` carries */
    bool writing;
    bool dirty;         /* in the server's list of connections with something to write */
    bool read_stopped;  /* libuv does not read */
    bool saw_end;       /* the client has closed its side */
    bool final;         /* no further request is taken */
    bool shutting_down; /* our side is closed or closing */
    bool closed;
    bool reset; /* is to be closed by a reset */
    char peer[HTTP_PEER_BYTES];
};

struct http_stream {
    struct http_connection *connection;
    struct http_request *request;
    struct http_stream_events events;
    void *context;
    struct http_piece *pieces[HTTP_STREAM_PIECES_MAX]; /* a ring */
    uint32_t first_piece;
    uint32_t piece_count;
    uint32_t writing_count; /* pieces that the connection's write carries */
    size_t unsent_bytes;
    char chunk_lines[HTTP_STREAM_WRITE_PIECES_MAX][HTTP_CHUNK_LINE_BYTES];
    bool is_chunked;
    bool is_head; /* nothing follows the head */
    bool head_written;
    bool writing_last;
    bool last_written; /* the last chunk */
    bool ended;        /* by its owner, after what is queued */
    bool aborted;
    bool drain_pending;
    bool drain_told;
    bool was_half_full;
    bool awaits_progress; /* its owner wants to hear of the next write */
    bool reading_stopped;
};

/* How a client knows where a reply ends. */
enum http_framing {
    HTTP_FRAMING_LENGTH,
    HTTP_FRAMING_CHUNKED,
    HTTP_FRAMING_CLOSE,
    HTTP_FRAMING_UPGRADE, /* it is another protocol's business */
};

struct http_server {
    uv_loop_t *loop;
    const struct ds_clock *clock;
    struct http_limits limits;
    struct http_handler handler;
    const struct http_proxies *proxies;
    struct http_server_counters counters;
    struct http_listener listeners[HTTP_LISTENERS_MAX];
    size_t listener_count;
    struct http_peers peers;
    struct http_connection *connections;
    uint32_t refused_open; /* connections over a cap that are being told */
    uint32_t handles_open; /* connections that libuv still knows */
    uint32_t requests_out; /* requests taken and not given back */
    struct http_connection *dirty;
    struct http_request *idle_requests;
    size_t idle_request_count;
    size_t kept_budget_bytes; /* what idle requests may still keep */
    struct http_timeout_lists timeouts;
    uv_timer_t timer;
    uint64_t timer_ms; /* when the timer fires; UINT64_MAX while it is off */
    bool timeouts_due; /* it has fired: they are looked at behind the next reading */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t unfinished; /* runs while a turn left work: the loop must not wait then */
    bool date_is_stale;   /* set at every turn: the clock is asked once a turn */
    int64_t date_second;
    char date[HTTP_DATE_BYTES];
    bool draining;
    bool drained;
    char read_buffer[HTTP_READ_BYTES]; /* every read's: what is read is taken before the next */
};

/* server.c */
struct http_request *http_server_take_request(struct http_server *server);
void http_server_give_back(struct http_server *server, struct http_request *request);
void http_server_set_timeout(struct http_server *server, struct http_timeout *timeout,
                             enum http_timeout_kind kind);
void http_server_mark_dirty(struct http_connection *connection);
void http_server_check_drained(struct http_server *server);
const char *http_server_date(struct http_server *server);

/* connection.c. A connection that is over a cap is told so and closed; `refusal` is NULL for all
 * others. */
void http_connection_begin(struct http_connection *connection, const struct http_refusal *refusal);
void http_connection_read_timeout(struct http_connection *connection, enum http_timeout_kind kind);
void http_connection_drain(struct http_connection *connection);
void http_connection_close(struct http_connection *connection);

/* Whether no further request of the client is begun for now. */
bool http_connection_is_full(const struct http_connection *connection);

/* Takes what was held while the connection was full, and reads on when none of it is left. */
void http_connection_resume(struct http_connection *connection);

/* After the last reply: closes our side, then waits a little for the client to close its own. */
void http_connection_finish(struct http_connection *connection);

void http_connection_stop_reading(struct http_connection *connection);

/* connection_write.c. Writes what is ready and goes on with what waited for it. */
void http_connection_flush(struct http_connection *connection);

/* Ends the head of a reply, or of what a stream begins with, and puts it in its place. */
void http_connection_reply(struct http_request *request, enum http_framing framing);

/* stream.c. Fills at most HTTP_STREAM_WRITE_BUFFERS_MAX buffers with what comes next; returns how
 * many. http_stream_written() says that they are. */
unsigned int http_stream_gather(struct http_stream *stream, uv_buf_t *buffers);
void http_stream_written(struct http_stream *stream);

/* Whether all of it is written. */
bool http_stream_is_over(const struct http_stream *stream);

/* Calls back what is due. */
void http_stream_tell(struct http_stream *stream);

/* False where the stream wants no bytes. */
bool http_stream_take(struct http_stream *stream, struct ds_bytes bytes);

/* The last callback. The stream's memory stays for writes under way until it is destroyed. */
void http_stream_close(struct http_stream *stream);
void http_stream_destroy(struct http_stream *stream); /* takes NULL */

#endif
