#include "ds/json_text.h"

#include "ds/number.h"

#include <assert.h>

#define NANOSECONDS_MAX 999999999
#define NANOSECONDS_DIGITS 9

bool ds_duration_valid(int64_t seconds, int64_t nanoseconds)
{
    return seconds >= -DS_DURATION_SECONDS_MAX && seconds <= DS_DURATION_SECONDS_MAX &&
           nanoseconds >= -NANOSECONDS_MAX && nanoseconds <= NANOSECONDS_MAX &&
           !(seconds > 0 && nanoseconds < 0) && !(seconds < 0 && nanoseconds > 0);
}

/* The digits after the point, 1 to 9 of them. */
static bool parse_fraction(struct ds_bytes digits, int32_t *ret_nanoseconds)
{
    uint64_t value;
    if (digits.size > NANOSECONDS_DIGITS || !ds_uint64_parse(digits, &value)) {
        return false;
    }
    for (size_t i = digits.size; i < NANOSECONDS_DIGITS; i++) {
        value *= 10;
    }
    *ret_nanoseconds = (int32_t)value;
    return true;
}

bool ds_duration_parse(struct ds_bytes text, int64_t *ret_seconds, int32_t *ret_nanoseconds)
{
    if (text.size < 2 || text.data[text.size - 1] != 's') {
        return false;
    }
    const bool negative = text.data[0] == '-';
    const struct ds_bytes number =
        ds_bytes_of(text.data + negative, text.size - 1 - (size_t)negative);
    const uint8_t *point = number.size == 0 ? NULL : memchr(number.data, '.', number.size);
    const size_t whole_size = point == NULL ? number.size : (size_t)(point - number.data);
    uint64_t whole;
    int32_t nanoseconds = 0;
    if (!ds_uint64_parse(ds_bytes_of(number.data, whole_size), &whole) ||
        whole > DS_DURATION_SECONDS_MAX) {
        return false;
    }
    if (point != NULL &&
        !parse_fraction(ds_bytes_of(point + 1, number.size - whole_size - 1), &nanoseconds)) {
        return false;
    }
    const int64_t seconds = negative ? -(int64_t)whole : (int64_t)whole;
    *ret_seconds = seconds;
    *ret_nanoseconds = negative ? -nanoseconds : nanoseconds;
    return true;
}

size_t ds_duration_format(int64_t seconds, int32_t nanoseconds, char target[DS_DURATION_TEXT_MAX])
{
    assert(ds_duration_valid(seconds, nanoseconds));
    size_t length = 0;
    if (seconds < 0 || nanoseconds < 0) {
        target[length++] = '-';
    }
    length += ds_uint64_format((uint64_t)(seconds < 0 ? -seconds : seconds), target + length);
    uint32_t fraction = (uint32_t)(nanoseconds < 0 ? -nanoseconds : nanoseconds);
    if (fraction != 0) {
        const size_t digits = fraction % 1000000 == 0 ? 3 : fraction % 1000 == 0 ? 6 : 9;
        fraction /= digits == 3 ? 1000000 : digits == 6 ? 1000 : 1;
        target[length] = '.';
        for (size_t i = digits; i > 0; i--) {
            target[length + i] = (char)('0' + fraction % 10);
            fraction /= 10;
        }
        length += digits + 1;
    }
    target[length++] = 's';
    return length;
}

static bool is_lower(uint8_t character)
{
    return character >= 'a' && character <= 'z';
}

static bool is_upper(uint8_t character)
{
    return character >= 'A' && character <= 'Z';
}

bool ds_field_path_valid(struct ds_bytes path, bool underscores)
{
    for (size_t i = 0; i < path.size; i++) {
        const uint8_t character = path.data[i];
        const bool name = is_lower(character) || is_upper(character) || character == '.' ||
                          (character >= '0' && character <= '9');
        if (!name && !(underscores && character == '_')) {
            return false;
        }
    }
    return path.size > 0;
}

bool ds_field_path_to_camel(struct ds_bytes path, struct ds_buffer *target)
{
    for (size_t i = 0; i < path.size; i++) {
        uint8_t character = path.data[i];
        if (is_upper(character)) {
            return false;
        }
        if (character == '_') {
            /* Only a letter can show by its case that there was an underscore before it. */
            if (++i == path.size || !is_lower(path.data[i])) {
                return false;
            }
            character = (uint8_t)(path.data[i] - 'a' + 'A');
        }
        ds_buffer_append_byte(target, character);
    }
    return true;
}

size_t ds_field_path_snake_size(struct ds_bytes path)
{
    size_t size = path.size;
    for (size_t i = 0; i < path.size; i++) {
        size += is_upper(path.data[i]);
    }
    return size;
}

void ds_field_path_to_snake(struct ds_bytes path, uint8_t *target)
{
    for (size_t i = 0; i < path.size; i++) {
        if (is_upper(path.data[i])) {
            *target++ = '_';
            *target++ = (uint8_t)(path.data[i] - 'A' + 'a');
        } else {
            *target++ = path.data[i];
        }
    }
}
