#include "ds/json_text.h"
#include "ds/json_writer.h"
#include "ds/time.h"

#include <assert.h>
#include <math.h>

/* The tags of the two fields, which are varints. */
#define SECONDS_TAG (1 << 3 | DS_WIRE_VARINT)
#define NANOSECONDS_TAG (2 << 3 | DS_WIRE_VARINT)

/* The form in which everybody writes them: the seconds, then the nanoseconds if they aren't 0. It
 * takes half of the instructions. False where it is another; that need not be wrong. */
static bool take_usual_seconds(struct ds_bytes wire, int64_t *ret_seconds, int64_t *ret_nanoseconds)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    uint64_t seconds;
    uint64_t nanoseconds = 0;
    if (ds_wire_at_end(&reader) || *reader.next++ != SECONDS_TAG ||
        !ds_wire_read_varint(&reader, &seconds)) {
        return false;
    }
    if (!ds_wire_at_end(&reader) &&
        (*reader.next++ != NANOSECONDS_TAG || !ds_wire_read_varint(&reader, &nanoseconds) ||
         !ds_wire_at_end(&reader))) {
        return false;
    }
    *ret_seconds = (int64_t)seconds;
    *ret_nanoseconds = (int32_t)nanoseconds;
    return true;
}

/* Timestamp and Duration have the same two fields. */
static bool take_seconds(struct json_writer *writer, struct ds_bytes wire, int64_t *ret_seconds,
                         int64_t *ret_nanoseconds)
{
    if (take_usual_seconds(wire, ret_seconds, ret_nanoseconds)) {
        return true;
    }
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    *ret_seconds = 0;
    *ret_nanoseconds = 0;
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        uint64_t bits;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return json_write_malformed(writer);
        }
        if (number > 2) {
            if (!ds_wire_skip(&reader, type)) {
                return json_write_malformed(writer);
            }
            continue;
        }
        if (type != DS_WIRE_VARINT || !ds_wire_read_varint(&reader, &bits)) {
            return json_write_malformed(writer);
        }
        if (number == 1) {
            *ret_seconds = (int64_t)bits;
        } else {
            *ret_nanoseconds = (int32_t)bits;
        }
    }
    return true;
}

static void append_quoted(struct json_writer *writer, const char *text, size_t size)
{
    uint8_t *target = ds_buffer_reserve(writer->text, size + 2);
    if (target != NULL) {
        target[0] = '"';
        memcpy(target + 1, text, size);
        target[size + 1] = '"';
        ds_buffer_commit(writer->text, size + 2);
    }
}

static size_t put_time(struct json_writer *writer, int64_t seconds, int32_t nanoseconds,
                       char *target)
{
    return writer->style->time == DS_JSON_TIME_ISOFORMAT
               ? ds_time_format_isoformat_near(&writer->days, seconds, nanoseconds, target)
               : ds_time_format_near(&writer->days, seconds, nanoseconds, target);
}

bool json_write_timestamp(struct json_writer *writer, struct ds_bytes wire)
{
    int64_t seconds;
    int64_t nanoseconds;
    if (!take_seconds(writer, wire, &seconds, &nanoseconds)) {
        return false;
    }
    if (seconds < DS_TIME_SECONDS_MIN || seconds > DS_TIME_SECONDS_MAX || nanoseconds < 0 ||
        nanoseconds > 999999999) {
        return json_write_malformed(writer);
    }
    struct ds_buffer *text = writer->text;
    if (text->capacity - text->size >= DS_TIME_TEXT_MAX + 2) {
        char *target = (char *)text->data + text->size;
        const size_t size = put_time(writer, seconds, (int32_t)nanoseconds, target + 1);
        target[0] = '"';
        target[1 + size] = '"';
        text->size += size + 2;
        return true;
    }
    /* The limit may allow less than the room that the longest time would need. */
    char small[DS_TIME_TEXT_MAX];
    append_quoted(writer, small, put_time(writer, seconds, (int32_t)nanoseconds, small));
    return true;
}

static bool write_duration(struct json_writer *writer, struct ds_bytes wire)
{
    int64_t seconds;
    int64_t nanoseconds;
    if (!take_seconds(writer, wire, &seconds, &nanoseconds)) {
        return false;
    }
    if (!ds_duration_valid(seconds, nanoseconds)) {
        return json_write_malformed(writer);
    }
    char text[DS_DURATION_TEXT_MAX];
    append_quoted(writer, text, ds_duration_format(seconds, (int32_t)nanoseconds, text));
    return true;
}

static bool write_field_mask(struct json_writer *writer, struct ds_bytes wire)
{
    struct json_occurrences paths = {
        .reader = ds_wire_reader_of(wire), .number = 1, .scattered = true};
    enum ds_wire_type type;
    bool first = true;
    ds_buffer_append_byte(writer->text, '"');
    while (json_next_occurrence(&paths, &type)) {
        struct ds_bytes path;
        if (type != DS_WIRE_BYTES || !ds_wire_read_bytes(&paths.reader, &path)) {
            return json_write_malformed(writer);
        }
        if (!first) {
            ds_buffer_append_byte(writer->text, ',');
        }
        first = false;
        if (!ds_field_path_valid(path, true) || !ds_field_path_to_camel(path, writer->text)) {
            return json_write_malformed(writer);
        }
    }
    ds_buffer_append_byte(writer->text, '"');
    return ds_wire_at_end(&paths.reader) || json_write_malformed(writer);
}

/* The last value of the only field; its default where it is absent. */
static bool write_wrapper(struct json_writer *writer, struct json_write_level *level)
{
    const struct ds_field *field = &level->message->fields[0];
    struct json_occurrences values = {
        .reader = ds_wire_reader_of(level->wire), .number = field->number, .scattered = true};
    struct ds_wire_reader last = {0};
    enum ds_wire_type type;
    while (json_next_occurrence(&values, &type)) {
        last = values.reader;
        if (type != ds_kind_wire_type(field->kind) || !ds_wire_skip(&values.reader, type)) {
            return json_write_malformed(writer);
        }
    }
    if (!ds_wire_at_end(&values.reader)) {
        return json_write_malformed(writer);
    }
    return last.next == NULL ? json_write_default_value(writer, level, field)
                             : json_write_value(writer, level, field, &last);
}

/* Struct is its map, ListValue (and each message that stands for a list) its list. */
static bool write_only_field(struct json_writer *writer, struct json_write_level *level)
{
    const struct ds_field *field = &level->message->fields[0];
    const bool map = ds_field_has(field, DS_FIELD_MAP);
    struct json_occurrences values = {
        .reader = ds_wire_reader_of(level->wire), .number = field->number, .scattered = true};
    enum ds_wire_type type;
    if (!json_next_occurrence(&values, &type)) {
        ds_buffer_append(writer->text, map ? "{}" : "[]", 2);
    } else if (!(map ? json_write_map(writer, level, field, &values, type)
                     : json_write_repeated(writer, level, field, &values, type))) {
        return false;
    }
    return ds_wire_at_end(&values.reader) || json_write_malformed(writer);
}

/* Which member of the Value's oneof counts, and where its values begin and the last one is. */
struct value_member {
    const struct ds_field *field;
    struct ds_wire_reader first;
    struct ds_wire_reader last;
};

static bool find_value_member(struct json_writer *writer, const struct json_write_level *level,
                              struct value_member *ret_member)
{
    struct ds_wire_reader reader = ds_wire_reader_of(level->wire);
    struct value_member member = {0};
    while (!ds_wire_at_end(&reader)) {
        const struct ds_wire_reader at_tag = reader;
        uint32_t number;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return json_write_malformed(writer);
        }
        const struct ds_field *field = ds_field_at(level->message, number);
        if (field != NULL) {
            if (type != ds_kind_wire_type(field->kind)) {
                return json_write_malformed(writer);
            }
            if (field != member.field) {
                member.first = at_tag;
            }
            member.field = field;
            member.last = reader;
        }
        if (!ds_wire_skip(&reader, type)) {
            return json_write_malformed(writer);
        }
    }
    *ret_member = member;
    return true;
}

static bool is_finite_number(struct ds_wire_reader reader)
{
    uint64_t bits;
    double value;
    if (!ds_wire_read_fixed64(&reader, &bits)) {
        return false;
    }
    memcpy(&value, &bits, sizeof value);
    return isfinite(value);
}

static bool write_any_value(struct json_writer *writer, struct json_write_level *level)
{
    struct value_member member;
    if (!find_value_member(writer, level, &member)) {
        return false;
    }
    if (member.field == NULL) {
        ds_buffer_append(writer->text, "null", 4);
        return true;
    }
    /* JSON has no such numbers, and text in their place would read back as a string. */
    if (member.field->kind == DS_KIND_DOUBLE && !is_finite_number(member.last)) {
        return json_write_malformed(writer);
    }
    if (member.field->kind != DS_KIND_MESSAGE) {
        return json_write_value(writer, level, member.field, &member.last);
    }
    return json_write_merged(writer, level, member.field, member.first);
}

bool json_write_wellknown(struct json_writer *writer, struct json_write_level *level)
{
    switch (level->message->wellknown) {
    case DS_WELLKNOWN_TIMESTAMP:
        return json_write_timestamp(writer, level->wire);
    case DS_WELLKNOWN_DURATION:
        return write_duration(writer, level->wire);
    case DS_WELLKNOWN_FIELD_MASK:
        return write_field_mask(writer, level->wire);
    case DS_WELLKNOWN_WRAPPER:
        return write_wrapper(writer, level);
    case DS_WELLKNOWN_STRUCT:
    case DS_WELLKNOWN_LIST_VALUE:
        return write_only_field(writer, level);
    case DS_WELLKNOWN_VALUE:
        return write_any_value(writer, level);
    default:
        assert(level->message->wellknown == DS_WELLKNOWN_ANY);
        return json_write_any(writer, level);
    }
}
