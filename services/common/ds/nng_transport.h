/*
 * Everything that knows nng 1.5.2: its sockets, contexts, messages, faults. Requests and replies
 * are whole messages of bytes; what is in them is the business of rpc_message.c and rpc_client.c.
 * Private to ds_common.
 */
#ifndef DS_NNG_TRANSPORT_H
#define DS_NNG_TRANSPORT_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/peers.h"

/* A request that came in and has not been answered yet. */
struct ds_nng_exchange;

struct ds_nng_listener_options {
    const char *url;
    size_t message_bytes_max;
    size_t exchange_count; /* requests that may be in work at a time */
    struct ds_peer_limits peer_limits;
    /*
     * Called on one of nng's threads for each request; must not block. `message` stays until the
     * reply.
     */
    void (*receive)(void *context, struct ds_nng_exchange *exchange, struct ds_bytes message);
    /* A connection is gone; what it asked for is asked for no more. On a thread of nng's; must not
     * block. */
    void (*peer_left)(void *context, uint32_t peer_id);
    void *context;
};

struct ds_nng_listener;

/* DS_ALREADY_EXISTS: the address is in use; DS_INVALID_ARGUMENT: no address that can be listened
 * on. */
DS_MUST_USE ds_code ds_nng_listen(const struct ds_nng_listener_options *options,
                                  struct ds_nng_listener **ret_listener);

/* The address in use, with the port that was picked for port 0. */
const char *ds_nng_listener_url(const struct ds_nng_listener *listener);

/* Whether the listener's peers are believed: ipc, whose socket stands in a private folder. */
bool ds_nng_listener_is_trusted(const struct ds_nng_listener *listener);

/* Connections that have not left yet. Any thread. */
size_t ds_nng_listener_connection_count(const struct ds_nng_listener *listener);

/* Stops receiving, waits for callbacks under way and closes. Every request must have been answered.
 */
void ds_nng_listener_close(struct ds_nng_listener *listener);

bool ds_nng_exchange_is_trusted(const struct ds_nng_exchange *exchange);

/* The peer's address, such as "127.0.0.1:51234"; "" for ipc. */
void ds_nng_exchange_peer(const struct ds_nng_exchange *exchange, char *target,
                          size_t target_bytes_max);

/* The connection that the request came by; no other one of this process has the number while it is
 * there. */
uint32_t ds_nng_exchange_peer_id(const struct ds_nng_exchange *exchange);

/* False once the connection is gone. */
bool ds_nng_exchange_has_peer(const struct ds_nng_exchange *exchange);

/* Whether the connection has more requests in work than it may. */
bool ds_nng_exchange_is_over_limit(const struct ds_nng_exchange *exchange);

/* Sends the parts as one message and makes room for the next request. Once for each exchange; any
 * thread. Sends nothing where the connection is gone. */
void ds_nng_exchange_reply(struct ds_nng_exchange *exchange, const struct ds_bytes *parts,
                           size_t part_count);

struct ds_nng_dialer;
struct ds_nng_request;

struct ds_nng_dialer_options {
    const char *url;
    size_t message_bytes_max;
    size_t request_count; /* requests that may be under way at a time, each by a connection */
    int connect_check_ms; /* how often a request without a connection looks after it; 0: 400 */
};

/* Never waits for the peer; connects again by itself. DS_INVALID_ARGUMENT for a URL of another
 * form. */
DS_MUST_USE ds_code ds_nng_dial(const struct ds_nng_dialer_options *options,
                                struct ds_nng_dialer **ret_dialer);

/* Ends what is under way with DS_CANCELLED, waits for the callbacks and closes. */
void ds_nng_dialer_close(struct ds_nng_dialer *dialer);

struct ds_nng_reply;

/*
 * The end of a request, once, on one of nng's threads. `reply` is NULL unless code is DS_OK, and
 * the callee's to free. Codes: DS_UNAVAILABLE (no connection, or it broke: the request may or may
 * not have been executed), DS_DEADLINE_EXCEEDED, DS_CANCELLED. The request must
 * be ended, here or later.
 */
typedef void (*ds_nng_done_fn)(void *context, ds_code code, struct ds_nng_reply *reply);

/* A request that is the caller's until ds_nng_request_end(); NULL when request_count of them are
 * taken. Any thread. */
struct ds_nng_request *ds_nng_request_begin(struct ds_nng_dialer *dialer);
void ds_nng_request_end(struct ds_nng_request *request);

struct ds_nng_request_times {
    int timeout_ms; /* how long to wait for the answer; over 0 */
    int waited_ms;  /* by the caller for the request: its patience with a missing connection is
                     * that much shorter */
};

/* Sends the parts as one message and waits for the answer. Never blocks. */
void ds_nng_request_send(struct ds_nng_request *request, const struct ds_bytes *parts,
                         size_t part_count, const struct ds_nng_request_times *times,
                         ds_nng_done_fn done, void *context);

/* Makes `done` come soon, unless it is on its way already. */
void ds_nng_request_cancel(struct ds_nng_request *request);

/* In `done`: false where no connection has taken the request, so that nobody can have executed it.
 */
bool ds_nng_request_was_sent(const struct ds_nng_request *request);

/* Whether there is any connection. It lags behind. */
bool ds_nng_dialer_is_connected(struct ds_nng_dialer *dialer);

struct ds_bytes ds_nng_reply_bytes(const struct ds_nng_reply *reply);
void ds_nng_reply_free(struct ds_nng_reply *reply);

#endif
