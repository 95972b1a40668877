/*
 * The server's side of a message: takes its frames apart, makes a call of each, and answers with
 * one message once the last call is finished.
 */
#include "ds/frame.h"
#include "ds/rpc_calls.h"
#include "ds/rpc_frame.h"
#include "ds/rpc_internal.h"
#include "ds/rpc_payload.h"

#include <assert.h>
#include <stdlib.h>

/* A shared message stops executing calls past these; the rest come back as SHARE_OVERFLOW. */
#define SHARED_RESPONSE_BYTES_MAX (1024 * 1024)
#define SHARED_EXECUTION_US_MAX 5000
/* What the answers of a shared message may have together. A larger one is thrown away and fetched
 * again by a call that travels alone: the rest of DS_MESSAGE_BYTES_MAX is for the frames' heads. */
#define SHARED_MESSAGE_BYTES_MAX (DS_FRAME_PAYLOAD_BYTES_MAX - 1024 * 1024)

/* More frames than these of a message that is refused as a whole share one answer. */
#define REFUSED_FRAMES_MAX 1024
/* Of the answers to them. */
#define REFUSAL_BYTES_MAX (1024 * 1024)

/* The calls of one message. The thread that finishes the last of them sends the reply. */
struct message_group {
    struct ds_rpc_server *server;
    struct ds_sp_exchange *exchange;
    atomic_size_t pending;        /* calls not finished, begun or not */
    atomic_size_t response_bytes; /* of the calls finished so far */
    size_t call_count;
    struct ds_call *calls[];
};

static void note_peer(struct ds_call *call, const struct ds_sp_exchange *exchange)
{
    const char *peer = ds_sp_exchange_peer(exchange);
    call->request.peer = ds_arena_copy_text(call->arena, peer, strlen(peer));
}

static void group_reply(struct message_group *group)
{
    struct ds_bytes parts[2 * DS_FRAMES_PER_MESSAGE_MAX];
    size_t part_count = 0;
    for (size_t i = 0; i < group->call_count; i++) {
        struct ds_call *call = group->calls[i];
        parts[part_count++] = ds_rpc_frame_head(call);
        if (call->code == DS_OK) {
            parts[part_count++] = call->response;
        }
    }
    ds_sp_exchange_reply(group->exchange, parts, part_count);
    for (size_t i = 0; i < group->call_count; i++) {
        ds_call_destroy(group->calls[i]);
    }
    free(group);
}

static ds_code refuse_share(struct ds_call *call)
{
    return ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(SHARE_OVERFLOW),
                          "the message holds more work than one turn may do");
}

/* The last call to get here replies for all of them. */
static void call_answer(struct ds_call *call)
{
    struct message_group *group = call->transport;
    if (atomic_fetch_sub(&group->pending, 1) == 1) {
        group_reply(group);
    }
}

/* The piece of work of a pool's thread. */
static void call_pack(void *argument)
{
    struct ds_call *call = argument;
    struct ds_rpc_server *server = call->server;
    ds_rpc_payload_pack_response(call);
    call_answer(call);
    ds_rpc_server_call_left(server);
}

/* Packing takes longer than most inline methods, so the listener's threads leave it to the
 * readers'. False where those have their hands full: the response then goes as it is. */
static bool call_pack_elsewhere(struct ds_call *call)
{
    struct ds_rpc_server *server = call->server;
    atomic_fetch_add(&server->in_flight,
                     1); /* Dispatch is about to count the call as having left. */
    if (ds_worker_pool_submit(server->read_pool, call_pack, call) == DS_OK) {
        return true;
    }
    ds_rpc_server_call_left(server);
    return false;
}

/* Answers before dispatch counts the call as having left. */
static void call_finished(struct ds_call *call)
{
    struct message_group *group = call->transport;
    const size_t size = call->response.size;
    const size_t sum = atomic_fetch_add(&group->response_bytes, size) + size;
    if (call->shared && call->code == DS_OK && sum > SHARED_MESSAGE_BYTES_MAX) {
        call->code = refuse_share(call);
        atomic_fetch_sub(&group->response_bytes, size);
    }
    if (ds_rpc_payload_may_pack_response(call)) {
        if (!ds_rpc_runs_inline(call->server, call->method)) {
            ds_rpc_payload_pack_response(call);
        } else if (call_pack_elsewhere(call)) {
            return;
        }
    }
    call_answer(call);
}

static bool share_is_used_up(struct message_group *group, int64_t begun_us)
{
    return atomic_load(&group->response_bytes) > SHARED_RESPONSE_BYTES_MAX ||
           ds_clock_monotonic_us(group->server->clock) - begun_us > SHARED_EXECUTION_US_MAX;
}

/* Answers a CANCEL frame: NOT_FOUND where the call has ended or has not come yet. */
static void run_cancel(struct ds_call *call)
{
    ds_code code = DS_OK;
    if (call->request.call_id_bytes == 0) {
        code = ds_rpc_frame_refuse(call, "a CANCEL needs a call_id");
    } else if (!ds_rpc_calls_cancel(call->server, call)) {
        code = ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND), "no such call is in work");
    }
    call->has_raw_response = true; /* an empty one */
    ds_rpc_refuse(call, code);
}

/* A call that travels alone may take long enough to be cancelled. */
static void run_call(struct message_group *group, struct ds_call *call)
{
    if (!call->shared) {
        ds_rpc_calls_add(call->server, call);
        if (!ds_sp_exchange_has_peer(group->exchange)) {
            atomic_store(&call->cancelled, true); /* Its end came before the call was known. */
        }
    }
    ds_rpc_dispatch(call);
}

static void run_frame(struct message_group *group, struct ds_call *call,
                      const struct ds_frame *frame, int64_t begun_us)
{
    call->transport = group;
    call->finished = call_finished;
    call->trusted = ds_sp_exchange_is_trusted(group->exchange);
    call->shared = group->call_count > 1;
    call->peer_id = ds_sp_exchange_peer_id(group->exchange);
    call->connection_is_full = ds_sp_exchange_is_over_limit(group->exchange);
    note_peer(call, group->exchange);
    const ds_code code = ds_rpc_frame_read(call, frame);
    if (code != DS_OK) {
        ds_rpc_refuse(call, code);
        return;
    }
    if (frame->type == DS_FRAME_CANCEL) {
        run_cancel(call);
        return;
    }
    if (call->shared && share_is_used_up(group, begun_us)) {
        ds_rpc_refuse(call, refuse_share(call));
        return;
    }
    run_call(group, call);
}

/* Counts the frames up to REFUSED_FRAMES_MAX. DS_INVALID_ARGUMENT where the message is not made of
 * frames from end to end, DS_UNIMPLEMENTED where one is of another version. */
static ds_code count_frames(struct ds_bytes message, size_t *ret_count)
{
    size_t count = 0;
    while (message.size > 0 && count < REFUSED_FRAMES_MAX) {
        struct ds_frame frame;
        DS_TRY(ds_frame_next(&message, &frame));
        count++;
    }
    *ret_count = count;
    return count == 0 ? DS_INVALID_ARGUMENT : DS_OK;
}

static void reply_version_reject(struct ds_sp_exchange *exchange)
{
    uint8_t frame[DS_FRAME_PREFACE_BYTES + 2];
    ds_frame_write_preface(frame, DS_FRAME_VERSION_REJECT, 0, 0, 2);
    frame[DS_FRAME_PREFACE_BYTES] = DS_FRAME_VERSION;
    frame[DS_FRAME_PREFACE_BYTES + 1] = DS_FRAME_VERSION;
    const struct ds_bytes part = ds_bytes_of(frame, sizeof frame);
    ds_sp_exchange_reply(exchange, &part, 1);
}

/* A response without a call id: all that can be said about bytes that are no frames. */
static void reply_malformed(struct ds_rpc_server *server, struct ds_sp_exchange *exchange)
{
    struct ds_call *call = ds_call_create(server);
    call->code = ds_rpc_frame_refuse(call, "the message is not made of whole frames");
    const struct ds_bytes part = ds_rpc_frame_head(call);
    ds_sp_exchange_reply(exchange, &part, 1);
    ds_call_destroy(call);
}

/* Why the frames of a message may not share it; NULL where they may. */
static const char *share_refusal(struct ds_bytes message, size_t frame_count)
{
    if (frame_count > DS_FRAMES_PER_MESSAGE_MAX) {
        return "a message has at most 64 frames";
    }
    if (frame_count > 1 && message.size > DS_SHARED_REQUEST_BYTES_MAX) {
        return "frames that share a message have at most 65536 bytes together";
    }
    return NULL;
}

static void append_refusal(struct ds_buffer *reply, struct ds_call *call, struct ds_bytes header)
{
    ds_rpc_frame_take_call_id(call, header);
    const struct ds_bytes head = ds_rpc_frame_head(call);
    ds_buffer_append(reply, head.data, head.size);
}

/* An answer to each frame of a message of which none is executed. */
static void reply_refusals(struct ds_rpc_server *server, struct ds_sp_exchange *exchange,
                           struct ds_bytes message, const char *why)
{
    struct ds_buffer reply;
    struct ds_call *call = ds_call_create(server);
    ds_buffer_init(&reply, REFUSAL_BYTES_MAX);
    call->code = ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(REQUEST_TOO_LARGE), "%s", why);
    for (size_t i = 0; i < REFUSED_FRAMES_MAX && message.size > 0; i++) {
        struct ds_frame frame;
        const ds_code code = ds_frame_next(&message, &frame);
        assert(code == DS_OK); /* count_frames() has seen it. */
        append_refusal(&reply, call, frame.header);
    }
    if (message.size > 0) {
        append_refusal(&reply, call, (struct ds_bytes){0});
    }
    const struct ds_bytes part = ds_buffer_bytes(&reply);
    ds_sp_exchange_reply(exchange, &part, 1);
    ds_buffer_deinit(&reply);
    ds_call_destroy(call);
}

static void run_message(struct ds_rpc_server *server, struct ds_sp_exchange *exchange,
                        struct ds_bytes message, size_t frame_count)
{
    struct message_group *group = calloc(1, sizeof *group + frame_count * sizeof *group->calls);
    if (group == NULL) {
        abort();
    }
    group->server = server;
    group->exchange = exchange;
    group->call_count = frame_count;
    atomic_init(&group->pending, frame_count);
    for (size_t i = 0; i < frame_count; i++) {
        group->calls[i] = ds_call_create(server);
    }
    const int64_t begun_us = ds_clock_monotonic_us(server->clock);
    for (size_t i = 0; i < frame_count; i++) {
        struct ds_frame frame;
        const ds_code code = ds_frame_next(&message, &frame);
        assert(code == DS_OK); /* count_frames() has seen it. */
        /* After the last frame group and message may be gone. */
        run_frame(group, group->calls[i], &frame, begun_us);
    }
}

void ds_rpc_message_receive(struct ds_rpc_server *server, struct ds_sp_exchange *exchange,
                            struct ds_bytes message)
{
    size_t frame_count = 0;
    const ds_code code = count_frames(message, &frame_count);
    if (code == DS_UNIMPLEMENTED) {
        reply_version_reject(exchange);
        return;
    }
    if (code != DS_OK) {
        reply_malformed(server, exchange);
        return;
    }
    const char *why = share_refusal(message, frame_count);
    if (why != NULL) {
        reply_refusals(server, exchange, message, why);
        return;
    }
    run_message(server, exchange, message, frame_count);
}
