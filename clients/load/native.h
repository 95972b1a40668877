/*
 * Native calls to one service, over channels of a thread's own. The only file of the harness that
 * knows channels. Belongs to the loop's thread, but for what the channels' threads tell, which
 * waits for load_native_take().
 */
#ifndef LOAD_NATIVE_H
#define LOAD_NATIVE_H

#include "clients/load/loop.h"
#include "ds/rpc_client.h"

#include <stdatomic.h>

#define LOAD_NATIVE_CHANNELS_MAX 256 /* of a thread and target */
#define LOAD_NATIVE_REASON_BYTES_MAX 256

/* The caller's, who fills the first part; it stays until `ended`. */
struct load_native_call {
    const struct ds_method *method;
    struct ds_bytes payload;
    const char *authorization; /* NULL: none */
    int64_t timeout_ns;
    void (*ended)(struct load_native_call *call); /* once, from load_native_take() */

    ds_code code;
    struct ds_bytes response; /* until `ended` returns */
    int64_t sent_ns;          /* handed to the channel */
    int64_t ended_ns;

    struct load_native *native;
    struct ds_client_call call;
    struct load_native_call *next; /* of those that have ended */
};

struct load_native_options {
    struct load_loop *loop; /* outlives it */
    const char *url;
    const char *tls_ca;                   /* of tls+tcp; NULL: the system's */
    const struct ds_principal *principal; /* for ipc; NULL: none; outlives it */
    uint32_t channel_count;
    bool shares_messages;
};

struct load_native;

/* Codes of ds_channel_open(). */
DS_MUST_USE ds_code load_native_open(const struct load_native_options *options,
                                     struct load_native **ret_native);

/* Waits until each channel has been greeted. DS_UNAVAILABLE and DS_DEADLINE_EXCEEDED: `ret_reason`
 * says why. */
DS_MUST_USE ds_code load_native_greet(struct load_native *native, char *ret_reason,
                                      size_t reason_bytes_max);

/* Calls must have ended. Takes NULL. */
void load_native_close(struct load_native *native);

/* Sends the call, or keeps it for load_native_flush() where messages are shared. */
void load_native_send(struct load_native *native, struct load_native_call *call);
void load_native_flush(struct load_native *native);

/* Hands out the calls that have ended; the loop's bell tells that there are some. */
void load_native_take(struct load_native *native);

#endif
