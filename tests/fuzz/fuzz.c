#include "fuzz/fuzz.h"

#include "ds/arena.h"
#include "ds/wire_check.h"

#include <stdio.h>
#include <stdlib.h>

#define UNPACK_BUDGET_BYTES (1024 * 1024)

void fuzz_require(bool holds, const char *property)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", property);
        abort();
    }
}

const struct ds_message *fuzz_message(uint8_t selector)
{
    static const struct ds_message *const messages[] = {
        &fixture_everything, &fixture_rows,       &fixture_inner,     &fixture_value,
        &fixture_struct,     &fixture_list_value, &fixture_timestamp, &fixture_duration,
        &fixture_field_mask, &fixture_empty,      &fixture_any,
    };
    const size_t count = sizeof messages / sizeof messages[0];
    return messages[(uint8_t)(selector - '0') % count];
}

void fuzz_check_json_of(const struct ds_message *message, struct ds_bytes wire)
{
    const struct ds_json_style style = {.proto_names = true, .types = &fixture_types};
    const struct ds_json_read_options options = {.types = &fixture_types};
    struct ds_json_error error;
    struct ds_buffer first;
    struct ds_buffer again;
    struct ds_buffer wire_again;
    ds_buffer_init(&first, FUZZ_BYTES_MAX);
    ds_buffer_init(&again, FUZZ_BYTES_MAX);
    ds_buffer_init(&wire_again, FUZZ_BYTES_MAX);
    const ds_code code = ds_wire_to_json(message, wire, &style, &first);
    fuzz_require(code == DS_OK || code == DS_INVALID_ARGUMENT || code == DS_UNIMPLEMENTED,
                 "wire that passed the check is written or has no JSON form");
    if (code == DS_OK) {
        fuzz_require(ds_json_to_wire(message, ds_buffer_bytes(&first), &options, &wire_again,
                                     &error) == DS_OK,
                     "what we write we read");
        fuzz_require(ds_wire_to_json(message, ds_buffer_bytes(&wire_again), &style, &again) ==
                         DS_OK,
                     "what we read we write");
        fuzz_require(ds_bytes_equal(ds_buffer_bytes(&first), ds_buffer_bytes(&again)),
                     "JSON that goes round stays the same");
    }
    ds_buffer_deinit(&first);
    ds_buffer_deinit(&again);
    ds_buffer_deinit(&wire_again);
}

static ProtobufCMessage *unpack(const struct ds_message *message, struct ds_arena *arena,
                                struct ds_bytes wire)
{
    return protobuf_c_message_unpack(message->descriptor, ds_arena_allocator(arena), wire.size,
                                     wire.data);
}

static struct ds_bytes pack(const ProtobufCMessage *unpacked, struct ds_arena *arena)
{
    const size_t size = protobuf_c_message_get_packed_size(unpacked);
    uint8_t *bytes = ds_arena_alloc(arena, size);
    fuzz_require(bytes != NULL, "there is room for what is packed");
    fuzz_require(protobuf_c_message_pack(unpacked, bytes) == size,
                 "a message has as many bytes as it says");
    return ds_bytes_of(bytes, size);
}

void fuzz_check_unpacked(const struct ds_message *message, struct ds_bytes wire)
{
    struct ds_wire_error error;
    if (ds_wire_check(message, wire, &error) != DS_OK) {
        fuzz_require(error.message[0] != '\0', "a failure says what is wrong");
        return;
    }
    fuzz_check_json_of(message, wire);
    struct ds_arena *arena = ds_arena_create(UNPACK_BUDGET_BYTES);
    struct ds_arena *rest = ds_arena_create(SIZE_MAX);
    const ProtobufCMessage *unpacked = unpack(message, arena, wire);
    fuzz_require(ds_arena_used_bytes(arena) <= UNPACK_BUDGET_BYTES, "the budget is kept");
    if (unpacked != NULL) {
        const struct ds_bytes packed = pack(unpacked, rest);
        fuzz_require(ds_wire_check(message, packed, &error) == DS_OK,
                     "what protobuf-c packs passes the check");
        const ProtobufCMessage *again = unpack(message, rest, packed);
        fuzz_require(again != NULL, "what protobuf-c packs it unpacks");
        fuzz_require(ds_bytes_equal(packed, pack(again, rest)),
                     "a message that goes round stays the same");
    }
    ds_arena_destroy(rest);
    ds_arena_destroy(arena);
}
