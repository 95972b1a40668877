#include "support/codec_helper.h"

#include <stdlib.h>

static void varints_of_every_length_read_back(void **state)
{
    (void)state;
    for (unsigned int bit = 0; bit < 64; bit++) {
        const uint64_t values[] = {UINT64_C(1) << bit, (UINT64_C(1) << bit) - 1, UINT64_MAX >> bit};
        for (size_t i = 0; i < 3; i++) {
            uint8_t bytes[DS_VARINT_BYTES_MAX];
            const size_t size = ds_varint_put(bytes, values[i]);
            assert_int_equal(size, ds_varint_size(values[i]));
            struct ds_wire_reader reader = ds_wire_reader_of(ds_bytes_of(bytes, size));
            uint64_t value;
            assert_true(ds_wire_read_varint(&reader, &value));
            assert_true(value == values[i]);
            assert_true(ds_wire_at_end(&reader));
            if (size > 1) {
                reader = ds_wire_reader_of(ds_bytes_of(bytes, size - 1));
                assert_false(ds_wire_read_varint(&reader, &value));
            }
        }
    }
}

/* How much can be loaded at once depends on how many bytes follow; what they are must not count. */
static void bytes_behind_a_varint_do_not_count(void **state)
{
    (void)state;
    static const uint8_t fillings[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t length = 1; length <= DS_VARINT_BYTES_MAX; length++) {
        const uint64_t expected = length == 1 ? 0x55 : UINT64_C(1) << (7 * (length - 1)) | 0x2a;
        for (size_t behind = 0; behind <= 12; behind++) {
            for (size_t i = 0; i < sizeof fillings; i++) {
                uint8_t *bytes = malloc(length + behind); /* exactly: a sanitizer sees past it */
                assert_int_equal(ds_varint_put(bytes, expected), length);
                memset(bytes + length, fillings[i], behind);
                struct ds_wire_reader reader =
                    ds_wire_reader_of(ds_bytes_of(bytes, length + behind));
                uint64_t value;
                assert_true(ds_wire_read_varint(&reader, &value));
                assert_int_equal(value, expected);
                assert_int_equal(reader.end - reader.next, behind);
                free(bytes);
            }
        }
    }
}

static bool reads_varint(const char *hexadecimal, uint64_t *ret_value)
{
    struct ds_wire_reader reader = ds_wire_reader_of(codec_hex(hexadecimal));
    return ds_wire_read_varint(&reader, ret_value) && ds_wire_at_end(&reader);
}

static void a_varint_has_ten_bytes_at_most(void **state)
{
    (void)state;
    uint64_t value;
    assert_true(reads_varint("80 80 80 80 80 80 80 80 80 00", &value));
    assert_int_equal(value, 0);
    assert_true(reads_varint("ff ff ff ff ff ff ff ff ff 7f", &value));
    assert_true(value == UINT64_MAX);
    assert_false(reads_varint("80 80 80 80 80 80 80 80 80 80 00", &value));
    assert_false(reads_varint("", &value));
}

static bool reads_tag(const char *hexadecimal, uint32_t *ret_number, enum ds_wire_type *ret_type)
{
    struct ds_wire_reader reader = ds_wire_reader_of(codec_hex(hexadecimal));
    return ds_wire_read_tag(&reader, ret_number, ret_type) && ds_wire_at_end(&reader);
}

static void tags_have_a_number_and_a_known_type(void **state)
{
    (void)state;
    uint32_t number;
    enum ds_wire_type type;
    assert_true(reads_tag("08", &number, &type));
    assert_int_equal(number, 1);
    assert_int_equal(type, DS_WIRE_VARINT);
    assert_true(reads_tag("fd ff ff ff 0f", &number, &type));
    assert_int_equal(number, (1 << 29) - 1);
    assert_int_equal(type, DS_WIRE_FIXED32);
    assert_true(reads_tag("8a 80 00", &number, &type));
    assert_int_equal(number, 1);
    static const char *const wrong[] = {"",
                                        "00",
                                        "02",
                                        "0b",
                                        "0c",
                                        "0e",
                                        "0f",
                                        "8b 01",
                                        "80",
                                        "82 80 80 80 80 00",
                                        "fd ff ff ff 1f"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(reads_tag(wrong[i], &number, &type));
    }
}

static bool reads_bytes(const char *hexadecimal, struct ds_bytes *ret_bytes)
{
    struct ds_wire_reader reader = ds_wire_reader_of(codec_hex(hexadecimal));
    const uint8_t *before = reader.next;
    const bool read = ds_wire_read_bytes(&reader, ret_bytes);
    assert_true(read || reader.next == before);
    return read;
}

static void bytes_end_within_the_message(void **state)
{
    (void)state;
    struct ds_bytes bytes;
    assert_true(reads_bytes("00", &bytes));
    assert_int_equal(bytes.size, 0);
    assert_true(reads_bytes("02 61 62", &bytes));
    assert_true(ds_bytes_equal_text(bytes, "ab"));
    assert_true(reads_bytes("82 00 61 62", &bytes));
    assert_true(ds_bytes_equal_text(bytes, "ab"));
    assert_false(reads_bytes("", &bytes));
    assert_false(reads_bytes("02 61", &bytes));
    assert_false(reads_bytes("ff ff ff ff 0f 61", &bytes));
    assert_false(reads_bytes("82 80 80 80 80 00 61 62", &bytes));
}

static void fixed_numbers_are_little_endian(void **state)
{
    (void)state;
    struct ds_wire_reader reader =
        ds_wire_reader_of(codec_hex("01 02 03 04 05 06 07 08 0a 0b 0c 0d"));
    uint64_t wide;
    uint32_t narrow;
    assert_true(ds_wire_read_fixed64(&reader, &wide));
    assert_true(wide == 0x0807060504030201ULL);
    assert_true(ds_wire_read_fixed32(&reader, &narrow));
    assert_int_equal(narrow, 0x0d0c0b0a);
    assert_false(ds_wire_read_fixed32(&reader, &narrow));
    reader = ds_wire_reader_of(codec_hex("01 02 03 04 05 06 07"));
    assert_false(ds_wire_read_fixed64(&reader, &wide));
}

static void skipping_passes_one_value(void **state)
{
    (void)state;
    struct ds_wire_reader reader =
        ds_wire_reader_of(codec_hex("ac 02 01 02 03 04 05 06 07 08 02 61 62 01 02 03 04"));
    assert_true(ds_wire_skip(&reader, DS_WIRE_VARINT));
    assert_true(ds_wire_skip(&reader, DS_WIRE_FIXED64));
    assert_true(ds_wire_skip(&reader, DS_WIRE_BYTES));
    assert_true(ds_wire_skip(&reader, DS_WIRE_FIXED32));
    assert_true(ds_wire_at_end(&reader));
    assert_false(ds_wire_skip(&reader, DS_WIRE_FIXED32));
}

static void a_reader_of_nothing_is_at_its_end(void **state)
{
    (void)state;
    struct ds_wire_reader reader = ds_wire_reader_of((struct ds_bytes){0});
    uint64_t value;
    assert_true(ds_wire_at_end(&reader));
    assert_false(ds_wire_read_varint(&reader, &value));
}

static void fields_are_written(void **state)
{
    (void)state;
    struct ds_buffer buffer;
    ds_buffer_init(&buffer, 100);
    ds_wire_write_varint_field(&buffer, 1, 300);
    ds_wire_write_bytes_field(&buffer, 20, ds_bytes_of_text("ab"));
    ds_wire_write_bytes_field(&buffer, 2, (struct ds_bytes){0});
    codec_assert_bytes(ds_buffer_bytes(&buffer), "08 ac 02 a2 01 02 61 62 12 00");
    ds_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints_of_every_length_read_back),
        cmocka_unit_test(bytes_behind_a_varint_do_not_count),
        cmocka_unit_test(a_varint_has_ten_bytes_at_most),
        cmocka_unit_test(tags_have_a_number_and_a_known_type),
        cmocka_unit_test(bytes_end_within_the_message),
        cmocka_unit_test(fixed_numbers_are_little_endian),
        cmocka_unit_test(skipping_passes_one_value),
        cmocka_unit_test(a_reader_of_nothing_is_at_its_end),
        cmocka_unit_test(fields_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
