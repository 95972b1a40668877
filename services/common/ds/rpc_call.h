/* The inside of a call and what dispatch offers to the transports. Private to ds_common. */
#ifndef DS_RPC_CALL_H
#define DS_RPC_CALL_H

#include "ds/call.h"
#include "ds/metadata.h"
#include "ds/rpc_server.h"
#include "ds/trace.h"

#include <stdatomic.h>

#define DS_CALL_ID_BYTES_MAX 16
/* Of the text of a failure, which a response's header must have room for twice. */
#define DS_FAILURE_BYTES_MAX 1024

/* A response's preface and a header of call_id, times and epoch. */
#define DS_PLAIN_HEAD_BYTES_MAX 56

struct ds_idempotency_key;

struct ds_field_violation {
    const char *field;
    const char *description;
    struct ds_field_violation *next;
};

struct ds_failure_detail {
    const char *type_url;
    struct ds_bytes message;
};

/* What the caller sent beside the payload. Texts live in the call's arena or are static; never
 * NULL. */
struct ds_call_request {
    uint8_t call_id[DS_CALL_ID_BYTES_MAX];
    size_t call_id_bytes;
    uint8_t client_id[DS_CALL_ID_BYTES_MAX];
    size_t client_id_bytes;
    const char *method;
    uint32_t timeout_ms; /* 0: the method's */
    uint32_t attempt;    /* 0: the first */
    const char *authorization;
    const char *traceparent;
    const char *tracestate;
    const char *peer;
    struct ds_bytes idempotency_key;
    uint64_t server_epoch; /* of the server that may have executed an earlier attempt; 0: none */
    const struct ds_principal *principal;     /* NULL: the caller did not say */
    const struct ds_metadata_entry *metadata; /* checked; NULL where there is none */
    size_t metadata_count;
    struct ds_bytes payload; /* stays until the call is finished */
    size_t received_bytes;   /* of the payload as it came */
    bool is_packed;          /* the payload is compressed */
    bool accepts_zstd;       /* so the response may be */
};

/* How far a call has come, for those who look on. */
enum ds_call_stage {
    DS_CALL_RECEIVED,
    DS_CALL_ADMITTED,  /* principal is set */
    DS_CALL_EXECUTING, /* started_us is set */
};

struct ds_call {
    struct ds_rpc_server *server;
    struct ds_arena *arena; /* holds this struct too */
    const struct ds_clock *clock;
    bool trusted; /* the listener's: principal and peer of the request are believed */
    bool shared;  /* the frame shares its message with others */
    atomic_bool cancelled;
    atomic_int stage; /* enum ds_call_stage */
    struct ds_call_request request;

    const struct ds_method *method;
    const struct ds_service_entry *entry;
    struct ds_principal principal;
    struct ds_trace trace; /* of ds_call_trace() */
    bool has_trace;
    bool continues_trace; /* of its caller */
    bool has_run;         /* its handler has been called */
    int64_t received_us;  /* monotonic */
    int64_t started_us;
    int64_t deadline_us;
    ProtobufCMessage *message_in;
    ProtobufCMessage *message_out;

    ds_code code;
    const char *failure;      /* text for the caller, of at most DS_FAILURE_BYTES_MAX bytes */
    bool has_failure_reserve; /* the arena has been extended for it */
    ds_reason reason;
    struct ds_field_violation *violations;
    struct ds_failure_detail *details; /* NULL where there is none */
    size_t detail_count;
    size_t detail_bytes;
    bool has_retry_after;
    int32_t retry_after_ms;
    struct ds_metadata_entry *answer_metadata; /* NULL where there is none */
    size_t answer_metadata_count;
    size_t answer_metadata_bytes;
    struct ds_buffer raw_response;
    bool has_raw_response;
    struct ds_bytes response; /* packed; in the arena or in raw_response */
    uint32_t queue_us;
    uint32_t execution_us;

    struct ds_buffer packed_response; /* where `response` is when response_flags say so */
    uint8_t response_flags;           /* enum ds_frame_flag */
    uint8_t plain_head[DS_PLAIN_HEAD_BYTES_MAX]; /* what a listener sends before the response */
    struct ds_buffer response_head;              /* where that says more than most */
    /* Of rpc_idempotency.h. */
    bool holds_key;
    bool is_replay; /* code and response are those of an earlier call */
    struct ds_idempotency_key *key;
    struct ds_call *next_waiter;

    /* Of rpc_calls.h; the links are guarded by server->calls_mutex. */
    uint64_t peer_id;
    bool is_listed;
    bool connection_is_full; /* it has more requests in work than it may */
    struct ds_call *previous;
    struct ds_call *next;

    /* The transport's: told once that code, response and the rest are there. */
    void (*finished)(struct ds_call *call);
    void *transport;
};

/* A call in an arena of its own. The transport fills request, trusted, shared, finished and
 * transport. */
struct ds_call *ds_call_create(struct ds_rpc_server *server);

/* Frees the call, its arena and its response. */
void ds_call_destroy(struct ds_call *call);

/* Ends in call->finished(call), now or later, on this thread or another; never blocks. */
void ds_rpc_dispatch(struct ds_call *call);

/* Ends a call that is not to be executed with a code that the caller has explained by ds_fail*().
 */
void ds_rpc_refuse(struct ds_call *call, ds_code code);

/* Whether dispatch would answer that method on the calling thread. */
bool ds_rpc_runs_inline(const struct ds_rpc_server *server, const struct ds_method *method);

/* Of a finished call: whether its handler ran, and what it answers. */
bool ds_call_was_executed(const struct ds_call *call);
size_t ds_call_response_bytes(const struct ds_call *call);

/* The google.rpc.Status of a failed call; empty where there is nothing to say beyond code and
 * message. */
struct ds_bytes ds_call_pack_status(struct ds_call *call);

#endif
