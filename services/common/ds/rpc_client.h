/*
 * The client side: a channel to one service and the calls made on it. Transports: nng over ipc and
 * tcp, and direct into a server of the same process.
 */
#ifndef DS_RPC_CLIENT_H
#define DS_RPC_CLIENT_H

#include "ds/call.h"
#include "ds/metrics.h"
#include "ds/rpc_server.h"

struct ds_channel;
struct ds_client_reply;

struct ds_channel_options {
    const char *url;              /* ipc:///path or tcp://host:port; NULL with `server` */
    struct ds_rpc_server *server; /* direct transport; outlives the channel */
    const char *client_name;      /* for Hello */
    const struct ds_clock *clock; /* NULL: the system's */
    struct ds_metrics *metrics;   /* NULL: not counted; outlives the channel */
};

/*
 * One call. The caller owns the struct and fills the first part; the channel fills the second and
 * then calls `done` once, from any thread, never before ds_channel_flush() was called. Everything
 * that the first part points to must stay until then; the second part's memory lives until
 * ds_client_call_release().
 */
struct ds_client_call {
    const struct ds_method *method;
    struct ds_bytes payload;              /* the request on the wire */
    uint32_t timeout_ms;                  /* 0: the method's */
    const struct ds_principal *principal; /* NULL: none; believed by trusted listeners only */
    const char *authorization;            /* NULL: none */
    const char *peer;                     /* NULL: none */
    const char *traceparent;              /* NULL: none */
    void (*done)(struct ds_client_call *call);
    void *context;

    ds_code code;
    const char *message;            /* "" on success; never NULL */
    struct ds_bytes status_details; /* google.rpc.Status; empty where there is none */
    struct ds_bytes response;       /* the response on the wire */
    int32_t retry_pushback_ms;      /* 0: the server said nothing */
    uint32_t queue_us;
    uint32_t execution_us;

    /* The channel's own. */
    struct ds_client_reply
        *reply; /* holds the memory of what the channel filled; NULL: there is none */
    struct ds_client_call *next;
    void *in_flight;
    int64_t begun_us;
    bool cancelled; /* guarded by the channel's lock once the call is made */
};

/* DS_INVALID_ARGUMENT for a URL of another form. Does not wait for a connection: calls made before
 * there is one wait for it at most 1 s, then end with DS_UNAVAILABLE. */
DS_MUST_USE ds_code ds_channel_open(const struct ds_channel_options *options,
                                    struct ds_channel **ret_channel);

/* Calls in flight end with DS_CANCELLED first. Waits for threads that work on them, so not to be
 * called from `done`; nobody may use the channel meanwhile. Takes NULL. */
void ds_channel_close(struct ds_channel *channel);

/*
 * Makes a call. It may wait for ds_channel_flush(), so that the calls of one turn of a loop can
 * share a message. Any thread; never blocks. Methods of DS_POOL_INLINE on a direct channel run on
 * the thread that calls flush.
 */
void ds_channel_call(struct ds_channel *channel, struct ds_client_call *call);

/* Sends what ds_channel_call() collected. Any thread. */
void ds_channel_flush(struct ds_channel *channel);

/* Nobody waits for this call any more: `done` comes soon with DS_CANCELLED, or with the reply if
 * that was faster. Any thread, also while another one flushes; the struct must still be there. */
void ds_channel_cancel(struct ds_channel *channel, struct ds_client_call *call);

/* Makes a call and waits for it; ds_client_call.done and context are the function's own. Returns
 * call->code. */
ds_code ds_channel_call_wait(struct ds_channel *channel, struct ds_client_call *call);

/*
 * The reason in a google.rpc.Status (its ErrorInfo in the domain "deltastream"); REASON_UNSPECIFIED
 * where there is none or the bytes are no Status.
 */
ds_reason ds_status_reason(struct ds_bytes status_details);

/* Frees the reply. The struct may be used again. */
void ds_client_call_release(struct ds_client_call *call);

#endif
