#include "ds/frame_header.h"

#include "ds/frame.h"
#include "ds/rpc_call.h"
#include "ds/wire.h"

/* ResponseHeader.metadata, Metadata.key and Metadata.value. */
#define METADATA 5
#define METADATA_KEY 1
#define METADATA_VALUE 2

static void write_text(struct ds_buffer *header, uint32_t number, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        ds_wire_write_bytes_field(header, number, ds_bytes_of_text(text));
    }
}

void ds_wire_write_fixed64_field(struct ds_buffer *buffer, uint32_t number, uint64_t value)
{
    uint8_t bytes[8];
    ds_store_fixed64(bytes, value);
    ds_wire_write_tag(buffer, number, DS_WIRE_FIXED64);
    ds_buffer_append(buffer, bytes, sizeof bytes);
}

static void write_principal(struct ds_buffer *header, const struct ds_principal *principal)
{
    struct ds_buffer packed;
    ds_buffer_init(&packed, DS_FRAME_HEADER_BYTES_MAX);
    write_text(&packed, 1, principal->subject);
    write_text(&packed, 2, principal->authentication_method);
    for (size_t i = 0; i < principal->permission_count; i++) {
        write_text(&packed, 3, principal->permissions[i]);
    }
    ds_wire_write_bytes_field(header, 14, ds_buffer_bytes(&packed));
    ds_buffer_deinit(&packed);
}

void ds_request_header_write(struct ds_buffer *header, const struct ds_client_call *call,
                             const struct ds_request_stamp *stamp)
{
    ds_wire_write_bytes_field(header, 1, stamp->call_id);
    write_text(header, 2, call->method->full_name);
    ds_wire_write_varint_field(header, 3, stamp->timeout_ms);
    ds_wire_write_fixed64_field(header, 4, (uint64_t)stamp->sent_at_us);
    if (stamp->attempt > 0) {
        ds_wire_write_varint_field(header, 5, stamp->attempt);
    }
    if (call->idempotency_key.size > 0) {
        ds_wire_write_bytes_field(header, 6, call->idempotency_key);
    }
    write_text(header, 7, call->traceparent);
    write_text(header, 8, call->tracestate);
    write_text(header, 9, call->authorization);
    if (stamp->accept_encodings != 0) {
        ds_wire_write_varint_field(header, 10, stamp->accept_encodings);
    }
    for (size_t i = 0; i < call->metadata_count; i++) {
        ds_metadata_write_field(header, 12, &call->metadata[i]);
    }
    write_text(header, 13, call->peer);
    if (call->principal != NULL) {
        write_principal(header, call->principal);
    }
    if (stamp->client_id.size > 0) {
        ds_wire_write_bytes_field(header, 15, stamp->client_id);
    }
    if (call->run_epoch != 0) {
        ds_wire_write_fixed64_field(header, 16, call->run_epoch);
    }
}

/* Of a field of bytes: at most two bytes of tag and five of length. */
#define FIELD_BYTES_MAX 7
/* Of the numbers and ids that the channel adds. */
#define STAMP_BYTES_MAX                                                                            \
    (2 * (FIELD_BYTES_MAX + DS_CALL_ID_BYTES_MAX) + 7 * (2 + DS_VARINT_BYTES_MAX))

static size_t text_bytes_max(const char *text)
{
    return text != NULL ? FIELD_BYTES_MAX + strlen(text) : 0;
}

static size_t principal_bytes_max(const struct ds_principal *principal)
{
    size_t size = FIELD_BYTES_MAX + text_bytes_max(principal->subject) +
                  text_bytes_max(principal->authentication_method);
    for (size_t i = 0; i < principal->permission_count; i++) {
        size += text_bytes_max(principal->permissions[i]);
    }
    return size;
}

size_t ds_request_header_bytes_max(const struct ds_client_call *call)
{
    size_t size = STAMP_BYTES_MAX + FIELD_BYTES_MAX + call->idempotency_key.size +
                  text_bytes_max(call->method->full_name) + text_bytes_max(call->traceparent) +
                  text_bytes_max(call->tracestate) + text_bytes_max(call->authorization) +
                  text_bytes_max(call->peer);
    for (size_t i = 0; i < call->metadata_count; i++) {
        const struct ds_metadata_entry *entry = &call->metadata[i];
        size += 3 * FIELD_BYTES_MAX + strlen(entry->key) + entry->value.size;
    }
    return call->principal != NULL ? size + principal_bytes_max(call->principal) : size;
}

void ds_cancel_header_write(struct ds_buffer *header, struct ds_bytes call_id,
                            struct ds_bytes client_id)
{
    ds_wire_write_bytes_field(header, 1, call_id);
    ds_wire_write_bytes_field(header, 15, client_id);
}

/* All of them have 32 bits; protobuf's readers pass over the upper half of a longer varint. */
static void take_number(struct ds_response_header *header, uint32_t field, uint32_t value)
{
    if (field == 2) {
        header->code = value < DS_CODE_COUNT ? ds_code_of(value) : DS_UNKNOWN;
    } else if (field == 6) {
        header->has_retry_pushback = true;
        header->retry_pushback_ms = (int32_t)((value >> 1) ^ (~(value & 1) + 1)); /* zigzag */
    } else if (field == 7) {
        header->queue_us = value;
    } else if (field == 8) {
        header->execution_us = value;
    }
}

static void take_bytes(struct ds_response_header *header, uint32_t field, struct ds_bytes bytes)
{
    if (field == 1) {
        header->call_id = bytes;
    } else if (field == 3) {
        header->message = bytes;
    } else if (field == 4) {
        header->status_details = bytes;
    } else if (field == METADATA && header->metadata_count < DS_METADATA_ENTRIES_MAX) {
        header->metadata_count++;
    }
}

static bool read_field(struct ds_wire_reader *reader, struct ds_response_header *header)
{
    uint32_t field;
    enum ds_wire_type type;
    uint64_t value = 0;
    struct ds_bytes bytes = {.data = NULL, .size = 0};
    if (!ds_wire_read_tag(reader, &field, &type)) {
        return false;
    }
    if (type == DS_WIRE_VARINT) {
        if (!ds_wire_read_varint(reader, &value)) {
            return false;
        }
        take_number(header, field, (uint32_t)value);
        return true;
    }
    if (type == DS_WIRE_BYTES) {
        if (!ds_wire_read_bytes(reader, &bytes)) {
            return false;
        }
        take_bytes(header, field, bytes);
        return true;
    }
    if (type == DS_WIRE_FIXED64) {
        if (!ds_wire_read_fixed64(reader, &value)) {
            return false;
        }
        header->server_epoch = field == 9 ? value : header->server_epoch;
        return true;
    }
    return ds_wire_skip(reader, type);
}

bool ds_response_header_read(struct ds_bytes bytes, struct ds_response_header *ret_header)
{
    struct ds_response_header header = {.code = DS_OK};
    if (bytes.size > 0) {
        struct ds_wire_reader reader = ds_wire_reader_of(bytes);
        while (!ds_wire_at_end(&reader)) {
            if (!read_field(&reader, &header)) {
                return false;
            }
        }
    }
    *ret_header = header;
    return true;
}

static bool read_entry(struct ds_bytes bytes, struct ds_arena *arena,
                       struct ds_metadata_entry *ret_entry)
{
    struct ds_bytes parts[METADATA_VALUE + 1] = {{.data = NULL, .size = 0}};
    struct ds_wire_reader reader = ds_wire_reader_of(bytes);
    while (bytes.size > 0 && !ds_wire_at_end(&reader)) {
        uint32_t field;
        enum ds_wire_type type;
        struct ds_bytes content;
        if (!ds_wire_read_tag(&reader, &field, &type) || type != DS_WIRE_BYTES ||
            !ds_wire_read_bytes(&reader, &content)) {
            return false;
        }
        if (field == METADATA_KEY || field == METADATA_VALUE) {
            parts[field] = content;
        }
    }
    const struct ds_bytes key = parts[METADATA_KEY];
    const struct ds_bytes value = parts[METADATA_VALUE];
    if (key.size == 0) {
        return false;
    }
    ret_entry->key = ds_arena_copy_text(arena, (const char *)key.data, key.size);
    ret_entry->value = value;
    return ret_entry->key != NULL && ds_metadata_refusal(ret_entry->key, value) == NULL;
}

bool ds_response_header_metadata(struct ds_bytes header, struct ds_arena *arena,
                                 struct ds_metadata_entry *entries, size_t metadata_count)
{
    struct ds_wire_reader reader = ds_wire_reader_of(header);
    size_t count = 0;
    while (count < metadata_count) {
        uint32_t field;
        enum ds_wire_type type;
        struct ds_bytes bytes;
        if (!ds_wire_read_tag(&reader, &field, &type)) {
            return false;
        }
        if (field != METADATA || type != DS_WIRE_BYTES) {
            if (!ds_wire_skip(&reader, type)) {
                return false;
            }
        } else if (!ds_wire_read_bytes(&reader, &bytes) ||
                   !read_entry(bytes, arena, &entries[count++])) {
            return false;
        }
    }
    return true;
}
