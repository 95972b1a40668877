#include "ds/json_reader.h"
#include "ds/json_text.h"
#include "ds/number_scan.h"
#include "ds/utf8.h"

#include <assert.h>

bool json_take_word(struct json_reader *reader, const char *word)
{
    const size_t size = strlen(word);
    json_skip_blanks(reader);
    if ((size_t)(reader->end - reader->next) < size || memcmp(reader->next, word, size) != 0) {
        return false;
    }
    reader->next += size;
    return true;
}

bool json_take_separator(struct json_reader *reader, const struct json_path *path, char close,
                         bool *ret_more)
{
    const uint8_t character = json_peek(reader);
    if (character != ',' && character != (uint8_t)close) {
        return json_fail(reader, path, reader->next,
                         close == '}' ? "expected , or } after a member"
                                      : "expected , or ] after an element");
    }
    reader->next++;
    *ret_more = character == ',';
    return true;
}

static bool take_hexadecimal(const uint8_t *at, const uint8_t *end, uint32_t *ret_value)
{
    if (end - at < 4) {
        return false;
    }
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t character = at[i];
        const uint8_t lower = character | 0x20;
        if (character >= '0' && character <= '9') {
            value = value << 4 | (uint32_t)(character - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

static bool is_high_surrogate(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The character of a \u escape, or of two that make a surrogate pair; `at` is behind the first
 * backslash and u. Returns what follows; NULL where the escape is not valid. */
static const uint8_t *take_unicode_escape(const uint8_t *at, const uint8_t *end,
                                          uint32_t *ret_character)
{
    uint32_t first;
    uint32_t second;
    if (!take_hexadecimal(at, end, &first) || is_low_surrogate(first)) {
        return NULL;
    }
    at += 4;
    if (!is_high_surrogate(first)) {
        *ret_character = first;
        return at;
    }
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u' || !take_hexadecimal(at + 2, end, &second) ||
        !is_low_surrogate(second)) {
        return NULL;
    }
    *ret_character = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    return at + 6;
}

/* What a backslash and that character stand for; 0 where they stand for nothing. */
static uint8_t short_escape(uint8_t character)
{
    switch (character) {
    case '"':
    case '\\':
    case '/':
        return character;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

static size_t utf8_size(uint32_t character)
{
    return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

/* Checks the escape behind a backslash; returns what follows or NULL. */
static const uint8_t *check_escape(const uint8_t *at, const uint8_t *end,
                                   struct json_string *string)
{
    string->has_escapes = true;
    if (at == end) {
        return NULL;
    }
    if (*at != 'u') {
        string->decoded_size++;
        return short_escape(*at) == 0 ? NULL : at + 1;
    }
    uint32_t character;
    at = take_unicode_escape(at + 1, end, &character);
    if (at != NULL) {
        string->has_nul |= character == 0;
        string->decoded_size += utf8_size(character);
    }
    return at;
}

bool json_take_string(struct json_reader *reader, const struct json_path *path,
                      struct json_string *ret_string)
{
    assert(*reader->next == '"');
    const uint8_t *begin = reader->next + 1;
    const uint8_t *at = begin;
    struct json_string string = {0};
    bool ascii = true;
    for (;;) {
        const uint8_t *plain = at;
        at = ds_json_plain_end(at, reader->end);
        string.decoded_size += (size_t)(at - plain);
        if (at == reader->end) {
            return json_fail(reader, path, at, "the text ends within a string");
        }
        if (*at == '"') {
            break;
        }
        if (*at >= 0x80) {
            ascii = false;
            string.decoded_size++;
            at++;
        } else if (*at == '\\') {
            const uint8_t *escape = at;
            at = check_escape(at + 1, reader->end, &string);
            if (at == NULL) {
                return json_fail(reader, path, escape,
                                 "this escape is not valid (a lone surrogate is none either)");
            }
        } else {
            return json_fail(reader, path, at,
                             "control characters in strings must be written as \\u00XX");
        }
    }
    string.raw = ds_bytes_of(begin, (size_t)(at - begin));
    if (!ascii && !ds_utf8_valid(string.raw)) {
        return json_fail(reader, path, begin, "the string is not UTF-8");
    }
    reader->next = at + 1;
    *ret_string = string;
    return true;
}

static uint8_t *put_utf8(uint8_t *target, uint32_t character)
{
    const size_t size = utf8_size(character);
    if (size == 1) {
        *target = (uint8_t)character;
        return target + 1;
    }
    for (size_t i = size - 1; i > 0; i--) {
        target[i] = (uint8_t)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    /* As many leading one bits as the sequence has bytes. */
    target[0] = (uint8_t)(0xf00 >> size | character);
    return target + size;
}

size_t json_decode_string(const struct json_string *string, uint8_t *target)
{
    const uint8_t *target_begin = target;
    const uint8_t *at = string->raw.data;
    const uint8_t *end = at + string->raw.size;
    if (!string->has_escapes) {
        memcpy(target, at, string->raw.size);
        return string->raw.size;
    }
    while (at != end) {
        if (*at != '\\') {
            *target++ = *at++;
            continue;
        }
        if (at[1] != 'u') {
            *target++ = short_escape(at[1]);
            at += 2;
            continue;
        }
        uint32_t character = 0;
        at = take_unicode_escape(at + 2, end, &character);
        assert(at != NULL);
        target = put_utf8(target, character);
    }
    return (size_t)(target - target_begin);
}

bool json_string_text(const struct json_string *string, uint8_t *small, size_t small_bytes,
                      struct ds_bytes *ret_text)
{
    if (!string->has_escapes) {
        *ret_text = string->raw;
        return true;
    }
    if (string->decoded_size > small_bytes) {
        return false;
    }
    *ret_text = ds_bytes_of(small, json_decode_string(string, small));
    return true;
}

bool json_take_name(struct json_reader *reader, const struct json_path *path,
                    struct json_string *ret_name)
{
    if (json_peek(reader) != '"') {
        return json_fail(reader, path, reader->next, "expected a member's name in quotes");
    }
    if (!json_take_string(reader, path, ret_name)) {
        return false;
    }
    if (!json_take_character(reader, ':')) {
        return json_fail(reader, path, reader->next, "expected : after a member's name");
    }
    return true;
}

static bool skip_object(struct json_reader *reader, const struct json_path *path, int depth)
{
    bool more = !json_take_character(reader, '}');
    while (more) {
        struct json_string name;
        if (!json_take_name(reader, path, &name)) {
            return false;
        }
        const struct json_path inner = {.parent = path, .name = name.raw};
        if (!json_skip_value(reader, &inner, depth) ||
            !json_take_separator(reader, path, '}', &more)) {
            return false;
        }
    }
    return true;
}

static bool skip_array(struct json_reader *reader, const struct json_path *path, int depth)
{
    bool more = !json_take_character(reader, ']');
    struct json_path inner = {.parent = path};
    while (more) {
        if (!json_skip_value(reader, &inner, depth) ||
            !json_take_separator(reader, path, ']', &more)) {
            return false;
        }
        inner.index++;
    }
    return true;
}

static bool skip_plain(struct json_reader *reader, const struct json_path *path)
{
    struct ds_number number;
    const uint8_t *after = ds_number_scan(reader->next, reader->end, &number);
    if (after != NULL) {
        reader->next = after;
        return true;
    }
    return json_take_word(reader, "null") || json_take_word(reader, "true") ||
           json_take_word(reader, "false") ||
           json_fail(reader, path, reader->next, "expected a value");
}

bool json_skip_value(struct json_reader *reader, const struct json_path *path, int depth)
{
    const uint8_t first = json_peek(reader);
    if (first == '"') {
        struct json_string string;
        return json_take_string(reader, path, &string);
    }
    if (first != '{' && first != '[') {
        return skip_plain(reader, path);
    }
    if (depth >= DS_JSON_DEPTH_MAX) {
        return json_fail(reader, path, reader->next, "values are nested too deeply");
    }
    reader->next++;
    return first == '{' ? skip_object(reader, path, depth + 1)
                        : skip_array(reader, path, depth + 1);
}
