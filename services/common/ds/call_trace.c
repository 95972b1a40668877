#include "ds/rpc_call.h"
#include "ds/rpc_client.h"

const struct ds_trace *ds_call_trace(struct ds_call *call)
{
    if (!call->has_trace) {
        call->continues_trace =
            ds_trace_begin(ds_bytes_of_text(call->request.traceparent), &call->trace);
        call->has_trace = true;
    }
    return &call->trace;
}

/* As a call that goes on carries it; NULL where there is none, or none that may travel. */
static const char *tracestate_of(struct ds_call *call)
{
    char text[DS_TRACESTATE_BYTES_MAX + 1];
    struct ds_tracestate state = {.count = 0};
    if (call->request.tracestate[0] == '\0' || !call->continues_trace ||
        !ds_tracestate_add(&state, ds_bytes_of_text(call->request.tracestate))) {
        return NULL;
    }
    return ds_arena_copy_text(call->arena, text, ds_tracestate_write(&state, text));
}

static uint32_t left_ms(const struct ds_call *call)
{
    const int64_t left_us = call->deadline_us - ds_clock_monotonic_us(call->clock);
    return left_us > 1000 ? (uint32_t)(left_us / 1000) : 1;
}

ds_code ds_client_call_inherit(struct ds_client_call *call, struct ds_call *from)
{
    char traceparent[DS_TRACEPARENT_BYTES + 1];
    DS_TRY(ds_fail_if_abandoned(from));
    const uint32_t timeout_ms = call->timeout_ms != 0 ? call->timeout_ms : call->method->timeout_ms;
    ds_trace_write_parent(ds_call_trace(from), traceparent);
    call->traceparent = ds_arena_copy_text(from->arena, traceparent, DS_TRACEPARENT_BYTES);
    call->tracestate = tracestate_of(from);
    call->timeout_ms = timeout_ms < left_ms(from) ? timeout_ms : left_ms(from);
    return DS_OK;
}
