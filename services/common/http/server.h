/*
 * HTTP/1.1 on libuv: listeners, connections, time limits and caps. It reads requests, hands them to
 * its handler and writes the replies in order; what they mean is the handler's business. One loop,
 * one thread: every function and every callback belongs to the loop's thread, on which SIGPIPE must
 * be blocked or ignored.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "ds/clock.h"
#include "http/head.h"
#include "http/limits.h"
#include "http/proxies.h"
#include "http/reply.h"

#include <stdatomic.h>

struct uv_loop_s;
struct http_server;

/* Every request whose head or refusal was handed over is ended once, by http_reply_send() or by the
 * beginning of a stream (stream.h). */
struct http_handler {
    void *context;
    /*
     * The head of a request is complete. The handler may send its reply at once (the body is then
     * passed over, or the connection closed), or set body_bytes_max and wait for `request`.
     */
    void (*head)(void *context, struct http_request *request);
    /* The request is complete. The reply may be sent now or later. */
    void (*request)(void *context, struct http_request *request);
    /* The request can't be taken, be it for its method: reply to it before returning. Comes with or
     * without `head` before. */
    void (*refuse)(void *context, struct http_request *request, const struct http_refusal *refusal);
    /* The client has gone before the reply: end the request soon; the reply goes nowhere. */
    void (*abandon)(void *context, struct http_request *request);
    /* The end of a turn of the loop, before the replies of the turn are written. */
    void (*turn)(void *context);
    /* After http_server_drain() or http_server_abort(): no connection and no request is left. */
    void (*drained)(void *context);
};

struct http_server_options {
    struct uv_loop_s *loop;
    const struct ds_clock *clock;
    struct http_limits limits; /* 0 stands for the default */
    struct http_handler handler;
    /* May say who their requests come from, and have no cap by address; NULL: nobody does. They
     * outlive the server. */
    const struct http_proxies *proxies;
};

/* The loop's thread counts; any thread may read. */
struct http_server_counters {
    atomic_uint_fast64_t connections_open;
    atomic_uint_fast64_t connections_accepted;
    atomic_uint_fast64_t connections_refused; /* by a cap */
    atomic_uint_fast64_t timeouts;            /* connections ended by a time limit */
    atomic_uint_fast64_t unsent_bytes;        /* of replies that clients have not taken yet */
    atomic_uint_fast64_t body_bytes;          /* of requests that are not replied to yet */
    atomic_uint_fast64_t streams_open;
};

struct http_server *http_server_create(const struct http_server_options *options);

/*
 * Opens HOST:PORT or HOST:PORT=service-name; port 0 picks one. The address in use
 * ("127.0.0.1:8080") goes to ret_address. DS_ALREADY_EXISTS: the address is in use;
 * DS_INVALID_ARGUMENT: not of that form; DS_NOT_FOUND: no such host; DS_UNAVAILABLE: the host is
 * another machine; DS_PERMISSION_DENIED: the port takes more rights.
 */
DS_MUST_USE ds_code http_server_listen(struct http_server *server, const char *address,
                                       char *ret_address, size_t address_bytes_max);

/* Takes no more connections, closes idle ones, ends the others after their replies. */
void http_server_drain(struct http_server *server);

/* The same, and closes every connection now. */
void http_server_abort(struct http_server *server);

/* Why no request should be begun for now, and no large reply made; NULL where all is well. */
const struct http_refusal *http_server_busy(const struct http_server *server);

const struct http_server_counters *http_server_counters(const struct http_server *server);
const struct http_limits *http_server_limits(const struct http_server *server);

/* After `drained`, or when nothing was ever opened, with the loop run empty after it. */
void http_server_destroy(struct http_server *server);

/* Closes the server's own handles; the loop must run once more before http_server_destroy(). */
void http_server_close(struct http_server *server);

#endif
