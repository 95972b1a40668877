/*
 * Takes TLS off the connections of a tls+tcp address and passes what is in them on to a plain
 * listener on a loopback port of this process. nng 1.5.2 could listen on tls+tcp by itself, but one
 * stranger who hangs up in the handshake at the right moment makes such a listener deaf for good,
 * it counts nobody before the handshake's end, and it can't be given a new certificate.
 *
 * One thread does it all. Private to ds_common.
 */
#ifndef DS_TLS_RELAY_H
#define DS_TLS_RELAY_H

#include "ds/tls.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

struct ds_tls_relay;

struct ds_tls_relay_options {
    const char *address;              /* HOST:PORT, an IPv6 host in brackets; port 0 picks one */
    struct ds_tls_identity *identity; /* held */
    size_t connections_max;           /* those in their handshake are counted */
    size_t connections_per_address_max;
    int handshake_ms;
};

/* Takes the address. Nobody is let in before ds_tls_relay_start(). DS_ALREADY_EXISTS: it is in use;
 * DS_INVALID_ARGUMENT: none that can be listened on. */
DS_MUST_USE ds_code ds_tls_relay_open(const struct ds_tls_relay_options *options,
                                      struct ds_tls_relay **ret_relay);

/* The port in use. */
int ds_tls_relay_port(const struct ds_tls_relay *relay);

/* Starts to let connections in, which go on to 127.0.0.1:inner_port. */
void ds_tls_relay_start(struct ds_tls_relay *relay, int inner_port);

/* Who is behind a connection that came to the plain listener from that address; false where it is
 * not one of the relay's. Any thread. */
bool ds_tls_relay_find_peer(struct ds_tls_relay *relay, const struct sockaddr_in *inner,
                            struct sockaddr_storage *ret_peer);

/* For the handshakes from now on; held. Any thread. */
void ds_tls_relay_set_identity(struct ds_tls_relay *relay, struct ds_tls_identity *identity);

/* Lets nobody in any more, passes on what the plain listener, which is closed, has left behind,
 * and ends. Takes NULL. */
void ds_tls_relay_close(struct ds_tls_relay *relay);

/* What the cap of a peer goes by: of IPv6 the network, since whoever has one address there has
 * 2^64. 0 where there is none. */
uint32_t ds_peer_address_of(const struct sockaddr_storage *address);

#endif
