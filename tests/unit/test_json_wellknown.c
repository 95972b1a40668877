#include "support/codec_helper.h"

#include <stdio.h>

static void refused_in_wire(const struct ds_message *message, const char *hexadecimal, ds_code code)
{
    const struct ds_json_style style = {0};
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    if (ds_wire_to_json(message, codec_hex(hexadecimal), &style, &text) != code) {
        fail_msg("%s is not refused", hexadecimal);
    }
    ds_buffer_deinit(&text);
}

static void timestamps_are_rfc3339(void **state)
{
    (void)state;
    codec_round_trip(
        &fixture_everything,
        "{\"time\":\"2025-01-25T15:30:00.5+05:30\",\"times\":[\"1970-01-01T00:00:00Z\","
        "\"0001-01-01T00:00:00Z\",\"9999-12-31T23:59:59.999999999Z\"]}",
        "{\"time\":\"2025-01-25T10:00:00.500Z\",\"times\":[\"1970-01-01T00:00:00Z\","
        "\"0001-01-01T00:00:00Z\",\"9999-12-31T23:59:59.999999999Z\"]}");
    codec_round_trip(&fixture_timestamp, "\"2025-01-25T10:00:00Z\"", "\"2025-01-25T10:00:00Z\"");
    static const char *const wrong[] = {"\"2025-01-25\"",
                                        "\"2025-01-25 10:00:00Z\"",
                                        "\"2025-01-25T10:00:00\"",
                                        "\"2025-01-25t10:00:00z\"",
                                        "\"\"",
                                        "1737799200",
                                        "{}",
                                        "\"2025-02-29T00:00:00Z\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"time\":%s}", wrong[i]);
        codec_refused(&fixture_everything, json, "/time", "a time such as 2025-01-25T10:00:00.5Z");
    }
}

static void lenient_times_are_an_option(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {.lenient_times = true};
    const struct ds_json_style style = {.proto_names = true};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    const char *json = "{\"times\":[\"2025-01-25\",\"2025-01-25 10:00\","
                       "\"2025-01-25T10:00:00.25\"]}";
    assert_int_equal(
        ds_json_to_wire(&fixture_everything, ds_bytes_of_text(json), &options, &wire, &error),
        DS_OK);
    codec_written(&fixture_everything, ds_buffer_bytes(&wire), &style,
                  "{\"times\":[\"2025-01-25T00:00:00Z\",\"2025-01-25T10:00:00Z\","
                  "\"2025-01-25T10:00:00.250Z\"]}");
    ds_buffer_deinit(&wire);
}

static void times_are_written_as_python_does_in_that_style(void **state)
{
    (void)state;
    const struct ds_json_style style = {.proto_names = true, .time = DS_JSON_TIME_ISOFORMAT};
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&fixture_everything,
               "{\"times\":[\"2025-01-25T10:00:00Z\",\"2025-01-25T10:00:00.5Z\"]}", &wire);
    codec_written(&fixture_everything, ds_buffer_bytes(&wire), &style,
                  "{\"times\":[\"2025-01-25T10:00:00\",\"2025-01-25T10:00:00.500000\"]}");
    ds_buffer_deinit(&wire);
}

static void times_out_of_range_are_not_written(void **state)
{
    (void)state;
    refused_in_wire(&fixture_timestamp, "08 80 83 d1 ff af 07", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_timestamp, "08 ff 91 b8 c3 98 fe ff ff ff 01", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_timestamp, "10 80 94 eb dc 03", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_timestamp, "10 ff ff ff ff ff ff ff ff ff 01", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_timestamp, "0a 01 61", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_timestamp, "08", DS_INVALID_ARGUMENT);
}

static void durations_are_seconds_with_an_s(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"1s", "1s"},
        {"-1.5s", "-1.500s"},
        {"0s", "0s"},
        {"-0.000000001s", "-0.000000001s"},
        {"1.0001s", "1.000100s"},
        {"315576000000.999999999s", "315576000000.999999999s"},
        {"-315576000000s", "-315576000000s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[80];
        char expected[80];
        snprintf(json, sizeof json, "{\"duration\":\"%s\"}", cases[i].text);
        snprintf(expected, sizeof expected, "{\"duration\":\"%s\"}", cases[i].expected);
        codec_round_trip(&fixture_everything, json, expected);
    }
    static const char *const wrong[] = {
        "1",   "s",    "-s",  "1.s",           ".5s",           "1e3s",
        "+1s", "--1s", "1 s", "1.1234567890s", "315576000001s", "1.5S",
        ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char json[80];
        snprintf(json, sizeof json, "{\"duration\":\"%s\"}", wrong[i]);
        codec_refused(&fixture_everything, json, "/duration", "a duration in seconds such as 1.5s");
    }
    refused_in_wire(&fixture_duration, "08 01 10 ff ff ff ff ff ff ff ff ff 01",
                    DS_INVALID_ARGUMENT);
}

static void field_masks_are_names_with_commas(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything, "{\"mask\":\"fooBar,baz.quxQuux,a1\"}",
                     "{\"mask\":\"fooBar,baz.quxQuux,a1\"}");
    codec_round_trip(&fixture_everything, "{\"mask\":\"\"}", "{\"mask\":\"\"}");
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&fixture_field_mask, "\"fooBar,b\"", &wire);
    codec_assert_bytes(ds_buffer_bytes(&wire), "0a 07 66 6f 6f 5f 62 61 72 0a 01 62");
    ds_buffer_deinit(&wire);
    static const char *const wrong[] = {"\"foo_bar\"", "\"a,\"",  "\",a\"", "\"a,,b\"",
                                        "\"a b\"",     "[\"a\"]", "1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char json[80];
        snprintf(json, sizeof json, "{\"mask\":%s}", wrong[i]);
        codec_refused(&fixture_everything, json, "/mask", "names of fields");
    }
    /* foo__bar, fooBar, foo_3, foo_, a"b and an empty path have no form that reads back. */
    refused_in_wire(&fixture_field_mask, "0a 08 66 6f 6f 5f 5f 62 61 72", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_field_mask, "0a 06 66 6f 6f 42 61 72", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_field_mask, "0a 05 66 6f 6f 5f 33", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_field_mask, "0a 04 66 6f 6f 5f", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_field_mask, "0a 03 61 22 62", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_field_mask, "0a 00", DS_INVALID_ARGUMENT);
}

static void wrappers_are_their_values(void **state)
{
    (void)state;
    const char *json =
        "{\"wrapped_int64\":\"9007199254740993\",\"wrapped_string\":\"\",\"wrapped_bool\":false,"
        "\"wrapped_double\":1.5,\"wrapped_bytes\":\"AQ==\",\"wrapped_uint32\":0,"
        "\"wrapped_float\":0.25,\"wrapped_uint64\":7,\"wrapped_int32\":-3}";
    codec_round_trip(&fixture_everything, json, json);
    codec_refused(&fixture_everything, "{\"wrapped_bool\":{\"value\":true}}", "/wrapped_bool",
                  "true or false");
    codec_refused(&fixture_everything, "{\"wrapped_int32\":1e10}", "/wrapped_int32", "whole");
}

static void any_json_is_a_value(void **state)
{
    (void)state;
    const char *json = "{\"structure\":{\"a\":1,\"b\":[true,null,\"x\",{}],\"c\":{\"d\":[]}},"
                       "\"value\":null,\"list\":[1.5,[],\"\",false]}";
    codec_round_trip(&fixture_everything, json, json);
    codec_round_trip(&fixture_value, "[0,\"\",false,null]", "[0,\"\",false,null]");
    codec_round_trip(&fixture_value, "{}", "{}");
    codec_round_trip(&fixture_struct, "{\"a\":null}", "{\"a\":null}");
    codec_round_trip(&fixture_everything, "{\"values\":[null,1,\"a\"]}",
                     "{\"values\":[null,1,\"a\"]}");
    codec_refused(&fixture_everything, "{\"structure\":[]}", "/structure", "an object");
    codec_refused(&fixture_everything, "{\"list\":{}}", "/list", "an array");
    codec_refused(&fixture_everything, "{\"value\":x}", "/value", "a number");
    codec_refused(&fixture_everything, "{\"value\":[1,{\"a\":tru}]}", "/value/1/a",
                  "true or false");
    codec_refused(&fixture_struct, "{\"a\":1,\"a\":2}", "", "occurs twice");
    codec_refused(&fixture_value, "1e400", "", "1.8e308");
}

static void values_that_json_lacks_are_not_written(void **state)
{
    (void)state;
    refused_in_wire(&fixture_value, "11 00 00 00 00 00 00 f8 7f", DS_INVALID_ARGUMENT);
    refused_in_wire(&fixture_value, "11 00 00 00 00 00 00 f0 7f", DS_INVALID_ARGUMENT);
    const struct ds_json_style style = {0};
    codec_written(&fixture_value, codec_hex(""), &style, "null");
    /* The last member counts; of lists the pieces after it. */
    codec_written(&fixture_value, codec_hex("32 04 0a 02 20 01 1a 01 61"), &style, "\"a\"");
    codec_written(&fixture_value, codec_hex("20 01 32 04 0a 02 20 00 32 04 0a 02 20 01"), &style,
                  "[false,true]");
}

static void deep_values_end_at_the_wires_depth(void **state)
{
    (void)state;
    /* A list in a list is two messages deeper in the wire. */
    codec_round_trip(&fixture_value, "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]",
                     "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]");
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    const char *json = "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]";
    assert_int_equal(
        ds_json_to_wire(&fixture_value, ds_bytes_of_text(json), &options, &wire, &error),
        DS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "nested too deeply"));
    ds_buffer_deinit(&wire);
}

static void empty_is_an_empty_object(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything, "{\"empty\":{}}", "{\"empty\":{}}");
    codec_refused(&fixture_everything, "{\"empty\":{\"a\":1}}", "/empty/a", "unknown member");
}

/* Of plain text, as in a query parameter. */
static void scalar(const char *name, const char *text, const char *expected)
{
    const struct ds_json_read_options options = {.lenient_times = true};
    const struct ds_json_style style = {.proto_names = true, .int64_numbers = true};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    if (ds_json_scalar_to_wire(fixture_field(&fixture_everything, name), ds_bytes_of_text(text),
                               &options, &wire, &error) != DS_OK) {
        fail_msg("%s=%s: %s", name, text, error.message);
    }
    codec_written(&fixture_everything, ds_buffer_bytes(&wire), &style, expected);
    ds_buffer_deinit(&wire);
}

static void scalar_refused(const char *name, const char *text, const char *words)
{
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    if (ds_json_scalar_to_wire(fixture_field(&fixture_everything, name), ds_bytes_of_text(text),
                               &options, &wire, &error) != DS_INVALID_ARGUMENT ||
        strstr(error.message, words) == NULL) {
        fail_msg("%s=%s is not refused, or with \"%s\"", name, text, error.message);
    }
    assert_string_equal(error.pointer, "");
    assert_int_equal(wire.size, 0);
    ds_buffer_deinit(&wire);
}

static void fields_are_read_from_plain_text(void **state)
{
    (void)state;
    scalar("int32_value", "-5", "{\"int32_value\":-5}");
    scalar("double_value", "1.5", "{\"double_value\":1.5}");
    scalar("double_value", "-Infinity", "{\"double_value\":\"-Infinity\"}");
    scalar("bool_value", "true", "{\"bool_value\":true}");
    scalar("bool_value", "True", "{\"bool_value\":true}");
    scalar("bool_value", "FALSE", "{}");
    scalar("string_value", "a\"b\\", "{\"string_value\":\"a\\\"b\\\\\"}");
    scalar("bytes_value", "AQ", "{\"bytes_value\":\"AQ==\"}");
    scalar("enum_value", "COLOR_RED", "{\"enum_value\":\"COLOR_RED\"}");
    scalar("enum_value", "Dark_Blue", "{\"enum_value\":\"COLOR_DARK_BLUE\"}");
    scalar("enum_value", "-1", "{\"enum_value\":\"COLOR_NEGATIVE\"}");
    scalar("texts", "a", "{\"texts\":[\"a\"]}");
    scalar("packed_numbers", "7", "{\"packed_numbers\":[7]}");
    scalar("time", "2025-01-25", "{\"time\":\"2025-01-25T00:00:00Z\"}");
    scalar("duration", "2s", "{\"duration\":\"2s\"}");
    scalar("mask", "fooBar,tick_id", "{\"mask\":\"fooBar,tickId\"}");
    scalar("wrapped_int64", "5", "{\"wrapped_int64\":5}");
    scalar("wrapped_string", "", "{\"wrapped_string\":\"\"}");
}

static void an_occurrence_is_written_also_for_a_default(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    assert_int_equal(ds_json_scalar_to_wire(fixture_field(&fixture_everything, "int32_value"),
                                            ds_bytes_of_text("0"), &options, &wire, &error),
                     DS_OK);
    codec_assert_bytes(ds_buffer_bytes(&wire), "28 00");
    ds_buffer_deinit(&wire);
}

/* So that one value is one row of bytes, whichever text it comes from. */
static void a_wrapper_from_plain_text_is_the_one_from_json(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *json;
    } table[] = {
        {"wrapped_int64", "0", "0"},        {"wrapped_int64", "-7", "-7"},
        {"wrapped_string", "", "\"\""},     {"wrapped_string", "a", "\"a\""},
        {"wrapped_bytes", "", "\"\""},      {"wrapped_bytes", "AQ", "\"AQ==\""},
        {"wrapped_bool", "FALSE", "false"}, {"wrapped_double", "0", "0"},
    };
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer plain;
    struct ds_buffer wire;
    ds_buffer_init(&plain, CODEC_BYTES_MAX);
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct ds_field *field = fixture_field(&fixture_everything, table[i].name);
        ds_buffer_clear(&plain);
        ds_buffer_clear(&wire);
        assert_int_equal(ds_json_scalar_to_wire(field, ds_bytes_of_text(table[i].text), &options,
                                                &plain, &error),
                         DS_OK);
        assert_int_equal(
            ds_json_field_to_wire(field, ds_bytes_of_text(table[i].json), &options, &wire, &error),
            DS_OK);
        if (!ds_bytes_equal(ds_buffer_bytes(&plain), ds_buffer_bytes(&wire))) {
            fail_msg("%s from %s is not the one from %s", table[i].name, table[i].text,
                     table[i].json);
        }
    }
    ds_buffer_deinit(&plain);
    ds_buffer_deinit(&wire);
}

static void a_fault_in_a_list_of_paths_is_told_by_its_offset(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } table[] = {{",a", 0}, {"a,", 0}, {"a,b,", 2}, {"a,,b", 2}, {"a,b-c,d", 2}, {"a,b,c d", 4}};
    const struct ds_json_read_options options = {0};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ds_json_error error;
        struct ds_buffer wire;
        ds_buffer_init(&wire, CODEC_BYTES_MAX);
        assert_int_equal(ds_json_scalar_to_wire(fixture_field(&fixture_everything, "mask"),
                                                ds_bytes_of_text(table[i].text), &options, &wire,
                                                &error),
                         DS_INVALID_ARGUMENT);
        assert_int_equal(error.offset, table[i].offset);
        ds_buffer_deinit(&wire);
    }
}

static void plain_text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    scalar_refused("int32_value", "", "whole number");
    scalar_refused("int32_value", " 5", "whole number");
    scalar_refused("int32_value", "5x", "whole number");
    scalar_refused("bool_value", "Truer", "true or false");
    scalar_refused("string_value", "\xff", "UTF-8");
    scalar_refused("bytes_value", "*", "base64");
    scalar_refused("enum_value", "mauve", "unspecified, red, dark_blue");
    scalar_refused("enum_value", "", "dark_blue");
    scalar_refused("time", "2025-01-25", "a time such as");
    scalar_refused("message_value", "{}", "can't be given as plain text");
    scalar_refused("structure", "{}", "can't be given as plain text");
    scalar_refused("wrapped_int64", "x", "whole number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamps_are_rfc3339),
        cmocka_unit_test(lenient_times_are_an_option),
        cmocka_unit_test(times_are_written_as_python_does_in_that_style),
        cmocka_unit_test(times_out_of_range_are_not_written),
        cmocka_unit_test(durations_are_seconds_with_an_s),
        cmocka_unit_test(field_masks_are_names_with_commas),
        cmocka_unit_test(wrappers_are_their_values),
        cmocka_unit_test(any_json_is_a_value),
        cmocka_unit_test(values_that_json_lacks_are_not_written),
        cmocka_unit_test(deep_values_end_at_the_wires_depth),
        cmocka_unit_test(empty_is_an_empty_object),
        cmocka_unit_test(fields_are_read_from_plain_text),
        cmocka_unit_test(an_occurrence_is_written_also_for_a_default),
        cmocka_unit_test(a_wrapper_from_plain_text_is_the_one_from_json),
        cmocka_unit_test(a_fault_in_a_list_of_paths_is_told_by_its_offset),
        cmocka_unit_test(plain_text_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
