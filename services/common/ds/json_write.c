#include "ds/json_writer.h"

#include <assert.h>

bool json_next_occurrence(struct json_occurrences *occurrences, enum ds_wire_type *ret_type)
{
    while (!ds_wire_at_end(&occurrences->reader)) {
        const uint8_t *before = occurrences->reader.next;
        uint32_t number;
        if (!ds_wire_read_tag(&occurrences->reader, &number, ret_type)) {
            occurrences->reader.next = before;
            return false;
        }
        if (number == occurrences->number) {
            return true;
        }
        if (!occurrences->scattered) {
            occurrences->reader.next = before;
            return false;
        }
        if (!ds_wire_skip(&occurrences->reader, *ret_type)) {
            return false;
        }
    }
    return false;
}

static struct ds_bytes name_of(const struct json_writer *writer,
                               const struct json_write_level *level, const struct ds_field *field)
{
    const struct ds_json_rename *rename = level->parent == NULL ? writer->style->rename : NULL;
    for (; rename != NULL && rename->name != NULL; rename++) {
        if (strcmp(rename->name, field->name) == 0) {
            return ds_bytes_of_text(rename->as);
        }
    }
    return writer->style->proto_names ? ds_bytes_of(field->name, field->name_bytes)
                                      : ds_bytes_of(field->json_name, field->json_name_bytes);
}

void json_write_name(struct json_writer *writer, struct json_write_level *level,
                     const struct ds_field *field)
{
    const struct ds_bytes name = name_of(writer, level, field);
    uint8_t *target = ds_buffer_reserve(writer->text, name.size + 3 + level->has_members);
    if (target == NULL) {
        return;
    }
    *target = ',';
    target += level->has_members;
    *target = '"';
    memcpy(target + 1, name.data, name.size);
    memcpy(target + 1 + name.size, "\":", 2);
    ds_buffer_commit(writer->text, name.size + 3 + level->has_members);
    level->has_members = true;
}

/* A field without presence that has its default is as good as absent. */
static bool is_dropped(const struct json_writer *writer, const struct ds_field *field, bool zero)
{
    return zero && !ds_field_has(field, DS_FIELD_PRESENCE) && !writer->style->defaults;
}

static bool write_scalar_member(struct json_writer *writer, struct json_write_level *level,
                                const struct ds_field *field, struct ds_wire_reader *reader)
{
    uint64_t bits;
    if (!json_take_scalar(writer, field->kind, reader, &bits)) {
        return false;
    }
    if (is_dropped(writer, field, bits == 0)) {
        return true;
    }
    json_write_name(writer, level, field);
    return json_write_scalar(writer, field, bits);
}

static bool write_text_member(struct json_writer *writer, struct json_write_level *level,
                              const struct ds_field *field, struct ds_wire_reader *reader)
{
    struct ds_wire_reader ahead = *reader;
    struct ds_bytes content;
    if (!ds_wire_read_bytes(&ahead, &content)) {
        return json_write_malformed(writer);
    }
    if (is_dropped(writer, field, content.size == 0 && field->kind != DS_KIND_MESSAGE)) {
        *reader = ahead;
        return json_write_absent(writer, level, field);
    }
    json_write_name(writer, level, field);
    return json_write_value(writer, level, field, reader);
}

bool json_write_repeated_member(struct json_writer *writer, struct json_write_level *level,
                                const struct ds_field *field, struct json_occurrences *occurrences,
                                enum ds_wire_type type)
{
    const size_t size_before = writer->text->size;
    const bool had_members = level->has_members;
    json_write_name(writer, level, field);
    const size_t empty_size = writer->text->size + 2;
    if (!(ds_field_has(field, DS_FIELD_MAP)
              ? json_write_map(writer, level, field, occurrences, type)
              : json_write_repeated(writer, level, field, occurrences, type))) {
        return false;
    }
    /* Packed values may be none at all, which is as good as absent. */
    if (writer->text->size == empty_size && !writer->style->defaults) {
        writer->text->size = size_before;
        level->has_members = had_members;
    }
    return true;
}

bool json_write_member(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field, struct ds_wire_reader *reader,
                       enum ds_wire_type type)
{
    if (ds_field_has(field, DS_FIELD_REPEATED)) {
        struct json_occurrences occurrences = {.reader = *reader, .number = field->number};
        const bool written = json_write_repeated_member(writer, level, field, &occurrences, type);
        *reader = occurrences.reader;
        return written;
    }
    if (type != ds_kind_wire_type(field->kind)) {
        return json_write_malformed(writer);
    }
    return type == DS_WIRE_BYTES ? write_text_member(writer, level, field, reader)
                                 : write_scalar_member(writer, level, field, reader);
}

/* Finds the value of the parent's string field that has the name of the row's series field, once
 * for all rows. */
static struct ds_bytes find_series(struct json_write_level *parent, const struct ds_field *wanted)
{
    if (parent->series_of == wanted) {
        return parent->series;
    }
    parent->series_of = wanted;
    parent->series = (struct ds_bytes){0};
    const struct ds_field *field =
        ds_field_by_name(parent->message, wanted->name, wanted->name_bytes);
    if (field == NULL || field->kind != DS_KIND_STRING || ds_field_has(field, DS_FIELD_REPEATED)) {
        return parent->series;
    }
    struct json_occurrences occurrences = {
        .reader = ds_wire_reader_of(parent->wire), .number = field->number, .scattered = true};
    enum ds_wire_type type;
    struct ds_bytes text;
    while (json_next_occurrence(&occurrences, &type) && type == DS_WIRE_BYTES &&
           ds_wire_read_bytes(&occurrences.reader, &text)) {
        parent->series = text;
    }
    return parent->series;
}

/* The message that a row belongs to; between the two there may be one that stands for a list. */
static struct json_write_level *enclosing(const struct json_write_level *level)
{
    struct json_write_level *parent = level->parent;
    const bool is_list = parent != NULL && parent->message->wellknown == DS_WELLKNOWN_LIST_VALUE;
    return is_list ? parent->parent : parent;
}

bool json_write_absent(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field)
{
    if (json_is_left_out(writer, level, field)) {
        return true;
    }
    struct json_write_level *parent = enclosing(level);
    if (writer->style->whole_rows && ds_field_has(field, DS_FIELD_SERIES) &&
        field->kind == DS_KIND_STRING && parent != NULL) {
        const struct ds_bytes series = find_series(parent, field);
        if (series.size > 0) {
            json_write_name(writer, level, field);
            return json_write_string(writer, series);
        }
    }
    if (!writer->style->defaults || ds_field_has(field, DS_FIELD_PRESENCE)) {
        return true;
    }
    if (ds_field_has(field, DS_FIELD_SERIES) && level->parent != NULL) {
        return true; /* The enclosing message names the series once for all of its rows. */
    }
    json_write_name(writer, level, field);
    if (ds_field_has(field, DS_FIELD_REPEATED)) {
        ds_buffer_append(writer->text, ds_field_has(field, DS_FIELD_MAP) ? "{}" : "[]", 2);
        return true;
    }
    return json_write_default_value(writer, level, field);
}

/* Whether nothing stands for the field where the wire does not have it. Most fields of a row are
 * such, so that json_write_absent() need not be asked. */
static bool leaves_nothing(const struct json_writer *writer, const struct ds_field *field)
{
    return !ds_field_has(field, DS_FIELD_SERIES) &&
           (ds_field_has(field, DS_FIELD_PRESENCE) || !writer->style->defaults);
}

/* Writes the fields before `until` that the wire does not have. */
static bool write_absent_until(struct json_writer *writer, struct json_write_level *level,
                               const struct ds_field *field, const struct ds_field *until)
{
    for (; field != until; field++) {
        if (!leaves_nothing(writer, field) && !json_write_absent(writer, level, field)) {
            return false;
        }
    }
    return true;
}

/* Of the fields that come in ascending order: a walk's place in the table. */
struct walk {
    const struct ds_field *next; /* the first that may come yet */
    const struct ds_field *end;
    uint64_t oneofs_seen;
};

/* Oneofs beyond this number are always written carefully. */
#define ONEOFS_MAX 64

/* False where a second member of a oneof comes: only the last one counts. */
static bool first_of_oneof(struct walk *walk, const struct ds_field *field)
{
    if (field->oneof < 0) {
        return true;
    }
    if (field->oneof >= ONEOFS_MAX || (walk->oneofs_seen >> field->oneof & 1) != 0) {
        return false;
    }
    walk->oneofs_seen |= UINT64_C(1) << field->oneof;
    return true;
}

/* The field of a tag if it keeps to the order; NULL with ret_disorder false if it is unknown. */
static const struct ds_field *step_far(struct walk *walk, const struct ds_message *message,
                                       uint32_t number, bool *ret_disorder)
{
    const struct ds_field *field = walk->next;
    while (field != walk->end && field->number < number) {
        field++;
    }
    *ret_disorder = false;
    if (field != walk->end && field->number == number) {
        *ret_disorder = !first_of_oneof(walk, field);
        return field;
    }
    *ret_disorder = field == walk->next && ds_field_at(message, number) != NULL;
    return NULL;
}

/* The same. Mostly it is the very next field. */
static inline const struct ds_field *step(struct walk *walk, const struct ds_message *message,
                                          uint32_t number, bool *ret_disorder)
{
    const struct ds_field *field = walk->next;
    if (field != walk->end && field->number == number && field->oneof < 0) {
        *ret_disorder = false;
        return field;
    }
    return step_far(walk, message, number, ret_disorder);
}

bool json_write_is_ordered(const struct ds_message *message, struct ds_bytes wire)
{
    struct walk walk = {.next = message->fields, .end = ds_fields_end(message)};
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    const struct ds_field *previous = NULL;
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        bool disorder;
        if (!ds_wire_read_tag(&reader, &number, &type) || !ds_wire_skip(&reader, type)) {
            return false;
        }
        if (previous != NULL && previous->number == number &&
            ds_field_has(previous, DS_FIELD_REPEATED)) {
            continue;
        }
        previous = step(&walk, message, number, &disorder);
        if (disorder) {
            return false;
        }
        if (previous != NULL) {
            walk.next = previous + 1;
        }
    }
    return true;
}

/* One field of a message whose fields come in ascending order, as far as we have seen. */
static bool write_next_field(struct json_writer *writer, struct json_write_level *level,
                             struct walk *walk, struct ds_wire_reader *reader)
{
    uint32_t number;
    enum ds_wire_type type;
    bool disorder;
    if (!ds_wire_read_tag(reader, &number, &type)) {
        return json_write_malformed(writer);
    }
    const struct ds_field *field = step(walk, level->message, number, &disorder);
    if (disorder) {
        assert(!writer->careful);
        return json_write_fail(writer, DS_ABORTED);
    }
    if (field == NULL) {
        return ds_wire_skip(reader, type) || json_write_malformed(writer);
    }
    if ((writer->style->defaults || writer->style->whole_rows) &&
        !write_absent_until(writer, level, walk->next, field)) {
        return false;
    }
    walk->next = field + 1;
    if (!json_is_left_out(writer, level, field)) {
        return json_write_member(writer, level, field, reader, type);
    }
    struct json_occurrences rest = {.reader = *reader, .number = number};
    do {
        if (!ds_wire_skip(&rest.reader, type)) {
            return json_write_malformed(writer);
        }
    } while (ds_field_has(field, DS_FIELD_REPEATED) && json_next_occurrence(&rest, &type));
    *reader = rest.reader;
    return true;
}

static bool write_ordered(struct json_writer *writer, struct json_write_level *level)
{
    struct ds_wire_reader reader = ds_wire_reader_of(level->wire);
    struct walk walk = {.next = level->message->fields, .end = ds_fields_end(level->message)};
    while (!ds_wire_at_end(&reader)) {
        if (!write_next_field(writer, level, &walk, &reader)) {
            return false;
        }
    }
    if (writer->style->defaults || writer->style->whole_rows) {
        return write_absent_until(writer, level, walk.next, walk.end);
    }
    return true;
}

bool json_write_message(struct json_writer *writer, struct json_write_level *parent,
                        const struct ds_message *message, struct ds_bytes wire)
{
    struct json_write_level level = {.parent = parent,
                                     .message = message,
                                     .wire = wire,
                                     .depth = parent == NULL ? 1 : parent->depth + 1};
    if (level.depth > DS_JSON_DEPTH_MAX) {
        return json_write_malformed(writer);
    }
    if (writer->text->overflow) {
        return json_write_fail(writer, DS_RESOURCE_EXHAUSTED);
    }
    if (message->wellknown != DS_WELLKNOWN_NONE && message->wellknown != DS_WELLKNOWN_EMPTY) {
        return json_write_wellknown(writer, &level);
    }
    ds_buffer_append_byte(writer->text, '{');
    const bool scattered = writer->careful && !json_write_is_ordered(message, wire);
    if (!(scattered ? json_write_scattered(writer, &level) : write_ordered(writer, &level))) {
        return false;
    }
    ds_buffer_append_byte(writer->text, '}');
    return true;
}

/* The field's value or, where that is NULL, the whole message. */
static bool write_wire(struct json_writer *writer, const struct ds_message *message,
                       const struct ds_field *field, struct ds_bytes wire)
{
    if (field == NULL) {
        return json_write_message(writer, NULL, message, wire);
    }
    struct json_write_level level = {.message = message, .wire = wire, .depth = 1};
    return json_write_field(writer, &level, field);
}

static ds_code wire_to_text(const struct ds_message *message, const struct ds_field *field,
                            struct ds_bytes wire, const struct ds_json_style *style,
                            struct ds_buffer *text)
{
    const size_t size_before = text->size;
    struct json_writer writer = {.text = text, .style = style};
    bool written = write_wire(&writer, message, field, wire);
    if (!written && writer.code == DS_ABORTED) {
        text->size = size_before;
        writer.careful = true;
        written = write_wire(&writer, message, field, wire);
    }
    if (text->overflow) {
        return DS_RESOURCE_EXHAUSTED;
    }
    return written ? DS_OK : writer.code;
}

ds_code ds_wire_to_json(const struct ds_message *message, struct ds_bytes wire,
                        const struct ds_json_style *style, struct ds_buffer *text)
{
    assert(message != NULL && style != NULL && text != NULL);
    return wire_to_text(message, NULL, wire, style, text);
}

ds_code ds_wire_field_to_json(const struct ds_message *message, const struct ds_field *field,
                              struct ds_bytes wire, const struct ds_json_style *style,
                              struct ds_buffer *text)
{
    assert(message != NULL && field != NULL && style != NULL && text != NULL);
    return wire_to_text(message, field, wire, style, text);
}
