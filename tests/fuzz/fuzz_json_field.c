/* One field's value as JSON and back. The first character names the field, the second what follows:
 * JSON text or the wire of the message. */
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"

static const struct ds_json_style style = {.proto_names = true, .types = &fixture_types};
static const struct ds_json_read_options options = {.types = &fixture_types};

/* Requires that the field which was written from `wire` reads back to the same text. */
static void check_round_trip(const struct ds_field *field, struct ds_bytes wire)
{
    struct ds_json_error error;
    struct ds_buffer text;
    struct ds_buffer wire_again;
    struct ds_buffer again;
    ds_buffer_init(&text, FUZZ_BYTES_MAX);
    ds_buffer_init(&wire_again, FUZZ_BYTES_MAX);
    ds_buffer_init(&again, FUZZ_BYTES_MAX);
    const ds_code code = ds_wire_field_to_json(&fixture_everything, field, wire, &style, &text);
    fuzz_require(code == DS_OK || code == DS_INVALID_ARGUMENT || code == DS_UNIMPLEMENTED,
                 "wire that passed the check is written or has no JSON form");
    if (code == DS_OK) {
        fuzz_require(ds_json_field_to_wire(field, ds_buffer_bytes(&text), &options, &wire_again,
                                           &error) == DS_OK,
                     "a value that we write we read");
        fuzz_require(ds_wire_field_to_json(&fixture_everything, field, ds_buffer_bytes(&wire_again),
                                           &style, &again) == DS_OK,
                     "a value that we read we write");
        fuzz_require(ds_bytes_equal(ds_buffer_bytes(&text), ds_buffer_bytes(&again)),
                     "a value that goes round stays the same");
    }
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&wire_again);
    ds_buffer_deinit(&again);
}

static void check_text(const struct ds_field *field, struct ds_bytes text)
{
    struct ds_json_error error;
    struct ds_wire_error wire_error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, FUZZ_BYTES_MAX);
    if (ds_json_field_to_wire(field, text, &options, &wire, &error) == DS_OK) {
        fuzz_require(ds_wire_check(&fixture_everything, ds_buffer_bytes(&wire), &wire_error) ==
                         DS_OK,
                     "what the reader writes passes the wire check");
        check_round_trip(field, ds_buffer_bytes(&wire));
    } else {
        fuzz_require(wire.size == 0, "a failure leaves the size as it was");
        fuzz_require(error.offset <= text.size, "the offset is within the text");
    }
    ds_buffer_deinit(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_message *message = &fixture_everything;
    const struct ds_field *field =
        &message->fields[(uint8_t)(data[0] - '0') % message->field_count];
    const struct ds_bytes rest = ds_bytes_of(data + 2, size - 2);
    struct ds_wire_error error;
    if ((data[1] & 1) == 0) {
        check_text(field, rest);
    } else if (ds_wire_check(message, rest, &error) == DS_OK) {
        check_round_trip(field, rest);
    }
    return 0;
}
