/*
 * One connection of the Scalability Protocols in a loop, of either side, over a Unix or a TCP
 * socket, with TLS or without: greets, reads, and sends what any thread gives it. It never blocks.
 * Its owner is the loop's thread; only what says so is for any thread. Private to ds_common.
 */
#ifndef DS_SP_CONNECTION_H
#define DS_SP_CONNECTION_H

#include "ds/buffer.h"
#include "ds/sp_loop.h"
#include "ds/sp_stream.h"
#include "ds/tls_session.h"

#include <pthread.h>
#include <stdatomic.h>

struct ds_sp_connection_options {
    struct ds_sp_loop *loop;
    int fd;      /* connected, does not block; closed by the connection */
    bool is_ipc; /* how messages begin */
    uint16_t protocol;
    uint16_t peer_protocol;
    size_t message_bytes_max;    /* of a message that comes in */
    struct ds_tls_session *tls;  /* NULL: none; destroyed by the connection */
    atomic_size_t *unsent_total; /* counts what is left to send of all that share it; NULL: none */
    bool receives_rest; /* what has come is received even where nothing can be sent any more */
    /* Epoll's, on the loop's thread: what has come is to be received, and what is left to send is
     * to be sent by ds_sp_connection_flush(). */
    void (*ready)(struct ds_sp_watch *watch, uint32_t events);
};

/* What one message may be made of. */
#define DS_SP_PARTS_MAX 132

enum ds_sp_reading {
    DS_SP_READS,
    DS_SP_AWAITS_ROOM, /* nothing is read; `ready` is called as soon as the peer takes bytes, even
                          where none are left to send */
    DS_SP_READS_NOTHING,
};

struct ds_sp_connection {
    struct ds_sp_watch watch; /* first: `ready` is given it */
    struct ds_sp_loop *loop;
    struct ds_sp_stream stream; /* the owner's, to take messages from */
    bool is_ipc;

    pthread_mutex_t mutex; /* guards what follows, and the descriptor */
    struct ds_tls_session *tls;
    bool is_shaken; /* the handshake is over, or there is none */
    bool is_corked; /* what is sent waits for the uncork */
    enum ds_sp_reading reading;
    bool has_ended; /* nothing is sent any more */
    bool receives_rest;
    uint32_t events; /* that the loop waits for */
    struct ds_buffer out;
    size_t out_at;      /* where what is left to send begins */
    int64_t blocked_us; /* since when the peer has taken nothing of it; 0: nothing is left */
    int64_t left_us;    /* since when something has been left all the time; 0: nothing is */
    atomic_size_t *unsent_total;
    size_t counted_bytes;  /* in there */
    uint64_t queued_bytes; /* of all messages, ever */
    uint64_t sent_bytes;   /* of those, to the kernel */
};

/* False where the loop has no room; descriptor and session are gone then, too. The greeting is on
 * its way. */
DS_MUST_USE bool ds_sp_connection_open(struct ds_sp_connection *connection,
                                       const struct ds_sp_connection_options *options);

/* Leaves the loop and closes. The struct may be freed by a task that is posted after this, once no
 * other thread knows it. */
void ds_sp_connection_close(struct ds_sp_connection *connection);

enum ds_sp_arrival {
    DS_SP_NOTHING, /* for now */
    DS_SP_BYTES,
    DS_SP_END,
};

/* Goes on with the handshake, or reads once; the bytes, in the loop's scratch place, are for
 * ds_sp_stream_next(). */
enum ds_sp_arrival ds_sp_connection_receive(struct ds_sp_connection *connection,
                                            struct ds_bytes *ret_bytes);

/* Any thread: queues the parts as one message and sends what the peer takes at once. False where
 * the connection has ended, then or before: the kernel has not got all of it, nor will. *ret_end,
 * which may be NULL, is the value that ds_sp_connection_sent() has reached once the kernel has all
 * of the message. */
bool ds_sp_connection_send(struct ds_sp_connection *connection, const struct ds_bytes *parts,
                           size_t part_count, uint64_t *ret_end);
uint64_t ds_sp_connection_sent(struct ds_sp_connection *connection);

/* Between the two, messages are gathered, to be sent by as few calls as can be. */
void ds_sp_connection_cork(struct ds_sp_connection *connection);
void ds_sp_connection_uncork(struct ds_sp_connection *connection);

/* Sends what is left, as far as the peer takes it. */
void ds_sp_connection_flush(struct ds_sp_connection *connection);

/* A connection that is opened reads. Its end is told in any case, a TCP peer's only while it reads.
 */
void ds_sp_connection_set_reading(struct ds_sp_connection *connection, enum ds_sp_reading reading);

/* Any thread: what is left to send, and since when the peer has taken nothing of it, in
 * microseconds of the monotonic clock; 0 where nothing is left. */
size_t ds_sp_connection_unsent(struct ds_sp_connection *connection);
int64_t ds_sp_connection_blocked_us(struct ds_sp_connection *connection);

/* Any thread: how much it holds up the others, which is more the more is left to send and the
 * longer something has been: a reader that is quick has it taken in between. 0: nothing is left. */
uint64_t ds_sp_connection_burden(struct ds_sp_connection *connection, int64_t now_us);

/* Any thread: sends nothing any more and makes the owner receive DS_SP_END. */
void ds_sp_connection_hang_up(struct ds_sp_connection *connection);

#endif
