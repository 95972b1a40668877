#include "support/codec_helper.h"

#include <stdio.h>

#define INNER "type.googleapis.com/fixture.Inner"

static const struct ds_json_style style = {
    .proto_names = true, .int64_numbers = true, .types = &fixture_types};

static void written_fails(struct ds_bytes wire, const struct ds_json_style *its_style, ds_code code)
{
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_to_json(&fixture_any, wire, its_style, &text), code);
    ds_buffer_deinit(&text);
}

/* An Any of that type with the bytes of that content. */
static struct ds_bytes any_of(struct ds_buffer *wire, const char *url, struct ds_bytes content)
{
    ds_buffer_clear(wire);
    ds_wire_write_bytes_field(wire, 1, ds_bytes_of_text(url));
    ds_wire_write_bytes_field(wire, 2, content);
    return ds_buffer_bytes(wire);
}

static void a_message_stands_beside_its_type(void **state)
{
    (void)state;
    const char *json = "{\"any\":{\"@type\":\"" INNER
                       "\",\"number\":7,\"text\":\"seven\",\"next\":{\"number\":8}}}";
    codec_round_trip(&fixture_everything, json, json);
    codec_round_trip(&fixture_any, "{\"@type\":\"" INNER "\"}", "{\"@type\":\"" INNER "\"}");
}

static void the_wire_has_the_url_and_the_message(void **state)
{
    (void)state;
    struct ds_buffer wire;
    struct ds_buffer expected;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&expected, CODEC_BYTES_MAX);
    codec_read(&fixture_any, "{\"@type\":\"x/fixture.Inner\",\"number\":5}", &wire);
    const struct ds_bytes any = any_of(&expected, "x/fixture.Inner", codec_hex("08 05"));
    assert_true(ds_bytes_equal(ds_buffer_bytes(&wire), any));
    codec_read(&fixture_any, "{\"@type\":\"x/fixture.Inner\",\"number\":0}", &wire);
    codec_assert_bytes(ds_buffer_bytes(&wire),
                       "0a 0f 78 2f 66 69 78 74 75 72 65 2e 49 6e 6e 65 72");
    codec_read(&fixture_any, "{}", &wire);
    assert_int_equal(wire.size, 0);
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&expected);
}

static void the_type_may_stand_anywhere_and_have_escapes(void **state)
{
    (void)state;
    const char *expected = "{\"@type\":\"" INNER "\",\"number\":7,\"next\":{\"number\":8}}";
    codec_round_trip(&fixture_any, "{\"number\":7,\"next\":{\"number\":8},\"@type\":\"" INNER "\"}",
                     expected);
    codec_round_trip(
        &fixture_any,
        "{\"number\":7, \"\\u0040type\" : \"type.googleapis.com\\/fixture.\\u0049nner\""
        ", \"next\":{\"number\":8}}",
        expected);
}

static void a_message_with_a_form_of_its_own_is_a_value(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *value;
    } cases[] = {
        {"Timestamp", "\"2025-01-25T10:00:00Z\""},
        {"Duration", "\"1.500s\""},
        {"FieldMask", "\"fooBar,baz\""},
        {"Struct", "{\"a\":1,\"@type\":\"x\"}"},
        {"Value", "null"},
        {"Value", "[1,{}]"},
        {"ListValue", "[1,null]"},
        {"Int64Value", "7"},
        {"StringValue", "\"\""},
        {"Any", "{}"},
        {"Any", "{\"@type\":\"" INNER "\",\"number\":1}"},
        {"Any", "{\"@type\":\"a/google.protobuf.BoolValue\",\"value\":true}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[256];
        char turned[256];
        const char *type = cases[i].type;
        snprintf(json, sizeof json, "{\"any\":{\"@type\":\"a.b/google.protobuf.%s\",\"value\":%s}}",
                 type, cases[i].value);
        snprintf(turned, sizeof turned,
                 "{\"any\":{\"value\":%s,\"@type\":\"a.b/google.protobuf.%s\"}}", cases[i].value,
                 type);
        codec_round_trip(&fixture_everything, json, json);
        codec_round_trip(&fixture_everything, turned, json);
    }
}

static void an_empty_needs_no_value_but_may_have_one(void **state)
{
    (void)state;
    const char *expected = "{\"@type\":\"a/google.protobuf.Empty\"}";
    codec_round_trip(&fixture_any, expected, expected);
    codec_round_trip(&fixture_any, "{\"@type\":\"a/google.protobuf.Empty\",\"value\":{}}",
                     expected);
    codec_refused(&fixture_any, "{\"@type\":\"a/google.protobuf.Empty\",\"value\":{\"a\":1}}",
                  "/value/a", "unknown member");
}

static void an_any_without_a_known_type_is_refused_by_name(void **state)
{
    (void)state;
    codec_refused(&fixture_everything, "{\"any\":{\"number\":1}}", "/any", "the member @type");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":\"a/fixture.Outer\"}}", "/any/@type",
                  "the type \"a/fixture.Outer\" is not known here");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":\"fixture.Inner\"}}", "/any/@type",
                  "not known");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":\"a/\"}}", "/any/@type", "not known");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":\"\"}}", "/any/@type", "not known");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":\"a/fixture.Inner\\u0000\"}}",
                  "/any/@type", "not known");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":7}}", "/any/@type", "in quotes");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":null}}", "/any/@type", "in quotes");
    codec_refused(&fixture_everything, "{\"any\":[]}", "/any", "an object");
    codec_refused(&fixture_everything, "{\"any\":\"\"}", "/any", "an object");
    codec_refused(&fixture_everything, "{\"any\":{\"@type\":\"\\u0000/fixture.Inner\"}}", "/any",
                  "U+0000");
}

static void a_type_that_is_too_long_to_show_is_not_shown(void **state)
{
    (void)state;
    char json[1200];
    char url[1000];
    memset(url, 'x', sizeof url - 1);
    url[sizeof url - 1] = '\0';
    snprintf(json, sizeof json, "{\"@type\":\"a/%s\"}", url);
    codec_refused(&fixture_any, json, "/@type", "this type is not known here");
    snprintf(json, sizeof json, "{\"@type\":\"\\u0061/%s\"}", url);
    codec_refused(&fixture_any, json, "/@type", "this type is not known here");
}

static void members_are_checked_as_in_any_message(void **state)
{
    (void)state;
    codec_refused(&fixture_any, "{\"@type\":\"" INNER "\",\"nothing\":1}", "/nothing",
                  "unknown member");
    codec_refused(&fixture_any, "{\"@type\":\"" INNER "\",\"number\":\"x\"}", "/number",
                  "whole number");
    codec_refused(&fixture_any, "{\"@type\":\"" INNER "\",\"number\":1,\"number\":2}", "/number",
                  "occurs twice");
    codec_refused(&fixture_any, "{\"@type\":\"" INNER "\",\"@type\":\"" INNER "\"}", "/@type",
                  "occurs twice");
    codec_refused(&fixture_any, "{\"@type\":\"a/google.protobuf.Value\",\"value\":1,\"value\":2}",
                  "/value", "occurs twice");
    codec_refused(&fixture_any,
                  "{\"@type\":\"a/google.protobuf.Value\",\"@type\":\"x\",\"value\":2}", "/@type",
                  "occurs twice");
    codec_refused(&fixture_any, "{\"@type\":\"a/google.protobuf.Value\",\"valve\":1}", "/valve",
                  "@type and value");
    codec_refused(&fixture_any, "{\"@type\":\"a/google.protobuf.Value\"}", "", "the member value");
    codec_refused(&fixture_any, "{\"@type\":\"a/google.protobuf.Timestamp\",\"value\":null}",
                  "/value", "a time such as");
    codec_refused(&fixture_any, "{\"number\":1,\"number\"}", "", "expected :");
    codec_refused(&fixture_any, "{\"number\":1 \"@type\":\"" INNER "\"}", "", "expected , or }");
    codec_refused(&fixture_any, "{\"number\":tru,\"@type\":\"" INNER "\"}", "/number", "a value");
    codec_refused(&fixture_any, "{\"@type\":\"" INNER "\"", "", "expected , or }");
    codec_refused(&fixture_any, "{\"@type\":\"" INNER "\",}", "", "a member's name");
    codec_refused(&fixture_any, "{\"@type\":\"" INNER, "/@type", "ends within");
    /* "@type" is a name like others where there is no Any. */
    codec_refused(&fixture_inner, "{\"@type\":\"" INNER "\"}", "/@type", "unknown member");
    codec_refused(&fixture_any, "{\"@type\":\"" INNER "\",\"next\":{\"@type\":\"" INNER "\"}}",
                  "/next/@type", "unknown member");
}

static void unknown_members_are_passed_over_where_that_is_asked_for(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {.ignore_unknown = true, .types = &fixture_types};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    static const char *const texts[] = {
        "{\"@type\":\"" INNER "\",\"nothing\":[1],\"number\":5}",
        "{\"nothing\":{\"@type\":\"x\"},\"@type\":\"" INNER "\",\"number\":5}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ds_buffer_clear(&wire);
        assert_int_equal(
            ds_json_to_wire(&fixture_any, ds_bytes_of_text(texts[i]), &options, &wire, &error),
            DS_OK);
        codec_written(&fixture_any, ds_buffer_bytes(&wire), &style,
                      "{\"@type\":\"" INNER "\",\"number\":5}");
    }
    ds_buffer_clear(&wire);
    const char *json = "{\"@type\":\"a/google.protobuf.Value\",\"other\":{},\"value\":1}";
    assert_int_equal(ds_json_to_wire(&fixture_any, ds_bytes_of_text(json), &options, &wire, &error),
                     DS_OK);
    codec_written(&fixture_any, ds_buffer_bytes(&wire), &style,
                  "{\"@type\":\"a/google.protobuf.Value\",\"value\":1}");
    ds_buffer_deinit(&wire);
}

/* `count` Anys within one another, the type behind the value in each of them. */
static void write_nested(struct ds_buffer *text, int count)
{
    ds_buffer_clear(text);
    for (int i = 1; i < count; i++) {
        ds_buffer_append_text(text, "{\"value\":");
    }
    ds_buffer_append_text(text, "{}");
    for (int i = 1; i < count; i++) {
        ds_buffer_append_text(text, ",\"@type\":\"a/google.protobuf.Any\"}");
    }
    ds_buffer_append_byte(text, '\0');
}

static void anys_end_at_the_depth_of_messages(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {.types = &fixture_types};
    struct ds_json_error error;
    struct ds_buffer text;
    struct ds_buffer wire;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    write_nested(&text, DS_JSON_DEPTH_MAX);
    codec_read(&fixture_any, (const char *)text.data, &wire);
    struct ds_buffer again;
    ds_buffer_init(&again, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_to_json(&fixture_any, ds_buffer_bytes(&wire), &style, &again), DS_OK);
    /* One more around it. */
    struct ds_buffer outer;
    ds_buffer_init(&outer, CODEC_BYTES_MAX);
    written_fails(any_of(&outer, "a/google.protobuf.Any", ds_buffer_bytes(&wire)), &style,
                  DS_INVALID_ARGUMENT);
    write_nested(&text, DS_JSON_DEPTH_MAX + 1);
    assert_int_equal(ds_json_to_wire(&fixture_any, ds_bytes_of_text((const char *)text.data),
                                     &options, &wire, &error),
                     DS_INVALID_ARGUMENT);
    assert_string_equal(error.message, "messages are nested too deeply");
    write_nested(&text, 3000);
    assert_int_equal(ds_json_to_wire(&fixture_any, ds_bytes_of_text((const char *)text.data),
                                     &options, &wire, &error),
                     DS_INVALID_ARGUMENT);
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&again);
    ds_buffer_deinit(&outer);
}

/* The message in that many Anys, the outermost one first. */
static void wrap(struct ds_buffer *content, const char *url, int anys)
{
    struct ds_buffer outer;
    ds_buffer_init(&outer, CODEC_BYTES_MAX);
    for (int i = 0; i < anys; i++) {
        any_of(&outer, i == 0 ? url : "a/google.protobuf.Any", ds_buffer_bytes(content));
        const struct ds_buffer swapped = *content;
        *content = outer;
        outer = swapped;
    }
    ds_buffer_deinit(&outer);
}

/* Requires that the message may be in `anys` Anys and no more, and that it reads back then. */
static void deepest(const struct ds_message *message, const char *url, const char *json, int anys)
{
    struct ds_buffer wire;
    struct ds_buffer text;
    struct ds_buffer again;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    ds_buffer_init(&again, CODEC_BYTES_MAX);
    codec_read(message, json, &wire);
    wrap(&wire, url, anys);
    assert_int_equal(ds_wire_to_json(&fixture_any, ds_buffer_bytes(&wire), &style, &text), DS_OK);
    ds_buffer_append_byte(&text, '\0');
    codec_read(&fixture_any, (const char *)text.data, &again);
    assert_true(ds_bytes_equal(ds_buffer_bytes(&again), ds_buffer_bytes(&wire)));
    codec_read(message, json, &wire);
    wrap(&wire, url, anys + 1);
    written_fails(ds_buffer_bytes(&wire), &style, DS_INVALID_ARGUMENT);
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&again);
}

static void what_an_any_holds_counts_at_the_depth_too(void **state)
{
    (void)state;
    deepest(&fixture_inner, "a/fixture.Inner", "{\"number\":1}", DS_JSON_DEPTH_MAX - 1);
    deepest(&fixture_timestamp, "a/google.protobuf.Timestamp", "\"2025-01-25T10:00:00Z\"",
            DS_JSON_DEPTH_MAX - 1);
    /* An entry of a map is a message. */
    deepest(&fixture_everything, "a/fixture.Everything", "{\"labels\":{\"a\":\"b\"}}",
            DS_JSON_DEPTH_MAX - 2);
}

static void deep_content_may_come_before_the_type(void **state)
{
    (void)state;
    /* Each message is an object in an array: twice as deep in JSON as in messages. */
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    const int levels = DS_JSON_DEPTH_MAX - 2;
    ds_buffer_append_byte(&text, '{');
    for (int i = 0; i < levels; i++) {
        ds_buffer_append_text(&text, "\"children\":[{");
    }
    for (int i = 0; i < levels; i++) {
        ds_buffer_append_text(&text, "}]");
    }
    ds_buffer_append_text(&text, ",\"@type\":\"a/fixture.Everything\"}");
    ds_buffer_append_byte(&text, '\0');
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&fixture_any, (const char *)text.data, &wire);
    assert_true(wire.size > 0);
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&wire);
}

static void wire_of_a_type_that_is_not_known_is_not_written(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    const struct ds_bytes nothing = {0};
    written_fails(any_of(&wire, "a/fixture.Outer", nothing), &style, DS_UNIMPLEMENTED);
    written_fails(any_of(&wire, "fixture.Inner", nothing), &style, DS_UNIMPLEMENTED);
    written_fails(any_of(&wire, "a/", nothing), &style, DS_UNIMPLEMENTED);
    const struct ds_json_style without_types = {0};
    written_fails(any_of(&wire, INNER, nothing), &without_types, DS_UNIMPLEMENTED);
    written_fails(nothing, &without_types, DS_UNIMPLEMENTED);
    ds_buffer_deinit(&wire);
}

static void malformed_content_is_not_written(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "08",          /* cut */
        "0d 01 02 03", /* no wire type of the field */
        "12 01 ff",    /* not UTF-8 */
        "12 01 00",    /* U+0000, which would not read back */
    };
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        written_fails(any_of(&wire, INNER, codec_hex(contents[i])), &style, DS_INVALID_ARGUMENT);
    }
    written_fails(codec_hex("12 02 08 01"), &style, DS_INVALID_ARGUMENT); /* no type */
    written_fails(codec_hex("08 01"), &style, DS_INVALID_ARGUMENT);
    written_fails(codec_hex("0a"), &style, DS_INVALID_ARGUMENT);
    written_fails(codec_hex("1a 05"), &style, DS_INVALID_ARGUMENT);
    ds_buffer_deinit(&wire);
}

static void content_in_any_order_is_written_in_the_order_of_its_fields(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_written(&fixture_any, any_of(&wire, INNER, codec_hex("12 01 61 08 01 08 02")), &style,
                  "{\"@type\":\"" INNER "\",\"number\":2,\"text\":\"a\"}");
    /* The value before the type, each twice, and an unknown field. */
    ds_buffer_clear(&wire);
    ds_wire_write_bytes_field(&wire, 2, codec_hex("08 01"));
    ds_wire_write_bytes_field(&wire, 1, ds_bytes_of_text("x/fixture.Row"));
    ds_wire_write_varint_field(&wire, 9, 1);
    ds_wire_write_bytes_field(&wire, 1, ds_bytes_of_text(INNER));
    ds_wire_write_bytes_field(&wire, 2, codec_hex("08 05"));
    codec_written(&fixture_any, ds_buffer_bytes(&wire), &style,
                  "{\"@type\":\"" INNER "\",\"number\":5}");
    ds_buffer_deinit(&wire);
}

static void without_types_an_any_is_refused(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    const char *json = "{\"any\":{\"@type\":\"" INNER "\"}}";
    assert_int_equal(
        ds_json_to_wire(&fixture_everything, ds_bytes_of_text(json), &options, &wire, &error),
        DS_INVALID_ARGUMENT);
    assert_string_equal(error.pointer, "/any");
    assert_string_equal(error.message, "google.protobuf.Any has no JSON form here");
    ds_buffer_deinit(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_stands_beside_its_type),
        cmocka_unit_test(the_wire_has_the_url_and_the_message),
        cmocka_unit_test(the_type_may_stand_anywhere_and_have_escapes),
        cmocka_unit_test(a_message_with_a_form_of_its_own_is_a_value),
        cmocka_unit_test(an_empty_needs_no_value_but_may_have_one),
        cmocka_unit_test(an_any_without_a_known_type_is_refused_by_name),
        cmocka_unit_test(a_type_that_is_too_long_to_show_is_not_shown),
        cmocka_unit_test(members_are_checked_as_in_any_message),
        cmocka_unit_test(unknown_members_are_passed_over_where_that_is_asked_for),
        cmocka_unit_test(anys_end_at_the_depth_of_messages),
        cmocka_unit_test(what_an_any_holds_counts_at_the_depth_too),
        cmocka_unit_test(deep_content_may_come_before_the_type),
        cmocka_unit_test(wire_of_a_type_that_is_not_known_is_not_written),
        cmocka_unit_test(malformed_content_is_not_written),
        cmocka_unit_test(content_in_any_order_is_written_in_the_order_of_its_fields),
        cmocka_unit_test(without_types_an_any_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
