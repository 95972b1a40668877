/*
 * One call as its handler sees it. Everything that a handler allocates comes from the call's arena;
 * dispatch frees it, times it, counts it and sends the reply. A call belongs to one thread at a
 * time.
 */
#ifndef DS_CALL_H
#define DS_CALL_H

#include "deltastream/rpc/v1/reason.pb-c.h"
#include "ds/arena.h"
#include "ds/buffer.h"
#include "ds/clock.h"
#include "ds/code.h"
#include "ds/schema.h"
#include "ds/trace.h"

struct ds_call;

/* The names of deltastream.rpc.v1.Reason; DS_REASON(NOT_FOUND). */
#define DS_REASON(name) RPC__REASON__##name
typedef Rpc__Reason ds_reason;

/* "NOT_FOUND"; "REASON_UNSPECIFIED" for what is none. */
const char *ds_reason_name(ds_reason reason);

/* Who calls. */
struct ds_principal {
    const char *subject;               /* "anonymous", "user:7" … */
    const char *authentication_method; /* "none", "jwt" … */
    const char *const *permissions;
    size_t permission_count;
};

bool ds_principal_may(const struct ds_principal *principal, const char *permission);

struct ds_arena *ds_call_arena(struct ds_call *call);
const struct ds_method *ds_call_method(const struct ds_call *call);
const struct ds_clock *ds_call_clock(const struct ds_call *call);

/* Never NULL inside a handler. */
const struct ds_principal *ds_call_principal(const struct ds_call *call);

/* The `authorization` of the request's header; "" where there is none. For authenticators. */
const char *ds_call_authorization(const struct ds_call *call);

/* The client's address as a trusted listener reports it, else the peer's own; "" where unknown. */
const char *ds_call_peer(const struct ds_call *call);

/* The call's span, in the trace that its caller told of or in a new one. */
const struct ds_trace *ds_call_trace(struct ds_call *call);

/* The value that the caller's metadata has first under that key; false where it has none. */
bool ds_call_metadata_get(const struct ds_call *call, const char *key, struct ds_bytes *ret_value);

/*
 * Puts metadata into the answer, in place of what it has under that key; it goes out with a failure
 * too. Key and value are copied. DS_RESOURCE_EXHAUSTED past DS_METADATA_ENTRIES_MAX and
 * DS_METADATA_BYTES_MAX, DS_INVALID_ARGUMENT where the entry may not travel (ds/metadata.h); both
 * with the call's text set.
 */
DS_MUST_USE ds_code ds_call_set_metadata(struct ds_call *call, const char *key,
                                         struct ds_bytes value);

/* When the caller stops waiting, on the clock's monotonic scale in microseconds. */
int64_t ds_call_deadline_us(const struct ds_call *call);

/* True once nobody waits for the reply: the deadline has passed or the caller cancelled. */
bool ds_call_is_abandoned(const struct ds_call *call);

/*
 * For handlers that write the response's wire bytes themselves: what is in this buffer when the
 * call ends with DS_OK is the payload, and the response struct is ignored. Limited to
 * DS_FRAME_PAYLOAD_BYTES_MAX.
 */
struct ds_buffer *ds_call_raw_response(struct ds_call *call);

/*
 * Failures. Each sets the text for the caller (printf) and returns `code`, so that a handler can
 * end with it. The text must not tell about internals; a long one is cut. ds_fail_field is
 * DS_INVALID_ARGUMENT with a BadRequest detail that names the field.
 */
DS_MUST_USE ds_code ds_fail(struct ds_call *call, ds_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
DS_MUST_USE ds_code ds_fail_reason(struct ds_call *call, ds_code code, ds_reason reason,
                                   const char *format, ...) __attribute__((format(printf, 4, 5)));
DS_MUST_USE ds_code ds_fail_field(struct ds_call *call, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds to the text of the failure that one of the others has set, "what was said; what is added",
 * whose reason and field stay. */
DS_MUST_USE ds_code ds_fail_add(struct ds_call *call, ds_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define DS_FAILURE_DETAILS_MAX 8
#define DS_FAILURE_DETAILS_BYTES_MAX (16 * 1024)

/*
 * Adds a detail of the service's own to a failure that one of the others has set: a message of that
 * full name, as wire bytes, which are copied. False, and nothing added, past DS_FAILURE_DETAILS_MAX
 * of them or DS_FAILURE_DETAILS_BYTES_MAX in all.
 */
bool ds_fail_detail(struct ds_call *call, const char *full_name, struct ds_bytes message);

/* DS_OK while somebody waits for the reply, else DS_CANCELLED or DS_DEADLINE_EXCEEDED. Long loops
 * ask it. */
DS_MUST_USE ds_code ds_fail_if_abandoned(struct ds_call *call);

/* Tells the caller when to try again (0: at once), or by a negative value not to; goes out with a
 * failure. */
void ds_call_set_retry_after_ms(struct ds_call *call, int32_t retry_after_ms);

/*
 * Ends a call whose handler returned DS_DEFERRED; exactly once, from any thread. The call, its
 * arena and the response are gone afterwards.
 */
void ds_call_complete(struct ds_call *call, ds_code code);

#endif
