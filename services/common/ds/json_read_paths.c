#include "ds/json_reader.h"

/* The names of the fields from the whole message down to one of its parts. */
struct field_path {
    const struct field_path *parent; /* NULL for a field of the whole message */
    const struct ds_field *field;
};

static void write_path(struct ds_buffer *mask, const struct field_path *path)
{
    size_t size = path->field->name_bytes;
    for (const struct field_path *outer = path->parent; outer != NULL; outer = outer->parent) {
        size += outer->field->name_bytes + 1U;
    }
    ds_wire_write_tag(mask, 1, DS_WIRE_BYTES);
    ds_wire_write_varint(mask, size);
    uint8_t *target = ds_buffer_reserve(mask, size);
    if (target == NULL) {
        return;
    }
    target += size;
    for (; path != NULL; path = path->parent) {
        target -= path->field->name_bytes;
        memcpy(target, path->field->name, path->field->name_bytes);
        if (path->parent != NULL) {
            *--target = '.';
        }
    }
    ds_buffer_commit(mask, size);
}

static const struct ds_field *find_field(const struct ds_message *message,
                                         const struct json_string *name)
{
    uint8_t decoded[JSON_NAME_BYTES_MAX];
    struct ds_bytes text;
    return json_string_text(name, decoded, sizeof decoded, &text) && text.size > 0
               ? ds_field_by_name(message, (const char *)text.data, text.size)
               : NULL;
}

/* Whether the value in front is the name of no enum value, which was passed over as an unknown
 * member is. */
static bool is_unknown_name(struct json_reader *reader, const struct json_path *path,
                            const struct ds_field *field)
{
    uint8_t decoded[JSON_NAME_BYTES_MAX];
    struct ds_bytes text;
    struct json_string name;
    if (field->kind != DS_KIND_ENUM || json_peek(reader) != '"') {
        return false;
    }
    const uint8_t *begin = reader->next;
    const bool unknown =
        json_take_string(reader, path, &name) &&
        (!json_string_text(&name, decoded, sizeof decoded, &text) || text.size == 0 ||
         ds_enum_by_name(field->enumeration, (const char *)text.data, text.size) == NULL);
    reader->next = begin;
    return unknown;
}

static bool collect(struct json_reader *reader, const struct json_path *path,
                    const struct ds_message *message, const struct field_path *outer);

static bool collect_member(struct json_reader *reader, const struct json_path *path,
                           const struct ds_message *message, const struct field_path *outer)
{
    struct json_string name;
    if (!json_take_name(reader, path, &name)) {
        return false;
    }
    const struct json_path inner = {.parent = path, .name = name.raw};
    const struct field_path own = {.parent = outer, .field = find_field(message, &name)};
    if (own.field == NULL || is_unknown_name(reader, &inner, own.field)) {
        return json_skip_value(reader, &inner, JSON_SKIP_DEPTH);
    }
    struct ds_buffer *mask = reader->options->given_paths;
    const size_t size_before = mask->size;
    const bool descends = own.field->kind == DS_KIND_MESSAGE &&
                          !ds_field_has(own.field, DS_FIELD_REPEATED) &&
                          json_is_plain(own.field->message) && json_peek(reader) == '{';
    if (!(descends ? collect(reader, &inner, own.field->message, &own)
                   : json_skip_value(reader, &inner, JSON_SKIP_DEPTH))) {
        return false;
    }
    if (mask->size == size_before) {
        write_path(mask, &own);
        return json_count_element(reader, &inner);
    }
    return true;
}

static bool collect(struct json_reader *reader, const struct json_path *path,
                    const struct ds_message *message, const struct field_path *outer)
{
    if (!json_take_character(reader, '{')) {
        return true; /* A null for the whole field. */
    }
    bool more = !json_take_character(reader, '}');
    while (more) {
        if (!collect_member(reader, path, message, outer) ||
            !json_take_separator(reader, path, '}', &more)) {
            return false;
        }
    }
    return true;
}

bool json_collect_paths(struct json_reader *reader, const struct ds_message *message)
{
    const struct json_path root = {0};
    reader->next = reader->begin;
    return !json_is_plain(message) || collect(reader, &root, message, NULL);
}
