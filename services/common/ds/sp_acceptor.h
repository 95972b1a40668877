/*
 * Takes the connections that come to a listening socket, on a loop's thread. One for which no
 * descriptor is left rests for a moment and goes on; no other failure ends accepting. Private to
 * ds_common.
 */
#ifndef DS_SP_ACCEPTOR_H
#define DS_SP_ACCEPTOR_H

#include "ds/peers.h"
#include "ds/sp_bind.h"
#include "ds/sp_loop.h"

#include <stdatomic.h>

struct ds_sp_acceptor_options {
    struct ds_sp_loop *loop;
    const struct ds_sp_binding *binding;
    struct ds_peers *peers; /* that a connection is one of when it comes; who is one too many is
                               closed at once */
    /* On the loop's thread. The descriptor, which does not block, is the callee's, who calls
     * ds_peers_leave() for it in the end. */
    void (*came)(void *context, int fd, const struct sockaddr_storage *address);
    void *context;
};

struct ds_sp_acceptor {
    struct ds_sp_watch watch; /* first: `ready` is given it */
    struct ds_sp_acceptor_options options;
    struct ds_timer rest;
    int64_t rest_told_us;               /* when the log was told of one; 0: never */
    atomic_uint_fast64_t refused_count; /* for any thread */
};

/* Any thread. What the options name stays where it is until the stop. False where the loop has no
 * room for it. Connections may come before it returns. */
DS_MUST_USE bool ds_sp_acceptor_start(struct ds_sp_acceptor *acceptor,
                                      const struct ds_sp_acceptor_options *options);

/* On the loop's thread, and before the binding is closed. */
void ds_sp_acceptor_stop(struct ds_sp_acceptor *acceptor);

#endif
