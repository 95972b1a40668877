/* Plain text to a field, and to a time. The first character names the field, the second the
 * options. */
#include "ds/number.h"
#include "ds/time.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"

static void check_time(struct ds_bytes text, bool lenient)
{
    int64_t seconds;
    int32_t nanoseconds;
    if (!ds_time_parse(text, lenient, &seconds, &nanoseconds)) {
        return;
    }
    char again[DS_TIME_TEXT_MAX];
    int64_t seconds_again;
    int32_t nanoseconds_again;
    const size_t size = ds_time_format(seconds, nanoseconds, again);
    fuzz_require(
        ds_time_parse(ds_bytes_of(again, size), false, &seconds_again, &nanoseconds_again) &&
            seconds == seconds_again && nanoseconds == nanoseconds_again,
        "a time that was parsed and formatted is the same time");
}

static void check_double(struct ds_bytes text)
{
    double value;
    double again;
    char formatted[DS_DOUBLE_TEXT_MAX];
    if (!ds_double_parse(text, &value)) {
        return;
    }
    const size_t size = ds_double_format(value, formatted);
    fuzz_require(ds_double_parse(ds_bytes_of(formatted, size), &again) &&
                     memcmp(&value, &again, sizeof value) == 0,
                 "a double that was formatted and parsed is the same double");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_message *message = &fixture_everything;
    const struct ds_field *field =
        &message->fields[(uint8_t)(data[0] - '0') % message->field_count];
    const struct ds_bytes text = ds_bytes_of(data + 2, size - 2);
    const struct ds_json_read_options options = {.lenient_times = (data[1] & 1) != 0};
    struct ds_json_error error;
    struct ds_wire_error wire_error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, FUZZ_BYTES_MAX);
    if (ds_json_scalar_to_wire(field, text, &options, &wire, &error) == DS_OK) {
        fuzz_require(ds_wire_check(message, ds_buffer_bytes(&wire), &wire_error) == DS_OK,
                     "what the reader writes passes the wire check");
        fuzz_check_json_of(message, ds_buffer_bytes(&wire));
    } else {
        fuzz_require(wire.size == 0, "a failure leaves the size as it was");
    }
    ds_buffer_deinit(&wire);
    check_time(text, options.lenient_times);
    check_double(text);
    return 0;
}
