/*
 * What our sockets of nng 1.5.2 have in common: how they are closed, what they listen at, and who
 * is at the other end. For the files nng_*.c only.
 */
#ifndef DS_NNG_SOCKET_H
#define DS_NNG_SOCKET_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/tls_relay.h"

#include <nng/nng.h>

#define DS_NNG_URL_BYTES_MAX 256
/* How often the address of a listener is to be looked after. */
#define DS_NNG_LOOK_INTERVAL_MS 1000

/* Aborts unless `outcome` is 0: only for what fails for want of memory or by a mistake of ours. */
void ds_nng_check(int outcome);

/* The parts as one message. */
nng_msg *ds_nng_message_of(const struct ds_bytes *parts, size_t part_count);

/* False where the sockets could not be closed in time; what their callbacks use must then stay. Not
 * for a socket that may be in the middle of a message, as far as one can know (ds/nng_drain.h). */
bool ds_nng_sockets_close(const nng_socket *sockets, size_t socket_count);

bool ds_nng_url_is_ipc(const char *url);

/* Where a socket listens. */
struct ds_nng_address {
    nng_socket socket;
    nng_listener handle;
    size_t message_bytes_max;
    bool is_ipc;
    bool is_tls;
    struct ds_tls_relay *relay;     /* of a TLS address: `handle` listens on a loopback port */
    char url[DS_NNG_URL_BYTES_MAX]; /* in use: with the port that was picked for port 0 */
};

struct ds_nng_address_options {
    nng_socket socket;
    const char *url;
    size_t message_bytes_max;
    /* Of tls+tcp alone. */
    struct ds_tls_identity *identity;
    size_t connections_max;
    size_t connections_per_address_max;
    int handshake_ms;
};

/*
 * DS_ALREADY_EXISTS: the address is in use; DS_INVALID_ARGUMENT: no address that can be listened
 * on, or tls+tcp without an identity. The socket stays the caller's. Connections may come before
 * the function returns; `url`, `is_ipc`, `is_tls` and `relay` are there already then, but for the
 * port.
 */
DS_MUST_USE ds_code ds_nng_address_open(const struct ds_nng_address_options *options,
                                        struct ds_nng_address *ret_address);

/* Once the socket is closed. */
void ds_nng_address_close(struct ds_nng_address *address);

/* Who is at the other end, AF_UNSPEC for ipc; false for a stranger, who has come to the loopback
 * port of a TLS address without any TLS. */
bool ds_nng_address_find_peer(const struct ds_nng_address *address, nng_pipe pipe,
                              struct sockaddr_storage *ret_peer);

/*
 * nng 1.5.2 (issue 1518) stops taking connections for good when a peer hangs up between its connect
 * and the greeting: it takes the EPIPE for a close of its own. It greets whoever comes then and
 * does nothing more with them. So an ipc address is asked now and then, and opened anew where it
 * does not answer, which ends the listener's good connections too: their clients dial again. May
 * take some seconds. By one thread at a time.
 */
void ds_nng_address_look_after(struct ds_nng_address *address);

#endif
