/*
 * Requests that come in over the Scalability Protocols (REQ/REP), by ipc, tcp or tls+tcp. They and
 * their replies are whole messages of bytes; what is in them is the business of rpc_message.c.
 * docs/rpc-guards.md lists what is done against peers that mean no good. Private to ds_common.
 */
#ifndef DS_SP_LISTENER_H
#define DS_SP_LISTENER_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/introspection.h"
#include "ds/tls.h"

/* What may wait for all peers of a listener together. */
#define DS_SP_UNSENT_BYTES_DEFAULT ((size_t)256 << 20)

struct ds_sp_limits {
    size_t connections_max;
    size_t connections_per_address_max;
    size_t requests_per_connection_max;
    size_t unsent_bytes_max; /* of replies to all of them; past it the worst reader is hung up on;
                                0: DS_SP_UNSENT_BYTES_DEFAULT */
    /* In which a message that has begun must be whole, and the first one of a connection that is
     * not over ipc must have come. */
    int first_request_ms;
};

/* A request that came in and has not been answered yet. */
struct ds_sp_exchange;

struct ds_sp_listener_options {
    const char *url;
    size_t message_bytes_max;
    struct ds_sp_limits limits;
    struct ds_tls_identity *identity; /* of tls+tcp; held as long as the listener needs it */
    /* Called on one of the listener's threads for each request; must not block. `message` stays
     * until the reply. */
    void (*receive)(void *context, struct ds_sp_exchange *exchange, struct ds_bytes message);
    /* A connection is gone; what it asked for is asked for no more. On one of the listener's
     * threads; must not block. */
    void (*peer_left)(void *context, uint64_t peer_id);
    void *context;
};

struct ds_sp_listener;

/* DS_ALREADY_EXISTS: the address is in use; DS_INVALID_ARGUMENT: no address that can be listened
 * on, or tls+tcp without an identity; DS_RESOURCE_EXHAUSTED: no descriptor or no thread is left.
 * Requests may come before it returns. */
DS_MUST_USE ds_code ds_sp_listen(const struct ds_sp_listener_options *options,
                                 struct ds_sp_listener **ret_listener);

/* The address in use, with the port that was picked for port 0. */
const char *ds_sp_listener_url(const struct ds_sp_listener *listener);

/* What a TLS listener shows from its next handshake on; of others nothing. */
void ds_sp_listener_set_identity(struct ds_sp_listener *listener, struct ds_tls_identity *identity);

/* Connections that have not left yet. Any thread. */
size_t ds_sp_listener_connection_count(const struct ds_sp_listener *listener);

/* Since the listener was opened. */
struct ds_sp_listener_figures {
    uint64_t refused;   /* connections past a cap */
    uint64_t malformed; /* that were ended for what they sent */
    uint64_t overdue;   /* for what they had not sent in time */
    uint64_t unread;    /* for the replies that they did not take */
    uint64_t burdens;   /* for taking them so slowly that too much waited for all together */
    uint64_t strayed;   /* requests that came over too many devices, and were dropped */
};

/* Any thread. */
struct ds_sp_listener_figures ds_sp_listener_figures(const struct ds_sp_listener *listener);

/* Shows at most `max` connections, the oldest first. Any thread. */
void ds_sp_listener_connections(struct ds_sp_listener *listener, size_t max,
                                ds_connection_view_fn take, void *context);

/* The peer says that it is that program; shown with its connection, cut, and without what is no
 * printable ASCII. Nothing where it has gone. Any thread. */
void ds_sp_listener_name_client(struct ds_sp_listener *listener, uint64_t peer_id,
                                const char *client);

/* Lets nobody in any more and waits for callbacks under way: none comes afterwards but that peers
 * have left. Requests that are in work may still be answered. */
void ds_sp_listener_stop(struct ds_sp_listener *listener);

/* After ds_sp_listener_stop(), once every request has been answered: gives the peers 2 s to take
 * what is left of their replies, and closes. */
void ds_sp_listener_close(struct ds_sp_listener *listener);

/* Whether the peer is believed: over ipc, whose socket stands in a private folder. */
bool ds_sp_exchange_is_trusted(const struct ds_sp_exchange *exchange);

/* The peer's address, such as "127.0.0.1:51234"; "" for ipc. Stays until the reply. */
const char *ds_sp_exchange_peer(const struct ds_sp_exchange *exchange);

/* The connection that the request came by; no other one of this process ever has the number. */
uint64_t ds_sp_exchange_peer_id(const struct ds_sp_exchange *exchange);

/* False once the connection is gone. */
bool ds_sp_exchange_has_peer(const struct ds_sp_exchange *exchange);

/* Whether the connection had more requests in work than it may when this one came. */
bool ds_sp_exchange_is_over_limit(const struct ds_sp_exchange *exchange);

#define DS_SP_REPLY_PARTS_MAX 131

/* Sends the parts as one message. Once for each exchange, which is gone then; any thread. Sends
 * nothing where the connection is gone. */
void ds_sp_exchange_reply(struct ds_sp_exchange *exchange, const struct ds_bytes *parts,
                          size_t part_count);

#endif
