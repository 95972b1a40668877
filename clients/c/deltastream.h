/*
 * libdeltastream: calls of DeltaStream's services from C and C++.
 *
 *     struct deltastream_client_options options = {.struct_size = sizeof options,
 *                                                  .url = "tcp://127.0.0.1:9003"};
 *     struct deltastream_client *client = NULL;
 *     char why[DELTASTREAM_MESSAGE_BYTES_MAX];
 *     if (deltastream_client_open(&options, &client, why, sizeof why) != DELTASTREAM_OK) …
 *
 *     Deltastream__Storage__LatestTickRequest request =
 *         DELTASTREAM__STORAGE__LATEST_TICK_REQUEST__INIT;
 *     request.product = (char *)"NIFTY";
 *     struct deltastream_reply *reply = NULL;
 *     if (deltastream_storage_latest_tick(client, &request, NULL, &reply) == DELTASTREAM_OK) {
 *         const Deltastream__Storage__Tick *tick = deltastream_storage_latest_tick_response(reply);
 *         printf("%f\n", tick->price);
 *     } else {
 *         fprintf(stderr, "%s\n", deltastream_reply_message(reply));
 *     }
 *     deltastream_reply_free(reply);
 *     deltastream_client_close(client);
 *
 * What holds for every declaration unless it says otherwise:
 *
 * Ownership. What comes out of a parameter `ret_…` belongs to the caller, and the declaration names
 * what frees it. What a function returns a pointer to belongs to the object that was asked, and
 * lives as long as that. What is passed in is copied before the function returns, but for requests
 * of calls with `borrow_request` and of slots.
 *
 * Codes. Functions that can fail return a code; out-parameters are untouched on failure, but for
 * ret_reply, which is always set. A wrong argument that only a fault in the program explains, such
 * as NULL where it is not allowed, ends the program by assert. So does running out of memory.
 *
 * Waiting. Nothing waits but what says so.
 *
 * Threads. A client, and what only asks the library, may be used by any threads at the same time.
 * A reply is one thread's at a time. A signal handler may use nothing of the library.
 *
 * fork(). The threads that read a client's connections stay with the parent. A child that is forked
 * while any client is open may execute another program, which inherits none of the descriptors, or
 * end by _exit(); of the library it may use nothing: opening, calling, subscribing write a line to
 * stderr and abort, deltastream_client_close() and deltastream_unsubscribe() do nothing. A
 * process that forks to work with the library in its children forks before it opens a client, or
 * after it has closed all of them.
 *
 * Structs whose first member is `struct_size` may get more members at their end in later releases:
 * a program sets it to the sizeof that it was compiled with, and every other member that it does
 * not mean to 0, which stands for the default. Structs without it are complete. A program may run
 * with a later library of the same soname than it was linked with, not with an earlier one.
 *
 * Fields of messages that are `optional` in their .proto are absent until they are set, by
 * functions such as deltastream__storage__list_ticks_request__set_limit()
 * (deltastream/optional_fields.h).
 *
 * The library writes nothing, unless the environment variable DELTASTREAM_LOG is debug, info,
 * warning or error when the first client is opened: then lines of that level and above go to
 * stderr.
 *
 * A program that makes calls by their bytes alone may define DELTASTREAM_UNTYPED before it includes
 * this header: then it needs no header of protobuf-c.
 *
 * Times are microseconds (`_us`), durations milliseconds (`_ms`) or microseconds, sizes bytes.
 * Texts are UTF-8.
 */
#ifndef DELTASTREAM_H
#define DELTASTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DELTASTREAM_VERSION "0.1.0"

#if defined(__GNUC__)
#define DELTASTREAM_API __attribute__((visibility("default")))
#else
#define DELTASTREAM_API
#endif

/* The release of the library that runs, as DELTASTREAM_VERSION is that of the header. Static. */
DELTASTREAM_API const char *deltastream_version(void);

/* ---- Codes ---- */

/* What became of an operation: the codes of gRPC (google.rpc.Code), by the same numbers. */
enum deltastream_code {
    DELTASTREAM_OK = 0,
    DELTASTREAM_CANCELLED = 1, /* deltastream_call_cancel() or deltastream_client_close() */
    DELTASTREAM_UNKNOWN = 2,
    DELTASTREAM_INVALID_ARGUMENT = 3, /* the request is wrong whatever the state of the service */
    DELTASTREAM_DEADLINE_EXCEEDED = 4,
    DELTASTREAM_NOT_FOUND = 5,
    DELTASTREAM_ALREADY_EXISTS = 6,
    DELTASTREAM_PERMISSION_DENIED = 7,
    DELTASTREAM_RESOURCE_EXHAUSTED = 8, /* a limit; the same may do later */
    DELTASTREAM_FAILED_PRECONDITION = 9,
    DELTASTREAM_ABORTED = 10,
    DELTASTREAM_OUT_OF_RANGE = 11,
    DELTASTREAM_UNIMPLEMENTED = 12, /* the service has no such method */
    DELTASTREAM_INTERNAL = 13,
    DELTASTREAM_UNAVAILABLE = 14, /* nobody answers; the same may do soon */
    DELTASTREAM_DATA_LOSS = 15,
    DELTASTREAM_UNAUTHENTICATED = 16
};

/* "NOT_FOUND" and so on; "UNKNOWN" for a number that is no code. Static. */
DELTASTREAM_API const char *deltastream_code_name(enum deltastream_code code);

/* ---- Clients ---- */

#define DELTASTREAM_URLS_MAX 16
/* Enough for every text that tells why something is refused, with its NUL. */
#define DELTASTREAM_MESSAGE_BYTES_MAX 640

/* Connections to one service, and what its calls have in common. */
struct deltastream_client;

enum deltastream_balancing {
    DELTASTREAM_PICK_FIRST = 0, /* all calls to the first of the replicas that is well */
    DELTASTREAM_ROUND_ROBIN = 1 /* calls in turn to all that are well */
};

#define DELTASTREAM_RETRY_ON(code) (UINT32_C(1) << (unsigned int)(code))

/*
 * When a call that failed is made again: with growing waits, for methods that change nothing or can
 * be made twice, for calls with an idempotency key, and for what certainly was not executed. Every
 * failure takes a token out of the client's bucket; no call is made again while it is half empty.
 */
struct deltastream_retry_policy {
    size_t struct_size;
    uint32_t attempts_max;       /* with the first; 0: 4; limited to 5 */
    uint32_t initial_backoff_ms; /* before the first retry; 0: 100 */
    uint32_t backoff_ms_max;     /* 0: 5000 */
    uint32_t retryable_codes;    /* DELTASTREAM_RETRY_ON(…) | …; 0: UNAVAILABLE */
    double backoff_multiplier;   /* from one wait to the next, over 1; 0: 2 */
    double jitter;               /* 0.2: each wait is 80 % to 120 % of what is due; 0: 0.2 */
    uint32_t tokens_max;         /* of the bucket; 0: 100 */
    bool reads_only;             /* only methods that change nothing */
};

/*
 * Who calls, as programs say it of themselves where the service believes them: over ipc, whose
 * socket stands in a folder that only the service's user may enter. Elsewhere it is dropped.
 */
struct deltastream_principal {
    size_t struct_size;
    const char *subject;               /* "service:importer" */
    const char *authentication_method; /* NULL: "none" */
    const char *const *permissions;    /* "market:read"; NULL: all that methods ask for */
    size_t permission_count;
};

struct deltastream_client_options {
    size_t struct_size;
    const char *url; /* ipc:///path, tcp://host:port or tls+tcp://host:port; NULL with `urls` */
    /* Replicas of one service; those that do not answer health checks with SERVING are left out. */
    const char *const *urls;
    size_t url_count; /* at most DELTASTREAM_URLS_MAX */
    enum deltastream_balancing balancing;
    uint32_t timeout_ms;         /* of a call that names none; 0: what its method has */
    uint32_t health_interval_ms; /* between two checks of a replica; 0: 1000 */
    uint32_t health_timeout_ms;  /* without an answer it counts as hung; 0: 1000 */
    const struct deltastream_retry_policy *retry; /* NULL: no call is made again */
    const char *tls_ca_file;     /* PEM, of tls+tcp; NULL: the system's authorities */
    const char *tls_server_name; /* that the certificate has to be for; NULL: the URL's host */
    const char *authorization;   /* as an HTTP Authorization header has it; NULL: none */
    const struct deltastream_principal *principal; /* NULL: none */
    bool compress; /* large payloads, where the method allows it: for slow networks */
};

/*
 * Makes a client. It connects on threads of the library, and again where a connection is lost, so
 * that a service that is not there is told by the calls: each waits for a connection, 1 s at most,
 * then ends with UNAVAILABLE.
 *
 * INVALID_ARGUMENT: the options can't be used; FAILED_PRECONDITION: files for TLS can't be. Then
 * ret_message (NULL: not wanted) gets why and what would do, cut to message_bytes with its NUL.
 * Reads the files of tls+tcp, else does not wait.
 */
DELTASTREAM_API enum deltastream_code
deltastream_client_open(const struct deltastream_client_options *options,
                        struct deltastream_client **ret_client, char *ret_message,
                        size_t message_bytes);

/*
 * Ends calls in flight with CANCELLED and waits for their callbacks, then frees the client.
 * Subscriptions are closed before. Replies live on. Nobody may use the client meanwhile; not to be
 * called from a callback, nor by who holds a lock that a callback of any client takes: all
 * callbacks of a process share a thread, for which this waits. Takes NULL.
 */
DELTASTREAM_API void deltastream_client_close(struct deltastream_client *client);

/* From the next call on; NULL: none. For tokens that expire. */
DELTASTREAM_API void deltastream_client_set_authorization(struct deltastream_client *client,
                                                          const char *authorization);

/* gRPC's states of a connection. */
enum deltastream_state {
    DELTASTREAM_IDLE = 0,         /* nothing has been tried yet */
    DELTASTREAM_CONNECTING = 1,   /* tried, without an answer so far */
    DELTASTREAM_READY = 2,        /* a call would go out at once */
    DELTASTREAM_OUT_OF_REACH = 3, /* or ill, or unanswering; tried again on schedule */
    DELTASTREAM_SHUTTING_DOWN = 4
};

/* Of the client as a whole: READY where one replica is. */
DELTASTREAM_API enum deltastream_state deltastream_client_state(struct deltastream_client *client);

/* Of one replica, by its place in `urls`; the client's own where it has one URL. */
DELTASTREAM_API enum deltastream_state
deltastream_client_replica_state(struct deltastream_client *client, size_t place);

/*
 * For how many days the certificate is valid that the server of a tls+tcp client shows now, which
 * is looked at by a connection of its own. FAILED_PRECONDITION: calls would refuse it; UNAVAILABLE:
 * nobody shows one; INVALID_ARGUMENT: the client has several URLs, or one without TLS. ret_message
 * as in deltastream_client_open(). Waits, for each step at most timeout_ms (0: 5000), so not to be
 * called from a callback.
 */
DELTASTREAM_API enum deltastream_code
deltastream_client_certificate_days(struct deltastream_client *client, uint32_t timeout_ms,
                                    int32_t *ret_days, char *ret_message, size_t message_bytes);

struct deltastream_traffic {
    size_t struct_size;
    uint64_t messages;         /* that have gone out with calls */
    uint64_t calls;            /* in them */
    uint64_t compressed_calls; /* of these */
    uint64_t repeated_calls;   /* attempts beyond each call's first */
};

/* Fills ret_traffic, whose struct_size is set; INVALID_ARGUMENT where it is not. */
DELTASTREAM_API enum deltastream_code
deltastream_client_traffic(struct deltastream_client *client,
                           struct deltastream_traffic *ret_traffic);

/* ---- Calls ---- */

struct deltastream_metadata {
    const char *key; /* of [0-9a-z_.-]; one that ends in "-bin" may have any bytes as its value */
    const void *value;
    size_t value_bytes;
};

enum deltastream_compression {
    DELTASTREAM_COMPRESSION_OF_CLIENT = 0,
    DELTASTREAM_COMPRESSION_OFF = 1,
    DELTASTREAM_COMPRESSION_ON = 2
};

/* Of one call; NULL stands for none of it. */
struct deltastream_call_options {
    size_t struct_size;
    uint32_t timeout_ms; /* all attempts and waits together; 0: the client's */
    enum deltastream_compression compression;
    const char *authorization; /* NULL: the client's */
    /*
     * Of 1 to 64 bytes, random: calls of one caller with the same key and the same request are
     * executed once by a server while it runs, and answered alike. The call may then be made again.
     */
    const void *idempotency_key;
    size_t idempotency_key_bytes;
    const struct deltastream_metadata *metadata; /* at most 64 entries and 8 KiB */
    size_t metadata_count;
    const char *traceparent; /* W3C Trace Context; NULL: the server begins a trace */
    const char *tracestate;
    bool no_retry; /* whatever the client's policy */
    /* An asynchronous call waits for deltastream_client_flush(), so that calls share messages. */
    bool collect;
    /* deltastream_call_raw_async() does not copy the request, which stays as it is until `done`. */
    bool borrow_request;
};

/* NULL where a call may have these options (or `options` is NULL), else a static text that says
 * what is wrong: such a call ends with INVALID_ARGUMENT before it is sent. */
DELTASTREAM_API const char *
deltastream_call_options_refusal(const struct deltastream_call_options *options);

/* What became of a call: code, texts, response. */
struct deltastream_reply;

/* An asynchronous call under way, for who wants to cancel it. */
struct deltastream_call;

/*
 * Called once for each asynchronous call that was begun, when it is over; `reply` is the callee's,
 * who frees it there or later. It runs on a thread of the library, or on one of the program's that
 * is in a function for the same client (beginning a call, flush, cancel, close): hold no lock there
 * that the callback takes. It may come before the function that began the call has returned, and
 * several may run at once. It must not wait: what it holds up is the network. So it may begin
 * asynchronous calls, flush and cancel, but a synchronous call ends with FAILED_PRECONDITION there,
 * and close functions must not be called.
 */
typedef void (*deltastream_done_fn)(void *context, struct deltastream_reply *reply);

/*
 * Typed calls
 *
 * For each method there are three functions, which deltastream/services.h has all of; these are
 * ListTicks':
 *
 *     enum deltastream_code deltastream_storage_list_ticks(
 *         struct deltastream_client *client,
 *         const Deltastream__Storage__ListTicksRequest *request,
 *         const struct deltastream_call_options *options,
 *         struct deltastream_reply **ret_reply);
 *
 * makes the call and waits for its end, at most as long as its time limit. The request is a
 * protobuf-c struct that was initialised by its …__INIT. Returns the reply's code: the service's,
 * or CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE, INVALID_ARGUMENT (options or request can't be
 * sent), FAILED_PRECONDITION (called from a callback), INTERNAL (a response that can't be read) or
 * RESOURCE_EXHAUSTED (one that needs more memory than 64 MiB and 8 times its size) of the
 * library's. ret_reply (NULL: not wanted) is always set; deltastream_reply_free() frees it.
 *
 *     enum deltastream_code deltastream_storage_list_ticks_async(
 *         struct deltastream_client *client,
 *         const Deltastream__Storage__ListTicksRequest *request,
 *         const struct deltastream_call_options *options,
 *         deltastream_done_fn done, void *context,
 *         struct deltastream_call **ret_call);
 *
 * begins the call and does not wait. OK: `done` will be called once. INVALID_ARGUMENT: nothing was
 * begun, `done` is not called. ret_call (NULL: not wanted) is set before `done` can be called;
 * deltastream_call_release() frees it.
 *
 *     const Deltastream__Storage__ListTicksResponse *
 *     deltastream_storage_list_ticks_response(const struct deltastream_reply *reply);
 *
 * The response in a reply of these two functions; NULL after a failure, and in a reply of another
 * method. It lives as long as the reply; do not call …__free_unpacked() on it.
 */

/* Sends the calls that were begun with `collect`. Calls of methods that are answered at once, and
 * whose time limits are alike, then share messages: 64 in each. */
DELTASTREAM_API void deltastream_client_flush(struct deltastream_client *client);

/* Nobody waits for this call any more: its callback comes soon with CANCELLED, or with the reply if
 * that was faster. Does nothing to a call that is over. The client must still be open. */
DELTASTREAM_API void deltastream_call_cancel(struct deltastream_call *call);

/* Frees the handle, not the call: that goes on. Takes NULL. */
DELTASTREAM_API void deltastream_call_release(struct deltastream_call *call);

/* ---- Methods, and calls by their bytes ---- */

/* A method of the services that this release knows. Static. */
struct deltastream_method;

enum deltastream_idempotency {
    DELTASTREAM_SIDE_EFFECTS = 0,    /* twice is not once */
    DELTASTREAM_NO_SIDE_EFFECTS = 1, /* changes nothing */
    DELTASTREAM_IDEMPOTENT = 2       /* twice changes what once changes */
};

/* Every text is static. */
struct deltastream_method_info {
    size_t struct_size;
    const char *full_name; /* "deltastream.storage.v1.Storage/ListTicks" */
    const char *service;   /* "deltastream.storage.v1.Storage" */
    const char *name;      /* "ListTicks" */
    const char *request;   /* the message's full name */
    const char *response;
    const char *permission; /* "market:read"; "public" where none is needed */
    uint32_t timeout_ms;    /* of a call that names none */
    uint32_t request_bytes_max;
    enum deltastream_idempotency idempotency;
    bool may_compress;
    bool is_inline; /* answered at once, so that calls may share a message */
};

DELTASTREAM_API size_t deltastream_method_count(void);

/* In the order of the services' names and, within a service, of its .proto; NULL past the last. */
DELTASTREAM_API const struct deltastream_method *deltastream_method_at(size_t place);

/* By its full name; NULL where there is none. */
DELTASTREAM_API const struct deltastream_method *deltastream_method_find(const char *full_name);

/* Fills ret_info, whose struct_size is set; INVALID_ARGUMENT where it is not. */
DELTASTREAM_API enum deltastream_code
deltastream_method_describe(const struct deltastream_method *method,
                            struct deltastream_method_info *ret_info);

/* As a typed call, but the request is given, and the response comes, in protobuf's wire format.
 * `method` NULL, as a name that was not found gives it, is UNIMPLEMENTED. Waits. */
DELTASTREAM_API enum deltastream_code
deltastream_call_raw(struct deltastream_client *client, const struct deltastream_method *method,
                     const void *request, size_t request_bytes,
                     const struct deltastream_call_options *options,
                     struct deltastream_reply **ret_reply);

/* The same without waiting; as the …_async() of a typed call. UNIMPLEMENTED: `method` is NULL, and
 * nothing was begun. */
DELTASTREAM_API enum deltastream_code deltastream_call_raw_async(
    struct deltastream_client *client, const struct deltastream_method *method, const void *request,
    size_t request_bytes, const struct deltastream_call_options *options, deltastream_done_fn done,
    void *context, struct deltastream_call **ret_call);

/* The same with the request as a JSON object (protobuf's mapping; names as in the .proto or in
 * lowerCamelCase). INVALID_ARGUMENT names the place of what can't be read. Waits. */
DELTASTREAM_API enum deltastream_code
deltastream_call_json(struct deltastream_client *client, const struct deltastream_method *method,
                      const char *request, size_t request_bytes,
                      const struct deltastream_call_options *options,
                      struct deltastream_reply **ret_reply);

/*
 * The wire bytes of a request that is given as JSON, for programs that send it often.
 * INVALID_ARGUMENT (ret_message as in deltastream_client_open()) or RESOURCE_EXHAUSTED: more than
 * 16 MiB. deltastream_free() frees ret_wire, which is never NULL.
 */
DELTASTREAM_API enum deltastream_code
deltastream_request_from_json(const struct deltastream_method *method, const char *json,
                              size_t json_bytes, void **ret_wire, size_t *ret_wire_bytes,
                              char *ret_message, size_t message_bytes);

/* Takes NULL. */
DELTASTREAM_API void deltastream_free(void *memory);

/*
 * A place for calls that are made one after the other, for programs that make very many: beyond the
 * first a call needs no memory of its own, and nothing of it is copied. One thread's at a time.
 */
struct deltastream_slot;

struct deltastream_slot_options {
    size_t struct_size;
    deltastream_done_fn done;
    void *context;
    bool no_retry; /* as in deltastream_call_options */
    bool collect;
};

/* INVALID_ARGUMENT: struct_size is not that of this release or an earlier one. */
DELTASTREAM_API enum deltastream_code
deltastream_slot_create(const struct deltastream_slot_options *options,
                        struct deltastream_slot **ret_slot);

/*
 * Begins a call, of any client, as deltastream_call_raw_async() does; `done` will be called once.
 * The slot's call before is over and its reply freed. `request` and `authorization` (NULL: the
 * client's) stay as they are until `done`. timeout_ms 0: the client's.
 */
DELTASTREAM_API void deltastream_slot_call(struct deltastream_slot *slot,
                                           struct deltastream_client *client,
                                           const struct deltastream_method *method,
                                           const void *request, size_t request_bytes,
                                           const char *authorization, uint32_t timeout_ms);

/* Its last call is over and the reply freed. Takes NULL. */
DELTASTREAM_API void deltastream_slot_free(struct deltastream_slot *slot);

/* ---- Replies ---- */

/* Takes NULL. Replies may be freed after their client is closed. */
DELTASTREAM_API void deltastream_reply_free(struct deltastream_reply *reply);

DELTASTREAM_API enum deltastream_code deltastream_reply_code(const struct deltastream_reply *reply);

/* What went wrong, for people; "" after a success, never NULL. */
DELTASTREAM_API const char *deltastream_reply_message(const struct deltastream_reply *reply);

/* Which of the causes of a code it was, for programs: a name of deltastream.rpc.v1.Reason, such as
 * "EVENTS_FORGOTTEN"; "REASON_UNSPECIFIED" where the service gave none. Static. */
DELTASTREAM_API const char *deltastream_reply_reason(const struct deltastream_reply *reply);

/* The google.rpc.Status of a failure, on the wire; 0 bytes where the service gave none. */
DELTASTREAM_API const void *deltastream_reply_details(const struct deltastream_reply *reply,
                                                      size_t *ret_bytes);

/* The response on the wire; 0 bytes after a failure, and for a message without content. */
DELTASTREAM_API const void *deltastream_reply_wire(const struct deltastream_reply *reply,
                                                   size_t *ret_bytes);

enum deltastream_json_flags {
    DELTASTREAM_JSON_PROTO_NAMES = 1, /* names as in the .proto; else lowerCamelCase */
    DELTASTREAM_JSON_DEFAULTS = 2     /* fields that have their default are written too */
};

/*
 * The response as a JSON object, terminated; ret_bytes (NULL: not wanted) is without the NUL. The
 * text lives until the next call of this function for the reply, or the reply's end.
 * FAILED_PRECONDITION: the call failed, there is no response; INTERNAL: it can't be said in JSON.
 */
DELTASTREAM_API enum deltastream_code deltastream_reply_json(struct deltastream_reply *reply,
                                                             unsigned int flags,
                                                             const char **ret_text,
                                                             size_t *ret_bytes);

/* Of the answer, after a failure too. False where there is no such entry. */
DELTASTREAM_API bool deltastream_reply_metadata(const struct deltastream_reply *reply,
                                                const char *key,
                                                struct deltastream_metadata *ret_entry);

/* By place; false past the last. */
DELTASTREAM_API bool deltastream_reply_metadata_at(const struct deltastream_reply *reply,
                                                   size_t place,
                                                   struct deltastream_metadata *ret_entry);

struct deltastream_reply_info {
    size_t struct_size;
    const struct deltastream_method *method; /* NULL: the call had none */
    uint32_t attempt;                        /* that was answered; 0: the first */
    uint32_t queue_us;                       /* that the server had it wait */
    uint32_t execution_us;                   /* that the server worked on it */
    bool has_retry_after;
    int32_t retry_after_ms; /* what the server said: 0 at once, negative never */
    bool is_unreached;      /* UNAVAILABLE since nobody is there, and nothing tells why */
};

/* Fills ret_info, whose struct_size is set; INVALID_ARGUMENT where it is not. */
DELTASTREAM_API enum deltastream_code
deltastream_reply_describe(const struct deltastream_reply *reply,
                           struct deltastream_reply_info *ret_info);

/* ---- Events ---- */

/* Follows what a service accepts, on a thread of its own, which connects by itself, and again. */
struct deltastream_subscription;

enum deltastream_event_type {
    DELTASTREAM_EVENT_STARTED = 0, /* what comes after `sequence` will be told */
    DELTASTREAM_EVENT_ARRIVED = 1,
    DELTASTREAM_EVENT_GAP = 2 /* events are missing: read the rows by time */
};

struct deltastream_event {
    enum deltastream_event_type type;
    const char *kind;        /* "ticks", "quotes", "chains" */
    uint64_t epoch;          /* of the publisher's start */
    uint64_t sequence;       /* STARTED, ARRIVED: in order, without holes, within an epoch */
    const char *topic;       /* ARRIVED: "ticks/NIFTY"; else NULL */
    int64_t published_at_us; /* ARRIVED: since 1970 */
    /* ARRIVED: the row on the wire. Of ticks deltastream__storage__tick__unpack() reads it, of
     * quotes …__quote__unpack(), of chains …__option_chain__unpack(). 0 bytes, payload NULL: the
     * row was too large for an event; read it by its time. */
    const void *payload;
    size_t payload_bytes;
    uint64_t
        missing_from;    /* GAP: the events missing_from to missing_to of `epoch`; of a new epoch */
    uint64_t missing_to; /* perhaps none, then missing_to is missing_from - 1 */
    bool is_new_epoch; /* GAP: the service was started anew, and what came last before is unknown */
};

/* Runs on the subscription's thread, one event after the other; it may take its time, wait and make
 * synchronous calls. `event` and what it points to die with the call. Library releases may add
 * members at the end of the struct. */
typedef void (*deltastream_event_fn)(void *context, const struct deltastream_event *event);

struct deltastream_interest {
    const char *kind;         /* "ticks", "quotes" or "chains" */
    const char *topic_prefix; /* only such events: "ticks/NIFTY"; NULL: all of the kind */
    uint64_t epoch;           /* go on behind `sequence` of that epoch; 0: begin with the newest */
    uint64_t sequence;
};

struct deltastream_subscription_options {
    size_t struct_size;
    const struct deltastream_interest *interests;
    size_t interest_count; /* 1 to 8 */
    deltastream_event_fn event;
    void *context;
    const char *event_url; /* where the service publishes; NULL: it is asked */
};

/*
 * Begins to follow. Waits for the service to say where it publishes, 2 s at most, unless event_url
 * is given. INVALID_ARGUMENT, FAILED_PRECONDITION (the client has several URLs, but events are of
 * one server; or called from a callback), NOT_FOUND (the service publishes nothing that can be
 * reached), or the code of asking it; then ret_message as in deltastream_client_open().
 */
DELTASTREAM_API enum deltastream_code deltastream_subscribe(
    struct deltastream_client *client, const struct deltastream_subscription_options *options,
    struct deltastream_subscription **ret_subscription, char *ret_message, size_t message_bytes);

#define DELTASTREAM_EVENT_URL_BYTES_MAX 256

/*
 * Asks the service where it publishes now, which may be elsewhere after a restart: for who wants to
 * know, and for event_url. Waits, 2 s at most. The URL is cut to url_bytes with its NUL. Codes and
 * ret_message as those of deltastream_subscribe().
 */
DELTASTREAM_API enum deltastream_code deltastream_event_url(struct deltastream_client *client,
                                                            char *ret_url, size_t url_bytes,
                                                            char *ret_message,
                                                            size_t message_bytes);

/*
 * How many messages have come, with the heartbeats that a service sends every 250 ms: where it
 * stands still for several of these, and no event is being worked on, the service is not heard.
 */
DELTASTREAM_API uint64_t
deltastream_subscription_message_count(const struct deltastream_subscription *subscription);

/* Waits for an event that is being worked on; none comes afterwards. Before the client is closed;
 * not from a callback. Takes NULL. */
DELTASTREAM_API void deltastream_unsubscribe(struct deltastream_subscription *subscription);

#ifdef __cplusplus
}
#endif

#ifndef DELTASTREAM_UNTYPED
/* protoc-c writes unnamed unions, of which C99 knows nothing; every compiler does. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif
/* clang-format off */
#include "deltastream/services.h"
#include "deltastream/google/rpc/error_details.pb-c.h"
#include "deltastream/google/rpc/status.pb-c.h"
#include "deltastream/rpc/v1/reason.pb-c.h"
/* clang-format on */
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#endif

#endif
