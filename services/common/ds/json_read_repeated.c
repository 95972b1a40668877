#include "ds/json_reader.h"

#include <assert.h>
#include <stdlib.h>

/* Keys of maps that are no strings are short; longer ones with escapes can't be any. */
#define KEY_BYTES_MAX 64
/* Keys longer than this are not shown in errors. */
#define SHOWN_KEY_BYTES_MAX 40

static bool refuse_null(struct json_reader *reader, const struct json_path *path,
                        const struct ds_field *field)
{
    if (json_peek(reader) == 'n' && !json_takes_null(field)) {
        return json_fail(reader, path, reader->next, "null is allowed for a whole field only");
    }
    return true;
}

static bool read_element(struct json_reader *reader, const struct json_path *path,
                         const struct ds_field *field, int depth)
{
    if (!refuse_null(reader, path, field)) {
        return false;
    }
    if (field->kind == DS_KIND_MESSAGE) {
        return json_read_submessage(reader, path, field, depth);
    }
    const enum json_layout layout = ds_field_has(field, DS_FIELD_PACKED) ? JSON_BARE : JSON_TAGGED;
    return json_count_element(reader, path) &&
           json_read_scalar(reader, path, field, layout) != JSON_FAILED;
}

static bool read_elements(struct json_reader *reader, const struct json_path *path,
                          const struct ds_field *field, int depth)
{
    struct json_path inner = {.parent = path};
    bool more = !json_take_character(reader, ']');
    while (more) {
        if (!read_element(reader, &inner, field, depth) ||
            !json_take_separator(reader, path, ']', &more)) {
            return false;
        }
        if (reader->wire->overflow) {
            return false;
        }
        inner.index++;
    }
    return true;
}

bool json_read_array(struct json_reader *reader, const struct json_path *path,
                     const struct ds_field *field, int depth)
{
    if (!json_take_character(reader, '[')) {
        return json_fail(reader, path, reader->next, "expected an array");
    }
    if (!ds_field_has(field, DS_FIELD_PACKED)) {
        return read_elements(reader, path, field, depth);
    }
    const size_t size_before = reader->wire->size;
    const size_t length_at = json_begin_length(reader, field->number);
    if (!read_elements(reader, path, field, depth)) {
        return false;
    }
    json_end_content(reader, length_at, size_before);
    return true;
}

static bool read_key(struct json_reader *reader, const struct json_path *path,
                     const struct ds_field *field, const struct json_string *name)
{
    if (field->kind == DS_KIND_STRING) {
        return json_write_wire_string(reader, path, field, name, JSON_TAGGED);
    }
    uint8_t decoded[KEY_BYTES_MAX];
    struct ds_bytes text;
    if (!json_string_text(name, decoded, sizeof decoded, &text)) {
        return json_fail(reader, path, name->raw.data, "this key is too long");
    }
    return json_scalar_from_text(reader, path, name->raw.data, field, text, JSON_TAGGED);
}

static enum json_outcome read_entry_value(struct json_reader *reader, const struct json_path *path,
                                          const struct ds_field *field, int depth)
{
    if (!refuse_null(reader, path, field)) {
        return JSON_FAILED;
    }
    if (field->kind != DS_KIND_MESSAGE) {
        return json_read_scalar(reader, path, field, JSON_TAGGED);
    }
    return json_read_submessage(reader, path, field, depth) ? JSON_TAKEN : JSON_FAILED;
}

static bool read_entry(struct json_reader *reader, const struct json_path *path,
                       const struct ds_field *field, int depth)
{
    const struct ds_message *entry = field->message;
    struct json_string name;
    if (!json_count_element(reader, path) || !json_take_name(reader, path, &name)) {
        return false;
    }
    const struct json_path inner = {.parent = path, .name = name.raw};
    const size_t size_before = reader->wire->size;
    const size_t length_at = json_begin_length(reader, field->number);
    if (!read_key(reader, &inner, &entry->fields[0], &name)) {
        return false;
    }
    switch (read_entry_value(reader, &inner, &entry->fields[1], depth + 1)) {
    case JSON_FAILED:
        return false;
    case JSON_SKIPPED:
        reader->wire->size = size_before;
        return true;
    case JSON_TAKEN:
        break;
    }
    json_end_length(reader, length_at);
    return true;
}

static int compare_keys(const void *left, const void *right)
{
    const struct ds_bytes *a = left;
    const struct ds_bytes *b = right;
    return ds_bytes_compare(*a, *b);
}

/* The keys of the entries that we have just written, as they lie in the wire: equal keys are equal
 * bytes there. */
static size_t collect_keys(struct ds_bytes entries, struct ds_bytes *keys)
{
    struct ds_wire_reader reader = ds_wire_reader_of(entries);
    size_t count = 0;
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        struct ds_bytes content;
        bool read =
            ds_wire_read_tag(&reader, &number, &type) && ds_wire_read_bytes(&reader, &content);
        assert(read);
        struct ds_wire_reader entry = ds_wire_reader_of(content);
        read = read && ds_wire_read_tag(&entry, &number, &type) && ds_wire_skip(&entry, type);
        assert(read);
        if (!read) {
            break;
        }
        keys[count++] = ds_bytes_of(content.data, (size_t)(entry.next - content.data));
    }
    return count;
}

static bool refuse_twice(struct json_reader *reader, const struct json_path *path,
                         const uint8_t *at, const struct ds_field *key, struct ds_bytes wire)
{
    struct ds_wire_reader entry = ds_wire_reader_of(wire);
    uint32_t number;
    enum ds_wire_type type;
    struct ds_bytes text;
    if (key->kind == DS_KIND_STRING && ds_wire_read_tag(&entry, &number, &type) &&
        ds_wire_read_bytes(&entry, &text) && text.size <= SHOWN_KEY_BYTES_MAX) {
        return json_fail(reader, path, at, "the key \"%.*s\" occurs twice", (int)text.size,
                         (const char *)text.data);
    }
    return json_fail(reader, path, at, "a key occurs twice");
}

static bool check_keys(struct json_reader *reader, const struct json_path *path, const uint8_t *at,
                       const struct ds_field *field, size_t wire_begin, size_t count)
{
    if (count < 2 || reader->wire->overflow) {
        return true;
    }
    struct ds_bytes *keys = malloc(count * sizeof *keys);
    if (keys == NULL) {
        abort();
    }
    const struct ds_bytes entries =
        ds_bytes_of(reader->wire->data + wire_begin, reader->wire->size - wire_begin);
    const size_t written = collect_keys(entries, keys);
    qsort(keys, written, sizeof *keys, compare_keys);
    bool distinct = true;
    for (size_t i = 0; distinct && i + 1 < written; i++) {
        if (ds_bytes_equal(keys[i], keys[i + 1])) {
            distinct = refuse_twice(reader, path, at, &field->message->fields[0], keys[i]);
        }
    }
    free(keys);
    return distinct;
}

bool json_read_map(struct json_reader *reader, const struct json_path *path,
                   const struct ds_field *field, int depth)
{
    if (!json_take_character(reader, '{')) {
        return json_fail(reader, path, reader->next, "expected an object");
    }
    if (depth >= DS_JSON_DEPTH_MAX) {
        return json_fail(reader, path, reader->next, "messages are nested too deeply");
    }
    const uint8_t *at = reader->next - 1;
    const size_t wire_begin = reader->wire->size;
    size_t count = 0;
    bool more = !json_take_character(reader, '}');
    while (more) {
        if (!read_entry(reader, path, field, depth) ||
            !json_take_separator(reader, path, '}', &more)) {
            return false;
        }
        if (reader->wire->overflow) {
            return false;
        }
        count++;
    }
    return check_keys(reader, path, at, field, wire_begin, count);
}
