/*
 * W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/): where in a trace that spans
 * several programs a piece of work stands. Any thread.
 */
#ifndef DS_TRACE_H
#define DS_TRACE_H

#include "ds/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define DS_TRACE_ID_BYTES 16
#define DS_SPAN_ID_BYTES 8
/* "00-<32 digits>-<16 digits>-<2 digits>" */
#define DS_TRACEPARENT_BYTES 55
/* What a tracestate may have when it is sent on. */
#define DS_TRACESTATE_BYTES_MAX 512
#define DS_TRACESTATE_MEMBERS_MAX 32

struct ds_trace {
    uint8_t trace_id[DS_TRACE_ID_BYTES];
    uint8_t span_id[DS_SPAN_ID_BYTES];   /* of the work itself: what it hands on */
    uint8_t parent_id[DS_SPAN_ID_BYTES]; /* of who asked for it; zeros: the trace begins here */
    bool is_sampled;                     /* as the trace's beginner decided */
};

/*
 * Begins a span: one of the trace that `traceparent` names, or of a new trace that is not sampled
 * where the bytes are no traceparent; then a tracestate that came with it is to be dropped. True
 * where the trace goes on.
 */
bool ds_trace_begin(struct ds_bytes traceparent, struct ds_trace *ret_trace);

/* Whether the bytes are a traceparent of version 00, or of a later one as far as this level reads
 * it. */
bool ds_traceparent_is_valid(struct ds_bytes traceparent);

/* What the span hands on, terminated. */
void ds_trace_write_parent(const struct ds_trace *trace, char target[DS_TRACEPARENT_BYTES + 1]);

/* The ids as lower-case hexadecimal, terminated. */
void ds_trace_write_id(const struct ds_trace *trace, char target[2 * DS_TRACE_ID_BYTES + 1]);
void ds_span_write_id(const uint8_t span_id[DS_SPAN_ID_BYTES],
                      char target[2 * DS_SPAN_ID_BYTES + 1]);

/* The members of a tracestate; begins as zeros. */
struct ds_tracestate {
    struct ds_bytes members[DS_TRACESTATE_MEMBERS_MAX]; /* views, "key=value" */
    uint8_t count;
};

/* Adds the members of one tracestate field to those of the fields before it. False where they are
 * against the grammar, too many or name a key twice: then all of the tracestate is to be dropped.
 */
bool ds_tracestate_add(struct ds_tracestate *state, struct ds_bytes field);

/*
 * Writes the members, terminated, and returns the length. Where they would be longer than
 * DS_TRACESTATE_BYTES_MAX, those above 128 bytes are left out first, the last one before the
 * others, then the last ones.
 */
size_t ds_tracestate_write(const struct ds_tracestate *state,
                           char target[DS_TRACESTATE_BYTES_MAX + 1]);

#endif
