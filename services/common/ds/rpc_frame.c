#include "ds/rpc_frame.h"

#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/compress.h"
#include "ds/frame_header.h"
#include "ds/rpc_header.h"
#include "ds/rpc_internal.h"
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "schema.gen.h"

#include <assert.h>

/* call_id, code, times and epoch with their tags; message, metadata and details come on top. */
#define RESPONSE_HEADER_BYTES_BASE 96
/* Metadata with the tags and lengths of its entries. */
#define METADATA_WIRE_BYTES_MAX (DS_METADATA_BYTES_MAX + 16 * DS_METADATA_ENTRIES_MAX)
/* Details that do not fit beside the rest stay at home. */
#define DETAILS_BYTES_MAX                                                                          \
    (DS_FRAME_HEADER_BYTES_MAX - RESPONSE_HEADER_BYTES_BASE - DS_FAILURE_BYTES_MAX -               \
     METADATA_WIRE_BYTES_MAX)

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
    request->tracestate = or_empty(header->tracestate);
    request->attempt = header->attempt;
    request->idempotency_key =
        ds_bytes_of(header->idempotency_key.data, header->idempotency_key.len);
    request->server_epoch = header->server_epoch;
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

ds_code ds_rpc_frame_refuse(struct ds_call *call, const char *why)
{
    return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(INVALID_REQUEST),
                          "the frame is malformed: %s", why);
}

static void take_id(uint8_t target[DS_CALL_ID_BYTES_MAX], size_t *ret_bytes, ProtobufCBinaryData id)
{
    if (id.len > 0) {
        memcpy(target, id.data, id.len);
    }
    *ret_bytes = id.len;
}

static ds_code take_metadata(struct ds_call *call, const Rpc__RequestHeader *header)
{
    const size_t count = header->n_metadata;
    if (count == 0) {
        return DS_OK;
    }
    if (count > DS_METADATA_ENTRIES_MAX) {
        return ds_rpc_frame_refuse(call, "it has more than 64 metadata entries");
    }
    struct ds_metadata_entry *entries = ds_arena_alloc(call->arena, count * sizeof *entries);
    if (entries == NULL) {
        return ds_rpc_frame_refuse(call, "its metadata can't be read");
    }
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        const Rpc__Metadata *entry = header->metadata[i];
        entries[i] = (struct ds_metadata_entry){
            .key = or_empty(entry->key), .value = ds_bytes_of(entry->value.data, entry->value.len)};
        const char *why = ds_metadata_refusal(entries[i].key, entries[i].value);
        if (why != NULL) {
            return ds_rpc_frame_refuse(call, why);
        }
        size += strlen(entries[i].key) + entries[i].value.size;
    }
    if (size > DS_METADATA_BYTES_MAX) {
        return ds_rpc_frame_refuse(call, "its metadata has more than 8 KiB");
    }
    call->request.metadata = entries;
    call->request.metadata_count = count;
    return DS_OK;
}

void ds_rpc_frame_take_call_id(struct ds_call *call, struct ds_bytes header)
{
    struct ds_wire_reader reader = ds_wire_reader_of(header);
    uint32_t field = 0;
    enum ds_wire_type type;
    struct ds_bytes id;
    call->request.call_id_bytes = 0;
    while (!ds_wire_at_end(&reader) && ds_wire_read_tag(&reader, &field, &type)) {
        if (field != 1 || type != DS_WIRE_BYTES) {
            if (!ds_wire_skip(&reader, type)) {
                return;
            }
        } else if (ds_wire_read_bytes(&reader, &id) && id.size <= DS_CALL_ID_BYTES_MAX) {
            take_id(call->request.call_id, &call->request.call_id_bytes,
                    (ProtobufCBinaryData){.len = id.size, .data = (uint8_t *)(uintptr_t)id.data});
        } else {
            return;
        }
    }
}

/* What the plain reader leaves: the unusual and the unsound. */
static ds_code unpack_header(struct ds_call *call, struct ds_bytes wire,
                             const Rpc__RequestHeader **ret_header)
{
    struct ds_wire_error error;
    if (ds_wire_check(&ds_message_rpc_request_header, wire, &error) != DS_OK) {
        return ds_rpc_frame_refuse(call, error.message);
    }
    *ret_header =
        rpc__request_header__unpack(ds_arena_allocator(call->arena), wire.size, wire.data);
    return *ret_header != NULL ? DS_OK : ds_rpc_frame_refuse(call, "its header can't be read");
}

ds_code ds_rpc_frame_read(struct ds_call *call, const struct ds_frame *frame)
{
    struct ds_plain_header plain;
    const Rpc__RequestHeader *header = &plain.header;
    if (!ds_plain_header_read(frame->header, call->arena, &plain)) {
        DS_TRY(unpack_header(call, frame->header, &header));
    }
    if (header->call_id.len > DS_CALL_ID_BYTES_MAX) {
        return ds_rpc_frame_refuse(call, "call_id has more than 16 bytes");
    }
    take_id(call->request.call_id, &call->request.call_id_bytes, header->call_id);
    if (frame->type != DS_FRAME_REQUEST && frame->type != DS_FRAME_CANCEL) {
        return ds_rpc_frame_refuse(call, "its type is neither REQUEST nor CANCEL");
    }
    const bool reads_zstd = (call->server->encodings & DS_ENCODING_ZSTD) != 0;
    const int known_flags = frame->type == DS_FRAME_REQUEST && reads_zstd ? DS_FRAME_ZSTD : 0;
    if ((frame->flags & ~known_flags) != 0) {
        return ds_rpc_frame_refuse(call, "it has flags that this server does not read");
    }
    if (header->client_id.len > DS_CALL_ID_BYTES_MAX) {
        return ds_rpc_frame_refuse(call, "client_id has more than 16 bytes");
    }
    take_id(call->request.client_id, &call->request.client_id_bytes, header->client_id);
    DS_TRY(take_metadata(call, header));
    take_header(call, header);
    call->request.payload = frame->payload;
    call->request.received_bytes = frame->payload.size;
    call->request.is_packed = (frame->flags & DS_FRAME_ZSTD) != 0;
    call->request.accepts_zstd = reads_zstd && (header->accept_encodings & DS_ENCODING_ZSTD) != 0;
    return DS_OK;
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
    for (size_t i = 0; i < call->answer_metadata_count; i++) {
        ds_metadata_write_field(header, 5, &call->answer_metadata[i]);
    }
    if (call->has_retry_after) {
        const int64_t pushback_ms = call->retry_after_ms;
        ds_wire_write_varint_field(header, 6,
                                   ((uint64_t)pushback_ms << 1) ^ /* zigzag */
                                       (pushback_ms < 0 ? UINT64_MAX : 0));
    }
    ds_wire_write_varint_field(header, 7, call->queue_us);
    ds_wire_write_varint_field(header, 8, call->execution_us);
    ds_wire_write_fixed64_field(header, 9, call->server->epoch);
}

/* In call->response_head: the arena may be used up. */
static struct ds_bytes write_head(struct ds_call *call)
{
    struct ds_bytes details = {0};
    if (call->code != DS_OK) {
        details = ds_call_pack_status(call);
    }
    if (details.size > DETAILS_BYTES_MAX) {
        details.size = 0;
    }
    struct ds_buffer *head = &call->response_head;
    ds_buffer_clear(head);
    const uint8_t preface[DS_FRAME_PREFACE_BYTES] = {0};
    ds_buffer_append(head, preface, sizeof preface);
    write_response_header(call, details, head);
    const bool has_payload = call->code == DS_OK;
    ds_frame_write_preface(head->data, DS_FRAME_RESPONSE, has_payload ? call->response_flags : 0,
                           head->size - sizeof preface, has_payload ? call->response.size : 0);
    return ds_buffer_bytes(head);
}

/* The same for a call that has nothing else to say: that is nearly every one. */
static struct ds_bytes write_plain_head(struct ds_call *call)
{
    static_assert(DS_FRAME_PREFACE_BYTES + 2 + DS_CALL_ID_BYTES_MAX + 2 * (1 + 5) + 1 + 8 <=
                      DS_PLAIN_HEAD_BYTES_MAX,
                  "the head has room for its fields");
    const struct ds_call_request *request = &call->request;
    uint8_t *header = call->plain_head + DS_FRAME_PREFACE_BYTES;
    uint8_t *end = header;
    *end++ = 1 << 3 | DS_WIRE_BYTES;
    *end++ = (uint8_t)request->call_id_bytes;
    memcpy(end, request->call_id, DS_CALL_ID_BYTES_MAX);
    end += request->call_id_bytes;
    *end++ = 7 << 3 | DS_WIRE_VARINT;
    end += ds_varint_put(end, call->queue_us);
    *end++ = 8 << 3 | DS_WIRE_VARINT;
    end += ds_varint_put(end, call->execution_us);
    *end++ = 9 << 3 | DS_WIRE_FIXED64;
    ds_store_fixed64(end, call->server->epoch);
    end += 8;
    ds_frame_write_preface(call->plain_head, DS_FRAME_RESPONSE, call->response_flags,
                           (size_t)(end - header), call->response.size);
    return ds_bytes_of(call->plain_head, (size_t)(end - call->plain_head));
}

struct ds_bytes ds_rpc_frame_head(struct ds_call *call)
{
    const bool is_plain =
        call->code == DS_OK && call->answer_metadata_count == 0 && !call->has_retry_after;
    return is_plain ? write_plain_head(call) : write_head(call);
}
