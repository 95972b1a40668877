/*
 * The inside of the channel over nng: calls become frames, frames messages. channel_nng.c is the
 * channel as callers use it, channel_sharing.c makes messages of the calls of a flush,
 * channel_message.c brings a message on its way, channel_waiting.c has those that find it taken,
 * channel_answer.c is its end. Private to these.
 */
#ifndef DS_CHANNEL_NNG_H
#define DS_CHANNEL_NNG_H

#include "ds/channel.h"
#include "ds/channel_hello.h"
#include "ds/frame.h"
#include "ds/nng_dialer.h"

#include <pthread.h>

#define DS_NNG_CALL_ID_BYTES 8
#define DS_NNG_CLIENT_ID_BYTES 16

struct ds_nng_channel {
    struct ds_channel base;
    struct ds_nng_dialer *dialer;
    uint8_t client_id[DS_NNG_CLIENT_ID_BYTES]; /* random: who knows it may cancel our calls */

    pthread_mutex_t mutex; /* guards all that follows, and `request` and `calls` of every message */
    struct ds_client_call_list collected;
    struct ds_hello_gate gate;
    struct ds_nng_request *hello_request; /* NULL where none is under way */
    struct ds_nng_message *waiting_first; /* messages for which no request was free */
    struct ds_nng_message *waiting_last;
    bool has_waiting_watcher;
    pthread_t waiting_watcher;
    pthread_cond_t waiting_changed;
    struct ds_nng_message *in_flight; /* messages that have a request */
    uint64_t next_call_id;
    uint64_t server_epoch; /* of the newest answer; 0: there is none yet */
    bool has_failed;       /* the newest end of a message was that the server can't be reached */
    bool closing;
};

/* Calls that travel together. */
struct ds_nng_message {
    struct ds_nng_channel *channel;
    struct ds_nng_request *request; /* NULL while it waits for one */
    int64_t begun_us;               /* when its first call's attempt began */
    int64_t deadline_us;            /* the latest of its calls' */
    uint64_t server_epoch;          /* the newest that was known at its start */
    uint64_t first_call_id;         /* call i has first_call_id + i */
    size_t call_count;
    struct ds_client_call *calls[DS_FRAMES_PER_MESSAGE_MAX]; /* NULL: cancelled meanwhile */
    struct ds_nng_message *next;                             /* waiting or in flight */
    struct ds_nng_message *previous;                         /* in flight */
    bool is_waiting;                                         /* for a request */
    bool has_waited;
    bool is_aborted;
    bool is_built; /* nobody reads the first parts of its calls any more */
    bool server_reads_zstd;
};

/* Whether a frame has room for the call, and the end of one for which it has none. */
bool ds_nng_call_fits(const struct ds_client_call *call);
void ds_nng_channel_refuse_oversize(struct ds_nng_channel *channel, struct ds_client_call *call);

/* A message for a call, which is yet to be added. */
struct ds_nng_message *ds_nng_message_create(struct ds_nng_channel *channel,
                                             struct ds_client_call *first);
void ds_nng_message_add(struct ds_nng_message *message, struct ds_client_call *call);

/* From here on the message may end at any time. */
void ds_nng_message_depart(struct ds_nng_message *message);

/* Sends a call in a message of its own. */
void ds_nng_channel_send_alone(struct ds_nng_channel *channel, struct ds_client_call *call);

/* Gives a request that has become free to the first waiting message that is not too late. */
void ds_nng_channel_pass_on(struct ds_nng_channel *channel, struct ds_nng_request *request);

/* The message is about to be freed without having been under way: a cancel is not to find it by its
 * calls. */
void ds_nng_message_forget_locked(struct ds_nng_message *message);

/* Inline calls are over before anybody could cancel them. */
bool ds_nng_message_can_be_cancelled(const struct ds_nng_message *message);

/* Takes a call out of a message, which goes on without it; tells whether any is left. */
bool ds_nng_message_detach_locked(struct ds_nng_message *message, struct ds_client_call *call);

/* Has a message wait for a request until its deadline; the one that has waited longest, or NULL. */
void ds_nng_waiting_push_locked(struct ds_nng_channel *channel, struct ds_nng_message *message);
struct ds_nng_message *ds_nng_waiting_pop_locked(struct ds_nng_channel *channel);

/* Ends what looks after the deadlines, once `closing` is set. */
void ds_nng_waiting_end(struct ds_nng_channel *channel);

/* Takes a message out of those in flight, or out of those that wait for a request. */
void ds_nng_message_leave_locked(struct ds_nng_message *message);
void ds_nng_message_stop_waiting_locked(struct ds_nng_message *message);

/* Ends the calls of a message with that code. */
void ds_nng_message_fail(struct ds_nng_message *message, ds_code code);

/* Ends the calls of a message each with the code that it has. `why` is static and told with
 * DS_UNAVAILABLE; NULL: what the code says. */
void ds_nng_message_lose(struct ds_nng_message *message, const char *why);

/* The end of a message that had a request; `context` is the message. */
void ds_nng_message_finished(void *context, ds_code code, struct ds_nng_reply *reply);

/* Sends the calls of one flush: those that share together, as far as the rules allow, the others
 * alone. */
void ds_nng_channel_send(struct ds_nng_channel *channel, struct ds_client_call_list *calls);

/* Ends calls that have not gone out. `why` is static; NULL: what the code says. */
void ds_nng_channel_fail(struct ds_nng_channel *channel, struct ds_client_call_list *calls,
                         ds_code code, const char *why);

#endif
