/* What a channel's transport is: messages (channel_sp.c) or direct (channel_direct.c). Private to
 * ds_common. */
#ifndef DS_CHANNEL_H
#define DS_CHANNEL_H

#include "ds/rpc_client.h"

#include <stdatomic.h>

/* Holds what a reply's views point to; the beginning of each transport's own struct. */
struct ds_client_reply {
    void (*release)(struct ds_client_reply *reply);
};

/* None of these blocks; any thread. */
struct ds_channel_ops {
    /* Collects a call, whose first part is filled and checked. */
    void (*call)(struct ds_channel *channel, struct ds_client_call *call);
    void (*flush)(struct ds_channel *channel);
    void (*cancel)(struct ds_channel *channel, struct ds_client_call *call);
    /* Ends the calls in flight with DS_CANCELLED, then frees the channel. May wait for the server's
     * threads. */
    void (*close)(struct ds_channel *channel);
    enum ds_channel_state (*state)(struct ds_channel *channel);
    /* Ends what is in flight with DS_UNAVAILABLE where it may be made again; for endpoints. */
    void (*abort)(struct ds_channel *channel);
};

/* The beginning of each transport's channel. */
struct ds_channel {
    const struct ds_channel_ops *ops;
    const struct ds_clock *clock;
    struct ds_metrics *metrics;  /* may be NULL */
    const char *target;          /* of ds_channel_watch() */
    struct ds_retrier *retrier;  /* NULL: no call is made again */
    struct ds_channel *balanced; /* the channel whose endpoint this one is; NULL: none */
    bool compress;
    bool is_encrypted;
    atomic_ullong messages_sent; /* what ds_channel_traffic() tells */
    atomic_ullong calls_sent;
    atomic_ullong compressed_calls_sent;
    atomic_ullong repeated_calls;
};

/* Fills the beginning of a transport's channel, before any thread of it starts. */
void ds_channel_init(struct ds_channel *channel, const struct ds_channel_ops *ops,
                     const struct ds_channel_options *options);

/* Counts a message that goes out. */
void ds_channel_count_message(struct ds_channel *channel, size_t call_count,
                              size_t compressed_call_count);

/* Whether the caller wants large payloads compressed and the method allows it. */
bool ds_client_call_may_compress(const struct ds_channel *channel,
                                 const struct ds_client_call *call);

/* A list of calls in their order. */
struct ds_client_call_list {
    struct ds_client_call *first;
    struct ds_client_call *last;
};

void ds_client_call_push(struct ds_client_call_list *list, struct ds_client_call *call);
struct ds_client_call *ds_client_call_pop(struct ds_client_call_list *list);

/* The call's time limit: its own or its method's. */
uint32_t ds_client_call_timeout_ms(const struct ds_client_call *call);

/* When the caller stops waiting, on the channel's clock. */
int64_t ds_client_call_deadline_us(const struct ds_client_call *call);

/* Frees the last attempt's reply and forgets all that was said in it. */
void ds_client_call_clear(struct ds_client_call *call);

/* Hands an attempt of the call to the transport, which collects it. */
void ds_client_call_start(struct ds_channel *channel, struct ds_client_call *call);

/* Whether the call may be made twice, whatever became of its first attempt. */
bool ds_client_call_may_repeat(const struct ds_channel *channel, const struct ds_client_call *call);

/* Ends an attempt of a call whose second part is filled: it is made again, or it is counted and
 * done. */
void ds_client_call_finish(struct ds_channel *channel, struct ds_client_call *call);

/* Ends a call that has no reply. `message` is static. */
void ds_client_call_fail(struct ds_channel *channel, struct ds_client_call *call, ds_code code,
                         const char *message);

/* Told at the end of each attempt of a call on one of its endpoints. */
void ds_channel_balanced_note(struct ds_channel *balanced, const struct ds_client_call *call);
enum ds_channel_state ds_channel_balanced_endpoint_state(struct ds_channel *balanced, size_t place);

DS_MUST_USE ds_code ds_channel_balanced_open(const struct ds_channel_options *options,
                                             struct ds_channel **ret_channel);
struct ds_channel *ds_channel_direct_open(const struct ds_channel_options *options);
DS_MUST_USE ds_code ds_channel_sp_open(const struct ds_channel_options *options,
                                       struct ds_channel **ret_channel);

#endif
