#include "ds/utf8.h"
#include "support/test.h"

/* The encoding of any number below 2^21, valid or not. */
static size_t encode(uint32_t character, uint8_t bytes[4])
{
    if (character < 0x80) {
        bytes[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | character >> 6);
        bytes[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | character >> 12);
        bytes[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (character & 0x3f));
        return 3;
    }
    bytes[0] = (uint8_t)(0xf0 | character >> 18);
    bytes[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
    bytes[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    bytes[3] = (uint8_t)(0x80 | (character & 0x3f));
    return 4;
}

static void every_character_but_surrogates_is_valid(void **state)
{
    (void)state;
    for (uint32_t character = 0; character < 0x1fffff; character++) {
        uint8_t bytes[4];
        const size_t size = encode(character, bytes);
        const bool expected =
            character <= 0x10ffff && !(character >= 0xd800 && character <= 0xdfff);
        if (ds_utf8_valid(ds_bytes_of(bytes, size)) != expected) {
            fail_msg("U+%04X", (unsigned int)character);
        }
        if (size > 1 && ds_utf8_valid(ds_bytes_of(bytes, size - 1))) {
            fail_msg("U+%04X without its last byte", (unsigned int)character);
        }
    }
}

static void two_bytes_are_valid_only_as_rfc_3629_says(void **state)
{
    (void)state;
    for (unsigned int first = 0; first < 256; first++) {
        for (unsigned int second = 0; second < 256; second++) {
            const uint8_t bytes[2] = {(uint8_t)first, (uint8_t)second};
            const bool expected =
                (first < 0x80 && second < 0x80) ||
                (first >= 0xc2 && first <= 0xdf && second >= 0x80 && second < 0xc0);
            assert_int_equal(ds_utf8_valid(ds_bytes_of(bytes, 2)), expected);
        }
    }
}

static void overlong_forms_are_not_valid(void **state)
{
    (void)state;
    assert_false(ds_utf8_valid(ds_bytes_of_text("\xc0\x80")));
    assert_false(ds_utf8_valid(ds_bytes_of_text("\xc1\xbf")));
    assert_false(ds_utf8_valid(ds_bytes_of_text("\xe0\x9f\xbf")));
    assert_false(ds_utf8_valid(ds_bytes_of_text("\xf0\x8f\xbf\xbf")));
}

static void a_fault_is_seen_wherever_it_stands(void **state)
{
    (void)state;
    uint8_t text[40];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'a', sizeof text);
        text[at] = 0xff;
        assert_false(ds_utf8_valid(ds_bytes_of(text, sizeof text)));
        text[at] = '\0';
        assert_true(ds_utf8_valid(ds_bytes_of(text, sizeof text)));
        assert_false(ds_utf8_valid_without_nul(ds_bytes_of(text, sizeof text)));
    }
}

static void no_text_is_valid(void **state)
{
    (void)state;
    assert_true(ds_utf8_valid((struct ds_bytes){0}));
    assert_true(ds_utf8_valid_without_nul((struct ds_bytes){0}));
}

static void a_character_that_is_cut_off_at_the_end_is_left_out(void **state)
{
    (void)state;
    /* One character of each length, and where the whole ones end. */
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xb9";
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t size = 0; size < sizeof text; size++) {
        assert_int_equal(ds_utf8_whole_bytes(ds_bytes_of(text, size)), whole[size]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_but_surrogates_is_valid),
        cmocka_unit_test(two_bytes_are_valid_only_as_rfc_3629_says),
        cmocka_unit_test(overlong_forms_are_not_valid),
        cmocka_unit_test(a_fault_is_seen_wherever_it_stands),
        cmocka_unit_test(no_text_is_valid),
        cmocka_unit_test(a_character_that_is_cut_off_at_the_end_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
