#include "ds/utf8.h"

#define NOT_ASCII 0x8080808080808080ULL

/* Continuation bytes are 10xxxxxx. */
static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The length of the well-formed sequence that begins with a byte above 0x7f; 0 where it is not
 * one. The bounds of the second byte keep out overlong forms, surrogates and what is above
 * U+10FFFF (RFC 3629 section 4). */
static size_t sequence_length(const uint8_t *text, size_t available)
{
    const uint8_t first = text[0];
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    const size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (available < length) {
        return 0;
    }
    const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (!is_continuation(text[i])) {
            return 0;
        }
    }
    return length;
}

/* Passes over whole words of ASCII from `at` on. The last step is the word that ends the text, some
 * of which has been seen before. */
static size_t skip_ascii(struct ds_bytes text, size_t at)
{
    uint64_t word;
    while (text.size - at >= sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        if ((word & NOT_ASCII) != 0) {
            return at;
        }
        at += sizeof word;
    }
    if (text.size < sizeof word) {
        return at;
    }
    memcpy(&word, text.data + text.size - sizeof word, sizeof word);
    return (word & NOT_ASCII) == 0 ? text.size : at;
}

bool ds_utf8_valid(struct ds_bytes text)
{
    size_t at = skip_ascii(text, 0);
    while (at < text.size) {
        if (text.data[at] < 0x80) {
            at++;
            continue;
        }
        const size_t length = sequence_length(text.data + at, text.size - at);
        if (length == 0) {
            return false;
        }
        at = skip_ascii(text, at + length);
    }
    return true;
}

bool ds_utf8_valid_without_nul(struct ds_bytes text)
{
    return (text.size == 0 || memchr(text.data, '\0', text.size) == NULL) && ds_utf8_valid(text);
}

size_t ds_utf8_whole_bytes(struct ds_bytes text)
{
    size_t begin = text.size;
    while (begin > 0 && is_continuation(text.data[begin - 1])) {
        begin--;
    }
    if (begin == 0 || text.data[begin - 1] < 0x80) {
        return text.size;
    }
    begin--;
    const bool is_whole = sequence_length(text.data + begin, text.size - begin) > 0;
    return is_whole ? text.size : begin;
}
