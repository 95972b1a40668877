#include "ds/json_writer.h"

/* Where the values of one field are that count. */
struct values {
    struct ds_wire_reader first; /* at the first one's tag */
    struct ds_wire_reader last;  /* behind the last one's tag */
    enum ds_wire_type type;      /* of the last one */
    bool present;
};

static bool find_values(struct json_writer *writer, const struct json_write_level *level,
                        const struct ds_field *field, struct values *ret_values)
{
    struct ds_wire_reader reader = ds_wire_reader_of(level->wire);
    struct values values = {.present = false};
    while (!ds_wire_at_end(&reader)) {
        const struct ds_wire_reader at_tag = reader;
        uint32_t number;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return json_write_malformed(writer);
        }
        const struct ds_field *found = ds_field_at(level->message, number);
        if (found == field) {
            values.first = values.present ? values.first : at_tag;
            values.last = reader;
            values.type = type;
            values.present = true;
        } else if (found != NULL && field->oneof >= 0 && found->oneof == field->oneof) {
            values.present = false; /* Another member makes the message forget ours. */
        }
        if (!ds_wire_skip(&reader, type)) {
            return json_write_malformed(writer);
        }
    }
    *ret_values = values;
    return true;
}

static bool write_list(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field, const struct values *values)
{
    const bool map = ds_field_has(field, DS_FIELD_MAP);
    struct json_occurrences occurrences = {
        .reader = values->first, .number = field->number, .scattered = true};
    enum ds_wire_type type;
    if (!values->present || !json_next_occurrence(&occurrences, &type)) {
        ds_buffer_append(writer->text, map ? "{}" : "[]", 2);
        return true;
    }
    return map ? json_write_map(writer, level, field, &occurrences, type)
               : json_write_repeated(writer, level, field, &occurrences, type);
}

bool json_write_field(struct json_writer *writer, struct json_write_level *level,
                      const struct ds_field *field)
{
    struct values values;
    if (!find_values(writer, level, field, &values)) {
        return false;
    }
    if (ds_field_has(field, DS_FIELD_REPEATED)) {
        return write_list(writer, level, field, &values);
    }
    if (!values.present) {
        return json_write_default_value(writer, level, field);
    }
    if (field->kind == DS_KIND_MESSAGE) {
        return json_write_merged(writer, level, field, values.first);
    }
    return values.type == ds_kind_wire_type(field->kind)
               ? json_write_value(writer, level, field, &values.last)
               : json_write_malformed(writer);
}
