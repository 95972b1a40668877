/*
 * The inside of the channel over connections: calls become frames, frames messages. channel_sp.c is
 * the channel as callers use it, channel_sharing.c makes messages of the calls of a flush,
 * channel_message.c brings a message on its way, channel_waiting.c has those that find it taken,
 * channel_answer.c is its end. Private to these.
 */
#ifndef DS_CHANNEL_SP_H
#define DS_CHANNEL_SP_H

#include "ds/channel.h"
#include "ds/channel_hello.h"
#include "ds/frame.h"
#include "ds/sp_dialer.h"
#include "ds/timers.h"

#include <pthread.h>

#define DS_SP_CALL_ID_BYTES 8
#define DS_SP_CLIENT_ID_BYTES 16

struct ds_sp_channel {
    struct ds_channel base;
    struct ds_sp_dialer *dialer;
    uint8_t client_id[DS_SP_CLIENT_ID_BYTES]; /* random: who knows it may cancel our calls */

    pthread_mutex_t mutex; /* guards all that follows, and `request` and `calls` of every message */
    struct ds_client_call_list collected;
    struct ds_hello_gate gate;
    struct ds_sp_request *hello_request; /* NULL where none is under way */
    struct ds_sp_message *waiting_first; /* messages for which no request was free */
    struct ds_sp_message *waiting_last;
    struct ds_timers deadlines; /* of these, by the channel's clock */
    struct ds_sp_message *late; /* those whose deadline has just passed */
    bool has_waiting_watcher;
    pthread_t waiting_watcher;
    pthread_cond_t waiting_changed;
    struct ds_sp_message *in_flight; /* messages that have a request */
    uint64_t next_call_id;
    uint64_t server_epoch; /* of the newest answer; 0: there is none yet */
    bool has_failed;       /* the newest end of a message was that the server can't be reached */
    bool closing;
};

/* Calls that travel together. */
struct ds_sp_message {
    struct ds_sp_channel *channel;
    struct ds_sp_request *request; /* NULL while it waits for one */
    int64_t begun_us;              /* when its first call's attempt began */
    int64_t deadline_us;           /* the latest of its calls' */
    uint64_t server_epoch;         /* the newest that was known at its start */
    uint64_t first_call_id;        /* call i has first_call_id + i */
    size_t call_count;
    struct ds_client_call *calls[DS_FRAMES_PER_MESSAGE_MAX]; /* NULL: cancelled meanwhile */
    struct ds_sp_message *next;                              /* waiting, in flight or late */
    struct ds_sp_message *previous;                          /* waiting or in flight */
    struct ds_timer deadline;                                /* while it waits */
    bool is_waiting;                                         /* for a request */
    bool has_waited;
    bool is_aborted;
    bool is_built; /* nobody reads the first parts of its calls any more */
    bool server_reads_zstd;
};

/* Whether a frame has room for the call, and the end of one for which it has none. */
bool ds_sp_call_fits(const struct ds_client_call *call);
void ds_sp_channel_refuse_oversize(struct ds_sp_channel *channel, struct ds_client_call *call);

/* A message for a call, which is yet to be added. */
struct ds_sp_message *ds_sp_message_create(struct ds_sp_channel *channel,
                                           struct ds_client_call *first);
void ds_sp_message_add(struct ds_sp_message *message, struct ds_client_call *call);

/* From here on the message may end at any time. */
void ds_sp_message_depart(struct ds_sp_message *message);

/* Sends a call in a message of its own. */
void ds_sp_channel_send_alone(struct ds_sp_channel *channel, struct ds_client_call *call);

/* Gives a request that has become free to the first waiting message that is not too late. */
void ds_sp_channel_pass_on(struct ds_sp_channel *channel, struct ds_sp_request *request);

/* The message is about to be freed without having been under way: a cancel is not to find it by its
 * calls. */
void ds_sp_message_forget_locked(struct ds_sp_message *message);

/* Inline calls are over before anybody could cancel them. */
bool ds_sp_message_can_be_cancelled(const struct ds_sp_message *message);

/* Takes a call out of a message, which goes on without it; tells whether any is left. */
bool ds_sp_message_detach_locked(struct ds_sp_message *message, struct ds_client_call *call);

/* Has a message wait for a request until its deadline; the one that has waited longest, or NULL. */
void ds_sp_waiting_push_locked(struct ds_sp_channel *channel, struct ds_sp_message *message);
struct ds_sp_message *ds_sp_waiting_pop_locked(struct ds_sp_channel *channel);

/* All that wait, by `next`, which wait no more. */
struct ds_sp_message *ds_sp_waiting_take_locked(struct ds_sp_channel *channel);

/* Ends what looks after the deadlines, once `closing` is set. */
void ds_sp_waiting_end(struct ds_sp_channel *channel);

/* Takes a message out of those in flight, or out of those that wait for a request. */
void ds_sp_message_leave_locked(struct ds_sp_message *message);
void ds_sp_message_stop_waiting_locked(struct ds_sp_message *message);

/* Ends the calls of a message with that code. */
void ds_sp_message_fail(struct ds_sp_message *message, ds_code code);

/* Ends the calls of a message each with the code that it has. `why` is static and told with
 * DS_UNAVAILABLE; NULL: what the code says. */
void ds_sp_message_lose(struct ds_sp_message *message, const char *why);

/* The end of a message that had a request; `context` is the message. */
void ds_sp_message_finished(void *context, ds_code code, struct ds_sp_reply *reply);

/* Sends the calls of one flush: those that share together, as far as the rules allow, the others
 * alone. */
void ds_sp_channel_send(struct ds_sp_channel *channel, struct ds_client_call_list *calls);

/* Ends calls that have not gone out. `why` is static; NULL: what the code says. */
void ds_sp_channel_fail(struct ds_sp_channel *channel, struct ds_client_call_list *calls,
                        ds_code code, const char *why);

#endif
