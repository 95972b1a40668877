/* JSON text to wire. The first character names the message, the second the options. */
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"

#include <string.h>

/* Requires that each path of the mask leads to a field of the message. */
static void check_paths(const struct ds_message *message, struct ds_bytes mask)
{
    struct ds_wire_error error;
    fuzz_require(ds_wire_check(&fixture_field_mask, mask, &error) == DS_OK,
                 "the given paths are a FieldMask");
    struct ds_wire_reader reader = ds_wire_reader_of(mask);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        struct ds_bytes path;
        fuzz_require(ds_wire_read_tag(&reader, &number, &type) &&
                         ds_wire_read_bytes(&reader, &path),
                     "a mask is made of paths");
        const struct ds_message *inner = message;
        for (;;) {
            const uint8_t *dot = memchr(path.data, '.', path.size);
            const size_t size = dot == NULL ? path.size : (size_t)(dot - path.data);
            fuzz_require(inner != NULL, "paths go through messages");
            const struct ds_field *field = ds_field_by_name(inner, (const char *)path.data, size);
            fuzz_require(field != NULL, "paths are made of the names of fields");
            if (dot == NULL) {
                break;
            }
            inner = (field->flags & DS_FIELD_REPEATED) == 0 ? field->message : NULL;
            path = ds_bytes_of(dot + 1, path.size - size - 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_message *message = fuzz_message(data[0]);
    struct ds_buffer paths;
    ds_buffer_init(&paths, (data[1] & 4) != 0 ? 64 : FUZZ_BYTES_MAX);
    const struct ds_json_read_options options = {
        .lenient_times = (data[1] & 1) != 0,
        .ignore_unknown = (data[1] & 2) != 0,
        .given_paths = (data[1] & 8) != 0 ? &paths : NULL,
        .types = (data[1] & 64) != 0 ? NULL : &fixture_types,
    };
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
        check_paths(message, ds_buffer_bytes(&paths));
    } else {
        fuzz_require(wire.size == 0 && paths.size == 0, "a failure leaves the sizes as they were");
        fuzz_require(error.offset <= size - 2, "the offset is within the text");
        fuzz_require(error.message[0] != '\0', "a failure says what is wrong");
    }
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&paths);
    return 0;
}
