/*
 * Requests that come in over nng 1.5.2. They and their replies are whole messages of bytes; what is
 * in them is the business of rpc_message.c. Private to ds_common.
 */
#ifndef DS_NNG_LISTENER_H
#define DS_NNG_LISTENER_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/introspection.h"
#include "ds/peers.h"
#include "ds/tls.h"

/* A request that came in and has not been answered yet. */
struct ds_nng_exchange;

struct ds_nng_listener_options {
    const char *url;
    size_t message_bytes_max;
    size_t exchange_count; /* requests that may be in work at a time */
    struct ds_peer_limits peer_limits;
    struct ds_tls_identity *identity; /* of tls+tcp; held as long as the listener needs it */
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

/* What a TLS listener shows from its next handshake on; of others nothing. */
void ds_nng_listener_set_identity(struct ds_nng_listener *listener,
                                  struct ds_tls_identity *identity);

/* Whether the listener's peers are believed: ipc, whose socket stands in a private folder. */
bool ds_nng_listener_is_trusted(const struct ds_nng_listener *listener);

/* Connections that have not left yet. Any thread. */
size_t ds_nng_listener_connection_count(const struct ds_nng_listener *listener);

/* Shows at most `max` connections, the oldest first. Any thread. */
void ds_nng_listener_connections(struct ds_nng_listener *listener, size_t max,
                                 ds_connection_view_fn take, void *context);

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

#endif
