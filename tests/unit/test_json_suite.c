#include "support/codec_helper.h"
#include "support/json_suite.h"

/* JSONTestSuite, each file as a google.protobuf.Value. Its names say what has to become of a file:
 * y_ has to be taken, n_ to be refused; of i_ the reader decides. tests/conformance/json_route
 * sends the same files through a gateway. */

/* Requires that what was read is written as JSON that reads back to the same. */
static void goes_round(const char *name, struct ds_bytes wire)
{
    const struct ds_json_style style = {.proto_names = true};
    struct ds_buffer text;
    struct ds_buffer again;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    ds_buffer_init(&again, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_to_json(&fixture_value, wire, &style, &text), DS_OK);
    ds_buffer_append_byte(&text, '\0');
    codec_read(&fixture_value, (const char *)text.data, &again);
    if (!ds_bytes_equal(ds_buffer_bytes(&again), wire)) {
        fail_msg("%s: %s reads back as something else", name, (const char *)text.data);
    }
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&again);
}

static void take_file(void *context, const char *name, struct ds_bytes text)
{
    const struct ds_json_read_options options = {0};
    struct ds_buffer *wire = context;
    struct ds_json_error error;
    ds_buffer_clear(wire);
    const ds_code code = ds_json_to_wire(&fixture_value, text, &options, wire, &error);
    if (code != (json_suite_is_taken(name) ? DS_OK : DS_INVALID_ARGUMENT)) {
        fail_msg("%s: %s", name, code == DS_OK ? "taken" : error.message);
    }
    if (code == DS_OK) {
        goes_round(name, ds_buffer_bytes(wire));
    } else {
        assert_in_range(error.offset, 0, text.size);
        assert_true(error.message[0] != '\0');
    }
}

static void every_file_is_taken_or_refused_as_its_name_says(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    json_suite_visit(take_file, &wire);
    ds_buffer_deinit(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_taken_or_refused_as_its_name_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
