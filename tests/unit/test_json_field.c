#include "support/codec_helper.h"

#include <stdio.h>

/* What a member of its own holds: options.given_paths, and one field's value as the whole text. */

static const struct ds_json_style style = {
    .proto_names = true, .int64_numbers = true, .types = &fixture_types};

/* Reads `json` and requires that these are the paths that were given. */
static void paths_of(const struct ds_message *message, const char *json, bool ignore_unknown,
                     const char *expected)
{
    struct ds_buffer wire;
    struct ds_buffer paths;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&paths, CODEC_BYTES_MAX);
    const struct ds_json_read_options options = {
        .ignore_unknown = ignore_unknown, .types = &fixture_types, .given_paths = &paths};
    struct ds_json_error error;
    if (ds_json_to_wire(message, ds_bytes_of_text(json), &options, &wire, &error) != DS_OK) {
        fail_msg("%s: refused at %s: %s", json, error.pointer, error.message);
    }
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    struct ds_wire_reader reader = ds_wire_reader_of(ds_buffer_bytes(&paths));
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        struct ds_bytes path;
        assert_true(ds_wire_read_tag(&reader, &number, &type));
        assert_int_equal(number, 1);
        assert_true(ds_wire_read_bytes(&reader, &path));
        ds_buffer_append_text(&text, text.size == 0 ? "" : " ");
        ds_buffer_append(&text, path.data, path.size);
    }
    ds_buffer_append_byte(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&paths);
    ds_buffer_deinit(&wire);
}

static void given_paths_are_the_names_of_the_proto(void **state)
{
    (void)state;
    paths_of(&fixture_everything, "{}", false, "");
    paths_of(&fixture_everything, "{\"int32Value\":1,\"string_value\":\"a\"}", false,
             "int32_value string_value");
    paths_of(&fixture_everything, "{\"int32_\\u0056alue\":1}", true, "");
    paths_of(&fixture_everything, "{\"int32\\u005fvalue\":1}", false, "int32_value");
}

static void given_paths_name_defaults_and_nulls_too(void **state)
{
    (void)state;
    paths_of(&fixture_everything,
             "{\"int32Value\":0,\"stringValue\":null,\"messageValue\":null,\"items\":null,"
             "\"value\":null,\"choiceText\":null,\"choiceNumber\":0}",
             false, "int32_value string_value message_value items value choice_text choice_number");
}

static void given_paths_go_down_through_single_messages_only(void **state)
{
    (void)state;
    paths_of(&fixture_everything,
             "{\"messageValue\":{\"number\":1,\"next\":{\"text\":\"\",\"next\":{}}},"
             "\"child\":{\"child\":{\"maybeNumber\":1},\"boolValue\":true}}",
             false,
             "message_value.number message_value.next.text message_value.next.next "
             "child.child.maybe_number child.bool_value");
    paths_of(&fixture_everything,
             "{\"items\":[{\"number\":1},{\"text\":\"a\"}],\"labels\":{\"a\":\"b\"},"
             "\"byNumber\":{\"1\":{\"number\":1}},\"packedNumbers\":[],\"time\":"
             "\"2025-01-25T10:00:00Z\",\"wrappedInt64\":5,\"structure\":{\"a\":{\"b\":1}},"
             "\"any\":{\"@type\":\"a/fixture.Inner\",\"number\":1},\"empty\":{},"
             "\"mask\":\"a,b\",\"list\":[1]}",
             false,
             "items labels by_number packed_numbers time wrapped_int64 structure any empty mask "
             "list");
    /* Members of theirs that are called as the fields behind their form. */
    paths_of(&fixture_everything,
             "{\"labels\":{\"key\":\"a\",\"value\":\"b\"},\"structure\":{\"fields\":{}},\"any\":"
             "{\"@type\":\"a/google.protobuf.Value\",\"value\":1},\"value\":{\"list_value\":1}}",
             false, "labels structure any value");
    paths_of(&fixture_struct, "{\"fields\":1}", false, "");
    paths_of(&fixture_any, "{\"@type\":\"a/google.protobuf.Value\",\"value\":1}", false, "");
}

static void what_is_ignored_was_not_given(void **state)
{
    (void)state;
    paths_of(&fixture_everything,
             "{\"nothing\":{\"a\":[1]},\"enumValue\":\"MAUVE\",\"int32Value\":1}", true,
             "int32_value");
    paths_of(&fixture_everything, "{\"enumValue\":\"COLOR_RED\"}", true, "enum_value");
    paths_of(&fixture_everything, "{\"enumValue\":7}", true, "enum_value");
    paths_of(&fixture_everything, "{\"messageValue\":{\"nothing\":1}}", true, "message_value");
}

static void a_failure_leaves_no_paths(void **state)
{
    (void)state;
    struct ds_buffer wire;
    struct ds_buffer paths;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&paths, 16);
    ds_buffer_append_text(&paths, "before");
    const struct ds_json_read_options options = {.given_paths = &paths};
    struct ds_json_error error;
    const char *wrong = "{\"number\":1,\"text\":7}";
    assert_int_equal(
        ds_json_to_wire(&fixture_inner, ds_bytes_of_text(wrong), &options, &wire, &error),
        DS_INVALID_ARGUMENT);
    assert_int_equal(paths.size, strlen("before"));
    const char *large = "{\"number\":1,\"text\":\"a\"}";
    assert_int_equal(
        ds_json_to_wire(&fixture_inner, ds_bytes_of_text(large), &options, &wire, &error),
        DS_RESOURCE_EXHAUSTED);
    assert_int_equal(paths.size, strlen("before"));
    assert_int_equal(wire.size, 0);
    ds_buffer_deinit(&paths);
    ds_buffer_init(&paths, CODEC_BYTES_MAX);
    ds_buffer_deinit(&wire);
    ds_buffer_init(&wire, 1);
    assert_int_equal(
        ds_json_to_wire(&fixture_inner, ds_bytes_of_text(large), &options, &wire, &error),
        DS_RESOURCE_EXHAUSTED);
    assert_int_equal(paths.size, 0);
    ds_buffer_deinit(&paths);
    ds_buffer_deinit(&wire);
}

/* Reads the value of that field and writes the field again; `whole` is the message with it. */
static void field_goes_round(const char *name, const char *json, const char *expected,
                             const char *whole)
{
    const struct ds_field *field = fixture_field(&fixture_everything, name);
    const struct ds_json_read_options options = {.types = &fixture_types};
    struct ds_json_error error;
    struct ds_buffer wire;
    struct ds_buffer text;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    if (ds_json_field_to_wire(field, ds_bytes_of_text(json), &options, &wire, &error) != DS_OK) {
        fail_msg("%s = %s: %s", name, json, error.message);
    }
    codec_written(&fixture_everything, ds_buffer_bytes(&wire), &style, whole);
    assert_int_equal(
        ds_wire_field_to_json(&fixture_everything, field, ds_buffer_bytes(&wire), &style, &text),
        DS_OK);
    ds_buffer_append_byte(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&wire);
}

static void a_field_of_every_kind_goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *json;
    } cases[] = {
        {"double_value", "1.5"},
        {"int64_value", "-5"},
        {"bool_value", "true"},
        {"string_value", "\"a\\\"b\""},
        {"bytes_value", "\"AQ==\""},
        {"enum_value", "\"COLOR_RED\""},
        {"message_value", "{\"number\":1,\"next\":{\"text\":\"a\"}}"},
        {"packed_numbers", "[1,2]"},
        {"texts", "[\"\",\"a\"]"},
        {"items", "[{},{\"number\":1}]"},
        {"labels", "{\"a\":\"b\",\"\":\"\"}"},
        {"by_number", "{\"-1\":{\"number\":2}}"},
        {"choice_text", "\"\""},
        {"choice_null", "null"},
        {"maybe_number", "0"},
        {"time", "\"2025-01-25T10:00:00Z\""},
        {"times", "[\"2025-01-25T10:00:00Z\"]"},
        {"wrapped_string", "\"\""},
        {"any", "{\"@type\":\"a/fixture.Inner\",\"number\":1}"},
        {"value", "null"},
        {"values", "[null,1]"},
        {"structure", "{\"a\":[1]}"},
        {"empty", "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char whole[200];
        snprintf(whole, sizeof whole, "{\"%s\":%s}", cases[i].name, cases[i].json);
        field_goes_round(cases[i].name, cases[i].json, cases[i].json, whole);
    }
}

static void an_absent_field_is_its_default(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *json;
        const char *expected;
    } cases[] = {
        {"int32_value", "null", "0"},
        {"int32_value", "0", "0"},
        {"string_value", "null", "\"\""},
        {"enum_value", "null", "\"COLOR_UNSPECIFIED\""},
        {"bool_value", " null ", "false"},
        {"maybe_number", "null", "0"},
        {"message_value", "null", "{}"},
        {"items", "null", "[]"},
        {"items", "[]", "[]"},
        {"packed_numbers", "[]", "[]"},
        {"labels", "{}", "{}"},
        {"labels", "null", "{}"},
        {"wrapped_int64", "null", "0"},
        {"values", "null", "[]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        field_goes_round(cases[i].name, cases[i].json, cases[i].expected, "{}");
    }
}

static void field_refused(const char *name, const char *json, const char *pointer,
                          const char *words)
{
    const struct ds_json_read_options options = {.types = &fixture_types};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_append_text(&wire, "before");
    if (ds_json_field_to_wire(fixture_field(&fixture_everything, name), ds_bytes_of_text(json),
                              &options, &wire, &error) != DS_INVALID_ARGUMENT ||
        strstr(error.message, words) == NULL) {
        fail_msg("%s = %s is not refused, or with \"%s\"", name, json, error.message);
    }
    assert_string_equal(error.pointer, pointer);
    assert_int_equal(wire.size, strlen("before"));
    ds_buffer_deinit(&wire);
}

static void a_field_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    field_refused("int32_value", "", "", "the text is empty: expected a value");
    field_refused("int32_value", "1 2", "", "nothing more");
    field_refused("int32_value", "\"x\"", "", "whole number");
    field_refused("int32_value", "{\"int32_value\":1}", "", "whole number");
    field_refused("items", "[{},{\"number\":\"x\"}]", "/1/number", "whole number");
    field_refused("items", "{}", "", "an array");
    field_refused("message_value", "{\"a\":1}", "/a", "unknown member");
    field_refused("labels", "{\"a\":1}", "/a", "a string");
    field_refused("texts", "[null]", "/0", "null");
}

static void paths_of_a_field_begin_at_the_field(void **state)
{
    (void)state;
    struct ds_buffer wire;
    struct ds_buffer paths;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&paths, CODEC_BYTES_MAX);
    const struct ds_json_read_options options = {.given_paths = &paths};
    struct ds_json_error error;
    static const char *const none[][2] = {{"texts", "[\"a\"]"},
                                          {"items", "[{\"number\":1}]"},
                                          {"int32_value", "1"},
                                          {"message_value", "null"},
                                          {"labels", "{\"a\":\"b\"}"}};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(ds_json_field_to_wire(fixture_field(&fixture_everything, none[i][0]),
                                               ds_bytes_of_text(none[i][1]), &options, &wire,
                                               &error),
                         DS_OK);
        assert_int_equal(paths.size, 0);
    }
    assert_int_equal(ds_json_field_to_wire(fixture_field(&fixture_everything, "message_value"),
                                           ds_bytes_of_text("{\"next\":{\"number\":1}}"), &options,
                                           &wire, &error),
                     DS_OK);
    codec_assert_bytes(ds_buffer_bytes(&paths), "0a 0b 6e 65 78 74 2e 6e 75 6d 62 65 72");
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&paths);
}

static void field_written(const struct ds_message *message, const char *name,
                          const char *hexadecimal, const struct ds_json_style *its_style,
                          const char *expected)
{
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_field_to_json(message, fixture_field(message, name),
                                           codec_hex(hexadecimal), its_style, &text),
                     DS_OK);
    ds_buffer_append_byte(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    ds_buffer_deinit(&text);
}

static void the_last_value_counts_and_messages_merge(void **state)
{
    (void)state;
    field_written(&fixture_everything, "int32_value", "28 01 40 01 28 02", &style, "2");
    field_written(&fixture_everything, "message_value", "52 02 08 01 40 01 52 03 12 01 61", &style,
                  "{\"number\":1,\"text\":\"a\"}");
    field_written(&fixture_everything, "packed_numbers", "a2 01 02 01 02 40 01 a0 01 03", &style,
                  "[1,2,3]");
    field_written(&fixture_everything, "message_value", "52 05 12 01 61 08 01", &style,
                  "{\"number\":1,\"text\":\"a\"}");
    /* Another member of the oneof comes later; then ours again. */
    field_written(&fixture_everything, "choice_text", "c2 02 01 61 c8 02 01", &style, "\"\"");
    field_written(&fixture_everything, "choice_message",
                  "d2 02 02 08 01 c8 02 01 d2 02 03 12 01 62", &style, "{\"text\":\"b\"}");
}

static void the_style_holds_for_one_field_too(void **state)
{
    (void)state;
    const struct ds_json_style whole_rows = {.whole_rows = true, .defaults = true};
    field_written(&fixture_rows, "ticks", "0a 01 61 1a 02 20 07 1a 00", &whole_rows,
                  "[{\"product\":\"a\",\"tickId\":\"7\"},{\"product\":\"a\"}]");
    field_written(&fixture_everything, "message_value", "", &whole_rows,
                  "{\"number\":0,\"text\":\"\"}");
}

static void malformed_wire_has_no_field(void **state)
{
    (void)state;
    static const char *const wires[][2] = {
        {"int32_value", "28"},        {"int32_value", "2a 01 01"},   {"message_value", "50 01"},
        {"message_value", "52 05"},   {"message_value", "52 01 08"}, {"int32_value", "07"},
        {"string_value", "4a 01 ff"}, {"texts", "a8 01 01"},         {"labels", "f0 01 01"},
    };
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        if (ds_wire_field_to_json(&fixture_everything,
                                  fixture_field(&fixture_everything, wires[i][0]),
                                  codec_hex(wires[i][1]), &style, &text) != DS_INVALID_ARGUMENT) {
            fail_msg("%s of %s is written", wires[i][0], wires[i][1]);
        }
    }
    ds_buffer_deinit(&text);
    ds_buffer_init(&text, 3);
    assert_int_equal(ds_wire_field_to_json(&fixture_everything,
                                           fixture_field(&fixture_everything, "string_value"),
                                           codec_hex("4a 02 61 61"), &style, &text),
                     DS_RESOURCE_EXHAUSTED);
    ds_buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_paths_are_the_names_of_the_proto),
        cmocka_unit_test(given_paths_name_defaults_and_nulls_too),
        cmocka_unit_test(given_paths_go_down_through_single_messages_only),
        cmocka_unit_test(what_is_ignored_was_not_given),
        cmocka_unit_test(a_failure_leaves_no_paths),
        cmocka_unit_test(a_field_of_every_kind_goes_both_ways),
        cmocka_unit_test(an_absent_field_is_its_default),
        cmocka_unit_test(a_field_that_does_not_fit_is_refused),
        cmocka_unit_test(paths_of_a_field_begin_at_the_field),
        cmocka_unit_test(the_last_value_counts_and_messages_merge),
        cmocka_unit_test(the_style_holds_for_one_field_too),
        cmocka_unit_test(malformed_wire_has_no_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
