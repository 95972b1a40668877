/* What the JSON reader and writer share: the characters of a string that stand for themselves, and
 * the text forms of well-known types. Private to ds_common. */
#ifndef DS_JSON_TEXT_H
#define DS_JSON_TEXT_H

#include "ds/buffer.h"

#define DS_DURATION_SECONDS_MAX 315576000000LL
#define DS_DURATION_TEXT_MAX 32

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DS_JSON_WORDS 1
#endif

/* The first character at or after `at` that is a quote, a backslash, a control character or not
 * ASCII; `end` where there is none. Looks at eight characters at a time. */
static inline const uint8_t *ds_json_plain_end(const uint8_t *at, const uint8_t *end)
{
#ifdef DS_JSON_WORDS
    const uint64_t ones = 0x0101010101010101ULL;
    const uint64_t tops = 0x8080808080808080ULL;
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        const uint64_t quote = word ^ ones * '"';
        const uint64_t backslash = word ^ ones * '\\';
        /* Subtracting borrows into the top bit of a byte that is too small. Borrows run on to
         * higher bytes only, so the lowest marked byte is always right. */
        const uint64_t special =
            ((quote - ones) | (backslash - ones) | (word - ones * 0x20) | word) & tops;
        if (special != 0) {
            at += __builtin_ctzll(special) / 8;
            break;
        }
        at += 8;
    }
#endif
    while (at != end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\') {
        at++;
    }
    return at;
}

/* "3.5s": protobuf's text form of a Duration. */
bool ds_duration_parse(struct ds_bytes text, int64_t *ret_seconds, int32_t *ret_nanoseconds);

/* True where seconds and nanoseconds make a valid Duration: in range, signs alike. */
bool ds_duration_valid(int64_t seconds, int64_t nanoseconds);

/* Of a valid Duration; returns the length, not terminated. */
size_t ds_duration_format(int64_t seconds, int32_t nanoseconds, char target[DS_DURATION_TEXT_MAX]);

/* True for a path of a FieldMask: names of letters and digits with dots between them, with '_' only
 * where `underscores` allows the names of the .proto. */
bool ds_field_path_valid(struct ds_bytes path, bool underscores);

/* Appends the lowerCamelCase form of a snake_case path of a FieldMask; false where that form would
 * not read back as the same path. */
bool ds_field_path_to_camel(struct ds_bytes path, struct ds_buffer *target);

/* The length of the snake_case form of a lowerCamelCase path, and the form itself at target. */
size_t ds_field_path_snake_size(struct ds_bytes path);
void ds_field_path_to_snake(struct ds_bytes path, uint8_t *target);

#endif
