#include "ds/base64.h"
#include "ds/json_reader.h"
#include "ds/number_scan.h"
#include "ds/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

/* Numbers in quotes and names of enum values that have escapes are not longer than this. */
#define SCALAR_BYTES_MAX 128

/* What would do for a field of the kind. */
static const char *expectation(uint8_t kind)
{
    switch (kind) {
    case DS_KIND_INT32:
    case DS_KIND_SINT32:
    case DS_KIND_SFIXED32:
        return "expected a whole number from -2147483648 to 2147483647";
    case DS_KIND_UINT32:
    case DS_KIND_FIXED32:
        return "expected a whole number from 0 to 4294967295";
    case DS_KIND_INT64:
    case DS_KIND_SINT64:
    case DS_KIND_SFIXED64:
        return "expected a whole number from -9223372036854775808 to 9223372036854775807";
    case DS_KIND_UINT64:
    case DS_KIND_FIXED64:
        return "expected a whole number from 0 to 18446744073709551615";
    case DS_KIND_DOUBLE:
        return "expected a number, not beyond 1.8e308";
    case DS_KIND_FLOAT:
        return "expected a number, not beyond 3.4e38";
    case DS_KIND_BOOL:
        return "expected true or false";
    case DS_KIND_STRING:
        return "expected a string";
    default:
        assert(kind == DS_KIND_BYTES);
        return "expected bytes as base64";
    }
}

static bool refuse(struct json_reader *reader, const struct json_path *path, const uint8_t *at,
                   const struct ds_field *field)
{
    return json_fail(reader, path, at, "%s", expectation(field->kind));
}

static void write_scalar(struct json_reader *reader, const struct ds_field *field, uint64_t bits,
                         enum json_layout layout)
{
    if (layout == JSON_UNLESS_DEFAULT && bits == 0) {
        return;
    }
    uint8_t bytes[2 * DS_VARINT_BYTES_MAX];
    size_t size = 0;
    const enum ds_wire_type type = ds_kind_wire_type(field->kind);
    if (layout != JSON_BARE) {
        size = ds_varint_put(bytes, (uint64_t)field->number << 3 | (uint64_t)type);
    }
    if (type == DS_WIRE_VARINT) {
        size += ds_varint_put(bytes + size, bits);
    } else {
        for (size_t width = type == DS_WIRE_FIXED64 ? 8 : 4; width > 0; width--) {
            bytes[size++] = (uint8_t)bits;
            bits >>= 8;
        }
    }
    ds_buffer_append(reader->wire, bytes, size);
}

/* The bits of a signed integer as the kind has them on the wire. */
static uint64_t signed_bits(uint8_t kind, int64_t value)
{
    switch (kind) {
    case DS_KIND_SINT32:
    case DS_KIND_SINT64:
        return ds_zigzag(value);
    case DS_KIND_SFIXED32:
        return (uint32_t)value;
    default:
        return (uint64_t)value;
    }
}

static bool is_unsigned(uint8_t kind)
{
    return kind == DS_KIND_UINT32 || kind == DS_KIND_FIXED32 || kind == DS_KIND_UINT64 ||
           kind == DS_KIND_FIXED64;
}

static bool is_64_bits(uint8_t kind)
{
    return kind == DS_KIND_INT64 || kind == DS_KIND_UINT64 || kind == DS_KIND_FIXED64 ||
           kind == DS_KIND_SFIXED64 || kind == DS_KIND_SINT64;
}

static bool integer_bits(uint8_t kind, const struct ds_number *number, uint64_t *ret_bits)
{
    uint64_t magnitude;
    if (!ds_number_to_magnitude(number, &magnitude)) {
        return false;
    }
    if (is_unsigned(kind)) {
        if ((number->negative && magnitude != 0) || (!is_64_bits(kind) && magnitude > UINT32_MAX)) {
            return false;
        }
        *ret_bits = magnitude;
        return true;
    }
    const uint64_t limit =
        (is_64_bits(kind) ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX) + (number->negative ? 1 : 0);
    if (magnitude > limit) {
        return false;
    }
    *ret_bits = signed_bits(kind, (int64_t)(number->negative ? -magnitude : magnitude));
    return true;
}

/* False where the number is out of the kind's range or not whole. */
static bool number_bits(uint8_t kind, const struct ds_number *number, struct ds_bytes text,
                        uint64_t *ret_bits)
{
    if (kind == DS_KIND_DOUBLE) {
        double value;
        if (!ds_number_to_double(number, text, &value)) {
            return false;
        }
        memcpy(ret_bits, &value, sizeof value);
        return true;
    }
    if (kind == DS_KIND_FLOAT) {
        float value;
        uint32_t bits;
        if (!ds_number_to_float(number, text, &value)) {
            return false;
        }
        memcpy(&bits, &value, sizeof value);
        *ret_bits = bits;
        return true;
    }
    /* Enums are int32 in JSON as on the wire. */
    return integer_bits(kind == DS_KIND_ENUM ? DS_KIND_INT32 : kind, number, ret_bits);
}

/* The names of what no decimal can say. */
static bool special_bits(uint8_t kind, struct ds_bytes text, uint64_t *ret_bits)
{
    const bool wide = kind == DS_KIND_DOUBLE;
    if (!wide && kind != DS_KIND_FLOAT) {
        return false;
    }
    if (ds_bytes_equal_text(text, "NaN")) {
        *ret_bits = wide ? 0x7ff8000000000000ULL : 0x7fc00000ULL;
    } else if (ds_bytes_equal_text(text, "Infinity")) {
        *ret_bits = wide ? 0x7ff0000000000000ULL : 0x7f800000ULL;
    } else if (ds_bytes_equal_text(text, "-Infinity")) {
        *ret_bits = wide ? 0xfff0000000000000ULL : 0xff800000ULL;
    } else {
        return false;
    }
    return true;
}

static bool number_from_text(uint8_t kind, struct ds_bytes text, uint64_t *ret_bits)
{
    const uint8_t *end = text.data + text.size;
    struct ds_number number;
    if (ds_number_scan(text.data, end, &number) == end) {
        return number_bits(kind, &number, text, ret_bits);
    }
    return special_bits(kind, text, ret_bits);
}

static bool refuse_enum(struct json_reader *reader, const struct json_path *path, const uint8_t *at,
                        const struct ds_enum *enumeration, bool plain)
{
    char names[sizeof reader->error->message];
    size_t length = 0;
    for (uint16_t i = 0; i < enumeration->value_count && length < sizeof names; i++) {
        const int added =
            snprintf(names + length, sizeof names - length, "%s%s", i == 0 ? "" : ", ",
                     plain ? enumeration->values[i].short_name : enumeration->values[i].name);
        length += (size_t)added;
    }
    static const char prefix[] = "expected one of ";
    if (length + sizeof prefix <= sizeof names) {
        return json_fail(reader, path, at, "%s%s", prefix, names);
    }
    return json_fail(reader, path, at, "expected the name of a value of %s",
                     enumeration->full_name);
}

/* Plain text may also give a value by its number or its short name, in any case. */
static bool enum_from_plain_text(const struct ds_enum *enumeration, struct ds_bytes text,
                                 uint64_t *ret_bits)
{
    if (number_from_text(DS_KIND_ENUM, text, ret_bits)) {
        return true;
    }
    for (uint16_t i = 0; i < enumeration->value_count; i++) {
        const struct ds_enum_value *value = &enumeration->values[i];
        if ((strlen(value->short_name) == text.size &&
             strncasecmp(value->short_name, (const char *)text.data, text.size) == 0) ||
            (strlen(value->name) == text.size &&
             strncasecmp(value->name, (const char *)text.data, text.size) == 0)) {
            *ret_bits = (uint64_t)(int64_t)value->number;
            return true;
        }
    }
    return false;
}

static bool write_wire_text(struct json_reader *reader, const struct json_path *path,
                            const uint8_t *at, const struct ds_field *field, struct ds_bytes text)
{
    if (!ds_utf8_valid(text)) {
        return json_fail(reader, path, at, "text must be UTF-8");
    }
    if (!ds_utf8_valid_without_nul(text)) {
        return json_fail(reader, path, at, "text must not contain U+0000");
    }
    ds_wire_write_bytes_field(reader->wire, field->number, text);
    return true;
}

bool json_write_wire_string(struct json_reader *reader, const struct json_path *path,
                            const struct ds_field *field, const struct json_string *string,
                            enum json_layout layout)
{
    if (string->has_nul) {
        return json_fail(reader, path, string->raw.data, "text must not contain U+0000");
    }
    if (layout == JSON_UNLESS_DEFAULT && string->decoded_size == 0) {
        return true;
    }
    ds_wire_write_tag(reader->wire, field->number, DS_WIRE_BYTES);
    ds_wire_write_varint(reader->wire, string->decoded_size);
    if (string->decoded_size == 0) {
        return true;
    }
    uint8_t *target = ds_buffer_reserve(reader->wire, string->decoded_size);
    if (target != NULL) {
        ds_buffer_commit(reader->wire, json_decode_string(string, target));
    }
    return true;
}

/* Base64 is decoded in the place where its text was put. False where it is something else. */
static bool write_wire_bytes(struct json_reader *reader, const struct ds_field *field,
                             const struct json_string *string)
{
    const size_t length_at = json_begin_length(reader, field->number);
    uint8_t *target = ds_buffer_reserve(reader->wire, string->decoded_size + 1);
    if (target == NULL) {
        return true;
    }
    const size_t text_size = json_decode_string(string, target);
    size_t size;
    if (!ds_base64_decode(ds_bytes_of(target, text_size), target, &size)) {
        return false;
    }
    ds_buffer_commit(reader->wire, size);
    json_end_length(reader, length_at);
    return true;
}

static bool read_text_field(struct json_reader *reader, const struct json_path *path,
                            const struct ds_field *field, enum json_layout layout)
{
    struct json_string string;
    if (json_peek(reader) != '"') {
        return refuse(reader, path, reader->next, field);
    }
    if (!json_take_string(reader, path, &string)) {
        return false;
    }
    if (field->kind == DS_KIND_STRING) {
        return json_write_wire_string(reader, path, field, &string, layout);
    }
    if (layout == JSON_UNLESS_DEFAULT && string.decoded_size == 0) {
        return true;
    }
    return write_wire_bytes(reader, field, &string) || refuse(reader, path, string.raw.data, field);
}

static enum json_outcome read_enum_name(struct json_reader *reader, const struct json_path *path,
                                        const struct ds_field *field, enum json_layout layout)
{
    struct json_string string;
    if (!json_take_string(reader, path, &string)) {
        return JSON_FAILED;
    }
    uint8_t decoded[SCALAR_BYTES_MAX];
    struct ds_bytes name;
    const struct ds_enum_value *value = NULL;
    if (json_string_text(&string, decoded, sizeof decoded, &name) && name.size > 0) {
        value = ds_enum_by_name(field->enumeration, (const char *)name.data, name.size);
    }
    if (value != NULL) {
        write_scalar(reader, field, (uint64_t)(int64_t)value->number, layout);
        return JSON_TAKEN;
    }
    if (reader->options->ignore_unknown) {
        return JSON_SKIPPED;
    }
    refuse_enum(reader, path, string.raw.data, field->enumeration, false);
    return JSON_FAILED;
}

static bool read_bool(struct json_reader *reader, const struct json_path *path,
                      const struct ds_field *field, enum json_layout layout)
{
    const bool value = json_take_word(reader, "true");
    if (!value && !json_take_word(reader, "false")) {
        return refuse(reader, path, reader->next, field);
    }
    write_scalar(reader, field, value, layout);
    return true;
}

static bool quoted_number(struct json_reader *reader, const struct json_path *path,
                          const struct ds_field *field, uint64_t *ret_bits)
{
    struct json_string string;
    if (!json_take_string(reader, path, &string)) {
        return false;
    }
    uint8_t decoded[SCALAR_BYTES_MAX];
    struct ds_bytes text;
    return (json_string_text(&string, decoded, sizeof decoded, &text) &&
            number_from_text(field->kind, text, ret_bits)) ||
           refuse(reader, path, string.raw.data, field);
}

static bool read_number(struct json_reader *reader, const struct json_path *path,
                        const struct ds_field *field, enum json_layout layout)
{
    uint64_t bits;
    if (json_peek(reader) == '"') {
        if (!quoted_number(reader, path, field, &bits)) {
            return false;
        }
    } else {
        const uint8_t *begin = reader->next;
        struct ds_number number;
        const uint8_t *after = ds_number_scan(begin, reader->end, &number);
        if (after == NULL || !number_bits(field->kind, &number,
                                          ds_bytes_of(begin, (size_t)(after - begin)), &bits)) {
            return field->kind == DS_KIND_ENUM
                       ? refuse_enum(reader, path, begin, field->enumeration, false)
                       : refuse(reader, path, begin, field);
        }
        reader->next = after;
    }
    write_scalar(reader, field, bits, layout);
    return true;
}

static enum json_outcome read_enum(struct json_reader *reader, const struct json_path *path,
                                   const struct ds_field *field, enum json_layout layout)
{
    const uint8_t first = json_peek(reader);
    if (first == '"') {
        return read_enum_name(reader, path, field, layout);
    }
    if (first == 'n' && json_is_null_value(field->enumeration) && json_take_word(reader, "null")) {
        write_scalar(reader, field, 0, layout);
        return JSON_TAKEN;
    }
    return read_number(reader, path, field, layout) ? JSON_TAKEN : JSON_FAILED;
}

enum json_outcome json_read_scalar(struct json_reader *reader, const struct json_path *path,
                                   const struct ds_field *field, enum json_layout layout)
{
    bool taken;
    switch (field->kind) {
    case DS_KIND_ENUM:
        return read_enum(reader, path, field, layout);
    case DS_KIND_STRING:
    case DS_KIND_BYTES:
        taken = read_text_field(reader, path, field, layout);
        break;
    case DS_KIND_BOOL:
        taken = read_bool(reader, path, field, layout);
        break;
    default:
        taken = read_number(reader, path, field, layout);
    }
    return taken ? JSON_TAKEN : JSON_FAILED;
}

/* In any case: Python's clients write True. */
static bool bool_from_plain_text(struct ds_bytes text, uint64_t *ret_bits)
{
    static const char *const words[] = {"false", "true"};
    for (uint64_t i = 0; i < 2; i++) {
        if (strlen(words[i]) == text.size &&
            strncasecmp(words[i], (const char *)text.data, text.size) == 0) {
            *ret_bits = i;
            return true;
        }
    }
    return false;
}

static bool message_from_text(struct json_reader *reader, const struct json_path *path,
                              const uint8_t *at, const struct ds_field *field, struct ds_bytes text)
{
    const size_t length_at = json_begin_length(reader, field->number);
    const bool read = field->message->wellknown == DS_WELLKNOWN_WRAPPER
                          ? json_scalar_from_text(reader, path, at, &field->message->fields[0],
                                                  text, JSON_UNLESS_DEFAULT)
                          : json_wellknown_from_text(reader, path, at, field->message, text, true);
    if (read) {
        json_end_length(reader, length_at);
    }
    return read;
}

bool json_scalar_from_text(struct json_reader *reader, const struct json_path *path,
                           const uint8_t *at, const struct ds_field *field, struct ds_bytes text,
                           enum json_layout layout)
{
    uint64_t bits;
    bool taken;
    switch (field->kind) {
    case DS_KIND_MESSAGE:
        return message_from_text(reader, path, at, field, text);
    case DS_KIND_STRING:
        return (text.size == 0 && layout == JSON_UNLESS_DEFAULT) ||
               write_wire_text(reader, path, at, field, text);
    case DS_KIND_BYTES: {
        if (text.size == 0 && layout == JSON_UNLESS_DEFAULT) {
            return true;
        }
        const struct json_string string = {.raw = text, .decoded_size = text.size};
        return write_wire_bytes(reader, field, &string) || refuse(reader, path, at, field);
    }
    case DS_KIND_ENUM:
        if (!enum_from_plain_text(field->enumeration, text, &bits)) {
            return refuse_enum(reader, path, at, field->enumeration, true);
        }
        taken = true;
        break;
    case DS_KIND_BOOL:
        taken = bool_from_plain_text(text, &bits);
        break;
    default:
        taken = number_from_text(field->kind, text, &bits);
    }
    if (!taken) {
        return refuse(reader, path, at, field);
    }
    write_scalar(reader, field, bits, layout);
    return true;
}
