/*
 * Native calls to one service, by clients of libdeltastream that are a thread's own. The only file
 * of the harness that knows the library. Belongs to the loop's thread, but for what the library's
 * threads tell, which waits for load_native_take().
 */
#ifndef LOAD_NATIVE_H
#define LOAD_NATIVE_H

#include "clients/load/loop.h"
#include "ds/bytes.h"
#include "ds/code.h"

#include <stdbool.h>

#define LOAD_NATIVE_REASON_BYTES_MAX 640

struct deltastream_method;
struct deltastream_reply;
struct deltastream_slot;

/* The caller's, all zero at first, who fills the first part; it stays until `ended`. */
struct load_native_call {
    const struct deltastream_method *method;
    struct ds_bytes payload;
    const char *authorization; /* NULL: none */
    uint32_t timeout_ms;
    void (*ended)(struct load_native_call *call); /* once, from load_native_take() */

    ds_code code;
    bool is_refusal;          /* RESOURCE_EXHAUSTED for now: the server said when to come again */
    struct ds_bytes response; /* until `ended` returns */
    int64_t sent_ns;          /* handed to the library */
    int64_t ended_ns;

    struct load_native *native;
    struct deltastream_slot *slot; /* for one call after the other; NULL: there was none yet */
    struct deltastream_reply *reply;
    struct load_native_call *next; /* of those that have ended */
};

struct load_native_options {
    struct load_loop *loop; /* outlives it */
    const char *url;
    const char *tls_ca; /* of tls+tcp; NULL: the system's */
    uint32_t client_count;
    bool shares_messages;
};

struct load_native;

/* What the library has to know of every call of a step. */
struct load_native_method {
    const struct deltastream_method *method;
    uint32_t timeout_ms; /* rounded up */
};

/* Of that full name, which there is. */
struct load_native_method load_native_method_of(const char *full_name, int64_t timeout_ns);

/* Waits until each client has been greeted. DS_INVALID_ARGUMENT: the URL, or what TLS needs, can't
 * be used; DS_UNAVAILABLE: nobody answers. `ret_reason` says why. */
DS_MUST_USE ds_code load_native_open(const struct load_native_options *options,
                                     struct load_native **ret_native,
                                     char ret_reason[LOAD_NATIVE_REASON_BYTES_MAX]);

/* Calls must have ended. Takes NULL. */
void load_native_close(struct load_native *native);

/* Sends the call, or keeps it for load_native_flush() where messages are shared. */
void load_native_send(struct load_native *native, struct load_native_call *call);
void load_native_flush(struct load_native *native);

/* Frees what sending took; the call is over. */
void load_native_call_deinit(struct load_native_call *call);

/* Hands out the calls that have ended; the loop's bell tells that there are some. */
void load_native_take(struct load_native *native);

#endif
