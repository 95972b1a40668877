/*
 * What happens to a call between its frame and its reply, whatever transport it came by:
 *
 *   before (on the thread that received it; nothing here blocks): rpc_interceptors.c
 *   lane: control and inline methods go on at once, the others wait in their pool's bounded queue
 *   execution: deadline → payload check and unpack → handler
 *   finish (perhaps later, on another thread): pack → rpc_interceptors.c → reply
 */
#include "ds/frame.h"
#include "ds/rpc_call.h"
#include "ds/rpc_calls.h"
#include "ds/rpc_idempotency.h"
#include "ds/rpc_interceptors.h"
#include "ds/rpc_internal.h"
#include "ds/rpc_payload.h"
#include "ds/wire_check.h"

/* Memory for a call beside its request: response structs, texts. */
#define ARENA_BASE_BYTES (4 * 1024 * 1024)
/* What a request may cost in memory once unpacked, as a multiple of its size on the wire. */
#define ARENA_REQUEST_FACTOR 8
#define ARENA_BUDGET_BYTES (ARENA_BASE_BYTES + ARENA_REQUEST_FACTOR * 8 * 1024 * 1024)
/* A packed response up to this size mostly fits into what the arena has left; a larger one would
 * make it grow. */
#define ARENA_RESPONSE_BYTES_MAX 1024

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
    call->request.tracestate = "";
    call->request.peer = "";
    call->principal = (struct ds_principal){.subject = "", .authentication_method = "none"};
    call->failure = "";
    call->received_us = ds_clock_monotonic_us(call->clock);
    call->started_us = call->received_us;
    ds_buffer_init(&call->raw_response, DS_FRAME_PAYLOAD_BYTES_MAX);
    ds_buffer_init(&call->packed_response, DS_FRAME_PAYLOAD_BYTES_MAX);
    ds_buffer_init(&call->response_head, DS_FRAME_PREFACE_BYTES + DS_FRAME_HEADER_BYTES_MAX);
    return call;
}

void ds_call_destroy(struct ds_call *call)
{
    ds_buffer_deinit(&call->raw_response);
    ds_buffer_deinit(&call->packed_response);
    ds_buffer_deinit(&call->response_head);
    ds_arena_destroy(call->arena);
}

static ds_code unpack_request(struct ds_call *call)
{
    DS_TRY(ds_rpc_payload_expand(call));
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
    call->has_run = true;
    const ds_handler_fn handler = call->entry->handlers->handlers[call->method->index];
    return handler(call->entry->context, call, call->message_in, call->message_out);
}

/* Room for the packed response; NULL where it is too large. */
static uint8_t *response_reserve(struct ds_call *call, size_t size)
{
    uint8_t *room = NULL;
    if (size <= ARENA_RESPONSE_BYTES_MAX) {
        room = ds_arena_alloc(call->arena, size);
    }
    return room != NULL ? room : ds_buffer_reserve(&call->raw_response, size);
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
    uint8_t *room = response_reserve(call, size);
    if (size > 0 && room == NULL) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the reply would be larger than 16 MiB");
    }
    if (size > 0) {
        protobuf_c_message_pack(call->message_out, room);
    }
    call->response = ds_bytes_of(room, size);
    return DS_OK;
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
    ds_rpc_interceptors_after(call);
    ds_rpc_calls_remove(server, call);
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
    atomic_store_explicit(&call->stage, DS_CALL_EXECUTING, memory_order_release);
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
    if (!call->is_listed) {
        ds_rpc_calls_add(server, call);
    }
    struct ds_worker_pool *pool =
        call->method->pool == DS_POOL_WRITE ? server->write_pool : server->read_pool;
    if (ds_worker_pool_submit(pool, execute_queued, call) != DS_OK) {
        ds_call_set_retry_after_ms(call, DS_RPC_BUSY_RETRY_MS);
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
    ds_code code = ds_rpc_interceptors_before(call);
    if (code == DS_DEFERRED) {
        return;
    }
    atomic_store_explicit(&call->stage, DS_CALL_ADMITTED, memory_order_release);
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
