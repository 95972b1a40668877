/*
 * The server's side of a message: takes its frames apart, makes a call of each, and answers with
 * one message once the last call is finished.
 */
#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/frame.h"
#include "ds/frame_header.h"
#include "ds/nng_transport.h"
#include "ds/rpc_internal.h"
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "schema.gen.h"

#include <assert.h>
#include <stdlib.h>

/* A shared message stops executing calls past these; the rest come back as SHARE_OVERFLOW. */
#define SHARED_RESPONSE_BYTES_MAX (1024 * 1024)
#define SHARED_EXECUTION_US_MAX 5000
/* What the answers of a shared message may have together. A larger one is thrown away and fetched
 * again by a call that travels alone: the rest of DS_MESSAGE_BYTES_MAX is for the frames' heads. */
#define SHARED_MESSAGE_BYTES_MAX (DS_FRAME_PAYLOAD_BYTES_MAX - 1024 * 1024)

#define METADATA_ENTRIES_MAX 64
#define PEER_BYTES_MAX 64
/* call_id, code, times and epoch with their tags; message and details come on top. */
#define RESPONSE_HEADER_BYTES_BASE 96
/* Details that do not fit beside the rest stay at home. */
#define DETAILS_BYTES_MAX                                                                          \
    (DS_FRAME_HEADER_BYTES_MAX - RESPONSE_HEADER_BYTES_BASE - DS_FAILURE_BYTES_MAX)

/* The calls of one message. The thread that finishes the last of them sends the reply. */
struct message_group {
    struct ds_rpc_server *server;
    struct ds_nng_exchange *exchange;
    atomic_size_t pending;        /* calls not finished, begun or not */
    atomic_size_t response_bytes; /* of the calls finished so far */
    size_t call_count;
    struct ds_call *calls[];
};

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static struct ds_principal *principal_copy(struct ds_arena *arena, const Rpc__Principal *from)
{
    struct ds_principal *principal = ds_arena_zalloc(arena, sizeof *principal);
    if (principal != NULL) {
        *principal = (struct ds_principal){
            .subject = or_empty(from->subject),
            .authentication_method = or_empty(from->authentication_method),
            .permissions = (const char *const *)from->permissions,
            .permission_count = from->n_permissions,
        };
    }
    return principal;
}

/* Time that a message of this host spent on its way counts against its deadline. */
static void subtract_age(struct ds_call *call, uint64_t sent_at_us)
{
    const uint64_t now_us = (uint64_t)ds_clock_wall_us(call->clock);
    if (sent_at_us != 0 && sent_at_us < now_us) {
        const uint64_t age_us = now_us - sent_at_us;
        const uint64_t timeout_us = (uint64_t)call->request.timeout_ms * 1000;
        call->received_us -= (int64_t)(age_us < timeout_us ? age_us : timeout_us);
    }
}

static void take_header(struct ds_call *call, const Rpc__RequestHeader *header)
{
    struct ds_call_request *request = &call->request;
    request->method = or_empty(header->method);
    request->timeout_ms = header->timeout_ms;
    request->authorization = or_empty(header->authorization);
    request->traceparent = or_empty(header->traceparent);
    if (!call->trusted) {
        return;
    }
    if (header->peer != NULL && header->peer[0] != '\0') {
        request->peer = header->peer;
    }
    if (header->principal != NULL) {
        request->principal = principal_copy(call->arena, header->principal);
    }
    if (request->timeout_ms > 0) {
        subtract_age(call, header->sent_at_us);
    }
}

static ds_code refuse_header(struct ds_call *call, const char *why)
{
    return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(INVALID_REQUEST),
                          "the frame is malformed: %s", why);
}

/* Reads what the caller sent into call->request. A call id that can be read is kept also when the
 * rest is bad, so that the caller can tell which call failed. */
static ds_code parse_frame(struct ds_call *call, const struct ds_frame *frame)
{
    struct ds_wire_error error;
    if (ds_wire_check(&ds_message_rpc_request_header, frame->header, &error) != DS_OK) {
        return refuse_header(call, error.message);
    }
    const Rpc__RequestHeader *header = rpc__request_header__unpack(
        ds_arena_allocator(call->arena), frame->header.size, frame->header.data);
    if (header == NULL) {
        return refuse_header(call, "its header can't be read");
    }
    if (header->call_id.len > DS_CALL_ID_BYTES_MAX) {
        return refuse_header(call, "call_id has more than 16 bytes");
    }
    if (header->call_id.len > 0) {
        memcpy(call->request.call_id, header->call_id.data, header->call_id.len);
        call->request.call_id_bytes = header->call_id.len;
    }
    if (frame->type != DS_FRAME_REQUEST) {
        return refuse_header(call, "its type is not REQUEST");
    }
    if (header->n_metadata > METADATA_ENTRIES_MAX) {
        return refuse_header(call, "it has more than 64 metadata entries");
    }
    take_header(call, header);
    call->request.payload = frame->payload;
    return DS_OK;
}

static void note_peer(struct ds_call *call, const struct ds_nng_exchange *exchange)
{
    char peer[PEER_BYTES_MAX];
    ds_nng_exchange_peer(exchange, peer, sizeof peer);
    call->request.peer = or_empty(ds_arena_copy_text(call->arena, peer, strlen(peer)));
}

static void write_response_header(const struct ds_call *call, struct ds_bytes details,
                                  struct ds_buffer *header)
{
    ds_wire_write_bytes_field(header, 1,
                              ds_bytes_of(call->request.call_id, call->request.call_id_bytes));
    if (call->code != DS_OK) {
        ds_wire_write_varint_field(header, 2, (uint64_t)call->code);
        ds_wire_write_bytes_field(header, 3, ds_bytes_of_text(call->failure));
    }
    if (details.size > 0) {
        ds_wire_write_bytes_field(header, 4, details);
    }
    if (call->retry_after_ms > 0) {
        ds_wire_write_varint_field(header, 6, (uint64_t)call->retry_after_ms << 1);
    }
    ds_wire_write_varint_field(header, 7, call->queue_us);
    ds_wire_write_varint_field(header, 8, call->execution_us);
    ds_wire_write_fixed64_field(header, 9, call->server->epoch);
}

/* The frame of a finished call up to its payload, in call->response_head: the arena may be used up.
 */
static struct ds_bytes frame_head(struct ds_call *call)
{
    struct ds_bytes details = {0};
    if (call->code != DS_OK) {
        details = ds_call_pack_status(call);
    }
    if (details.size > DETAILS_BYTES_MAX) {
        details.size = 0;
    }
    struct ds_buffer *head = &call->response_head;
    const uint8_t preface[DS_FRAME_PREFACE_BYTES] = {0};
    ds_buffer_append(head, preface, sizeof preface);
    write_response_header(call, details, head);
    ds_frame_write_preface(head->data, DS_FRAME_RESPONSE, 0, head->size - sizeof preface,
                           call->code == DS_OK ? call->response.size : 0);
    return ds_buffer_bytes(head);
}

static void group_reply(struct message_group *group)
{
    struct ds_bytes parts[2 * DS_FRAMES_PER_MESSAGE_MAX];
    size_t part_count = 0;
    for (size_t i = 0; i < group->call_count; i++) {
        struct ds_call *call = group->calls[i];
        parts[part_count++] = frame_head(call);
        if (call->code == DS_OK) {
            parts[part_count++] = call->response;
        }
    }
    ds_nng_exchange_reply(group->exchange, parts, part_count);
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

/* The last call to finish replies for all of them, before dispatch counts it as having left. */
static void call_finished(struct ds_call *call)
{
    struct message_group *group = call->transport;
    const size_t size = call->response.size;
    const size_t sum = atomic_fetch_add(&group->response_bytes, size) + size;
    if (call->shared && call->code == DS_OK && sum > SHARED_MESSAGE_BYTES_MAX) {
        call->code = refuse_share(call);
        atomic_fetch_sub(&group->response_bytes, size);
    }
    if (atomic_fetch_sub(&group->pending, 1) == 1) {
        group_reply(group);
    }
}

static bool share_is_used_up(struct message_group *group, int64_t begun_us)
{
    return atomic_load(&group->response_bytes) > SHARED_RESPONSE_BYTES_MAX ||
           ds_clock_monotonic_us(group->server->clock) - begun_us > SHARED_EXECUTION_US_MAX;
}

static void run_frame(struct message_group *group, struct ds_call *call,
                      const struct ds_frame *frame, int64_t begun_us)
{
    call->transport = group;
    call->finished = call_finished;
    call->trusted = ds_nng_exchange_is_trusted(group->exchange);
    call->shared = group->call_count > 1;
    note_peer(call, group->exchange);
    const ds_code code = parse_frame(call, frame);
    if (code != DS_OK) {
        ds_rpc_refuse(call, code);
        return;
    }
    if (call->shared && share_is_used_up(group, begun_us)) {
        ds_rpc_refuse(call, refuse_share(call));
        return;
    }
    ds_rpc_dispatch(call);
}

/* How many frames the message has; 0 where it is not frames from end to end. */
static size_t count_frames(struct ds_bytes message, ds_code *ret_code)
{
    size_t count = 0;
    while (message.size > 0) {
        struct ds_frame frame;
        *ret_code = count < DS_FRAMES_PER_MESSAGE_MAX ? ds_frame_next(&message, &frame)
                                                      : DS_INVALID_ARGUMENT;
        if (*ret_code != DS_OK) {
            return 0;
        }
        count++;
    }
    *ret_code = count == 0 ? DS_INVALID_ARGUMENT : DS_OK;
    return count;
}

static void reply_version_reject(struct ds_nng_exchange *exchange)
{
    uint8_t frame[DS_FRAME_PREFACE_BYTES + 2];
    ds_frame_write_preface(frame, DS_FRAME_VERSION_REJECT, 0, 0, 2);
    frame[DS_FRAME_PREFACE_BYTES] = DS_FRAME_VERSION;
    frame[DS_FRAME_PREFACE_BYTES + 1] = DS_FRAME_VERSION;
    const struct ds_bytes part = ds_bytes_of(frame, sizeof frame);
    ds_nng_exchange_reply(exchange, &part, 1);
}

/* A response without a call id: all that can be said about bytes that are no frames. */
static void reply_malformed(struct ds_rpc_server *server, struct ds_nng_exchange *exchange)
{
    struct ds_call *call = ds_call_create(server);
    call->code = refuse_header(call, "the message is not made of whole frames");
    const struct ds_bytes part = frame_head(call);
    ds_nng_exchange_reply(exchange, &part, 1);
    ds_call_destroy(call);
}

void ds_rpc_message_receive(struct ds_rpc_server *server, struct ds_nng_exchange *exchange,
                            struct ds_bytes message)
{
    ds_code code;
    const size_t count = count_frames(message, &code);
    if (count == 0) {
        if (code == DS_UNIMPLEMENTED) {
            reply_version_reject(exchange);
        } else {
            reply_malformed(server, exchange);
        }
        return;
    }
    struct message_group *group = calloc(1, sizeof *group + count * sizeof *group->calls);
    if (group == NULL) {
        abort();
    }
    group->server = server;
    group->exchange = exchange;
    group->call_count = count;
    atomic_init(&group->pending, count);
    for (size_t i = 0; i < count; i++) {
        group->calls[i] = ds_call_create(server);
    }
    const int64_t begun_us = ds_clock_monotonic_us(server->clock);
    for (size_t i = 0; i < count; i++) {
        struct ds_frame frame;
        code = ds_frame_next(&message, &frame);
        assert(code == DS_OK); /* count_frames() has seen it. */
        /* After the last frame group and message may be gone. */
        run_frame(group, group->calls[i], &frame, begun_us);
    }
}
