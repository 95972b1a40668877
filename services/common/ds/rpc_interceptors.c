#include "ds/rpc_interceptors.h"

#include "ds/call_log.h"
#include "ds/rate_limit.h"
#include "ds/rpc_idempotency.h"
#include "ds/rpc_internal.h"
#include "ds/rpc_payload.h"
#include "ds/rpc_slow_calls.h"

/* What a call may ask for at most; a longer deadline is cut to this. */
#define TIMEOUT_MAX_MS (10 * 60 * 1000)

static ds_code set_deadline(struct ds_call *call)
{
    uint32_t timeout_ms = call->request.timeout_ms;
    if (timeout_ms == 0) {
        timeout_ms = call->method->timeout_ms;
    }
    if (timeout_ms > TIMEOUT_MAX_MS) {
        timeout_ms = TIMEOUT_MAX_MS;
    }
    call->deadline_us = call->received_us + (int64_t)timeout_ms * 1000;
    return ds_fail_if_abandoned(call);
}

/* "127.0.0.1:51234" and "[::1]:51234" without the port; an address without one as it is. */
static struct ds_bytes address_of(const char *peer)
{
    const char *colon = strchr(peer, ':');
    if (peer[0] == '[') {
        return ds_bytes_of(peer + 1, strcspn(peer + 1, "]"));
    }
    const bool has_port = colon != NULL && strchr(colon + 1, ':') == NULL;
    return ds_bytes_of(peer, has_port ? (size_t)(colon - peer) : strlen(peer));
}

/* Callers without credentials share one subject, so they count by their address. */
static size_t write_rate_key(const struct ds_call *call, char key[DS_RATE_KEY_BYTES_MAX])
{
    const bool is_nobody = strcmp(call->principal.authentication_method, "none") == 0;
    const struct ds_bytes who =
        is_nobody ? address_of(call->request.peer) : ds_bytes_of_text(call->principal.subject);
    const size_t size = who.size < DS_RATE_KEY_BYTES_MAX - 1 ? who.size : DS_RATE_KEY_BYTES_MAX - 1;
    key[0] = is_nobody ? 'a' : 's';
    if (size > 0) {
        memcpy(key + 1, who.data, size);
    }
    return size + 1;
}

static ds_code check_rate(struct ds_call *call)
{
    char key[DS_RATE_KEY_BYTES_MAX];
    int64_t wait_us = 0;
    struct ds_rate_limiter *limiter = call->server->rate_limiter;
    if (limiter == NULL || call->method->pool == DS_POOL_CONTROL) {
        return DS_OK;
    }
    const size_t key_bytes = write_rate_key(call, key);
    if (ds_rate_limiter_take(limiter, ds_bytes_of(key, key_bytes),
                             ds_clock_monotonic_us(call->clock), &wait_us)) {
        return DS_OK;
    }
    ds_call_set_retry_after_ms(call, (int32_t)((wait_us + 999) / 1000));
    return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(RATE_LIMITED),
                          "the caller makes more calls than the server's rate limit allows");
}

static ds_code ask_services_own(struct ds_call *call)
{
    const struct ds_rpc_server *server = call->server;
    for (size_t i = 0; i < server->interceptor_count; i++) {
        const struct ds_interceptor *own = &server->interceptors[i];
        if (own->before != NULL) {
            DS_TRY(own->before(own->context, call));
        }
    }
    return DS_OK;
}

/* A key remembers what the request says, however it travelled. */
static ds_code claim_key(struct ds_call *call)
{
    if (call->request.idempotency_key.size > 0) {
        DS_TRY(ds_rpc_payload_expand(call));
    }
    return ds_idempotency_claim(call->server->idempotency, call);
}

static void count(struct ds_call *call)
{
    struct ds_rpc_server *server = call->server;
    const int64_t duration_us = (int64_t)call->queue_us + call->execution_us;
    ds_metrics_call_done(server->metrics, call->method, call->code, duration_us);
    ds_metrics_call_end(server->metrics);
}

static void audit(struct ds_call *call)
{
    const struct ds_rpc_server *server = call->server;
    const bool is_slow = (int64_t)call->queue_us + call->execution_us >= server->slow_call_us;
    if (is_slow) {
        ds_slow_calls_note(server->slow_calls, call);
    }
    if (is_slow || call->code != DS_OK || server->call_log.extent >= DS_CALL_LOG_WRITES) {
        ds_call_log_write(&server->call_log, call, is_slow);
    }
}

static void tell_services_own(struct ds_call *call)
{
    const struct ds_rpc_server *server = call->server;
    if (server->interceptor_count == 0 || call->method == NULL) {
        return;
    }
    const struct ds_call_outcome outcome = {
        .code = call->code,
        .reason = call->reason,
        .was_executed = ds_call_was_executed(call),
        .is_replay = call->is_replay,
        .queue_us = call->queue_us,
        .execution_us = call->execution_us,
        .request_bytes = call->request.received_bytes,
        .response_bytes = ds_call_response_bytes(call),
    };
    for (size_t i = 0; i < server->interceptor_count; i++) {
        const struct ds_interceptor *own = &server->interceptors[i];
        if (own->after != NULL) {
            own->after(own->context, call, &outcome);
        }
    }
}

struct interceptor {
    const char *name;
    ds_code (*before)(struct ds_call *call);
    void (*after)(struct ds_call *call);
};

/* The rows of the list before the handler's. */
#define BEFORE_COUNT 7

/* In this order. A trace costs nothing until somebody asks for it: ds_call_trace(). */
static const struct interceptor interceptors[] = {
    {.name = "limits", .before = ds_rpc_check_limits},
    {.name = "deadline", .before = set_deadline},
    {.name = "authentication", .before = ds_rpc_authenticate},
    {.name = "permission", .before = ds_rpc_check_permission},
    {.name = "rate limit", .before = check_rate},
    {.name = "the service's own", .before = ask_services_own},
    {.name = "idempotency", .before = claim_key},
    [BEFORE_COUNT] = {.name = "handler"}, /* rpc_dispatch.c */
    {.name = "metrics", .after = count},
    {.name = "audit", .after = audit},
    {.name = "the service's own, told", .after = tell_services_own},
};

#define INTERCEPTOR_COUNT (sizeof interceptors / sizeof *interceptors)

ds_code ds_rpc_interceptors_before(struct ds_call *call)
{
    for (size_t i = 0; i < BEFORE_COUNT; i++) {
        DS_TRY(interceptors[i].before(call));
    }
    return DS_OK;
}

void ds_rpc_interceptors_after(struct ds_call *call)
{
    for (size_t i = BEFORE_COUNT + 1; i < INTERCEPTOR_COUNT; i++) {
        interceptors[i].after(call);
    }
}
