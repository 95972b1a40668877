/* A listener as its files sp_listener*.c see it. */
#ifndef DS_SP_LISTENER_INTERNAL_H
#define DS_SP_LISTENER_INTERNAL_H

#include "ds/sp_acceptor.h"
#include "ds/sp_connection.h"
#include "ds/sp_listener.h"

#include <stdatomic.h>

#define DS_SP_PEER_NAME_BYTES 64
#define DS_SP_CLIENT_NAME_BYTES 96

/* A connection that was let in. The loop's thread owns it; who answers one of its requests holds
 * it. */
struct ds_sp_peer {
    struct ds_sp_connection wire; /* first: `ready` is given it */
    struct ds_sp_lane *lane;
    int fd; /* until `wire` is open */
    uint64_t id;
    uint32_t address;
    char name[DS_SP_PEER_NAME_BYTES];
    char client[DS_SP_CLIENT_NAME_BYTES]; /* guarded by the lane's mutex */
    int64_t came_us;

    /* The loop's thread alone. */
    bool has_asked;           /* a whole request has come */
    bool is_working;          /* the requests of one read are being worked off */
    int64_t midway_us;        /* since when a message has begun; 0: none, or it does not count */
    struct ds_buffer rest;    /* was read and waits until the peer takes its replies */
    int64_t unread_us;        /* since when the peer took nothing, when that was looked at last */
    int64_t unread_look_us;   /* when that was */
    int unread_looks;         /* that found it so, one after the other */
    struct ds_timer timer;    /* of the next time limit, or set for an earlier time */
    struct ds_sp_peer *older; /* in the lane */
    struct ds_sp_peer *newer;

    /* Any thread. */
    atomic_size_t reference_count;
    atomic_bool is_gone;
    atomic_size_t requests_in_work;
    atomic_uint_fast64_t request_count; /* so far */
    atomic_bool is_posted;              /* `task` is */
    struct ds_sp_task task;
};

/* A loop with the connections in it. */
struct ds_sp_lane {
    struct ds_sp_listener *listener;
    struct ds_sp_loop *loop;
    bool is_stopped;          /* the loop's thread alone: nothing is read any more */
    bool is_closing;          /* and who has nothing to take any more is ended */
    int looks;                /* since then */
    struct ds_timer patience; /* with the others, then */
    pthread_mutex_t mutex;    /* the list is changed by the loop's thread, which holds it then */
    struct ds_sp_peer *oldest;
    struct ds_sp_peer *newest;
};

struct ds_sp_listener {
    struct ds_sp_listener_options options;
    struct ds_sp_binding binding;
    struct ds_peers *peers;
    int64_t greeting_us;      /* in which a peer must have greeted */
    int64_t first_request_us; /* and sent its first request; 0: any */
    int64_t message_us;       /* for what has begun */

    /* The first lane's thread alone, which accepts. */
    struct ds_sp_acceptor acceptor;
    uint64_t accepted_count;

    atomic_uint_fast64_t malformed;
    atomic_uint_fast64_t overdue;
    atomic_uint_fast64_t unread;
    atomic_uint_fast64_t burdens;
    atomic_uint_fast64_t strayed;
    atomic_size_t unsent_bytes; /* that wait for all peers */

    pthread_mutex_t relief_mutex; /* one thread at a time ends slow readers; guards what follows */
    int64_t relief_told_us;       /* when the log was told of one; 0: never */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t emptied;
    size_t held_count; /* connections that somebody holds */
    struct ds_tls_identity *identity;

    size_t lane_count;
    struct ds_sp_lane lanes[];
};

/* ---- sp_listener_accept.c ---- */

/* Of the acceptor. */
void ds_sp_peer_came(void *context, int fd, const struct sockaddr_storage *address);

/* ---- sp_listener_peer.c ---- */

/* Takes over the peer, which its caller holds, on its lane's thread. */
void ds_sp_peer_begin(struct ds_sp_peer *peer);
void ds_sp_peer_end(struct ds_sp_peer *peer);

/* For those that are in a lane that stops or closes: on its thread. */
void ds_sp_peer_stop(struct ds_sp_peer *peer);
void ds_sp_peer_close(struct ds_sp_peer *peer);

/* Any thread. */
void ds_sp_peer_hold(struct ds_sp_peer *peer);
void ds_sp_peer_release(struct ds_sp_peer *peer);

/* A message was sent to the peer, by any thread: minds the time in which that has to be taken. */
void ds_sp_peer_sent(struct ds_sp_peer *peer);

/* ---- sp_listener_relief.c ---- */

/* On the thread of a lane with peers: hangs up on slow readers while more waits for all peers than
 * may. */
void ds_sp_listener_relieve(struct ds_sp_listener *listener);

/* ---- sp_listener_exchange.c ---- */

/* Passes a message of the peer's on; false where it is no request. On the lane's thread. */
bool ds_sp_exchange_begin(struct ds_sp_peer *peer, struct ds_bytes message);

#endif
