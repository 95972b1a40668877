/* Wire to the check, to JSON in every style, and to protobuf-c. The first character names the
 * message, the second the style. */
#include "ds/arena.h"
#include "ds/utf8.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"

#define UNPACK_BUDGET_BYTES (1024 * 1024)

/* Whatever passes the check must not harm protobuf-c, which may still refuse it. */
static void unpack(uint8_t selector, struct ds_bytes wire)
{
    const struct ds_message *message = ds_messages[selector % ds_message_count];
    struct ds_wire_error error;
    if (message->descriptor == NULL || ds_wire_check(message, wire, &error) != DS_OK) {
        return;
    }
    struct ds_arena *arena = ds_arena_create(UNPACK_BUDGET_BYTES);
    (void)protobuf_c_message_unpack(message->descriptor, ds_arena_allocator(arena), wire.size,
                                    wire.data);
    ds_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_message *message = fuzz_message(data[0]);
    const struct ds_bytes wire = ds_bytes_of(data + 2, size - 2);
    static const char *const left_out[] = {"texts", "count", NULL};
    const struct ds_json_style style = {
        .proto_names = (data[1] & 1) != 0,
        .defaults = (data[1] & 2) != 0,
        .int64_numbers = (data[1] & 4) != 0,
        .float_fraction = (data[1] & 8) != 0,
        .whole_rows = (data[1] & 16) != 0,
        .time = (data[1] & 32) != 0 ? DS_JSON_TIME_ISOFORMAT : DS_JSON_TIME_RFC3339,
        .leave_out = (data[1] & 64) != 0 ? left_out : NULL,
    };
    struct ds_wire_error error;
    struct ds_buffer text;
    ds_buffer_init(&text, (data[1] & 128) != 0 ? 64 : FUZZ_BYTES_MAX);
    if (ds_wire_to_json(message, wire, &style, &text) == DS_OK) {
        fuzz_require(ds_utf8_valid(ds_buffer_bytes(&text)), "JSON is UTF-8");
    }
    ds_buffer_deinit(&text);

    if (ds_wire_check(message, wire, &error) == DS_OK) {
        fuzz_check_json_of(message, wire);
    } else {
        fuzz_require(error.message[0] != '\0', "a failure says what is wrong");
    }
    unpack(data[0], wire);
    return 0;
}
