#include "ds/call_log.h"

#include "ds/call_view.h"
#include "ds/log.h"
#include "ds/rpc_call.h"
#include "ds/rpc_internal.h"

#include <string.h>

const char *const ds_call_log_choices[] = {"none", "slow", "errors", "writes", "all", NULL};

static bool is_ours(ds_code code)
{
    return code == DS_INTERNAL || code == DS_UNKNOWN || code == DS_DATA_LOSS;
}

static bool has_side_effects(const struct ds_call *call)
{
    return call->method != NULL && call->method->idempotency != DS_NO_SIDE_EFFECTS;
}

static bool has_line(int extent, const struct ds_call *call, bool is_slow)
{
    return extent == DS_CALL_LOG_ALL || (extent >= DS_CALL_LOG_SLOW && is_slow) ||
           (extent >= DS_CALL_LOG_ERRORS && call->code != DS_OK) ||
           (extent >= DS_CALL_LOG_WRITES && has_side_effects(call)) || is_ours(call->code);
}

static enum ds_log_level level_of(const struct ds_call *call, bool is_slow)
{
    if (is_ours(call->code)) {
        return DS_LOG_ERROR;
    }
    return is_slow ? DS_LOG_WARNING : DS_LOG_INFO;
}

static void write_line(enum ds_log_level level, struct ds_call *call)
{
    struct ds_call_view view;
    char trace_id[2 * DS_TRACE_ID_BYTES + 1];
    char span_id[2 * DS_SPAN_ID_BYTES + 1];
    char parent_id[2 * DS_SPAN_ID_BYTES + 1] = "";
    static const uint8_t nobody[DS_SPAN_ID_BYTES];
    const struct ds_trace *trace = ds_call_trace(call);
    ds_call_view_of_finished(call, &view);
    ds_trace_write_id(trace, trace_id);
    ds_span_write_id(trace->span_id, span_id);
    if (memcmp(trace->parent_id, nobody, sizeof nobody) != 0) {
        ds_span_write_id(trace->parent_id, parent_id);
    }
    ds_log(level, "call", DS_LOG_TEXT("method", view.method),
           DS_LOG_TEXT("code", ds_code_name(view.code)),
           DS_LOG_TEXT("reason", call->code == DS_OK ? "" : ds_reason_name(call->reason)),
           DS_LOG_TEXT("subject", view.subject), DS_LOG_TEXT("peer", view.peer),
           DS_LOG_INT("queue_us", view.queue_us), DS_LOG_INT("execution_us", view.execution_us),
           DS_LOG_INT("request_bytes", view.request_bytes),
           DS_LOG_INT("response_bytes", view.response_bytes), DS_LOG_INT("attempt", view.attempt),
           DS_LOG_TEXT("trace_id", trace_id), DS_LOG_TEXT("span_id", span_id),
           DS_LOG_TEXT("parent_id", parent_id),
           /* Only a failure of our own: other texts may quote what the caller sent. */
           {.name = is_ours(call->code) ? "message" : NULL, .text = call->failure});
}

void ds_call_log_write(const struct ds_call_log *log, struct ds_call *call, bool is_slow)
{
    if (!has_line(log->extent, call, is_slow)) {
        return;
    }
    const enum ds_log_level level = level_of(call, is_slow);
    if (ds_log_has_level(level)) {
        write_line(level, call);
    }
}
