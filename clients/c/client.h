/* What the library's files share. Private to clients/c. */
#ifndef CLIENTS_C_CLIENT_H
#define CLIENTS_C_CLIENT_H

/* The typed part has protobuf-c's headers of the same names as those of ds_common. */
#define DELTASTREAM_UNTYPED
#include "clients/c/deltastream.h"
#include "clients/c/typed.h"
#include "ds/rpc_client.h"

#include <pthread.h>
#include <stdatomic.h>

struct deltastream_client {
    struct ds_channel *channel;
    struct ds_arena *arena; /* what the options pointed to */
    uint32_t timeout_ms;
    size_t url_count;
    const char *url; /* the first */
    struct ds_tls_options tls;
    const struct ds_principal *principal; /* NULL: none */
    pthread_mutex_t mutex;                /* guards authorization */
    char *authorization;                  /* NULL: none */
    atomic_bool has_authorization;        /* most clients have none, and their calls need no lock */
};

/*
 * A call from its beginning to the freeing of its reply. The handle, the reply and the call under
 * way have a reference each.
 */
struct deltastream_call {
    atomic_uint reference_count;
    atomic_bool is_done;
    struct deltastream_client *client; /* not after the call is done */
    struct ds_client_call call;
    const struct typed_method *type; /* NULL: by its bytes */
    deltastream_done_fn done;
    void *context;
    struct ds_arena *arena; /* copies of the options, the response; NULL: nothing was needed yet */
    struct ds_buffer json;  /* of deltastream_reply_json() */
    const ProtobufCMessage *response; /* of a typed call */
    ds_code code;
    const char *message;
    bool is_of_slot;   /* its memory is the slot's */
    uint8_t request[]; /* empty where the payload is the program's */
};

/* The same, seen from its end. */
struct deltastream_reply {
    struct deltastream_call call;
};

/*
 * Copies `size` bytes of the program's struct, whose first member is its own size, into ours of
 * known_bytes, and leaves the rest 0. False where that size is none of a release up to this one.
 */
bool struct_take(void *known, size_t known_bytes, size_t first_release_bytes, const void *given);

/* The other way. */
bool struct_give(void *given, const void *known, size_t known_bytes, size_t first_release_bytes);

/* Writes why something is refused, where the caller wants to know. */
void message_write(char *message, size_t message_bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A call with room for its request, which the caller fills; it is the payload. Never NULL. */
struct deltastream_call *call_create(struct deltastream_client *client,
                                     const struct ds_method *method, size_t request_bytes);

/* Makes the call and waits; gives the reply to ret_reply, or frees it where that is NULL. */
enum deltastream_code call_run(struct deltastream_call *call,
                               const struct deltastream_call_options *options,
                               struct deltastream_reply **ret_reply);

/* Begins the call, or frees it and returns why not. */
enum deltastream_code call_begin(struct deltastream_call *call,
                                 const struct deltastream_call_options *options,
                                 deltastream_done_fn done, void *context,
                                 struct deltastream_call **ret_call);

/* Ends a call that was never begun: a reply with that code, or none where ret_reply is NULL.
 * `message` is copied. */
enum deltastream_code call_refuse(struct deltastream_call *call, ds_code code, const char *message,
                                  struct deltastream_reply **ret_reply);

/* The call is over: tells the program, whose the reply is from then on. */
void call_deliver(struct deltastream_call *call);

/* The client's, whose place another thread may put a new one in; NULL: none. */
const char *call_authorization_copy(struct deltastream_call *call);

struct ds_arena *call_arena(struct deltastream_call *call);
void call_unref(struct deltastream_call *call);

/* On a thread that runs a callback of an asynchronous call, which must not wait. */
bool thread_is_in_callback(void);

/* Reads the response of a typed call; on failure the call's code and message say why. */
void typed_take_response(struct deltastream_call *call);

static inline const struct ds_method *method_of(const struct deltastream_method *method)
{
    return (const struct ds_method *)method;
}

#endif
