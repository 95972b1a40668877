/*
 * What every call passes beside its handler. rpc_interceptors.c lists the library's own in their
 * order; a service adds its own with ds_rpc_server_add_interceptor().
 */
#ifndef DS_INTERCEPTOR_H
#define DS_INTERCEPTOR_H

#include "ds/call.h"

/* How a call ended. */
struct ds_call_outcome {
    ds_code code;
    ds_reason reason;
    bool was_executed; /* its handler ran; false: it was refused, or is a replay */
    bool is_replay;    /* the reply is that of an earlier call with the same idempotency key */
    uint32_t queue_us;
    uint32_t execution_us;
    size_t request_bytes;
    size_t response_bytes; /* 0 for a failure */
};

/* None of its functions may block; each may run on any thread, on several at a time. */
struct ds_interceptor {
    const char *name;
    /* Asked of calls that the library has let in so far; what is not DS_OK refuses the call and is
     * explained by ds_fail*(). NULL: lets all in. */
    ds_code (*before)(void *context, struct ds_call *call);
    /* Told of every call of a known method at its end, refused ones too, before the reply goes out.
     * NULL: is not told. */
    void (*after)(void *context, struct ds_call *call, const struct ds_call_outcome *outcome);
    void *context; /* outlives the server */
};

#endif
