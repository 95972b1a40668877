/* What a channel's transport is: nng (channel_nng.c) or direct (channel_direct.c). Private to
 * ds_common. */
#ifndef DS_CHANNEL_H
#define DS_CHANNEL_H

#include "ds/rpc_client.h"

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
};

/* The beginning of each transport's channel. */
struct ds_channel {
    const struct ds_channel_ops *ops;
    const struct ds_clock *clock;
    struct ds_metrics *metrics; /* may be NULL */
};

/* A list of calls in their order. */
struct ds_client_call_list {
    struct ds_client_call *first;
    struct ds_client_call *last;
};

void ds_client_call_push(struct ds_client_call_list *list, struct ds_client_call *call);
struct ds_client_call *ds_client_call_pop(struct ds_client_call_list *list);

/* The call's time limit: its own or its method's. */
uint32_t ds_client_call_timeout_ms(const struct ds_client_call *call);

/* Ends a call whose second part is filled: counts it and calls done. */
void ds_client_call_finish(struct ds_channel *channel, struct ds_client_call *call);

/* Ends a call that has no reply. `message` is static. */
void ds_client_call_fail(struct ds_channel *channel, struct ds_client_call *call, ds_code code,
                         const char *message);

/* What a caller reads where there is no reply to quote. */
const char *ds_client_failure_text(ds_code code);

struct ds_channel *ds_channel_direct_open(const struct ds_channel_options *options);
DS_MUST_USE ds_code ds_channel_nng_open(const struct ds_channel_options *options,
                                        struct ds_channel **ret_channel);

#endif
