/*
 * What makes a channel's calls again: it holds them while they wait for their next attempt. Private
 * to ds_common.
 */
#ifndef DS_CHANNEL_RETRIER_H
#define DS_CHANNEL_RETRIER_H

#include "ds/rpc_client.h"

struct ds_retrier;

/* `policy` may be NULL: only what was certainly not executed is made again, once and at once. */
struct ds_retrier *ds_retrier_create(struct ds_channel *channel,
                                     const struct ds_channel_options *options);

/* Ends the waiting calls with DS_CANCELLED; nothing is made again from now on. */
void ds_retrier_stop(struct ds_retrier *retrier);

/* After ds_retrier_stop() and the end of all calls. Takes NULL. */
void ds_retrier_destroy(struct ds_retrier *retrier);

/* At the end of an attempt, with the call's second part filled: true where the call is made again,
 * and is thus not at its end. Any thread. */
bool ds_retrier_take(struct ds_retrier *retrier, struct ds_client_call *call);

/* Notes that the caller has given the call up; true where it was waiting here and is now the
 * caller's to end. */
bool ds_retrier_cancel(struct ds_retrier *retrier, struct ds_client_call *call);

/* Whether the call may be made twice, whatever became of its first attempt. */
bool ds_retrier_may_repeat(const struct ds_retrier *retrier, const struct ds_client_call *call);

#endif
