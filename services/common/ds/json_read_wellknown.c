#include "ds/json_reader.h"
#include "ds/json_text.h"
#include "ds/time.h"
#include "ds/utf8.h"

#include <assert.h>

/* Texts with escapes longer than this are none of the forms below. */
#define TEXT_BYTES_MAX 256

/* Numbers of google.protobuf.Value's members. */
enum {
    VALUE_NULL = 1,
    VALUE_NUMBER = 2,
    VALUE_STRING = 3,
    VALUE_BOOL = 4,
    VALUE_STRUCT = 5,
    VALUE_LIST = 6,
};

/* Timestamp and Duration have the same two fields, int64 and int32. */
static void write_seconds(struct json_reader *reader, int64_t seconds, int32_t nanoseconds)
{
    uint8_t bytes[2 * (1 + DS_VARINT_BYTES_MAX)];
    size_t size = 0;
    if (seconds != 0) {
        bytes[size++] = 1 << 3 | DS_WIRE_VARINT;
        size += ds_varint_put(bytes + size, (uint64_t)seconds);
    }
    if (nanoseconds != 0) {
        bytes[size++] = 2 << 3 | DS_WIRE_VARINT;
        size += ds_varint_put(bytes + size, (uint64_t)(int64_t)nanoseconds);
    }
    ds_buffer_append(reader->wire, bytes, size);
}

/* What would do for a message whose JSON form is a string. */
static const char *expectation(const struct json_reader *reader, const struct ds_message *message)
{
    switch (message->wellknown) {
    case DS_WELLKNOWN_TIMESTAMP:
        return reader->options->lenient_times
                   ? "expected a time such as 2025-01-25T10:00:00.5Z or a date such as 2025-01-25"
                   : "expected a time such as 2025-01-25T10:00:00.5Z";
    case DS_WELLKNOWN_DURATION:
        return "expected a duration in seconds such as 1.5s";
    case DS_WELLKNOWN_FIELD_MASK:
        return "expected names of fields with commas between them, such as price,tickId";
    default:
        return "a message can't be given as plain text";
    }
}

static bool refuse(struct json_reader *reader, const struct json_path *path, const uint8_t *at,
                   const struct ds_message *message)
{
    return json_fail(reader, path, at, "%s", expectation(reader, message));
}

static void write_path(struct json_reader *reader, struct ds_bytes path)
{
    const size_t size = ds_field_path_snake_size(path);
    ds_wire_write_tag(reader->wire, 1, DS_WIRE_BYTES);
    ds_wire_write_varint(reader->wire, size);
    uint8_t *target = ds_buffer_reserve(reader->wire, size);
    if (target != NULL) {
        ds_field_path_to_snake(path, target);
        ds_buffer_commit(reader->wire, size);
    }
}

/* "price,tickId". In plain text, as in a query, the names of the .proto do too. */
static bool take_field_mask(struct json_reader *reader, const struct json_path *path,
                            const uint8_t *at, const struct ds_message *message,
                            struct ds_bytes text, bool plain)
{
    size_t begin = 0;
    while (begin < text.size) {
        const uint8_t *comma = memchr(text.data + begin, ',', text.size - begin);
        const size_t end = comma == NULL ? text.size : (size_t)(comma - text.data);
        const struct ds_bytes one = ds_bytes_of(text.data + begin, end - begin);
        if (!ds_field_path_valid(one, plain) || end + 1 == text.size) {
            return refuse(reader, path, plain ? one.data : at, message);
        }
        if (!json_count_element(reader, path)) {
            return false;
        }
        write_path(reader, one);
        begin = end + 1;
    }
    return true;
}

bool json_wellknown_from_text(struct json_reader *reader, const struct json_path *path,
                              const uint8_t *at, const struct ds_message *message,
                              struct ds_bytes text, bool plain)
{
    int64_t seconds = 0;
    int32_t nanoseconds = 0;
    bool taken = false;
    switch (message->wellknown) {
    case DS_WELLKNOWN_TIMESTAMP:
        taken = ds_time_parse(text, reader->options->lenient_times, &seconds, &nanoseconds);
        break;
    case DS_WELLKNOWN_DURATION:
        taken = ds_duration_parse(text, &seconds, &nanoseconds);
        break;
    case DS_WELLKNOWN_FIELD_MASK:
        taken = take_field_mask(reader, path, at, message, text, plain);
        break;
    default:
        break;
    }
    if (!taken) {
        return reader->code == DS_OK && refuse(reader, path, at, message);
    }
    write_seconds(reader, seconds, nanoseconds);
    return true;
}

static bool read_as_text(struct json_reader *reader, const struct json_path *path,
                         const struct ds_message *message)
{
    uint8_t decoded[TEXT_BYTES_MAX];
    struct json_string string;
    struct ds_bytes text;
    if (json_peek(reader) != '"') {
        return refuse(reader, path, reader->next, message);
    }
    const uint8_t *at = reader->next;
    if (!json_take_string(reader, path, &string)) {
        return false;
    }
    if (!json_string_text(&string, decoded, sizeof decoded, &text)) {
        return refuse(reader, path, at, message);
    }
    return json_wellknown_from_text(reader, path, at, message, text, false);
}

static bool read_value_member(struct json_reader *reader, const struct json_path *path,
                              const struct ds_message *message, uint32_t number, int depth)
{
    const struct ds_field *field = ds_field_by_number(message, number);
    if (field->kind == DS_KIND_MESSAGE) {
        return json_read_submessage(reader, path, field, depth);
    }
    return json_read_scalar(reader, path, field, JSON_TAGGED) == JSON_TAKEN;
}

/* google.protobuf.Value: whatever JSON there is. */
static bool read_any_value(struct json_reader *reader, const struct json_path *path,
                           const struct ds_message *message, int depth)
{
    uint32_t number;
    switch (json_peek(reader)) {
    case 'n':
        number = VALUE_NULL;
        break;
    case '"':
        number = VALUE_STRING;
        break;
    case 't':
    case 'f':
        number = VALUE_BOOL;
        break;
    case '{':
        number = VALUE_STRUCT;
        break;
    case '[':
        number = VALUE_LIST;
        break;
    default:
        number = VALUE_NUMBER;
    }
    return read_value_member(reader, path, message, number, depth);
}

bool json_read_wellknown(struct json_reader *reader, const struct json_path *path,
                         const struct ds_message *message, int depth)
{
    switch (message->wellknown) {
    case DS_WELLKNOWN_TIMESTAMP:
    case DS_WELLKNOWN_DURATION:
    case DS_WELLKNOWN_FIELD_MASK:
        return read_as_text(reader, path, message);
    case DS_WELLKNOWN_STRUCT:
        return json_read_map(reader, path, &message->fields[0], depth);
    case DS_WELLKNOWN_LIST_VALUE:
        return json_read_array(reader, path, &message->fields[0], depth);
    case DS_WELLKNOWN_VALUE:
        return read_any_value(reader, path, message, depth);
    case DS_WELLKNOWN_WRAPPER:
        return json_read_scalar(reader, path, &message->fields[0], JSON_UNLESS_DEFAULT) !=
               JSON_FAILED;
    default:
        assert(message->wellknown == DS_WELLKNOWN_ANY);
        return json_read_any(reader, path, message, depth);
    }
}
