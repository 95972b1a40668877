/*
 * What happens to a call between its frame and its reply, whatever transport it came by:
 *
 *   admission (on the thread that received it; nothing here blocks):
 *     method lookup → limits → capacity → deadline → authentication → permission → idempotency key
 *   lane: control and inline methods go on at once, the others wait in their pool's bounded queue
 *   execution: deadline → payload check and unpack → handler
 *   finish (perhaps later, on another thread): pack → metrics → reply
 */
#include "ds/frame.h"
#include "ds/log.h"
#include "ds/rpc_call.h"
#include "ds/rpc_idempotency.h"
#include "ds/rpc_internal.h"
#include "ds/wire_check.h"

/* Memory for a call beside its request: response structs, texts. */
#define ARENA_BASE_BYTES (4 * 1024 * 1024)
/* What a request may cost in memory once unpacked, as a multiple of its size on the wire. */
#define ARENA_REQUEST_FACTOR 8
/* How soon a caller that was turned away for load may come again. */
#define BUSY_RETRY_MS 100
/* What a call may ask for at most; a longer deadline is cut to this. */
#define TIMEOUT_MAX_MS (10 * 60 * 1000)
#define ARENA_BUDGET_BYTES (ARENA_BASE_BYTES + ARENA_REQUEST_FACTOR * 8 * 1024 * 1024)

struct ds_call *ds_call_create(struct ds_rpc_server *server)
{
    struct ds_arena *arena = ds_arena_create(ARENA_BUDGET_BYTES);
    struct ds_call *call = ds_arena_zalloc(arena, sizeof *call);
    call->server = server;
    call->arena = arena;
    call->clock = server->clock;
    call->request.method = "";
    call->request.authorization = "";
    call->request.traceparent = "";
    call->request.peer = "";
    call->failure = "";
    call->received_us = ds_clock_monotonic_us(call->clock);
    call->started_us = call->received_us;
    ds_buffer_init(&call->raw_response, DS_FRAME_PAYLOAD_BYTES_MAX);
    ds_buffer_init(&call->response_head, DS_FRAME_PREFACE_BYTES + DS_FRAME_HEADER_BYTES_MAX);
    return call;
}

void ds_call_destroy(struct ds_call *call)
{
    ds_buffer_deinit(&call->raw_response);
    ds_buffer_deinit(&call->response_head);
    ds_arena_destroy(call->arena);
}

static const struct ds_service_entry *entry_find(const struct ds_rpc_server *server,
                                                 const struct ds_service *service)
{
    for (size_t i = 0; i < server->service_count; i++) {
        if (server->services[i].handlers->service == service) {
            return &server->services[i];
        }
    }
    return NULL;
}

static ds_code find_method(struct ds_call *call)
{
    const char *name = call->request.method;
    const struct ds_method *method = ds_method_find(name, strlen(name));
    const struct ds_service_entry *entry =
        method != NULL ? entry_find(call->server, method->service) : NULL;
    if (entry == NULL) {
        return ds_fail_reason(call, DS_UNIMPLEMENTED, DS_REASON(NOT_IMPLEMENTED),
                              "this server has no method %.128s", name);
    }
    call->method = method;
    call->entry = entry;
    return DS_OK;
}

static ds_code check_limits(struct ds_call *call)
{
    if (call->request.payload.size > call->method->request_bytes_max) {
        return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(REQUEST_TOO_LARGE),
                              "the request has %zu bytes; %s takes at most %u",
                              call->request.payload.size, call->method->name,
                              call->method->request_bytes_max);
    }
    return DS_OK;
}

/* Health and Hello are answered whatever the load, so that a busy server is told from a dead one.
 */
static ds_code check_capacity(struct ds_call *call)
{
    struct ds_rpc_server *server = call->server;
    if (call->method->pool == DS_POOL_CONTROL) {
        return DS_OK;
    }
    call->retry_after_ms = BUSY_RETRY_MS;
    if (atomic_load(&server->draining)) {
        return ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(SERVER_STOPPING),
                              "the server is shutting down");
    }
    if (call->connection_is_full) {
        return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(SERVER_BUSY),
                              "the connection has too many calls in work");
    }
    if (atomic_load(&server->in_flight) > server->in_flight_max) {
        return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(SERVER_BUSY),
                              "the server is busy");
    }
    call->retry_after_ms = 0;
    return DS_OK;
}

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

static bool is_public(const struct ds_method *method)
{
    return strcmp(method->permission, "public") == 0;
}

static ds_code authenticate(struct ds_call *call)
{
    const struct ds_authenticator *authenticator = &call->server->authenticator;
    call->principal = (struct ds_principal){.subject = "", .authentication_method = "none"};
    if (is_public(call->method)) {
        return DS_OK;
    }
    if (call->trusted && call->request.principal != NULL) {
        call->principal = *call->request.principal;
        return DS_OK;
    }
    if (authenticator->authenticate == NULL) {
        return DS_OK;
    }
    return authenticator->authenticate(authenticator->context, call, &call->principal);
}

static ds_code check_permission(struct ds_call *call)
{
    const char *permission = call->method->permission;
    if (is_public(call->method) || ds_principal_may(&call->principal, permission)) {
        return DS_OK;
    }
    if (strcmp(call->principal.authentication_method, "none") == 0) {
        return ds_fail_reason(call, DS_UNAUTHENTICATED, DS_REASON(UNAUTHENTICATED),
                              "%s needs credentials with the permission %s", call->method->name,
                              permission);
    }
    return ds_fail_reason(call, DS_PERMISSION_DENIED, DS_REASON(PERMISSION_DENIED),
                          "the credentials lack the permission %s", permission);
}

static ds_code claim_key(struct ds_call *call)
{
    return ds_idempotency_claim(call->server->idempotency, call);
}

/* In this order; the first that fails ends the call. */
static ds_code (*const admission[])(struct ds_call *call) = {
    find_method,  check_limits,     check_capacity, set_deadline,
    authenticate, check_permission, claim_key,
};

static ds_code admit(struct ds_call *call)
{
    for (size_t i = 0; i < sizeof admission / sizeof *admission; i++) {
        DS_TRY(admission[i](call));
    }
    return DS_OK;
}

static ds_code unpack_request(struct ds_call *call)
{
    const struct ds_message *type = call->method->request;
    struct ds_wire_error error;
    const ds_code code = ds_wire_check(type, call->request.payload, &error);
    if (code != DS_OK) {
        return ds_fail_field(call, error.field, "the request is malformed: %s", error.message);
    }
    call->message_in =
        protobuf_c_message_unpack(type->descriptor, ds_arena_allocator(call->arena),
                                  call->request.payload.size, call->request.payload.data);
    if (call->message_in == NULL) {
        return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(REQUEST_TOO_LARGE),
                              "the request needs more memory than a call may use");
    }
    return DS_OK;
}

static ds_code init_response(struct ds_call *call)
{
    const ProtobufCMessageDescriptor *descriptor = call->method->response->descriptor;
    call->message_out = ds_arena_alloc(call->arena, descriptor->sizeof_message);
    if (call->message_out == NULL) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the call needs more memory than it may use");
    }
    descriptor->message_init(call->message_out);
    return DS_OK;
}

static ds_code run_handler(struct ds_call *call)
{
    DS_TRY(ds_fail_if_abandoned(call));
    DS_TRY(unpack_request(call));
    DS_TRY(init_response(call));
    const ds_handler_fn handler = call->entry->handlers->handlers[call->method->index];
    return handler(call->entry->context, call, call->message_in, call->message_out);
}

static ds_code pack_response(struct ds_call *call)
{
    if (call->has_raw_response) {
        if (call->raw_response.overflow) {
            return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the reply would be larger than 16 MiB");
        }
        call->response = ds_buffer_bytes(&call->raw_response);
        return DS_OK;
    }
    const size_t size = protobuf_c_message_get_packed_size(call->message_out);
    uint8_t *room = ds_buffer_reserve(&call->raw_response, size);
    if (size > 0 && room == NULL) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the reply would be larger than 16 MiB");
    }
    if (size > 0) {
        protobuf_c_message_pack(call->message_out, room);
        ds_buffer_commit(&call->raw_response, size);
    }
    call->response = ds_buffer_bytes(&call->raw_response);
    return DS_OK;
}

static void log_failure(const struct ds_call *call)
{
    const bool is_ours =
        call->code == DS_INTERNAL || call->code == DS_UNKNOWN || call->code == DS_DATA_LOSS;
    ds_log(is_ours ? DS_LOG_ERROR : DS_LOG_DEBUG, "call_failed",
           DS_LOG_TEXT("method", call->request.method),
           DS_LOG_TEXT("code", ds_code_name(call->code)), DS_LOG_TEXT("message", call->failure),
           DS_LOG_TEXT("traceparent", call->request.traceparent));
}

static void reply(struct ds_call *call, ds_code code)
{
    struct ds_rpc_server *server = call->server;
    if (atomic_load(&call->cancelled)) {
        code = ds_fail(call, DS_CANCELLED, "the caller cancelled the call");
    }
    const int64_t now_us = ds_clock_monotonic_us(call->clock);
    call->code = code;
    call->queue_us = (uint32_t)(call->started_us - call->received_us);
    call->execution_us = (uint32_t)(now_us - call->started_us);
    if (code != DS_OK) {
        log_failure(call);
    }
    ds_metrics_call_done(server->metrics, call->method, code, now_us - call->received_us);
    ds_metrics_call_end(server->metrics);
    call->finished(call);
    ds_rpc_server_call_left(server);
}

/* The end of a call that was executed or refused. */
static void finish(struct ds_call *call, ds_code executed)
{
    const ds_code code = executed == DS_OK ? pack_response(call) : executed;
    struct ds_call *waiter = NULL;
    if (call->holds_key) {
        waiter = ds_idempotency_settle(call->server->idempotency, call, executed, code);
    }
    reply(call, code);
    while (waiter != NULL) {
        struct ds_call *next = waiter->next_waiter;
        finish(waiter, waiter->code); /* It holds no key, so this goes no deeper. */
        waiter = next;
    }
}

void ds_call_complete(struct ds_call *call, ds_code code)
{
    finish(call, code);
}

static void execute(struct ds_call *call)
{
    const ds_code code = run_handler(call);
    if (code != DS_DEFERRED) {
        finish(call, code);
    }
}

/* The piece of work of a pool's thread. */
static void execute_queued(void *argument)
{
    struct ds_call *call = argument;
    call->started_us = ds_clock_monotonic_us(call->clock);
    execute(call);
}

bool ds_rpc_runs_inline(const struct ds_rpc_server *server, const struct ds_method *method)
{
    return method->pool == DS_POOL_CONTROL ||
           (method->pool == DS_POOL_INLINE && !server->inline_may_block);
}

static ds_code enqueue(struct ds_call *call)
{
    struct ds_rpc_server *server = call->server;
    if (call->shared) {
        return ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(SHARE_OVERFLOW),
                              "%s does not share a message", call->method->name);
    }
    struct ds_worker_pool *pool =
        call->method->pool == DS_POOL_WRITE ? server->write_pool : server->read_pool;
    if (ds_worker_pool_submit(pool, execute_queued, call) != DS_OK) {
        call->retry_after_ms = BUSY_RETRY_MS;
        return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(SERVER_BUSY),
                              "the server is busy");
    }
    return DS_DEFERRED;
}

static void begin(struct ds_call *call)
{
    ds_metrics_call_begin(call->server->metrics);
    atomic_fetch_add(&call->server->in_flight, 1);
}

void ds_rpc_refuse(struct ds_call *call, ds_code code)
{
    begin(call);
    finish(call, code);
}

void ds_rpc_dispatch(struct ds_call *call)
{
    struct ds_rpc_server *server = call->server;
    begin(call);
    ds_code code = admit(call);
    if (code == DS_DEFERRED) {
        return;
    }
    if (code != DS_OK || call->is_replay) {
        finish(call, code != DS_OK ? code : call->code);
        return;
    }
    if (ds_rpc_runs_inline(server, call->method)) {
        execute(call);
        return;
    }
    code = enqueue(call);
    if (code != DS_DEFERRED) {
        finish(call, code);
    }
}
