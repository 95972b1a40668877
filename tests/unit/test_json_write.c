#include "support/codec_helper.h"

#include <stdio.h>

static const struct ds_json_style plain = {.proto_names = true, .int64_numbers = true};

static void written(const struct ds_message *message, const char *hexadecimal, const char *expected)
{
    codec_written(message, codec_hex(hexadecimal), &plain, expected);
}

static void written_in_style(const struct ds_message *message, const char *json,
                             const struct ds_json_style *style, const char *expected)
{
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(message, json, &wire);
    codec_written(message, ds_buffer_bytes(&wire), style, expected);
    ds_buffer_deinit(&wire);
}

static void refused(const struct ds_message *message, const char *hexadecimal)
{
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    if (ds_wire_to_json(message, codec_hex(hexadecimal), &plain, &text) != DS_INVALID_ARGUMENT) {
        fail_msg("%s is not refused", hexadecimal);
    }
    ds_buffer_deinit(&text);
}

static void names_are_camel_case_or_as_in_the_proto(void **state)
{
    (void)state;
    const char *json = "{\"int32_value\":1,\"message_value\":{\"text\":\"a\"}}";
    written_in_style(&fixture_everything, json, &plain, json);
    written_in_style(&fixture_everything, json, &(struct ds_json_style){0},
                     "{\"int32Value\":1,\"messageValue\":{\"text\":\"a\"}}");
}

static void integers_of_64_bits_are_text_unless_the_style_says_otherwise(void **state)
{
    (void)state;
    const char *json = "{\"int64_value\":-9007199254740992,\"uint64_value\":9007199254740992,"
                       "\"fixed64_value\":9007199254740993,\"sfixed64_value\":-9007199254740993,"
                       "\"sint64_value\":5}";
    written_in_style(&fixture_everything, json, &plain,
                     "{\"int64_value\":-9007199254740992,\"uint64_value\":9007199254740992,"
                     "\"fixed64_value\":\"9007199254740993\","
                     "\"sfixed64_value\":\"-9007199254740993\",\"sint64_value\":5}");
    written_in_style(&fixture_everything, "{\"int64_value\":1,\"sint64_value\":-2}",
                     &(struct ds_json_style){.proto_names = true},
                     "{\"int64_value\":\"1\",\"sint64_value\":\"-2\"}");
}

static void floating_numbers_have_a_fraction_where_the_style_wants_it(void **state)
{
    (void)state;
    const struct ds_json_style style = {.proto_names = true, .float_fraction = true};
    written_in_style(&fixture_everything,
                     "{\"double_value\":21500,\"float_value\":-3,\"int32_value\":1,"
                     "\"packed_doubles\":[0,1e21,1e-7,0.5,123456789012345680000]}",
                     &style,
                     "{\"double_value\":21500.0,\"float_value\":-3.0,\"int32_value\":1,"
                     "\"packed_doubles\":[0.0,1e+21,1e-7,0.5,123456789012345680000.0]}");
    written_in_style(&fixture_everything, "{\"double_value\":21500}", &plain,
                     "{\"double_value\":21500}");
}

static void defaults_are_written_where_the_style_wants_them(void **state)
{
    (void)state;
    const struct ds_json_style style = {
        .proto_names = true, .defaults = true, .int64_numbers = true};
    written(&fixture_everything, "", "{}");
    codec_written(
        &fixture_everything, codec_hex("28 05"), &style,
        "{\"double_value\":0,\"float_value\":0,\"int64_value\":0,\"uint64_value\":0,"
        "\"int32_value\":5,\"fixed64_value\":0,\"fixed32_value\":0,\"bool_value\":false,"
        "\"string_value\":\"\",\"bytes_value\":\"\",\"uint32_value\":0,"
        "\"enum_value\":\"COLOR_UNSPECIFIED\",\"sfixed32_value\":0,\"sfixed64_value\":0,"
        "\"sint32_value\":0,\"sint64_value\":0,\"packed_numbers\":[],\"texts\":[],\"items\":[],"
        "\"loose_doubles\":[],\"colors\":[],\"flags\":[],\"packed_doubles\":[],"
        "\"packed_sint64\":[],\"labels\":{},\"by_number\":{},\"by_flag\":{},"
        "\"colors_by_name\":{},\"values\":[],\"times\":[],\"children\":[]}");
    /* A row leaves out its series, which the list names, though it has no presence. */
    codec_written(&fixture_rows, codec_hex("10 00 1a 00"), &style,
                  "{\"product\":\"\",\"count\":0,\"ticks\":[{}],\"next_page_token\":\"\"}");
}

static void whole_rows_take_their_series_from_the_list(void **state)
{
    (void)state;
    const struct ds_json_style style = {.proto_names = true, .whole_rows = true};
    written_in_style(&fixture_rows,
                     "{\"product\":\"NIFTY\",\"count\":3,\"ticks\":[{\"price\":1},{},"
                     "{\"product\":\"OTHER\",\"price\":2}]}",
                     &style,
                     "{\"product\":\"NIFTY\",\"count\":3,\"ticks\":["
                     "{\"product\":\"NIFTY\",\"price\":1},{\"product\":\"NIFTY\"},"
                     "{\"product\":\"OTHER\",\"price\":2}]}");
    /* The list's own field may come after the rows in the wire, and may be missing. */
    codec_written(&fixture_rows, codec_hex("1a 00 0a 01 41"), &style,
                  "{\"product\":\"A\",\"ticks\":[{\"product\":\"A\"}]}");
    codec_written(&fixture_rows, codec_hex("1a 00"), &style, "{\"ticks\":[{}]}");
    written_in_style(&fixture_rows, "{\"product\":\"NIFTY\",\"ticks\":[{}]}", &plain,
                     "{\"product\":\"NIFTY\",\"ticks\":[{}]}");
}

static void fields_may_be_left_out_at_the_top(void **state)
{
    (void)state;
    static const char *const names[] = {"ticks", "next_page_token", NULL};
    const struct ds_json_style style = {.defaults = true, .proto_names = true, .leave_out = names};
    written_in_style(&fixture_rows, "{\"product\":\"A\",\"ticks\":[{},{}],\"count\":2}", &style,
                     "{\"product\":\"A\",\"count\":2}");
    codec_written(&fixture_rows, codec_hex("1a 00 10 02 1a 00 22 01 41"), &style,
                  "{\"product\":\"\",\"count\":2}");
    static const char *const inner[] = {"product", NULL};
    const struct ds_json_style top_only = {.proto_names = true, .leave_out = inner};
    written_in_style(&fixture_rows, "{\"product\":\"A\",\"ticks\":[{\"product\":\"B\"}]}",
                     &top_only, "{\"ticks\":[{\"product\":\"B\"}]}");
}

static void fields_may_have_other_names_at_the_top(void **state)
{
    (void)state;
    static const struct ds_json_rename names[] = {
        {"ticks", "rows"}, {"product", "symbol"}, {NULL, NULL}};
    const struct ds_json_style style = {.proto_names = true, .rename = names};
    written_in_style(&fixture_rows,
                     "{\"product\":\"A\",\"count\":1,\"ticks\":[{\"product\":\"B\"}]}", &style,
                     "{\"symbol\":\"A\",\"count\":1,\"rows\":[{\"product\":\"B\"}]}");
    const struct ds_json_style camel = {.defaults = true, .rename = names};
    codec_written(&fixture_rows, codec_hex(""), &camel,
                  "{\"symbol\":\"\",\"count\":0,\"rows\":[],\"nextPageToken\":\"\"}");
    /* Out of order. */
    codec_written(&fixture_rows, codec_hex("1a 00 10 02"), &style, "{\"count\":2,\"rows\":[{}]}");
}

static void repeated_fields_are_read_packed_and_loose(void **state)
{
    (void)state;
    written(&fixture_everything, "a2 01 02 01 02", "{\"packed_numbers\":[1,2]}");
    written(&fixture_everything, "a0 01 01 a0 01 02", "{\"packed_numbers\":[1,2]}");
    written(&fixture_everything, "a0 01 01 a2 01 02 02 03 a0 01 04",
            "{\"packed_numbers\":[1,2,3,4]}");
    written(&fixture_everything, "28 01 a2 01 00 aa 01 01 61",
            "{\"int32_value\":1,\"texts\":[\"a\"]}");
    written(&fixture_everything, "ba 01 10 00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 40",
            "{\"loose_doubles\":[1,2]}");
}

static void fields_come_in_the_order_of_their_numbers(void **state)
{
    (void)state;
    written(&fixture_inner, "12 01 61 08 05", "{\"number\":5,\"text\":\"a\"}");
    written(&fixture_everything, "aa 01 01 61 28 01 aa 01 01 62",
            "{\"int32_value\":1,\"texts\":[\"a\",\"b\"]}");
    /* Disorder within rows of an ordered message. */
    written(&fixture_everything, "b2 01 02 08 01 b2 01 05 12 01 61 08 02",
            "{\"items\":[{\"number\":1},{\"number\":2,\"text\":\"a\"}]}");
}

static void the_last_of_several_values_counts(void **state)
{
    (void)state;
    written(&fixture_inner, "08 01 08 02 12 01 61 12 01 62", "{\"number\":2,\"text\":\"b\"}");
}

static void several_values_of_a_message_field_are_merged(void **state)
{
    (void)state;
    written(&fixture_inner, "1a 02 08 01 1a 03 12 01 61 1a 02 08 07",
            "{\"next\":{\"number\":7,\"text\":\"a\"}}");
    /* Merging goes on inside: next.next is in both. */
    written(&fixture_inner, "1a 04 1a 02 08 01 1a 00 1a 05 1a 03 12 01 61",
            "{\"next\":{\"next\":{\"number\":1,\"text\":\"a\"}}}");
    written(&fixture_everything, "e2 03 02 08 05 e2 03 02 10 07",
            "{\"time\":\"1970-01-01T00:00:05.000000007Z\"}");
}

static void the_last_member_of_a_oneof_counts(void **state)
{
    (void)state;
    written(&fixture_everything, "c2 02 01 61 c8 02 05", "{\"choice_number\":5}");
    written(&fixture_everything, "c8 02 05 c2 02 01 61", "{\"choice_text\":\"a\"}");
    /* A message that another member has replaced does not merge with what comes after. */
    written(&fixture_everything, "d2 02 02 08 01 c8 02 05 d2 02 03 12 01 61 d2 02 03 12 01 62",
            "{\"choice_message\":{\"text\":\"b\"}}");
    written(&fixture_everything, "d8 02 00", "{\"choice_null\":null}");
}

static void a_default_without_presence_is_as_good_as_absent(void **state)
{
    (void)state;
    const struct ds_json_style defaults = {.proto_names = true, .defaults = true};
    const struct ds_json_style whole_rows = {.proto_names = true, .whole_rows = true};
    written(&fixture_everything, "28 00 40 00 4a 00 5a 00 68 00 a2 01 00", "{}");
    written(&fixture_everything, "09 00 00 00 00 00 00 00 80", "{\"double_value\":-0}");
    /* 2^32 is 0 in 32 bits. */
    written(&fixture_everything, "28 80 80 80 80 10", "{}");
    written(&fixture_everything, "90 03 00 9a 03 00", "{\"maybe_number\":0,\"maybe_text\":\"\"}");
    codec_written(&fixture_inner, codec_hex("08 00 12 00"), &defaults,
                  "{\"number\":0,\"text\":\"\"}");
    codec_written(&fixture_rows, codec_hex("0a 01 41 1a 02 0a 00"), &whole_rows,
                  "{\"product\":\"A\",\"ticks\":[{\"product\":\"A\"}]}");
}

static void unknown_fields_are_passed_over(void **state)
{
    (void)state;
    written(&fixture_inner, "f8 3f 01 08 05 fa 3f 02 ff ff f9 3f 01 02 03 04 05 06 07 08 12 01 61",
            "{\"number\":5,\"text\":\"a\"}");
    /* Field 19 is unknown and between known ones. */
    written(&fixture_everything, "88 01 02 98 01 01 a0 01 03",
            "{\"sint64_value\":1,\"packed_numbers\":[3]}");
}

static void enum_values_without_a_name_are_numbers(void **state)
{
    (void)state;
    written(&fixture_everything, "68 63", "{\"enum_value\":99}");
    written(&fixture_everything, "68 ff ff ff ff ff ff ff ff ff 01",
            "{\"enum_value\":\"COLOR_NEGATIVE\"}");
}

static void enums_are_numbers_where_the_style_wants_it(void **state)
{
    (void)state;
    const struct ds_json_style style = {.proto_names = true, .enum_numbers = true};
    written_in_style(&fixture_everything,
                     "{\"enum_value\":\"COLOR_NEGATIVE\",\"colors\":[\"COLOR_RED\",0],"
                     "\"colors_by_name\":{\"a\":\"COLOR_DARK_BLUE\"},\"choice_null\":null,"
                     "\"value\":null}",
                     &style,
                     "{\"enum_value\":-1,\"colors\":[1,0],\"colors_by_name\":{\"a\":2},"
                     "\"choice_null\":null,\"value\":null}");
}

static void varints_are_cut_to_the_kinds_width(void **state)
{
    (void)state;
    written(&fixture_everything, "28 ff ff ff ff 0f", "{\"int32_value\":-1}");
    written(&fixture_everything, "60 ff ff ff ff ff ff ff ff ff 01",
            "{\"uint32_value\":4294967295}");
    written(&fixture_everything, "40 80 02", "{\"bool_value\":true}");
}

static void the_last_of_equal_keys_counts(void **state)
{
    (void)state;
    written(&fixture_everything,
            "f2 01 06 0a 01 61 12 01 31 f2 01 06 0a 01 62 12 01 32 f2 01 06 0a 01 61 12 01 33",
            "{\"labels\":{\"b\":\"2\",\"a\":\"3\"}}");
    /* true as 1 and as 2. */
    written(&fixture_everything, "82 02 04 08 01 10 05 82 02 04 08 02 10 06",
            "{\"by_flag\":{\"true\":6}}");
}

static void entries_may_lack_key_and_value_or_have_them_twice(void **state)
{
    (void)state;
    written(&fixture_everything, "f2 01 00", "{\"labels\":{\"\":\"\"}}");
    written(&fixture_everything, "fa 01 00", "{\"by_number\":{\"0\":{}}}");
    written(&fixture_everything, "8a 02 03 0a 01 61",
            "{\"colors_by_name\":{\"a\":\"COLOR_UNSPECIFIED\"}}");
    written(&fixture_everything, "f2 01 0c 12 01 31 0a 01 61 0a 01 62 12 01 32",
            "{\"labels\":{\"b\":\"2\"}}");
    written(&fixture_everything, "fa 01 0b 12 02 08 01 08 05 12 03 12 01 61",
            "{\"by_number\":{\"5\":{\"number\":1,\"text\":\"a\"}}}");
}

static void strings_are_escaped(void **state)
{
    (void)state;
    written(&fixture_inner, "12 0a 22 5c 08 0c 0a 0d 09 01 2f 7f",
            "{\"text\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001/\x7f\"}");
    written(&fixture_inner, "12 0e 61 62 63 64 65 66 67 68 c3 a9 22 e2 82 ac",
            "{\"text\":\"abcdefgh\xc3\xa9\\\"\xe2\x82\xac\"}");
}

static void wire_that_is_not_well_formed_is_refused(void **state)
{
    (void)state;
    static const char *const wires[] = {
        "08",
        "08 80",
        "12 02 61",
        "12 ff ff ff ff 0f",
        "00",
        "0b 0c",
        "0c",
        "0e 00",
        "09 01",
        "0d 01 02",
        "12 01 ff",
        "0a 00",
        "08 ff ff ff ff ff ff ff ff ff ff 01",
        "1a 02 08",
        "f8 3f",
    };
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        refused(&fixture_inner, wires[i]);
    }
    refused(&fixture_everything, "a2 01 01 80");
    refused(&fixture_everything, "d2 01 03 00 00 00");
    refused(&fixture_everything, "f2 01 02 0a 05");
    refused(&fixture_everything, "f2 01 02 08 05");
    refused(&fixture_everything, "f0 01 05");
    refused(&fixture_everything, "f2 01 03 12 01 ff");
    refused(&fixture_everything, "aa 01 01 61 28 01 aa 01 05 62");
}

static void messages_are_nested_32_deep_at_most(void **state)
{
    (void)state;
    uint8_t wire[256];
    size_t size = 0;
    for (int levels = 1; levels <= DS_JSON_DEPTH_MAX; levels++) {
        memmove(wire + 2, wire, size);
        wire[0] = 0x1a;
        wire[1] = (uint8_t)size;
        size += 2;
        struct ds_buffer text;
        ds_buffer_init(&text, CODEC_BYTES_MAX);
        assert_int_equal(ds_wire_to_json(&fixture_inner, ds_bytes_of(wire, size), &plain, &text),
                         levels < DS_JSON_DEPTH_MAX ? DS_OK : DS_INVALID_ARGUMENT);
        ds_buffer_deinit(&text);
    }
}

/* If each level tried twice, this would take 2^31 walks and run into the time limit. */
static void disorder_at_the_bottom_costs_no_more_than_one_more_walk(void **state)
{
    (void)state;
    struct ds_buffer wire;
    struct ds_buffer outer;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&outer, CODEC_BYTES_MAX);
    ds_buffer_append(&wire, "\x12\x01\x61\x08\x05", 5);
    for (int i = 1; i < DS_JSON_DEPTH_MAX; i++) {
        ds_buffer_clear(&outer);
        ds_wire_write_bytes_field(&outer, 3, ds_buffer_bytes(&wire));
        ds_wire_write_varint_field(&outer, 1, 1);
        const struct ds_buffer swapped = wire;
        wire = outer;
        outer = swapped;
    }
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_to_json(&fixture_inner, ds_buffer_bytes(&wire), &plain, &text), DS_OK);
    static const char begin[] = "{\"number\":1,\"next\":{\"number\":1,";
    assert_memory_equal(text.data, begin, sizeof begin - 1);
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&outer);
}

static void a_buffer_that_is_full_gives_resource_exhausted(void **state)
{
    (void)state;
    struct ds_buffer wire;
    struct ds_buffer text;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&fixture_everything,
               "{\"double_value\":1.5,\"texts\":[\"\\n\"],\"bytes_value\":\"AA==\","
               "\"time\":\"2025-01-25T10:00:00Z\",\"labels\":{\"a\":\"b\"},\"items\":[{},{}]}",
               &wire);
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_to_json(&fixture_everything, ds_buffer_bytes(&wire), &plain, &text),
                     DS_OK);
    const size_t needed = text.size;
    ds_buffer_deinit(&text);
    for (size_t limit = 0; limit <= needed; limit++) {
        ds_buffer_init(&text, limit);
        assert_int_equal(
            ds_wire_to_json(&fixture_everything, ds_buffer_bytes(&wire), &plain, &text),
            limit < needed ? DS_RESOURCE_EXHAUSTED : DS_OK);
        ds_buffer_deinit(&text);
    }
    ds_buffer_deinit(&wire);
}

static void text_that_is_not_utf8_gets_replacement_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"", "\"\""},
        {"a\"\n", "\"a\\\"\\n\""},
        {"\xc3\xa9", "\"\xc3\xa9\""},
        {"a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xf0\x9f\x98\x80\xf0\x9f\x98",
         "\"\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_buffer json;
        ds_buffer_init(&json, CODEC_BYTES_MAX);
        ds_json_append_string(&json, ds_bytes_of_text(cases[i].text));
        ds_buffer_append_byte(&json, '\0');
        assert_string_equal((const char *)json.data, cases[i].expected);
        ds_buffer_deinit(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_camel_case_or_as_in_the_proto),
        cmocka_unit_test(integers_of_64_bits_are_text_unless_the_style_says_otherwise),
        cmocka_unit_test(floating_numbers_have_a_fraction_where_the_style_wants_it),
        cmocka_unit_test(defaults_are_written_where_the_style_wants_them),
        cmocka_unit_test(whole_rows_take_their_series_from_the_list),
        cmocka_unit_test(fields_may_be_left_out_at_the_top),
        cmocka_unit_test(fields_may_have_other_names_at_the_top),
        cmocka_unit_test(repeated_fields_are_read_packed_and_loose),
        cmocka_unit_test(fields_come_in_the_order_of_their_numbers),
        cmocka_unit_test(the_last_of_several_values_counts),
        cmocka_unit_test(several_values_of_a_message_field_are_merged),
        cmocka_unit_test(the_last_member_of_a_oneof_counts),
        cmocka_unit_test(a_default_without_presence_is_as_good_as_absent),
        cmocka_unit_test(unknown_fields_are_passed_over),
        cmocka_unit_test(enum_values_without_a_name_are_numbers),
        cmocka_unit_test(enums_are_numbers_where_the_style_wants_it),
        cmocka_unit_test(varints_are_cut_to_the_kinds_width),
        cmocka_unit_test(the_last_of_equal_keys_counts),
        cmocka_unit_test(entries_may_lack_key_and_value_or_have_them_twice),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(wire_that_is_not_well_formed_is_refused),
        cmocka_unit_test(messages_are_nested_32_deep_at_most),
        cmocka_unit_test(disorder_at_the_bottom_costs_no_more_than_one_more_walk),
        cmocka_unit_test(a_buffer_that_is_full_gives_resource_exhausted),
        cmocka_unit_test(text_that_is_not_utf8_gets_replacement_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
