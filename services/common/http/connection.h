/* The insides of the HTTP server, shared by server.c, connection.c and
 * connection_write.c only. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/endpoint.h"
#include "http/peers.h"
#include "http/reader.h"
#include "http/server.h"
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
#define HTTP_WRITE_BUFFERS_MAX 32
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
    uint32_t in_work;      /* how many they are */
    struct ds_buffer held; /* bytes that came while the pipeline was full */
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
    char peer[HTTP_PEER_BYTES];
};

struct http_server {
    uv_loop_t *loop;
    const struct ds_clock *clock;
    struct http_limits limits;
    struct http_handler handler;
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
    struct http_timeout_lists timeouts;
    uv_timer_t timer;
    uint64_t timer_ms; /* when the timer fires; UINT64_MAX while it is off */
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

/* connection.c. A connection that is over a cap is told so and closed. */
void http_connection_begin(struct http_connection *connection, bool refused);
void http_connection_read_timeout(struct http_connection *connection, enum http_timeout_kind kind);
void http_connection_drain(struct http_connection *connection);
void http_connection_close(struct http_connection *connection);

/* Whether no further request of the client is begun for now. */
bool http_connection_is_full(const struct http_connection *connection);

/* Takes what was held while the connection was full, and reads on when none of it is left. */
void http_connection_resume(struct http_connection *connection);

/* After the last reply: closes our side, then waits a little for the client to close its own. */
void http_connection_finish(struct http_connection *connection);

/* connection_write.c. Writes what is ready and goes on with what waited for it. */
void http_connection_flush(struct http_connection *connection);

#endif
