#include "ds/number.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The same numbers in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15ULL;
    uint64_t mixed = *seed;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
    return mixed ^ mixed >> 31;
}

static const char *format(double value)
{
    static char text[DS_DOUBLE_TEXT_MAX + 1];
    text[ds_double_format(value, text)] = '\0';
    return text;
}

/* How many digits a text has, without leading and trailing zeros. */
static int digit_count(const char *text)
{
    int digits = 0;
    int zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '0') {
            zeros += digits > 0;
        } else if (*text >= '1' && *text <= '9') {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    return digits;
}

/* Requires that the text reads back (by libc) as the value and that no shorter one does. */
static void check_shortest(double value)
{
    const char *text = format(value);
    if (strtod(text, NULL) != value || signbit(strtod(text, NULL)) != signbit(value)) {
        fail_msg("%.17g is written as %s", value, text);
    }
    const int digits = digit_count(text);
    char shorter[64];
    if (digits > 1) {
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        if (strtod(shorter, NULL) == value) {
            fail_msg("%s is shorter than %s", shorter, text);
        }
    }
    double parsed;
    if (!ds_double_parse(ds_bytes_of_text(text), &parsed) || parsed != value) {
        fail_msg("%s is not read back", text);
    }
}

static void doubles_are_written_shortest_and_read_back(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        const uint64_t bits = next_random(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            check_shortest(value);
        }
    }
}

static void prices_are_written_shortest_and_read_back(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 200000; i++) {
        const uint64_t bits = next_random(&seed);
        const double scale = pow(10, (double)(bits % 13));
        const int64_t digits = (int64_t)(next_random(&seed) >> (bits >> 8) % 60);
        check_shortest((double)digits / scale);
        /* And its neighbour, which is no short decimal. */
        check_shortest(nextafter((double)digits / scale, 0));
    }
}

static void doubles_are_written_as_json_has_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *expected;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {21593.83, "21593.83"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e15, "1000000000000000"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {0.000001, "0.000001"},
        {0.0000012, "0.0000012"},
        {1e-7, "1e-7"},
        {-1.25e-7, "-1.25e-7"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {9007199254740993.0, "9007199254740992"},
        {99999999999.9999, "99999999999.9999"},
        {0.00000001, "1e-8"},
        {1234567.12345678, "1234567.12345678"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(format(cases[i].value), cases[i].expected);
    }
}

static void floats_are_written_shortest_and_read_back(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 100000; i++) {
        const uint32_t bits = (uint32_t)next_random(&seed);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        char text[DS_DOUBLE_TEXT_MAX + 1];
        text[ds_float_format(value, text)] = '\0';
        float parsed;
        assert_true(strtof(text, NULL) == value);
        assert_true(ds_float_parse(ds_bytes_of_text(text), &parsed) && parsed == value);
        assert_in_range(digit_count(text), 0, 9);
    }
    char text[DS_DOUBLE_TEXT_MAX];
    assert_int_equal(ds_float_format(0.1F, text), 3);
    assert_memory_equal(text, "0.1", 3);
    assert_int_equal(ds_float_format(-0.0F, text), 2);
    assert_memory_equal(text, "-0", 2);
}

/* Random decimals of all lengths, also of more digits than fit anywhere. */
static void decimals_are_read_as_libc_reads_them(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < 200000; i++) {
        char text[128];
        size_t size = 0;
        const uint64_t shape = next_random(&seed);
        const unsigned int whole_digits = 1 + (unsigned int)(shape % 24);
        const unsigned int fraction_digits = (unsigned int)(shape >> 8) % 24;
        if ((shape >> 16 & 1) != 0) {
            text[size++] = '-';
        }
        for (unsigned int j = 0; j < whole_digits; j++) {
            const unsigned int digit = (unsigned int)(next_random(&seed) % 10);
            text[size++] = (char)('0' + (j == 0 && whole_digits > 1 ? 1 + digit % 9 : digit));
        }
        if (fraction_digits > 0) {
            text[size++] = '.';
        }
        for (unsigned int j = 0; j < fraction_digits; j++) {
            text[size++] = (char)('0' + next_random(&seed) % 10);
        }
        text[size] = '\0';
        if ((shape >> 17 & 1) != 0) {
            snprintf(text + size, sizeof text - size, "e%d", (int)(shape >> 20 & 511) - 256);
        }
        double value;
        float narrow;
        assert_true(ds_double_parse(ds_bytes_of_text(text), &value));
        if (value != strtod(text, NULL)) {
            fail_msg("%s is read as %.17g", text, value);
        }
        const float expected = strtof(text, NULL);
        assert_int_equal(ds_float_parse(ds_bytes_of_text(text), &narrow), isfinite(expected));
        if (isfinite(expected) && narrow != expected) {
            fail_msg("%s is read as %.9g", text, (double)narrow);
        }
    }
}

static void halfway_decimals_are_rounded_to_even(void **state)
{
    (void)state;
    double value;
    assert_true(ds_double_parse(ds_bytes_of_text("9007199254740993"), &value));
    assert_true(value == 9007199254740992.0);
    assert_true(ds_double_parse(ds_bytes_of_text("9007199254740993.00000000000000000001"), &value));
    assert_true(value == 9007199254740994.0);
    float narrow;
    /* Rounding to a double first would give 16777218. */
    assert_true(ds_float_parse(ds_bytes_of_text("16777217.0000000001"), &narrow));
    assert_true(narrow == 16777218.0F);
    assert_true(ds_float_parse(ds_bytes_of_text("16777217"), &narrow));
    assert_true(narrow == 16777216.0F);
}

static void too_large_and_too_small_doubles(void **state)
{
    (void)state;
    double value = 1;
    assert_false(ds_double_parse(ds_bytes_of_text("1e309"), &value));
    assert_false(ds_double_parse(ds_bytes_of_text("-1.7976931348623159e308"), &value));
    assert_false(ds_double_parse(ds_bytes_of_text("1e99999999999999999999"), &value));
    assert_true(value == 1);
    assert_true(ds_double_parse(ds_bytes_of_text("1e-999999999999999999"), &value));
    assert_true(value == 0);
    assert_true(ds_double_parse(ds_bytes_of_text("0e999999999999999999"), &value));
    assert_true(value == 0);
    assert_true(ds_double_parse(ds_bytes_of_text("-0"), &value));
    assert_true(value == 0 && signbit(value));
    float narrow;
    assert_false(ds_float_parse(ds_bytes_of_text("3.5e38"), &narrow));
}

static void text_that_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "-",   "+1",   "01",    ".5", "1.",  "1e",
                                        "1e+", " 1",  "1 ",   "1x",    "0x", "NaN", "inf",
                                        "1,5", "--1", "1..2", "1e1.5", "-.5"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double value;
        float narrow;
        assert_false(ds_double_parse(ds_bytes_of_text(texts[i]), &value));
        assert_false(ds_float_parse(ds_bytes_of_text(texts[i]), &narrow));
    }
}

static void integers_are_read_and_written_at_their_limits(void **state)
{
    (void)state;
    char text[DS_INT_TEXT_MAX];
    uint64_t seed = 5;
    for (int i = 0; i < 100000; i++) {
        const uint64_t value = next_random(&seed) >> i % 64;
        char expected[32];
        uint64_t parsed;
        int64_t parsed_signed;
        size_t size = ds_uint64_format(value, text);
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)value);
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(text, expected, size);
        assert_true(ds_uint64_parse(ds_bytes_of(text, size), &parsed) && parsed == value);
        size = ds_int64_format((int64_t)value, text);
        snprintf(expected, sizeof expected, "%lld", (long long)value);
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(text, expected, size);
        assert_true(ds_int64_parse(ds_bytes_of(text, size), &parsed_signed) &&
                    parsed_signed == (int64_t)value);
    }
    assert_int_equal(ds_int64_format(INT64_MIN, text), 20);
    assert_memory_equal(text, "-9223372036854775808", 20);
}

static void integers_out_of_range_are_refused(void **state)
{
    (void)state;
    int64_t value;
    uint64_t positive;
    assert_true(ds_int64_parse(ds_bytes_of_text("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    static const char *const texts[] = {"9223372036854775808",
                                        "-9223372036854775809",
                                        "",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "1e1",
                                        "--1",
                                        "a",
                                        "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(ds_int64_parse(ds_bytes_of_text(texts[i]), &value));
    }
    assert_true(ds_uint64_parse(ds_bytes_of_text("18446744073709551615"), &positive));
    assert_false(ds_uint64_parse(ds_bytes_of_text("18446744073709551616"), &positive));
    assert_false(ds_uint64_parse(ds_bytes_of_text("-1"), &positive));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_written_shortest_and_read_back),
        cmocka_unit_test(prices_are_written_shortest_and_read_back),
        cmocka_unit_test(doubles_are_written_as_json_has_them),
        cmocka_unit_test(floats_are_written_shortest_and_read_back),
        cmocka_unit_test(decimals_are_read_as_libc_reads_them),
        cmocka_unit_test(halfway_decimals_are_rounded_to_even),
        cmocka_unit_test(too_large_and_too_small_doubles),
        cmocka_unit_test(text_that_is_no_number_is_refused),
        cmocka_unit_test(integers_are_read_and_written_at_their_limits),
        cmocka_unit_test(integers_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
