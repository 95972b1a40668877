/* How our sockets of nng 1.5.2 find their peer again. For the files nng_*.c only. */
#ifndef DS_NNG_REDIAL_H
#define DS_NNG_REDIAL_H

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>
#include <stdint.h>

#define DS_NNG_DIALERS_MAX 4

/* The dialers of a socket. One thread at a time. */
struct ds_nng_redial {
    nng_socket socket;
    const char *url;            /* outlives it */
    int check_ms;               /* the first patience with a dialer */
    nng_tls_config *tls_config; /* of tls+tcp; outlives it */
    nng_dialer dialers[DS_NNG_DIALERS_MAX];
    int dialer_count;
    int64_t dialed_ms;
};

/* The first dialer, for a socket that is not dialing yet; url and the rest are filled. False where
 * nng does not take the URL. */
bool ds_nng_redial_begin(struct ds_nng_redial *redial);

/*
 * To be called now and then while the socket has no connection. nng 1.5.2 dials again by itself,
 * but gives up for good where the peer ends between the connect and the greeting: it takes the
 * EPIPE for a close of its own. So who has waited in vain gets one more dialer. The old one stays
 * for now: it may wait in the backlog of a peer that is only slow, and a connection that is hung up
 * before its greeting makes nng's listeners deaf by the same mistake. Each wait is twice the one
 * before; once there are DS_NNG_DIALERS_MAX, those that have failed make room.
 */
void ds_nng_redial_again(struct ds_nng_redial *redial);

#endif
