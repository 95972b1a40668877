#include "support/codec_helper.h"

#include "ds/wire_check.h"

#include <stdio.h>
#include <string.h>

void codec_read(const struct ds_message *message, const char *json, struct ds_buffer *wire)
{
    const struct ds_json_read_options options = {.types = &fixture_types};
    struct ds_json_error error;
    struct ds_wire_error wire_error;
    ds_buffer_clear(wire);
    if (ds_json_to_wire(message, ds_bytes_of_text(json), &options, wire, &error) != DS_OK) {
        fail_msg("%s: refused at %s (%zu): %s", json, error.pointer, error.offset, error.message);
    }
    if (ds_wire_check(message, ds_buffer_bytes(wire), &wire_error) != DS_OK) {
        fail_msg("%s: the wire is not valid at %s: %s", json, wire_error.field, wire_error.message);
    }
}

void codec_written(const struct ds_message *message, struct ds_bytes wire,
                   const struct ds_json_style *style, const char *expected)
{
    struct ds_buffer text;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_to_json(message, wire, style, &text), DS_OK);
    ds_buffer_append_byte(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    ds_buffer_deinit(&text);
}

void codec_round_trip(const struct ds_message *message, const char *json, const char *expected)
{
    const struct ds_json_style style = {
        .proto_names = true, .int64_numbers = true, .types = &fixture_types};
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(message, json, &wire);
    codec_written(message, ds_buffer_bytes(&wire), &style, expected);
    ds_buffer_deinit(&wire);
}

void codec_refused(const struct ds_message *message, const char *json, const char *pointer,
                   const char *words)
{
    const struct ds_json_read_options options = {.types = &fixture_types};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_append_text(&wire, "before");
    if (ds_json_to_wire(message, ds_bytes_of_text(json), &options, &wire, &error) !=
        DS_INVALID_ARGUMENT) {
        fail_msg("%s: not refused", json);
    }
    assert_string_equal(error.pointer, pointer);
    if (strstr(error.message, words) == NULL) {
        fail_msg("%s: \"%s\" does not contain \"%s\"", json, error.message, words);
    }
    assert_in_range(error.offset, 0, strlen(json));
    assert_int_equal(wire.size, strlen("before"));
    ds_buffer_deinit(&wire);
}

struct ds_bytes codec_hex(const char *hexadecimal)
{
    static uint8_t bytes[4096];
    size_t size = 0;
    unsigned int byte;
    int used;
    while (sscanf(hexadecimal, " %2x%n", &byte, &used) == 1) {
        assert_in_range(size, 0, sizeof bytes - 1);
        bytes[size++] = (uint8_t)byte;
        hexadecimal += used;
    }
    return ds_bytes_of(bytes, size);
}

void codec_assert_bytes(struct ds_bytes bytes, const char *hexadecimal)
{
    const struct ds_bytes expected = codec_hex(hexadecimal);
    assert_int_equal(bytes.size, expected.size);
    assert_memory_equal(bytes.data, expected.data, expected.size);
}
