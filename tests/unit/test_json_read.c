#include "support/codec_helper.h"

#include <stdio.h>

static void both_name_styles_are_read(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything, "{\"int32_value\":1,\"doubleValue\":2.5}",
                     "{\"double_value\":2.5,\"int32_value\":1}");
}

static void names_may_be_written_with_escapes(void **state)
{
    (void)state;
    codec_round_trip(&fixture_inner, "{\"\\u006eumber\":7}", "{\"number\":7}");
}

static void every_kind_is_read(void **state)
{
    (void)state;
    const char *json =
        "{\"double_value\":1.25,\"float_value\":0.1,\"int64_value\":-5,\"uint64_value\":6,"
        "\"int32_value\":-7,\"fixed64_value\":8,\"fixed32_value\":9,\"bool_value\":true,"
        "\"string_value\":\"text\",\"message_value\":{\"number\":1},\"bytes_value\":\"AAE=\","
        "\"uint32_value\":10,\"enum_value\":\"COLOR_RED\",\"sfixed32_value\":-11,"
        "\"sfixed64_value\":-12,\"sint32_value\":-13,\"sint64_value\":-14}";
    codec_round_trip(&fixture_everything, json, json);
}

static void the_wire_is_what_protobuf_defines(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(
        &fixture_everything,
        "{\"int32_value\":-1,\"fixed32_value\":1,\"fixed64_value\":2,\"string_value\":\"ab\","
        "\"sint32_value\":-2,\"packed_numbers\":[1,300],\"loose_doubles\":[1,2],"
        "\"message_value\":{\"number\":5}}",
        &wire);
    codec_assert_bytes(ds_buffer_bytes(&wire),
                       "28 ff ff ff ff ff ff ff ff ff 01 3d 01 00 00 00 31 02 00 00 00 00 00 00 00"
                       "4a 02 61 62 80 01 03 a2 01 03 01 ac 02"
                       "b9 01 00 00 00 00 00 00 f0 3f b9 01 00 00 00 00 00 00 00 40"
                       "52 02 08 05");
    ds_buffer_deinit(&wire);
}

static void content_of_more_than_127_bytes_gets_a_longer_length(void **state)
{
    (void)state;
    /* Each level of the nesting crosses the border on its own. */
    char text[20001];
    for (size_t size = 100; size < sizeof text; size += size < 200 ? 1 : 4000) {
        memset(text, 'x', size);
        text[size] = '\0';
        char *json = test_malloc(size + 200);
        snprintf(json, size + 200,
                 "{\"child\":{\"message_value\":{\"number\":1,\"text\":\"%s\"},"
                 "\"packed_numbers\":[1]}}",
                 text);
        codec_round_trip(&fixture_everything, json, json);
        test_free(json);
    }
}

static void integers_may_be_text_or_have_an_exponent_when_they_are_whole(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything,
                     "{\"int64_value\":\"-9223372036854775808\",\"uint64_value\":"
                     "\"18446744073709551615\",\"int32_value\":1e3,\"fixed32_value\":1.0,"
                     "\"uint32_value\":42949672950e-1,\"sint32_value\":\"-2147483648\"}",
                     "{\"int64_value\":\"-9223372036854775808\",\"uint64_value\":"
                     "\"18446744073709551615\",\"int32_value\":1000,\"fixed32_value\":1,"
                     "\"uint32_value\":4294967295,\"sint32_value\":-2147483648}");
    codec_round_trip(&fixture_everything, "{\"int32_value\":\"\\u0031\\u0032\"}",
                     "{\"int32_value\":12}");
    codec_round_trip(&fixture_everything,
                     "{\"int32_value\":1.0000000000000000000000000000000000000000,"
                     "\"int64_value\":1000000000000000000000e-3}",
                     "{\"int64_value\":\"1000000000000000000\",\"int32_value\":1}");
}

static void integers_out_of_range_or_with_a_fraction_are_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"2147483648", "-2147483649", "1.5",  "1e10",  "\"1.5\"",
                                         "\" 1\"",     "\"1 \"",      "\"\"", "\"x\"", "\"+1\"",
                                         "true",       "[]",          "{}",   "1e-1"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"int32_value\":%s}", values[i]);
        codec_refused(&fixture_everything, json, "/int32_value", "whole number from -2147483648");
    }
    codec_refused(&fixture_everything, "{\"uint32_value\":-1}", "/uint32_value", "from 0 to");
    codec_refused(&fixture_everything, "{\"uint32_value\":4294967296}", "/uint32_value", "from 0");
    codec_refused(&fixture_everything, "{\"int64_value\":9223372036854775808}", "/int64_value",
                  "from -9223372036854775808");
    codec_refused(&fixture_everything, "{\"uint64_value\":18446744073709551616}", "/uint64_value",
                  "from 0 to 18446744073709551615");
    codec_refused(&fixture_everything, "{\"uint64_value\":1e999999999999999999999}",
                  "/uint64_value", "from 0 to 18446744073709551615");
}

static void numbers_outside_of_json_grammar_are_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"01",  "+1",  ".5",  "1.",  "1.e1", "-",       "1e",
                                         "1e+", "0x1", "-01", "NaN", "- 1",  "Infinity"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"double_value\":%s}", values[i]);
        const struct ds_json_read_options options = {0};
        struct ds_json_error error;
        struct ds_buffer wire;
        ds_buffer_init(&wire, CODEC_BYTES_MAX);
        if (ds_json_to_wire(&fixture_everything, ds_bytes_of_text(json), &options, &wire, &error) !=
            DS_INVALID_ARGUMENT) {
            fail_msg("%s is taken for a number", values[i]);
        }
        ds_buffer_deinit(&wire);
    }
}

static void floating_numbers_have_names_for_what_is_no_decimal(void **state)
{
    (void)state;
    const char *json = "{\"double_value\":\"NaN\",\"float_value\":\"-Infinity\","
                       "\"loose_doubles\":[\"Infinity\",1.5]}";
    codec_round_trip(&fixture_everything, json, json);
    codec_round_trip(&fixture_everything, "{\"double_value\":\"1.5e3\",\"float_value\":\"-2\"}",
                     "{\"double_value\":1500,\"float_value\":-2}");
    codec_refused(&fixture_everything, "{\"double_value\":\"nan\"}", "/double_value", "a number");
    codec_refused(&fixture_everything, "{\"int32_value\":\"NaN\"}", "/int32_value", "whole");
}

static void floating_numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    codec_refused(&fixture_everything, "{\"double_value\":1.8e308}", "/double_value", "1.8e308");
    codec_refused(&fixture_everything, "{\"double_value\":-1e400}", "/double_value", "1.8e308");
    codec_refused(&fixture_everything, "{\"float_value\":3.5e38}", "/float_value", "3.4e38");
    codec_round_trip(&fixture_everything, "{\"double_value\":1e-400,\"float_value\":3.4028235e38}",
                     "{\"float_value\":3.4028235e+38}");
}

static void null_stands_for_an_absent_field(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything,
                     "{\"int32_value\":null,\"texts\":null,\"message_value\":null,\"labels\":null,"
                     "\"maybe_number\":null,\"time\":null,\"wrapped_int64\":null}",
                     "{}");
    codec_refused(&fixture_everything, "{\"texts\":[\"a\",null]}", "/texts/1", "null");
    codec_refused(&fixture_everything, "{\"items\":[null]}", "/items/0", "null");
    codec_refused(&fixture_everything, "{\"labels\":{\"a\":null}}", "/labels/a", "null");
}

static void a_default_is_written_only_where_presence_counts(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&fixture_everything,
               "{\"int32_value\":0,\"string_value\":\"\",\"bool_value\":false,\"double_value\":0,"
               "\"bytes_value\":\"\",\"enum_value\":0,\"packed_numbers\":[],\"labels\":{}}",
               &wire);
    assert_int_equal(wire.size, 0);
    codec_read(&fixture_everything, "{\"maybe_number\":0,\"maybe_text\":\"\"}", &wire);
    codec_assert_bytes(ds_buffer_bytes(&wire), "90 03 00 9a 03 00");
    codec_read(&fixture_everything, "{\"double_value\":-0.0}", &wire);
    codec_assert_bytes(ds_buffer_bytes(&wire), "09 00 00 00 00 00 00 00 80");
    ds_buffer_deinit(&wire);
}

static void enums_are_read_by_name_or_number(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything, "{\"enum_value\":\"COLOR_DARK_BLUE\"}",
                     "{\"enum_value\":\"COLOR_DARK_BLUE\"}");
    codec_round_trip(&fixture_everything, "{\"enum_value\":-1,\"colors\":[1,99,\"COLOR_RED\"]}",
                     "{\"enum_value\":\"COLOR_NEGATIVE\",\"colors\":[\"COLOR_RED\",99,"
                     "\"COLOR_RED\"]}");
    codec_refused(&fixture_everything, "{\"enum_value\":\"red\"}", "/enum_value",
                  "COLOR_UNSPECIFIED, COLOR_RED");
    codec_refused(&fixture_everything, "{\"enum_value\":1.5}", "/enum_value", "expected one of");
    codec_refused(&fixture_everything, "{\"colors\":[0,\"MAUVE\"]}", "/colors/1", "COLOR_RED");
}

static void bools_are_true_or_false_only(void **state)
{
    (void)state;
    static const char *const values[] = {"1", "0", "\"true\"", "True", "TRUE", "tru", "\"\""};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"bool_value\":%s}", values[i]);
        codec_refused(&fixture_everything, json, "/bool_value", "true or false");
    }
}

static void bytes_are_read_in_all_forms_of_base64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"-_-_", "+/+/"}, {"+/+/", "+/+/"}, {"+\\/+\\/", "+/+/"}, {"AQ", "AQ=="},
        {"AQ==", "AQ=="}, {"AQI", "AQI="},  {"AQI=", "AQI="},     {"AQID", "AQID"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[64];
        char expected[64];
        snprintf(json, sizeof json, "{\"bytes_value\":\"%s\"}", cases[i].text);
        snprintf(expected, sizeof expected, "{\"bytes_value\":\"%s\"}", cases[i].expected);
        codec_round_trip(&fixture_everything, json, expected);
    }
    static const char *const wrong[] = {"A", "AQ=", "AQ===", "A Q=", "AQI==", "====", "=", "AQ*="};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"bytes_value\":\"%s\"}", wrong[i]);
        codec_refused(&fixture_everything, json, "/bytes_value", "base64");
    }
}

static void long_bytes_are_read(void **state)
{
    (void)state;
    char json[4096] = "{\"bytes_value\":\"";
    for (int i = 0; i < 300; i++) {
        strcat(json, "QUJD");
    }
    strcat(json, "\"}");
    codec_round_trip(&fixture_everything, json, json);
}

static void maps_are_read_with_keys_of_every_form(void **state)
{
    (void)state;
    const char *json = "{\"labels\":{\"a\":\"1\",\"\":\"2\",\"x/y\":\"\"},"
                       "\"by_number\":{\"-5\":{\"number\":1},\"7\":{}},"
                       "\"by_flag\":{\"true\":1,\"false\":0},"
                       "\"colors_by_name\":{\"r\":\"COLOR_RED\"}}";
    codec_round_trip(&fixture_everything, json, json);
    codec_refused(&fixture_everything, "{\"by_number\":{\"x\":{}}}", "/by_number/x", "whole");
    codec_refused(&fixture_everything, "{\"by_number\":{\"\":{}}}", "/by_number/", "whole");
    codec_refused(&fixture_everything, "{\"by_flag\":{\"1\":1}}", "/by_flag/1", "true or false");
    codec_refused(&fixture_everything, "{\"labels\":[]}", "/labels", "an object");
}

static void a_key_that_occurs_twice_is_refused(void **state)
{
    (void)state;
    codec_refused(&fixture_everything, "{\"labels\":{\"a\":\"1\",\"b\":\"2\",\"\\u0061\":\"3\"}}",
                  "/labels", "\"a\" occurs twice");
    codec_refused(&fixture_everything, "{\"by_number\":{\"1\":{},\"1.0\":{}}}", "/by_number",
                  "occurs twice");
}

static void only_one_member_of_a_oneof_is_allowed(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything, "{\"choice_text\":\"\"}", "{\"choice_text\":\"\"}");
    codec_round_trip(&fixture_everything, "{\"choice_number\":0,\"choice_text\":null}",
                     "{\"choice_number\":0}");
    codec_round_trip(&fixture_everything, "{\"choice_null\":null}", "{\"choice_null\":null}");
    codec_refused(&fixture_everything, "{\"choice_text\":\"a\",\"choice_number\":1}",
                  "/choice_number", "only one");
    codec_refused(&fixture_everything, "{\"choice_text\":\"a\",\"choice_null\":null}",
                  "/choice_null", "only one");
}

static void a_member_that_occurs_twice_is_refused(void **state)
{
    (void)state;
    codec_refused(&fixture_everything, "{\"int32_value\":1,\"int32Value\":1}", "/int32Value",
                  "twice");
    codec_refused(&fixture_everything, "{\"texts\":[],\"texts\":[]}", "/texts", "twice");
    codec_refused(&fixture_everything, "{\"int32_value\":null,\"int32_value\":1}", "/int32_value",
                  "twice");
}

static void an_unknown_member_is_refused_with_its_pointer(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    const char *json = "{\"ticks\":[{\"product\":\"A\"},{\"prize\":1}]}";
    assert_int_equal(
        ds_json_to_wire(&fixture_rows, ds_bytes_of_text(json), &options, &wire, &error),
        DS_INVALID_ARGUMENT);
    assert_string_equal(error.pointer, "/ticks/1/prize");
    assert_string_equal(error.message,
                        "unknown member; this message has: product, price, timestamp, tick_id");
    assert_true(error.is_unknown_field);
    assert_int_equal(error.offset, 28);
    ds_buffer_deinit(&wire);
    /* A long list of names would be of no help. */
    codec_refused(&fixture_everything, "{\"nonsense\":1}", "/nonsense", "unknown member");
}

static void unknown_members_may_be_passed_over(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {.ignore_unknown = true};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    const char *json = "{\"a\":{\"b\":[1,\"x\",{\"c\":null}],\"d\":true},\"number\":4,\"e\":-1e5}";
    assert_int_equal(
        ds_json_to_wire(&fixture_inner, ds_bytes_of_text(json), &options, &wire, &error), DS_OK);
    codec_assert_bytes(ds_buffer_bytes(&wire), "08 04");

    ds_buffer_clear(&wire);
    const char *enums = "{\"enum_value\":\"MAUVE\",\"colors\":[\"MAUVE\",\"COLOR_RED\"],"
                        "\"colors_by_name\":{\"a\":\"MAUVE\",\"b\":\"COLOR_RED\"}}";
    assert_int_equal(
        ds_json_to_wire(&fixture_everything, ds_bytes_of_text(enums), &options, &wire, &error),
        DS_OK);
    const struct ds_json_style style = {.proto_names = true};
    codec_written(&fixture_everything, ds_buffer_bytes(&wire), &style,
                  "{\"colors\":[\"COLOR_RED\"],\"colors_by_name\":{\"b\":\"COLOR_RED\"}}");

    static const char *const wrong[] = {"{\"a\":}", "{\"a\":[1,]}", "{\"a\":{\"b\"}}",
                                        "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(
            ds_json_to_wire(&fixture_inner, ds_bytes_of_text(wrong[i]), &options, &wire, &error),
            DS_INVALID_ARGUMENT);
    }
    ds_buffer_deinit(&wire);
}

static void unknown_members_are_not_nested_without_end(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {.ignore_unknown = true};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    char json[100000] = "{\"a\":";
    memset(json + strlen(json), '[', sizeof json - strlen(json) - 1);
    assert_int_equal(
        ds_json_to_wire(&fixture_inner, ds_bytes_of_text(json), &options, &wire, &error),
        DS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "nested too deeply"));
    ds_buffer_deinit(&wire);
}

static void a_buffer_that_is_full_gives_resource_exhausted(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {0};
    const char *json = "{\"child\":{\"string_value\":\"abc\",\"packed_numbers\":[1,2,3],"
                       "\"labels\":{\"a\":\"b\"},\"bytes_value\":\"AAAA\",\"texts\":[\"d\"]}}";
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&fixture_everything, json, &wire);
    const size_t needed = wire.size;
    ds_buffer_deinit(&wire);
    for (size_t limit = 0; limit < needed; limit++) {
        ds_buffer_init(&wire, limit);
        assert_int_equal(
            ds_json_to_wire(&fixture_everything, ds_bytes_of_text(json), &options, &wire, &error),
            DS_RESOURCE_EXHAUSTED);
        assert_int_equal(wire.size, 0);
        ds_buffer_deinit(&wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_name_styles_are_read),
        cmocka_unit_test(names_may_be_written_with_escapes),
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(the_wire_is_what_protobuf_defines),
        cmocka_unit_test(content_of_more_than_127_bytes_gets_a_longer_length),
        cmocka_unit_test(integers_may_be_text_or_have_an_exponent_when_they_are_whole),
        cmocka_unit_test(integers_out_of_range_or_with_a_fraction_are_refused),
        cmocka_unit_test(numbers_outside_of_json_grammar_are_refused),
        cmocka_unit_test(floating_numbers_have_names_for_what_is_no_decimal),
        cmocka_unit_test(floating_numbers_out_of_range_are_refused),
        cmocka_unit_test(null_stands_for_an_absent_field),
        cmocka_unit_test(a_default_is_written_only_where_presence_counts),
        cmocka_unit_test(enums_are_read_by_name_or_number),
        cmocka_unit_test(bools_are_true_or_false_only),
        cmocka_unit_test(bytes_are_read_in_all_forms_of_base64),
        cmocka_unit_test(long_bytes_are_read),
        cmocka_unit_test(maps_are_read_with_keys_of_every_form),
        cmocka_unit_test(a_key_that_occurs_twice_is_refused),
        cmocka_unit_test(only_one_member_of_a_oneof_is_allowed),
        cmocka_unit_test(a_member_that_occurs_twice_is_refused),
        cmocka_unit_test(an_unknown_member_is_refused_with_its_pointer),
        cmocka_unit_test(unknown_members_may_be_passed_over),
        cmocka_unit_test(unknown_members_are_not_nested_without_end),
        cmocka_unit_test(a_buffer_that_is_full_gives_resource_exhausted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
