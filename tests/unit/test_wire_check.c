#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "ds/wire_check.h"
#include "support/codec_helper.h"

static void accepted(const struct ds_message *message, const char *hexadecimal)
{
    struct ds_wire_error error;
    if (ds_wire_check(message, codec_hex(hexadecimal), &error) != DS_OK) {
        fail_msg("%s: %s: %s", hexadecimal, error.field, error.message);
    }
}

static void refused(const struct ds_message *message, const char *hexadecimal, const char *field,
                    const char *words)
{
    struct ds_wire_error error;
    if (ds_wire_check(message, codec_hex(hexadecimal), &error) != DS_INVALID_ARGUMENT) {
        fail_msg("%s is not refused", hexadecimal);
    }
    assert_string_equal(error.field, field);
    if (strstr(error.message, words) == NULL) {
        fail_msg("%s: \"%s\" does not contain \"%s\"", hexadecimal, error.message, words);
    }
}

static void an_empty_message_is_well_formed(void **state)
{
    (void)state;
    struct ds_wire_error error;
    assert_int_equal(ds_wire_check(&fixture_inner, (struct ds_bytes){0}, &error), DS_OK);
}

static void every_kind_is_accepted(void **state)
{
    (void)state;
    accepted(&fixture_everything,
             "09 00 00 00 00 00 00 f0 3f 15 00 00 80 3f 18 ff ff ff ff ff ff ff ff ff 01 20 01 28"
             "05 31 01 02 03 04 05 06 07 08 3d 01 02 03 04 40 01 4a 02 c3 a9 52 02 08 01 5a 01 ff"
             "60 01 68 63 75 01 02 03 04 79 01 02 03 04 05 06 07 08 80 01 03 88 01 03");
}

static void any_varint_does_for_narrow_kinds(void **state)
{
    (void)state;
    accepted(&fixture_everything,
             "28 ff ff ff ff ff ff ff ff ff 01 40 ff ff 03 60 ff ff ff ff ff 7f");
}

static void packed_and_loose_are_accepted(void **state)
{
    (void)state;
    accepted(&fixture_everything, "a2 01 03 01 ac 02 a0 01 05 a2 01 00");
    accepted(&fixture_everything, "b9 01 00 00 00 00 00 00 f0 3f ba 01 08 00 00 00 00 00 00 f0 3f");
    refused(&fixture_everything, "a2 01 02 01 ac", "packed_numbers", "packed number is cut");
    refused(&fixture_everything, "ba 01 07 00 00 00 00 00 00 f0", "loose_doubles", "fixed width");
}

static void a_wrong_wire_type_is_refused(void **state)
{
    (void)state;
    refused(&fixture_inner, "0a 01 01", "number", "wire type");
    refused(&fixture_inner, "10 01", "text", "wire type");
    refused(&fixture_inner, "0d 01 02 03 04", "number", "wire type");
    refused(&fixture_everything, "a8 01 01", "texts[0]", "wire type");
}

static void cut_fields_are_refused(void **state)
{
    (void)state;
    refused(&fixture_inner, "08", "number", "cut or too long");
    refused(&fixture_inner, "08 80", "number", "cut or too long");
    refused(&fixture_inner, "08 80 80 80 80 80 80 80 80 80 80 01", "number", "cut or too long");
    refused(&fixture_inner, "12 02 61", "text", "beyond the end");
    refused(&fixture_inner, "12 ff ff ff ff 0f 61", "text", "beyond the end");
    refused(&fixture_inner, "1a 02 08", "next", "beyond the end");
    refused(&fixture_inner, "1a 01 08", "next.number", "cut or too long");
    refused(&fixture_everything, "09 01 02", "double_value", "cut or too long");
}

static void tags_that_are_none_are_refused(void **state)
{
    (void)state;
    refused(&fixture_inner, "00", "", "tag");
    refused(&fixture_inner, "80", "", "tag");
    refused(&fixture_inner, "fb 07", "", "tag");
    refused(&fixture_inner, "0b 0c", "", "tag");
    refused(&fixture_inner, "1a 01 07", "next", "tag");
}

static void unknown_fields_are_checked_for_their_lengths(void **state)
{
    (void)state;
    accepted(&fixture_inner,
             "f8 3f 01 fa 3f 02 ff ff f9 3f 01 02 03 04 05 06 07 08 fd 3f 01 02 03 04");
    refused(&fixture_inner, "fa 3f 02 ff", "", "unknown field is cut");
    refused(&fixture_inner, "1a 03 f9 3f 01", "next", "unknown field is cut");
}

static void strings_are_utf8_without_u0000(void **state)
{
    (void)state;
    refused(&fixture_inner, "12 01 ff", "text", "UTF-8");
    refused(&fixture_inner, "12 02 c3 28", "text", "UTF-8");
    refused(&fixture_inner, "12 03 61 00 62", "text", "U+0000");
    refused(&fixture_everything, "f2 01 06 0a 01 61 12 01 ff", "labels[0].value", "UTF-8");
    accepted(&fixture_everything, "5a 02 00 ff");
}

static void the_error_names_the_path_with_indexes(void **state)
{
    (void)state;
    refused(&fixture_rows, "1a 00 0a 01 41 1a 02 20 05 1a 03 1a 01 08",
            "ticks[2].timestamp.seconds", "cut");
    refused(&fixture_everything, "aa 01 01 61 aa 01 01 ff", "texts[1]", "UTF-8");
    refused(&fixture_everything, "8a 05 05 8a 05 02 4a 05", "children[0].children[0].string_value",
            "beyond the end");
}

static void a_long_path_is_cut(void **state)
{
    (void)state;
    uint8_t wire[256] = {0x4a, 0x05};
    size_t size = 2;
    for (int i = 0; i < 20; i++) {
        memmove(wire + 3, wire, size);
        wire[0] = 0x8a;
        wire[1] = 0x05;
        wire[2] = (uint8_t)size;
        size += 3;
    }
    struct ds_wire_error error;
    assert_int_equal(ds_wire_check(&fixture_everything, ds_bytes_of(wire, size), &error),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(strlen(error.field), sizeof error.field - 1);
}

static void messages_are_nested_32_deep_at_most(void **state)
{
    (void)state;
    uint8_t wire[256];
    size_t size = 0;
    struct ds_wire_error error;
    for (int depth = 1; depth <= 40; depth++) {
        assert_int_equal(ds_wire_check(&fixture_inner, ds_bytes_of(wire, size), &error),
                         depth <= DS_WIRE_DEPTH_MAX ? DS_OK : DS_INVALID_ARGUMENT);
        memmove(wire + 2, wire, size);
        wire[0] = 0x1a;
        wire[1] = (uint8_t)size;
        size += 2;
    }
    assert_string_equal(error.message, "messages are nested too deeply");
}

/* `count` times the two bytes, which are a field. */
static ds_code check_many(const char *field, size_t count, struct ds_wire_error *error)
{
    uint8_t *wire = test_malloc(count * 3);
    const struct ds_bytes bytes = codec_hex(field);
    for (size_t i = 0; i < count; i++) {
        memcpy(wire + i * bytes.size, bytes.data, bytes.size);
    }
    const ds_code code =
        ds_wire_check(&fixture_everything, ds_bytes_of(wire, count * bytes.size), error);
    test_free(wire);
    return code;
}

static void elements_are_counted(void **state)
{
    (void)state;
    /* Elements of a list, one message again and again, unknown fields. */
    static const char *const fields[] = {"b2 01 00", "aa 01 00", "a0 01 00", "52 00", "f8 7f 00"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct ds_wire_error error;
        assert_int_equal(check_many(fields[i], DS_WIRE_ELEMENTS_MAX, &error), DS_OK);
        assert_int_equal(check_many(fields[i], DS_WIRE_ELEMENTS_MAX + 1, &error),
                         DS_INVALID_ARGUMENT);
        assert_string_equal(error.message, "the message has more than 200,000 elements: "
                                           "send it as several smaller ones");
    }
}

static void packed_elements_are_counted(void **state)
{
    (void)state;
    uint8_t *packed = test_calloc(DS_WIRE_ELEMENTS_MAX + 1, 1);
    struct ds_buffer wire;
    struct ds_wire_error error;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_wire_write_bytes_field(&wire, 20, ds_bytes_of(packed, DS_WIRE_ELEMENTS_MAX));
    assert_int_equal(ds_wire_check(&fixture_everything, ds_buffer_bytes(&wire), &error), DS_OK);
    ds_wire_write_varint_field(&wire, 20, 0);
    assert_int_equal(ds_wire_check(&fixture_everything, ds_buffer_bytes(&wire), &error),
                     DS_INVALID_ARGUMENT);
    test_free(packed);
    ds_buffer_deinit(&wire);
}

static const struct ds_message *ingest_request(void)
{
    const struct ds_message *message = ds_message_find("deltastream.storage.v1.IngestTicksRequest");
    assert_non_null(message);
    return message;
}

/* A list of ticks as JSON gives it. */
static void fill_ticks(struct ds_buffer *wire, int count)
{
    struct ds_buffer json;
    ds_buffer_init(&json, CODEC_BYTES_MAX);
    ds_buffer_append_text(&json, "{\"ticks\":[");
    for (int i = 0; i < count; i++) {
        ds_buffer_printf(&json,
                         "%s{\"product\":\"NIFTY\",\"price\":%d.25,\"timestamp\":"
                         "\"2025-01-25T10:00:%02d.5Z\",\"tick_id\":%d}",
                         i == 0 ? "" : ",", 21500 + i, i % 60, i);
    }
    ds_buffer_append(&json, "]}", 3);
    codec_read(ingest_request(), (const char *)json.data, wire);
    ds_buffer_deinit(&json);
}

static void what_passes_unpacks_and_packs_to_the_same_json(void **state)
{
    (void)state;
    const struct ds_json_style style = {.proto_names = true, .int64_numbers = true};
    struct ds_buffer wire;
    struct ds_buffer json;
    struct ds_buffer again;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    ds_buffer_init(&json, CODEC_BYTES_MAX);
    ds_buffer_init(&again, CODEC_BYTES_MAX);
    fill_ticks(&wire, 100);

    struct ds_arena *arena = ds_arena_create(CODEC_BYTES_MAX);
    Storage__IngestTicksRequest *request =
        storage__ingest_ticks_request__unpack(ds_arena_allocator(arena), wire.size, wire.data);
    assert_non_null(request);
    assert_int_equal(request->n_ticks, 100);
    assert_string_equal(request->ticks[7]->product, "NIFTY");
    assert_true(request->ticks[7]->price == 21507.25);
    assert_int_equal(request->ticks[7]->timestamp->nanos, 500000000);
    assert_int_equal(request->ticks[7]->tick_id, 7);

    uint8_t *packed = test_malloc(CODEC_BYTES_MAX);
    const size_t size = storage__ingest_ticks_request__pack(request, packed);
    assert_int_equal(ds_wire_to_json(ingest_request(), ds_bytes_of(packed, size), &style, &json),
                     DS_OK);
    assert_int_equal(ds_wire_to_json(ingest_request(), ds_buffer_bytes(&wire), &style, &again),
                     DS_OK);
    assert_true(ds_bytes_equal(ds_buffer_bytes(&json), ds_buffer_bytes(&again)));
    test_free(packed);
    ds_arena_destroy(arena);
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&json);
    ds_buffer_deinit(&again);
}

static void an_unpack_that_meets_the_budget_fails_cleanly(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    fill_ticks(&wire, 5);
    bool unpacked = false;
    for (size_t budget = 0; !unpacked; budget += 16) {
        struct ds_arena *arena = ds_arena_create(budget);
        unpacked = storage__ingest_ticks_request__unpack(ds_arena_allocator(arena), wire.size,
                                                         wire.data) != NULL;
        assert_in_range(ds_arena_used_bytes(arena), 0, budget);
        ds_arena_destroy(arena);
        assert_in_range(budget, 0, 10000);
    }
    ds_buffer_deinit(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_message_is_well_formed),
        cmocka_unit_test(every_kind_is_accepted),
        cmocka_unit_test(any_varint_does_for_narrow_kinds),
        cmocka_unit_test(packed_and_loose_are_accepted),
        cmocka_unit_test(a_wrong_wire_type_is_refused),
        cmocka_unit_test(cut_fields_are_refused),
        cmocka_unit_test(tags_that_are_none_are_refused),
        cmocka_unit_test(unknown_fields_are_checked_for_their_lengths),
        cmocka_unit_test(strings_are_utf8_without_u0000),
        cmocka_unit_test(the_error_names_the_path_with_indexes),
        cmocka_unit_test(a_long_path_is_cut),
        cmocka_unit_test(messages_are_nested_32_deep_at_most),
        cmocka_unit_test(elements_are_counted),
        cmocka_unit_test(packed_elements_are_counted),
        cmocka_unit_test(what_passes_unpacks_and_packs_to_the_same_json),
        cmocka_unit_test(an_unpack_that_meets_the_budget_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
