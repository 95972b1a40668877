/* The grammar of JSON text: RFC 8259 without mercy. */
#include "support/codec_helper.h"

#include <stdio.h>

static void blanks_are_allowed_between_tokens(void **state)
{
    (void)state;
    codec_round_trip(&fixture_everything,
                     " \t\r\n{ \"texts\" : [ \"a\" , \"b\" ] , \"labels\" : { \"a\" : \"b\" } ,\n"
                     "\"items\":[ ] , \"message_value\" : { } } \n",
                     "{\"message_value\":{},\"texts\":[\"a\",\"b\"],\"labels\":{\"a\":\"b\"}}");
}

static void text_that_is_no_object_is_refused(void **state)
{
    (void)state;
    codec_refused(&fixture_inner, "", "", "the text is empty");
    codec_refused(&fixture_inner, " \n", "", "the text is empty");
    static const char *const texts[] = {"null", "[]", "1", "\"a\"",
                                        "true", "x",  "}", "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        codec_refused(&fixture_inner, texts[i], "", "expected an object");
    }
}

static void what_follows_the_value_is_refused(void **state)
{
    (void)state;
    codec_refused(&fixture_inner, "{} x", "", "nothing more");
    codec_refused(&fixture_inner, "{}{}", "", "nothing more");
    codec_refused(&fixture_inner, "{},", "", "nothing more");
}

static void broken_structure_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *pointer;
        const char *words;
    } cases[] = {
        {"{", "", "a member's name"},
        {"{,}", "", "a member's name"},
        {"{number:1}", "", "a member's name"},
        {"{'number':1}", "", "a member's name"},
        {"{\"number\" 1}", "", "expected :"},
        {"{\"number\":1", "", ", or }"},
        {"{\"number\":1,}", "", "a member's name"},
        {"{\"number\":1]", "", ", or }"},
        {"{\"number\":1 \"text\":\"\"}", "", ", or }"},
        {"{\"number\":}", "/number", "whole number"},
        {"{\"number\":nul}", "/number", "whole number"},
        {"{\"number\":1/**/}", "", ", or }"},
        {"{\"text\":\"a}", "/text", "ends within"},
        {"{\"text\":'a'}", "/text", "a string"},
        {"{\"text\":1}", "/text", "a string"},
        {"{\"next\":[]}", "/next", "an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        codec_refused(&fixture_inner, cases[i].json, cases[i].pointer, cases[i].words);
    }
    codec_refused(&fixture_everything, "{\"texts\":[\"a\",]}", "/texts/1", "a string");
    codec_refused(&fixture_everything, "{\"texts\":[\"a\" \"b\"]}", "/texts", ", or ]");
    codec_refused(&fixture_everything, "{\"texts\":[", "/texts/0", "a string");
    codec_refused(&fixture_everything, "{\"texts\":{}}", "/texts", "an array");
    codec_refused(&fixture_everything, "{\"texts\":\"a\"}", "/texts", "an array");
    codec_refused(&fixture_everything, "{\"packed_numbers\":[1,,2]}", "/packed_numbers/1",
                  "whole number");
}

static void every_cut_of_a_text_is_refused(void **state)
{
    (void)state;
    const char *json = "{\"texts\":[\"a\\u0041\",\"\xc3\xa9\"],\"labels\":{\"a\":\"b\"},"
                       "\"child\":{\"double_value\":-1.5e3,\"bool_value\":true,\"any\":null}}";
    codec_round_trip(&fixture_everything, json,
                     "{\"texts\":[\"aA\",\"\xc3\xa9\"],\"labels\":{\"a\":\"b\"},"
                     "\"child\":{\"double_value\":-1500,\"bool_value\":true}}");
    for (size_t size = 0; size < strlen(json); size++) {
        const struct ds_json_read_options options = {0};
        struct ds_json_error error;
        struct ds_buffer wire;
        ds_buffer_init(&wire, CODEC_BYTES_MAX);
        /* A copy of that size lets the sanitizer see a read beyond the end. */
        char *cut = test_malloc(size + (size == 0));
        memcpy(cut, json, size);
        assert_int_equal(
            ds_json_to_wire(&fixture_everything, ds_bytes_of(cut, size), &options, &wire, &error),
            DS_INVALID_ARGUMENT);
        assert_in_range(error.offset, 0, size);
        test_free(cut);
        ds_buffer_deinit(&wire);
    }
}

static void escapes_in_strings_are_decoded(void **state)
{
    (void)state;
    codec_round_trip(&fixture_inner,
                     "{\"text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\\u001f\"}",
                     "{\"text\":\"\\\"\\\\/\\b\\f\\n\\r\\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
                     "\\u001f\"}");
}

static void escapes_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const escapes[] = {
        "\\x",        "\\u12",          "\\u12G4", "\\ud800", "\\ud800x",
        "\\ud800\\n", "\\ud800\\ud800", "\\udc00", "\\U0041", "\\'",
        "\\0",        "\\ud83d\\u0041",
    };
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"text\":\"a%s\"}", escapes[i]);
        codec_refused(&fixture_inner, json, "/text", "escape is not valid");
    }
}

static void control_characters_in_strings_are_refused(void **state)
{
    (void)state;
    for (char character = 1; character < 0x20; character++) {
        const char json[] = {'{', '"', 't', 'e',       'x', 't', '"',
                             ':', '"', 'a', character, '"', '}', 0};
        codec_refused(&fixture_inner, json, "/text", "control characters");
    }
    codec_round_trip(&fixture_inner, "{\"text\":\"\x7f\"}", "{\"text\":\"\x7f\"}");
}

static void u0000_is_refused_in_strings(void **state)
{
    (void)state;
    codec_refused(&fixture_inner, "{\"text\":\"a\\u0000b\"}", "/text", "U+0000");
    codec_refused(&fixture_everything, "{\"labels\":{\"\\u0000\":\"\"}}", "/labels/?", "U+0000");
}

static void strings_that_are_not_utf8_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"\xff",     "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "\xe2\x82", "\x80",     "ab\xc3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"text\":\"%s\"}", texts[i]);
        codec_refused(&fixture_inner, json, "/text", "UTF-8");
        snprintf(json, sizeof json, "{\"%s\":1}", texts[i]);
        codec_refused(&fixture_inner, json, "", "UTF-8");
    }
}

/* `levels` objects of the member `next` within one another. */
static void put_nested(char *json, int levels)
{
    *json = '\0';
    for (int i = 1; i < levels; i++) {
        strcat(json, "{\"next\":");
    }
    strcat(json, "{");
    for (int i = 0; i < levels; i++) {
        strcat(json, "}");
    }
}

static void messages_are_nested_32_deep_at_most(void **state)
{
    (void)state;
    char json[1024];
    put_nested(json, DS_JSON_DEPTH_MAX);
    codec_round_trip(&fixture_inner, json, json);

    char pointer[128] = "";
    for (int i = 0; i < 25; i++) {
        strcat(pointer, "/next");
    }
    strcat(pointer, "/");
    put_nested(json, DS_JSON_DEPTH_MAX + 1);
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    assert_int_equal(
        ds_json_to_wire(&fixture_inner, ds_bytes_of_text(json), &options, &wire, &error),
        DS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "nested too deeply"));
    /* The pointer is cut where no whole piece fits any more. */
    assert_memory_equal(error.pointer, pointer, strlen(pointer));
    ds_buffer_deinit(&wire);
}

static void the_pointer_escapes_names(void **state)
{
    (void)state;
    codec_refused(&fixture_everything, "{\"colors_by_name\":{\"a/b~c\":\"x\"}}",
                  "/colors_by_name/a~1b~0c", "expected one of");
    codec_refused(&fixture_everything, "{\"colors_by_name\":{\"\\u002f\\n\":\"x\"}}",
                  "/colors_by_name/~1?", "expected one of");
    codec_refused(&fixture_inner, "{\"\":1}", "/", "unknown member");
    codec_refused(&fixture_everything, "{\"items\":[{},{\"next\":{\"number\":\"\"}}]}",
                  "/items/1/next/number", "whole number");
}

static void a_long_name_is_cut_between_characters(void **state)
{
    (void)state;
    char json[1024] = "{\"a";
    for (int i = 0; i < 200; i++) {
        strcat(json, "\xc3\xa9");
    }
    strcat(json, "\":1}");
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    assert_int_equal(
        ds_json_to_wire(&fixture_inner, ds_bytes_of_text(json), &options, &wire, &error),
        DS_INVALID_ARGUMENT);
    assert_int_equal(strlen(error.pointer), 126);
    assert_memory_equal(error.pointer + 124, "\xc3\xa9", 2);
    ds_buffer_deinit(&wire);
}

static void too_many_elements_are_refused(void **state)
{
    (void)state;
    const size_t count = 200001;
    char *json = test_malloc(count * 2 + 64);
    size_t size = (size_t)sprintf(json, "{\"packed_numbers\":[0");
    for (size_t i = 1; i < count; i++) {
        memcpy(json + size, ",0", 2);
        size += 2;
    }
    strcpy(json + size, "]}");
    codec_refused(&fixture_everything, json, "/packed_numbers/200000",
                  "more than 200,000 elements: send it as several smaller ones");
    test_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_are_allowed_between_tokens),
        cmocka_unit_test(text_that_is_no_object_is_refused),
        cmocka_unit_test(what_follows_the_value_is_refused),
        cmocka_unit_test(broken_structure_is_refused),
        cmocka_unit_test(every_cut_of_a_text_is_refused),
        cmocka_unit_test(escapes_in_strings_are_decoded),
        cmocka_unit_test(escapes_that_are_none_are_refused),
        cmocka_unit_test(control_characters_in_strings_are_refused),
        cmocka_unit_test(u0000_is_refused_in_strings),
        cmocka_unit_test(strings_that_are_not_utf8_are_refused),
        cmocka_unit_test(messages_are_nested_32_deep_at_most),
        cmocka_unit_test(the_pointer_escapes_names),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(too_many_elements_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
