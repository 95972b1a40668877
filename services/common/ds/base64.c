#include "ds/base64.h"

#define DIGITS_OF_BOTH "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char standard_digits[] = DIGITS_OF_BOTH "+/";
static const char url_digits[] = DIGITS_OF_BOTH "-_";

/* Writes no padding; returns the end of the text. */
static char *encode(struct ds_bytes bytes, const char *digits, char *target)
{
    const uint8_t *from = bytes.data;
    size_t left = bytes.size;
    for (; left >= 3; left -= 3, from += 3) {
        const uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        *target++ = digits[group >> 18];
        *target++ = digits[group >> 12 & 63];
        *target++ = digits[group >> 6 & 63];
        *target++ = digits[group & 63];
    }
    if (left > 0) {
        const uint32_t group = (uint32_t)from[0] << 16 | (left == 2 ? (uint32_t)from[1] << 8 : 0);
        *target++ = digits[group >> 18];
        *target++ = digits[group >> 12 & 63];
        if (left == 2) {
            *target++ = digits[group >> 6 & 63];
        }
    }
    return target;
}

void ds_base64_encode(struct ds_bytes bytes, char *target)
{
    char *end = encode(bytes, standard_digits, target);
    while (end != target + ds_base64_text_size(bytes.size)) {
        *end++ = '=';
    }
}

size_t ds_base64_url_encode(struct ds_bytes bytes, char *target)
{
    return (size_t)(encode(bytes, url_digits, target) - target);
}

/* 64 and more for what is no digit of either alphabet. */
static uint32_t digit_value(uint8_t character)
{
    if (character >= 'A' && character <= 'Z') {
        return character - (uint32_t)'A';
    }
    if (character >= 'a' && character <= 'z') {
        return character - (uint32_t)'a' + 26;
    }
    if (character >= '0' && character <= '9') {
        return character - (uint32_t)'0' + 52;
    }
    if (character == '+' || character == '-') {
        return 62;
    }
    return character == '/' || character == '_' ? 63 : 64;
}

/* The number of digits before the padding; false where the padding is not what belongs there. */
static bool strip_padding(struct ds_bytes text, size_t *ret_digits)
{
    size_t digits = text.size;
    while (digits > 0 && text.size - digits < 2 && text.data[digits - 1] == '=') {
        digits--;
    }
    if (digits != text.size && text.size % 4 != 0) {
        return false;
    }
    *ret_digits = digits;
    return digits % 4 != 1;
}

bool ds_base64_decode(struct ds_bytes text, uint8_t *target, size_t *ret_size)
{
    size_t digits;
    if (!strip_padding(text, &digits)) {
        return false;
    }
    uint32_t bits = 0;
    unsigned int bit_count = 0;
    size_t size = 0;
    for (size_t i = 0; i < digits; i++) {
        const uint32_t value = digit_value(text.data[i]);
        if (value > 63) {
            return false;
        }
        bits = (bits << 6 | value) & 0xffff;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            target[size++] = (uint8_t)(bits >> bit_count);
        }
    }
    *ret_size = size;
    return true;
}
