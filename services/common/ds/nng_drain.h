/*
 * When a socket of nng 1.5.2 may be closed. A close in the middle of a message, while its parts
 * still come or go, leaves nng with a transfer that never ends, and its only reaper waits for that
 * for good: from then on the process can close no connection and gets none anew
 * (docs/rpc-guards.md). nng shows nobody that it is in the middle of a message, but it counts those
 * that are through. For the files nng_*.c only.
 */
#ifndef DS_NNG_DRAIN_H
#define DS_NNG_DRAIN_H

#include <nng/nng.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What has become of the messages of a REQ socket. */
struct ds_nng_traffic {
    atomic_int pipe_count;
    /* Messages that a connection has taken, and how many of these an earlier one had. Each has one
     * writer, so that counting takes no locked instruction. */
    atomic_uint_least64_t taken_count;
    atomic_uint_least64_t earlier_count;
};

/* A connection has taken a message; by one thread at a time. */
static inline void ds_nng_traffic_taken(struct ds_nng_traffic *traffic)
{
    const uint64_t count = atomic_load_explicit(&traffic->taken_count, memory_order_relaxed);
    atomic_store_explicit(&traffic->taken_count, count + 1, memory_order_relaxed);
}

/* To be told of NNG_PIPE_EV_ADD_PRE and NNG_PIPE_EV_REM_POST. */
void ds_nng_traffic_pipe_changed(struct ds_nng_traffic *traffic, nng_pipe_ev event);

/*
 * Whether each message that a connection of the socket has taken is out and answered, or its
 * connection is gone. `counts` is from ds_nng_counts(); NULL tells nothing. Where a socket has had
 * several connections at once the answer may stay no for longer.
 */
bool ds_nng_traffic_is_over(const struct ds_nng_traffic *traffic, nng_socket socket,
                            nng_stat *counts);

/* nng's counts of this moment, NULL where nng has none. Takes some microseconds for each connection
 * and dialer of the process. */
nng_stat *ds_nng_counts(void);
void ds_nng_counts_free(nng_stat *counts);

/* Sockets that are to be closed once their traffic is over. */
struct ds_nng_drain {
    bool (*is_over)(struct ds_nng_drain *drain, nng_stat *counts);
    void (*end)(struct ds_nng_drain *drain); /* closes them, over or not; may free the struct */
    struct ds_nng_drain *next;
    int look_count;
};

/*
 * Calls is_over() and then end() on a thread that all drains share, which lives while there are
 * any. One that is not over after 10 s, or that 256 others have come after, is ended all the same,
 * and the log says so.
 */
void ds_nng_drain_begin(struct ds_nng_drain *drain);

#endif
