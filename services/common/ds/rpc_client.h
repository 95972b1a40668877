/*
 * The client side: a channel to one service and the calls made on it. Transports: messages over
 * ipc, tcp and tls+tcp, and direct into a server of the same process.
 *
 * Calls that are made before one flush share messages as far as docs/rpc.md allows; 200 reads go
 * out as four messages. `requests`, `replies` and `done` are the program's:
 *
 *     for (size_t i = 0; i < 200; i++) {
 *         replies[i] = (struct ds_client_call){.method = ds_method_storage_latest_tick,
 *                                              .payload = requests[i],
 *                                              .done = done};
 *         ds_channel_call(channel, &replies[i]);
 *     }
 *     ds_channel_flush(channel);
 */
#ifndef DS_RPC_CLIENT_H
#define DS_RPC_CLIENT_H

#include "ds/call.h"
#include "ds/metadata.h"
#include "ds/metrics.h"
#include "ds/rpc_retry.h"
#include "ds/rpc_server.h"
#include "ds/tls.h"

struct ds_channel;
struct ds_client_reply;

#define DS_CHANNEL_URLS_MAX 16

enum ds_balancing {
    DS_PICK_FIRST,  /* all calls to the first replica of the list that is well */
    DS_ROUND_ROBIN, /* calls in turn to all that are well */
};

/* gRPC's connectivity states. */
enum ds_channel_state {
    DS_CHANNEL_IDLE,              /* nothing has been tried yet */
    DS_CHANNEL_CONNECTING,        /* tried, without an answer so far */
    DS_CHANNEL_READY,             /* a call would go out at once */
    DS_CHANNEL_TRANSIENT_FAILURE, /* out of reach, ill or unanswering; tried again on schedule */
    DS_CHANNEL_SHUTDOWN,          /* being closed */
};

enum ds_compression {
    DS_COMPRESSION_OF_CHANNEL, /* as ds_channel_options.compress says */
    DS_COMPRESSION_OFF,
    DS_COMPRESSION_ON,
};

struct ds_channel_options {
    /* ipc:///path, tcp://host:port or tls+tcp://host:port; NULL with `server`, `urls` */
    const char *url;
    const struct ds_tls_options *tls; /* of tls+tcp; NULL: the defaults; not kept */
    struct ds_rpc_server *server;     /* direct transport; outlives the channel */
    /*
     * Replicas of one service, of which each call goes to one. A replica takes part while it
     * answers grpc.health.v1 with SERVING.
     */
    const char *const *urls;
    size_t url_count; /* at most DS_CHANNEL_URLS_MAX */
    enum ds_balancing balancing;
    uint32_t health_interval_ms; /* between two checks of a replica; 0: 1000 */
    uint32_t health_timeout_ms;  /* without an answer it counts as hung; 0: 1000 */
    /*
     * NULL: no call is made again, but for those that a replica certainly has not executed, which
     * go to another one, once. With it, calls of methods without side effects, of idempotent ones
     * and with an idempotency key are. Copied.
     */
    const struct ds_retry_policy *retry;
    /*
     * Large payloads travel compressed, both ways, where the method allows it and the server's
     * Hello says that it reads that. For networks: on one machine it only costs time.
     */
    bool compress;
    uint32_t (*random)(void *context); /* for the jitter, any thread; NULL: the system's */
    void *random_context;
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
    struct ds_bytes payload;                  /* the request on the wire */
    uint32_t timeout_ms;                      /* 0: the method's */
    const struct ds_principal *principal;     /* NULL: none; believed by trusted listeners only */
    const char *authorization;                /* NULL: none */
    const char *peer;                         /* NULL: none */
    const char *traceparent;                  /* NULL: none */
    const char *tracestate;                   /* NULL: none */
    struct ds_bytes idempotency_key;          /* empty: none; the call may then be made again */
    const struct ds_metadata_entry *metadata; /* within ds_client_metadata_refusal()'s rules */
    size_t metadata_count;
    enum ds_compression compression;
    bool is_final; /* never made again, whatever the channel's policy */
    void (*done)(struct ds_client_call *call);
    void *context;

    ds_code code;
    const char *message;            /* "" on success; never NULL */
    struct ds_bytes status_details; /* google.rpc.Status; empty where there is none */
    struct ds_bytes response;       /* the response on the wire */
    bool has_retry_pushback;        /* the server said when to come again */
    int32_t retry_pushback_ms;      /* 0: at once, or it said nothing; negative: never */
    uint32_t queue_us;
    uint32_t execution_us;
    const struct ds_metadata_entry *response_metadata; /* comes with failures, too */
    size_t response_metadata_count;
    uint32_t attempt; /* the one that was answered; 0: the first */

    /* The channel's own. */
    struct ds_client_reply
        *reply; /* holds the memory of what the channel filled; NULL: there is none */
    struct ds_client_call *next;
    void *in_flight;
    int64_t begun_us;
    int64_t attempt_begun_us;
    int64_t due_us;         /* the next attempt */
    uint32_t retried_count; /* by the policy */
    uint32_t backoff_step;
    size_t endpoint;    /* that it went to last */
    bool is_unexecuted; /* its last attempt, for sure */
    bool has_gone_elsewhere;
    bool may_have_run;  /* an attempt went out that was never answered */
    uint64_t run_epoch; /* of the server that then was there; 0: not known */
    bool is_routed;     /* to `endpoint`, in this attempt */
    bool is_given_up;
    bool is_waiting;
    bool cancelled; /* guarded by the channel's lock once the call is made */
};

/* DS_INVALID_ARGUMENT for a URL of another form and for too many. Does not wait for a connection:
 * calls made before there is one wait for it at most 1 s, then end with DS_UNAVAILABLE. */
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

/* The `message` of a call that failed with that code, where neither a server's answer nor the
 * connection gave a reason. */
const char *ds_client_failure_text(ds_code code);

/*
 * For a handler that calls on, before ds_channel_call(): the call gets what `from` has left of its
 * time, where it does not ask for less, and a place in its trace. Lives as long as `from`. Where
 * nobody waits for `from` any more it fails as ds_fail_if_abandoned() does.
 */
DS_MUST_USE ds_code ds_client_call_inherit(struct ds_client_call *call, struct ds_call *from);

/* NULL where the entries may go with a call, else a static text that says what is wrong. */
const char *ds_client_metadata_refusal(const struct ds_metadata_entry *entries, size_t count);

/* Of the answer; false where it has nothing under that key. */
bool ds_client_call_metadata_get(const struct ds_client_call *call, const char *key,
                                 struct ds_bytes *ret_value);

/* What has gone out so far, retries and calls that travelled again alone included. A direct channel
 * sends nothing. */
struct ds_channel_traffic {
    uint64_t messages; /* those with calls */
    uint64_t calls;    /* in them */
    uint64_t compressed_calls;
    uint64_t repeated_calls; /* attempts beyond each call's first, of direct channels too */
};

/* Any thread. */
struct ds_channel_traffic ds_channel_traffic(struct ds_channel *channel);

/*
 * Adds the channel's state and traffic to a registry, with the label target=`target`, which
 * outlives it. Once for each registry, under the rules of ds_metrics_watch(); the registry is not
 * written any more once the channel closes.
 */
void ds_channel_watch(struct ds_channel *channel, const char *target, struct ds_metrics *metrics);

/* Any thread. */
enum ds_channel_state ds_channel_state(struct ds_channel *channel);

/* Whether a replica of it is spoken to through TLS. */
bool ds_channel_is_encrypted(const struct ds_channel *channel);

/* The state of one of the replicas, by its place in `urls`. Any thread. */
enum ds_channel_state ds_channel_endpoint_state(struct ds_channel *channel, size_t place);

/*
 * The reason in a google.rpc.Status (its ErrorInfo in the domain "deltastream"); REASON_UNSPECIFIED
 * where there is none or the bytes are no Status.
 */
ds_reason ds_status_reason(struct ds_bytes status_details);

/* Frees the reply. The struct may be used again. */
void ds_client_call_release(struct ds_client_call *call);

#endif
