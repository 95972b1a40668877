#include "ds/call_view.h"

#include "ds/rpc_internal.h"
#include "ds/utf8.h"

static void copy_text(char target[DS_VIEW_TEXT_BYTES_MAX], const char *text)
{
    const size_t room = strnlen(text, DS_VIEW_TEXT_BYTES_MAX - 1);
    const size_t size = ds_utf8_whole_bytes(ds_bytes_of(text, room));
    memcpy(target, text, size);
    target[size] = '\0';
}

/* What does not change from the moment that the call is known. */
static void take_request(const struct ds_call *call, struct ds_call_view *view)
{
    const int64_t age_us = ds_clock_monotonic_us(call->clock) - call->received_us;
    copy_text(view->method, call->request.method);
    copy_text(view->peer, call->request.peer);
    view->attempt = call->request.attempt;
    view->request_bytes = call->request.received_bytes;
    view->began_at_us = ds_clock_wall_us(call->clock) - age_us;
}

void ds_call_view_of_finished(struct ds_call *call, struct ds_call_view *ret_view)
{
    struct ds_call_view view = {.response_bytes = ds_call_response_bytes(call),
                                .queue_us = call->queue_us,
                                .execution_us = call->execution_us,
                                .is_executing = ds_call_was_executed(call),
                                .code = call->code};
    take_request(call, &view);
    copy_text(view.subject, call->principal.subject);
    ds_trace_write_parent(ds_call_trace(call), view.traceparent);
    *ret_view = view;
}

void ds_call_view_of_listed(struct ds_call *call, struct ds_call_view *ret_view)
{
    const int stage = atomic_load_explicit(&call->stage, memory_order_acquire);
    const int64_t now_us = ds_clock_monotonic_us(call->clock);
    struct ds_call_view view = {.queue_us = now_us - call->received_us, .code = DS_OK};
    take_request(call, &view);
    if (stage >= DS_CALL_ADMITTED) {
        copy_text(view.subject, call->principal.subject);
    }
    if (stage >= DS_CALL_EXECUTING) {
        view.is_executing = true;
        view.queue_us = call->started_us - call->received_us;
        view.execution_us = now_us - call->started_us;
    }
    const struct ds_bytes traceparent = ds_bytes_of_text(call->request.traceparent);
    if (traceparent.size == DS_TRACEPARENT_BYTES && ds_traceparent_is_valid(traceparent)) {
        memcpy(view.traceparent, traceparent.data, traceparent.size);
    }
    *ret_view = view;
}
