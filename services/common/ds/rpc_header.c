#include "ds/rpc_header.h"

#include "ds/utf8.h"
#include "ds/wire.h"

/* A principal with more of them is left to protobuf-c. */
#define PERMISSIONS_MAX 16
/* Fields up to this one are told from those that came before by a bit. */
#define FIELD_NUMBER_MAX 31

/* The copy has the bytes of `wire` at the same offsets, and one more. The byte after a text is the
 * next field's tag, which nobody reads in the copy: there the text's end is written. */
struct reading {
    struct ds_bytes wire;
    uint8_t *copy;
    struct ds_arena *arena;
    struct ds_plain_header *plain;
};

static uint8_t *copy_of(const struct reading *reading, struct ds_bytes bytes)
{
    return reading->copy + (bytes.data - reading->wire.data);
}

static bool take_text(const struct reading *reading, struct ds_bytes text, char **ret_text)
{
    if (!ds_utf8_valid_without_nul(text)) {
        return false;
    }
    uint8_t *copy = copy_of(reading, text);
    copy[text.size] = '\0';
    *ret_text = (char *)copy;
    return true;
}

static bool take_bytes(const struct reading *reading, struct ds_bytes bytes,
                       ProtobufCBinaryData *ret_bytes)
{
    *ret_bytes = (ProtobufCBinaryData){.len = bytes.size, .data = copy_of(reading, bytes)};
    return true;
}

/* Whether a field has not come before. */
static bool note_field(uint32_t *seen, uint32_t field)
{
    const uint32_t bit = UINT32_C(1) << field;
    const bool is_new = (*seen & bit) == 0;
    *seen |= bit;
    return is_new;
}

static bool take_permissions(const struct reading *reading, char *const permissions[], size_t count)
{
    Rpc__Principal *principal = &reading->plain->principal;
    if (count > 0) {
        principal->permissions = ds_arena_alloc(reading->arena, count * sizeof *permissions);
        if (principal->permissions == NULL) {
            return false;
        }
        memcpy(principal->permissions, permissions, count * sizeof *permissions);
    }
    principal->n_permissions = count;
    return true;
}

static bool take_principal(const struct reading *reading, struct ds_bytes wire)
{
    Rpc__Principal *principal = &reading->plain->principal;
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    char *permissions[PERMISSIONS_MAX];
    size_t count = 0;
    uint32_t seen = 0;
    rpc__principal__init(principal);
    reading->plain->header.principal = principal;
    while (!ds_wire_at_end(&reader)) {
        uint32_t field;
        enum ds_wire_type type;
        struct ds_bytes text;
        char **target;
        if (!ds_wire_read_tag(&reader, &field, &type) || type != DS_WIRE_BYTES ||
            !ds_wire_read_bytes(&reader, &text)) {
            return false;
        }
        if (field == 3 && count < PERMISSIONS_MAX) {
            target = &permissions[count++];
        } else if (field <= 2 && note_field(&seen, field)) {
            target = field == 1 ? &principal->subject : &principal->authentication_method;
        } else {
            return false;
        }
        if (!take_text(reading, text, target)) {
            return false;
        }
    }
    return take_permissions(reading, permissions, count);
}

static bool take_content(const struct reading *reading, uint32_t field, struct ds_bytes content)
{
    Rpc__RequestHeader *header = &reading->plain->header;
    switch (field) {
    case 1:
        return take_bytes(reading, content, &header->call_id);
    case 2:
        return take_text(reading, content, &header->method);
    case 6:
        return take_bytes(reading, content, &header->idempotency_key);
    case 7:
        return take_text(reading, content, &header->traceparent);
    case 8:
        return take_text(reading, content, &header->tracestate);
    case 9:
        return take_text(reading, content, &header->authorization);
    case 13:
        return take_text(reading, content, &header->peer);
    case 14:
        return take_principal(reading, content);
    case 15:
        return take_bytes(reading, content, &header->client_id);
    default:
        return false;
    }
}

/* Of a longer number 32 bits count, as in protobuf-c. */
static bool take_number(Rpc__RequestHeader *header, uint32_t field, uint64_t number)
{
    switch (field) {
    case 3:
        header->timeout_ms = (uint32_t)number;
        return true;
    case 5:
        header->attempt = (uint32_t)number;
        return true;
    case 10:
        header->accept_encodings = (uint32_t)number;
        return true;
    default:
        return false;
    }
}

static bool take_fixed64(Rpc__RequestHeader *header, uint32_t field, uint64_t number)
{
    switch (field) {
    case 4:
        header->sent_at_us = number;
        return true;
    case 16:
        header->server_epoch = number;
        return true;
    default:
        return false;
    }
}

static bool read_field(const struct reading *reading, struct ds_wire_reader *reader, uint32_t *seen)
{
    uint32_t field;
    enum ds_wire_type type;
    struct ds_bytes content;
    uint64_t number;
    Rpc__RequestHeader *header = &reading->plain->header;
    if (!ds_wire_read_tag(reader, &field, &type) || field > FIELD_NUMBER_MAX ||
        !note_field(seen, field)) {
        return false;
    }
    switch (type) {
    case DS_WIRE_BYTES:
        return ds_wire_read_bytes(reader, &content) && take_content(reading, field, content);
    case DS_WIRE_VARINT:
        return ds_wire_read_varint(reader, &number) && take_number(header, field, number);
    case DS_WIRE_FIXED64:
        return ds_wire_read_fixed64(reader, &number) && take_fixed64(header, field, number);
    default:
        return false;
    }
}

bool ds_plain_header_read(struct ds_bytes wire, struct ds_arena *arena,
                          struct ds_plain_header *ret_plain)
{
    const struct reading reading = {
        .wire = wire,
        .copy = ds_arena_alloc(arena, wire.size + 1),
        .arena = arena,
        .plain = ret_plain,
    };
    if (reading.copy == NULL || wire.size == 0) {
        return false;
    }
    memcpy(reading.copy, wire.data, wire.size);
    rpc__request_header__init(&ret_plain->header);
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    uint32_t seen = 0;
    while (!ds_wire_at_end(&reader)) {
        if (!read_field(&reading, &reader, &seen)) {
            return false;
        }
    }
    return true;
}
