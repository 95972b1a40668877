/* JSON text to wire. The first character names the message, the second the options. */
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_message *message = fuzz_message(data[0]);
    const struct ds_json_read_options options = {.lenient_times = (data[1] & 1) != 0,
                                                 .ignore_unknown = (data[1] & 2) != 0};
    struct ds_json_error error;
    struct ds_wire_error wire_error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, (data[1] & 4) != 0 ? 64 : FUZZ_BYTES_MAX);
    const ds_code code =
        ds_json_to_wire(message, ds_bytes_of(data + 2, size - 2), &options, &wire, &error);
    if (code == DS_OK) {
        fuzz_require(ds_wire_check(message, ds_buffer_bytes(&wire), &wire_error) == DS_OK,
                     "what the reader writes passes the wire check");
        fuzz_check_json_of(message, ds_buffer_bytes(&wire));
    } else {
        fuzz_require(wire.size == 0, "a failure leaves the size as it was");
        fuzz_require(error.offset <= size - 2, "the offset is within the text");
        fuzz_require(error.message[0] != '\0', "a failure says what is wrong");
    }
    ds_buffer_deinit(&wire);
    return 0;
}
