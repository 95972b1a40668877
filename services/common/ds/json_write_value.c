#include "ds/base64.h"
#include "ds/json_text.h"
#include "ds/json_writer.h"
#include "ds/number.h"
#include "ds/utf8.h"

#include <assert.h>
#include <math.h>

/* Whole numbers up to here survive every JSON reader that keeps numbers as doubles. */
#define JSON_INTEGER_MAX (INT64_C(1) << 53)

static void append_escaped(struct ds_buffer *json, uint8_t character)
{
    static const char hexadecimal[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hexadecimal[character >> 4], hexadecimal[character & 15]};
    size_t size = 2;
    switch (character) {
    case '"':
    case '\\':
        text[1] = (char)character;
        break;
    case '\b':
        text[1] = 'b';
        break;
    case '\f':
        text[1] = 'f';
        break;
    case '\n':
        text[1] = 'n';
        break;
    case '\r':
        text[1] = 'r';
        break;
    case '\t':
        text[1] = 't';
        break;
    default:
        size = sizeof text;
    }
    ds_buffer_append(json, text, size);
}

/* What is between the quotes, of well-formed UTF-8. */
static void append_string_content(struct ds_buffer *json, struct ds_bytes text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.size;
    while (at != end) {
        const uint8_t *plain_end = ds_json_plain_end(at, end);
        while (plain_end != end && *plain_end >= 0x80) {
            plain_end = ds_json_plain_end(plain_end + 1, end);
        }
        ds_buffer_append(json, at, (size_t)(plain_end - at));
        at = plain_end;
        if (at != end) {
            append_escaped(json, *at++);
        }
    }
}

bool json_write_string(struct json_writer *writer, struct ds_bytes text)
{
    if (text.size == 0) {
        ds_buffer_append(writer->text, "\"\"", 2);
        return true;
    }
    if (ds_json_plain_end(text.data, text.data + text.size) == text.data + text.size) {
        uint8_t *target = ds_buffer_reserve(writer->text, text.size + 2);
        if (target != NULL) {
            target[0] = '"';
            memcpy(target + 1, text.data, text.size);
            target[text.size + 1] = '"';
            ds_buffer_commit(writer->text, text.size + 2);
        }
        return true;
    }
    if (!ds_utf8_valid(text)) {
        return json_write_malformed(writer);
    }
    ds_buffer_append_byte(writer->text, '"');
    append_string_content(writer->text, text);
    ds_buffer_append_byte(writer->text, '"');
    return true;
}

/* The length of the longest front of `text` that is well-formed. */
static size_t valid_front(struct ds_bytes text)
{
    size_t size = 0;
    while (size < text.size) {
        size_t length = text.data[size] < 0x80 ? 1 : 2;
        while (length <= 4 && size + length <= text.size &&
               !ds_utf8_valid(ds_bytes_of(text.data + size, length))) {
            length++;
        }
        if (length > 4 || size + length > text.size) {
            break;
        }
        size += length;
    }
    return size;
}

void ds_json_append_string(struct ds_buffer *json, struct ds_bytes text)
{
    ds_buffer_append_byte(json, '"');
    if (text.size > 0 && ds_utf8_valid(text)) {
        append_string_content(json, text);
        text.size = 0;
    }
    while (text.size > 0) {
        const size_t front = valid_front(text);
        append_string_content(json, ds_bytes_of(text.data, front));
        text = ds_bytes_of(text.data + front, text.size - front);
        if (text.size > 0) {
            ds_buffer_append(json, "\xef\xbf\xbd", 3);
            text = ds_bytes_of(text.data + 1, text.size - 1);
        }
    }
    ds_buffer_append_byte(json, '"');
}

static void write_base64(struct json_writer *writer, struct ds_bytes bytes)
{
    const size_t size = ds_base64_text_size(bytes.size);
    uint8_t *target = ds_buffer_reserve(writer->text, size + 2);
    if (target == NULL) {
        return;
    }
    target[0] = '"';
    ds_base64_encode(bytes, (char *)target + 1);
    target[size + 1] = '"';
    ds_buffer_commit(writer->text, size + 2);
}

/* Without a fraction some readers take a number for an integer. */
static size_t add_fraction(char *target, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (target[i] == '.' || target[i] == 'e') {
            return length;
        }
    }
    memcpy(target + length, ".0", 2);
    return length + 2;
}

static size_t put_floating(const struct json_writer *writer, uint8_t kind, uint64_t bits,
                           char *target)
{
    double value;
    float narrow;
    const uint32_t narrow_bits = (uint32_t)bits;
    memcpy(&value, &bits, sizeof value);
    memcpy(&narrow, &narrow_bits, sizeof narrow);
    if (kind == DS_KIND_FLOAT) {
        value = (double)narrow;
    }
    if (!isfinite(value)) {
        const char *name = isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        const size_t length = strlen(name);
        memcpy(target, name, length);
        return length;
    }
    const size_t length =
        kind == DS_KIND_FLOAT ? ds_float_format(narrow, target) : ds_double_format(value, target);
    return writer->style->float_fraction ? add_fraction(target, length) : length;
}

static void write_enum(struct json_writer *writer, const struct ds_enum *enumeration,
                       int32_t number)
{
    if (enumeration->value_count == 1 &&
        strcmp(enumeration->full_name, "google.protobuf.NullValue") == 0) {
        ds_buffer_append(writer->text, "null", 4);
        return;
    }
    const struct ds_enum_value *value =
        writer->style->enum_numbers ? NULL : ds_enum_by_number(enumeration, number);
    if (value == NULL) {
        char text[DS_INT_TEXT_MAX];
        ds_buffer_append(writer->text, text, ds_int64_format(number, text));
        return;
    }
    ds_buffer_append_byte(writer->text, '"');
    ds_buffer_append_text(writer->text, value->name);
    ds_buffer_append_byte(writer->text, '"');
}

static bool take_varint(uint8_t kind, struct ds_wire_reader *reader, uint64_t *ret_bits)
{
    uint64_t bits;
    if (!ds_wire_read_varint(reader, &bits)) {
        return false;
    }
    switch (kind) {
    case DS_KIND_INT64:
    case DS_KIND_UINT64:
    case DS_KIND_SINT64:
        break;
    case DS_KIND_BOOL:
        bits = bits != 0;
        break;
    default:
        bits = (uint32_t)bits;
    }
    *ret_bits = bits;
    return true;
}

bool json_take_scalar(struct json_writer *writer, uint8_t kind, struct ds_wire_reader *reader,
                      uint64_t *ret_bits)
{
    bool taken = false;
    uint32_t narrow = 0;
    switch (ds_kind_wire_type(kind)) {
    case DS_WIRE_VARINT:
        taken = take_varint(kind, reader, ret_bits);
        break;
    case DS_WIRE_FIXED64:
        taken = ds_wire_read_fixed64(reader, ret_bits);
        break;
    case DS_WIRE_FIXED32:
        taken = ds_wire_read_fixed32(reader, &narrow);
        *ret_bits = narrow;
        break;
    case DS_WIRE_BYTES:
        break;
    }
    return taken || json_write_malformed(writer);
}

size_t json_put_integer(uint8_t kind, uint64_t bits, char *target)
{
    switch (kind) {
    case DS_KIND_SINT64:
        return ds_int64_format(ds_unzigzag(bits), target);
    case DS_KIND_INT64:
    case DS_KIND_SFIXED64:
        return ds_int64_format((int64_t)bits, target);
    case DS_KIND_UINT64:
    case DS_KIND_FIXED64:
        return ds_uint64_format(bits, target);
    case DS_KIND_SINT32:
        return ds_int64_format((int32_t)ds_unzigzag((uint32_t)bits), target);
    case DS_KIND_INT32:
    case DS_KIND_SFIXED32:
        return ds_int64_format((int32_t)bits, target);
    case DS_KIND_UINT32:
    case DS_KIND_FIXED32:
        return ds_uint64_format((uint32_t)bits, target);
    default:
        assert(kind == DS_KIND_BOOL);
        memcpy(target, bits != 0 ? "true" : "false", 5);
        return bits != 0 ? 4 : 5;
    }
}

/* 64-bit integers are text in protobuf's JSON, because many readers keep numbers as doubles. */
static bool needs_quotes(const struct json_writer *writer, uint8_t kind, uint64_t bits)
{
    switch (kind) {
    case DS_KIND_INT64:
    case DS_KIND_SFIXED64:
    case DS_KIND_SINT64:
        if (writer->style->int64_numbers) {
            const int64_t value = kind == DS_KIND_SINT64 ? ds_unzigzag(bits) : (int64_t)bits;
            return value > JSON_INTEGER_MAX || value < -JSON_INTEGER_MAX;
        }
        return true;
    case DS_KIND_UINT64:
    case DS_KIND_FIXED64:
        return !writer->style->int64_numbers || bits > (uint64_t)JSON_INTEGER_MAX;
    default:
        return false;
    }
}

static size_t put_scalar(const struct json_writer *writer, uint8_t kind, uint64_t bits,
                         char *target)
{
    if (kind == DS_KIND_DOUBLE || kind == DS_KIND_FLOAT) {
        return put_floating(writer, kind, bits, target);
    }
    if (!needs_quotes(writer, kind, bits)) {
        return json_put_integer(kind, bits, target);
    }
    target[0] = '"';
    const size_t length = 1 + json_put_integer(kind, bits, target + 1);
    target[length] = '"';
    return length + 1;
}

bool json_write_scalar(struct json_writer *writer, const struct ds_field *field, uint64_t bits)
{
    if (field->kind == DS_KIND_ENUM) {
        write_enum(writer, field->enumeration, (int32_t)bits);
        return true;
    }
    struct ds_buffer *text = writer->text;
    if (text->capacity - text->size >= DS_JSON_SCALAR_TEXT_MAX) {
        text->size += put_scalar(writer, field->kind, bits, (char *)text->data + text->size);
        return true;
    }
    /* The limit may allow less than the room that the longest number would need. */
    char small[DS_JSON_SCALAR_TEXT_MAX];
    ds_buffer_append(text, small, put_scalar(writer, field->kind, bits, small));
    return true;
}

bool json_write_value(struct json_writer *writer, struct json_write_level *level,
                      const struct ds_field *field, struct ds_wire_reader *reader)
{
    if (ds_kind_wire_type(field->kind) != DS_WIRE_BYTES) {
        uint64_t bits;
        return json_take_scalar(writer, field->kind, reader, &bits) &&
               json_write_scalar(writer, field, bits);
    }
    struct ds_bytes content;
    if (!ds_wire_read_bytes(reader, &content)) {
        return json_write_malformed(writer);
    }
    switch (field->kind) {
    case DS_KIND_STRING:
        return json_write_string(writer, content);
    case DS_KIND_MESSAGE:
        /* Every row has a time: it goes without a level of its own. */
        if (field->message->wellknown == DS_WELLKNOWN_TIMESTAMP &&
            level->depth < DS_JSON_DEPTH_MAX) {
            return json_write_timestamp(writer, content);
        }
        return json_write_message(writer, level, field->message, content);
    default:
        write_base64(writer, content);
        return true;
    }
}

bool json_write_default_value(struct json_writer *writer, struct json_write_level *level,
                              const struct ds_field *field)
{
    switch (field->kind) {
    case DS_KIND_STRING:
    case DS_KIND_BYTES:
        ds_buffer_append(writer->text, "\"\"", 2);
        return true;
    case DS_KIND_MESSAGE:
        return json_write_message(writer, level, field->message, (struct ds_bytes){0});
    default:
        return json_write_scalar(writer, field, 0);
    }
}
