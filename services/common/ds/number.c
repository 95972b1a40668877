#include "ds/number.h"

#include "ds/digits.h"
#include "ds/number_double_conversion.h"
#include "ds/number_scan.h"

#include <assert.h>
#include <math.h>

/* Every integer up to here is a double. */
#define EXACT_INTEGER_MAX (1ULL << 53)

#define EXPONENT_MAX (INT64_C(1) << 40)

/* Powers of ten that are doubles without rounding. */
#define EXACT_POWER_MAX 22
static const double powers_of_ten[EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

const char ds_digit_pairs[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

/* Below here put_small() knows where its last digit goes. Most prices, counts and ids are. */
#define SMALL_MAX 100000

static size_t put_small(uint32_t value, char *target)
{
    const size_t size = 1 + (size_t)(value >= 10) + (size_t)(value >= 100) +
                        (size_t)(value >= 1000) + (size_t)(value >= 10000);
    char *at = target + size;
    while (value >= 10) {
        at -= 2;
        ds_put_two_digits(at, value % 100);
        value /= 100;
    }
    if (at != target) {
        *target = (char)('0' + value);
    }
    return size;
}

static size_t put_unsigned(uint64_t value, char *target)
{
    if (value < SMALL_MAX) {
        return put_small((uint32_t)value, target);
    }
    char digits[DS_INT_TEXT_MAX];
    size_t at = sizeof digits;
    while (value >= 100) {
        at -= 2;
        ds_put_two_digits(digits + at, (unsigned int)(value % 100));
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        ds_put_two_digits(digits + at, (unsigned int)value);
    } else {
        digits[--at] = (char)('0' + value);
    }
    memcpy(target, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

size_t ds_uint64_format(uint64_t value, char target[DS_INT_TEXT_MAX])
{
    return put_unsigned(value, target);
}

size_t ds_int64_format(int64_t value, char target[DS_INT_TEXT_MAX])
{
    if (value >= 0) {
        return put_unsigned((uint64_t)value, target);
    }
    target[0] = '-';
    return 1 + put_unsigned(-(uint64_t)value, target + 1);
}

/* Writes scaled / 10^decimals without trailing zeros. Inlined, so that the divisors are constant.
 */
static inline size_t format_scaled(uint64_t scaled, uint64_t scale, size_t decimals, char *target)
{
    uint64_t fraction = scaled % scale;
    size_t length = put_unsigned(scaled / scale, target);
    if (fraction == 0) {
        return length;
    }
    target[length] = '.';
    for (size_t i = decimals; i > 0; i -= 2) {
        ds_put_two_digits(target + length + i - 1, (unsigned int)(fraction % 100));
        fraction /= 100;
    }
    length += decimals + 1;
    while (target[length - 1] == '0') {
        length--;
    }
    return length;
}

/*
 * Prices have few decimals: value * scale is then (nearly) a whole number, and dividing it back,
 * which IEEE 754 rounds correctly, tells whether that decimal reads back as the value. With at most
 * 15 digits no other decimal as short does, so it is the shortest. 0 where it is not so.
 */
static inline size_t format_decimals(double magnitude, uint64_t scale, size_t decimals,
                                     char *target)
{
    const double scaled = magnitude * (double)scale;
    if (scaled >= 1e15) {
        return 0;
    }
    const int64_t whole = (int64_t)(scaled + 0.5);
    if ((double)whole / (double)scale != magnitude) {
        return 0;
    }
    return format_scaled((uint64_t)whole, scale, decimals, target);
}

size_t ds_double_format(double value, char target[DS_DOUBLE_TEXT_MAX])
{
    assert(isfinite(value));
    const size_t sign = signbit(value) != 0;
    target[0] = '-';
    const double magnitude = fabs(value);
    /* Below 1e-6 the text has an exponent. */
    if (magnitude >= 1e-6 || magnitude == 0) {
        size_t length = format_decimals(magnitude, 10000, 4, target + sign);
        if (length == 0) {
            length = format_decimals(magnitude, 100000000, 8, target + sign);
        }
        if (length != 0) {
            return sign + length;
        }
    }
    return ds_double_conversion_format(value, target);
}

size_t ds_float_format(float value, char target[DS_DOUBLE_TEXT_MAX])
{
    assert(isfinite(value));
    if (value == 0 && signbit(value) != 0) {
        memcpy(target, "-0", 2);
        return 2;
    }
    return ds_double_conversion_format_float(value, target);
}

static bool is_digit(const uint8_t *at, const uint8_t *end)
{
    return at != end && (uint8_t)(*at - '0') <= 9;
}

/* Below this, one more digit always fits. */
#define DIGITS_ROOMY_MAX UINT64_C(1000000000000000000)

/* Takes in digits while there is room for any. */
static const uint8_t *scan_roomy_digits(const uint8_t *at, const uint8_t *end, uint64_t *digits)
{
    uint64_t value = *digits;
    while (is_digit(at, end) && value < DIGITS_ROOMY_MAX) {
        value = value * 10 + (uint64_t)(*at - '0');
        at++;
    }
    *digits = value;
    return at;
}

/* Takes in the digits at `at`, of the whole part or of the fraction. What no longer fits is dropped
 * and counted in the exponent, which loses nothing while it is zeros. */
static const uint8_t *scan_digits(const uint8_t *at, const uint8_t *end, bool fraction,
                                  struct ds_number *number)
{
    if (!number->full) {
        const uint8_t *begin = at;
        at = scan_roomy_digits(at, end, &number->digits);
        number->exponent -= fraction ? at - begin : 0;
    }
    for (; is_digit(at, end); at++) {
        const unsigned int digit = (unsigned int)(*at - '0');
        if (!number->full && (number->digits < UINT64_MAX / 10 ||
                              (number->digits == UINT64_MAX / 10 && digit <= UINT64_MAX % 10))) {
            number->digits = number->digits * 10 + digit;
            number->exponent -= fraction;
        } else {
            number->full = true;
            number->inexact |= digit != 0;
            number->exponent += !fraction;
        }
    }
    return at;
}

static const uint8_t *scan_exponent(const uint8_t *at, const uint8_t *end, int64_t *exponent)
{
    const bool negative = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) {
        at++;
    }
    if (!is_digit(at, end)) {
        return NULL;
    }
    int64_t value = 0;
    for (; is_digit(at, end); at++) {
        /* Far beyond what any number of digits in memory could bring back into range. */
        if (value < EXPONENT_MAX) {
            value = value * 10 + (*at - '0');
        }
    }
    *exponent += negative ? -value : value;
    return at;
}

const uint8_t *ds_number_scan(const uint8_t *text, const uint8_t *end, struct ds_number *ret_number)
{
    struct ds_number number = {.negative = text != end && *text == '-'};
    const uint8_t *at = text + number.negative;
    if (!is_digit(at, end)) {
        return NULL;
    }
    if (*at == '0') {
        at++;
        if (is_digit(at, end)) {
            return NULL;
        }
    } else {
        at = scan_digits(at, end, false, &number);
    }
    if (at != end && *at == '.') {
        if (!is_digit(++at, end)) {
            return NULL;
        }
        at = scan_digits(at, end, true, &number);
    }
    if (at != end && (*at | 0x20) == 'e') {
        at = scan_exponent(at + 1, end, &number.exponent);
        if (at == NULL) {
            return NULL;
        }
    }
    *ret_number = number;
    return at;
}

/* Where both the digits and the power of ten are doubles, one correctly rounded operation gives the
 * nearest double (Clinger 1990). */
static bool is_one_operation(const struct ds_number *number)
{
    return !number->inexact && number->digits <= EXACT_INTEGER_MAX &&
           number->exponent >= -EXACT_POWER_MAX && number->exponent <= EXACT_POWER_MAX;
}

static double by_one_operation(const struct ds_number *number)
{
    const double digits = (double)number->digits;
    const double value = number->exponent < 0 ? digits / powers_of_ten[-number->exponent]
                                              : digits * powers_of_ten[number->exponent];
    return number->negative ? -value : value;
}

bool ds_number_to_double(const struct ds_number *number, struct ds_bytes text, double *ret_value)
{
    if (is_one_operation(number)) {
        *ret_value = by_one_operation(number);
        return true;
    }
    const double value = ds_double_conversion_parse((const char *)text.data, text.size);
    if (!isfinite(value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool ds_number_to_float(const struct ds_number *number, struct ds_bytes text, float *ret_value)
{
    const float value = ds_double_conversion_parse_float((const char *)text.data, text.size);
    if (!isfinite(value)) {
        return false;
    }
    *ret_value = number->negative && value == 0 ? -0.0F : value;
    return true;
}

bool ds_number_to_magnitude(const struct ds_number *number, uint64_t *ret_magnitude)
{
    uint64_t magnitude = number->digits;
    int64_t exponent = number->exponent;
    if (number->inexact) {
        return false;
    }
    for (; magnitude != 0 && exponent < 0; exponent++) {
        if (magnitude % 10 != 0) {
            return false;
        }
        magnitude /= 10;
    }
    for (; magnitude != 0 && exponent > 0; exponent--) {
        if (magnitude > UINT64_MAX / 10) {
            return false;
        }
        magnitude *= 10;
    }
    *ret_magnitude = magnitude;
    return true;
}

static bool scan_whole(struct ds_bytes text, struct ds_number *ret_number)
{
    return text.size > 0 &&
           ds_number_scan(text.data, text.data + text.size, ret_number) == text.data + text.size;
}

bool ds_double_parse(struct ds_bytes text, double *ret_value)
{
    struct ds_number number;
    return scan_whole(text, &number) && ds_number_to_double(&number, text, ret_value);
}

bool ds_float_parse(struct ds_bytes text, float *ret_value)
{
    struct ds_number number;
    return scan_whole(text, &number) && ds_number_to_float(&number, text, ret_value);
}

bool ds_uint64_parse(struct ds_bytes text, uint64_t *ret_value)
{
    if (text.size == 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned int digit = text.data[i] - (unsigned int)'0';
        if (digit > 9 || value > UINT64_MAX / 10 ||
            (value == UINT64_MAX / 10 && digit > UINT64_MAX % 10)) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

bool ds_int64_parse(struct ds_bytes text, int64_t *ret_value)
{
    const size_t sign = text.size > 0 && text.data[0] == '-';
    uint64_t magnitude;
    if (!ds_uint64_parse(ds_bytes_of(text.data + sign, text.size - sign), &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + sign) {
        return false;
    }
    *ret_value = sign != 0 ? (int64_t)-magnitude : (int64_t)magnitude;
    return true;
}
