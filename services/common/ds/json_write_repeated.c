#include "ds/json_writer.h"
#include "ds/wire_check.h"

#include <assert.h>
#include <stdlib.h>

static bool write_packed(struct json_writer *writer, const struct ds_field *field,
                         struct ds_bytes packed, bool *first)
{
    struct ds_wire_reader reader = ds_wire_reader_of(packed);
    while (!ds_wire_at_end(&reader)) {
        uint64_t bits;
        if (!*first) {
            ds_buffer_append_byte(writer->text, ',');
        }
        *first = false;
        if (!json_take_scalar(writer, field->kind, &reader, &bits) ||
            !json_write_scalar(writer, field, bits)) {
            return false;
        }
    }
    return true;
}

static bool write_element(struct json_writer *writer, struct json_write_level *level,
                          const struct ds_field *field, struct ds_wire_reader *reader,
                          enum ds_wire_type type, bool *first)
{
    const enum ds_wire_type own_type = ds_kind_wire_type(field->kind);
    struct ds_bytes packed;
    if (type != own_type) {
        return type == DS_WIRE_BYTES && ds_wire_read_bytes(reader, &packed)
                   ? write_packed(writer, field, packed, first)
                   : json_write_malformed(writer);
    }
    if (!*first) {
        ds_buffer_append_byte(writer->text, ',');
    }
    *first = false;
    return json_write_value(writer, level, field, reader);
}

bool json_write_repeated(struct json_writer *writer, struct json_write_level *level,
                         const struct ds_field *field, struct json_occurrences *occurrences,
                         enum ds_wire_type type)
{
    bool first = true;
    ds_buffer_append_byte(writer->text, '[');
    do {
        if (!write_element(writer, level, field, &occurrences->reader, type, &first)) {
            return false;
        }
    } while (json_next_occurrence(occurrences, &type));
    ds_buffer_append_byte(writer->text, ']');
    return true;
}

/* The occurrences one after the other. With several, ret_memory is theirs to be freed; with one the
 * content is where it was and ret_memory is NULL. */
static bool gather(struct json_writer *writer, struct ds_wire_reader wire, uint32_t number,
                   struct ds_bytes *ret_content, void **ret_memory)
{
    struct json_occurrences occurrences = {.reader = wire, .number = number, .scattered = true};
    enum ds_wire_type type;
    struct ds_bytes content = {0};
    struct ds_bytes piece;
    uint8_t *memory = NULL;
    while (json_next_occurrence(&occurrences, &type)) {
        if (type != DS_WIRE_BYTES || !ds_wire_read_bytes(&occurrences.reader, &piece)) {
            free(memory);
            return json_write_malformed(writer);
        }
        if (content.size == 0) {
            content = piece;
            continue;
        }
        if (memory == NULL) {
            /* All pieces are parts of the wire, so that together they are no longer than it. */
            memory = malloc((size_t)(wire.end - wire.next));
            if (memory == NULL) {
                abort();
            }
            memcpy(memory, content.data, content.size);
            content.data = memory;
        }
        if (piece.size > 0) {
            memcpy(memory + content.size, piece.data, piece.size);
            content.size += piece.size;
        }
    }
    *ret_content = content;
    *ret_memory = memory;
    return true;
}

bool json_write_merged(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field, struct ds_wire_reader wire)
{
    struct ds_bytes content;
    void *memory;
    if (!gather(writer, wire, field->number, &content, &memory)) {
        return false;
    }
    const bool written = json_write_message(writer, level, field->message, content);
    free(memory);
    return written;
}

/* An entry of a map. Of several with the same key the last one counts. */
struct map_entry {
    struct ds_bytes content;
    struct ds_bytes key_text; /* of string keys */
    uint64_t key_bits;        /* of other keys */
    size_t order;
    bool superseded;
};

struct map_entries {
    struct map_entry *items;
    size_t count;
    size_t capacity;
};

static bool take_key(struct json_writer *writer, const struct ds_field *key,
                     struct map_entry *entry)
{
    struct json_occurrences occurrences = {
        .reader = ds_wire_reader_of(entry->content), .number = 1, .scattered = true};
    enum ds_wire_type type;
    while (json_next_occurrence(&occurrences, &type)) {
        if (type != ds_kind_wire_type(key->kind)) {
            return json_write_malformed(writer);
        }
        if (type == DS_WIRE_BYTES) {
            if (!ds_wire_read_bytes(&occurrences.reader, &entry->key_text)) {
                return json_write_malformed(writer);
            }
        } else if (!json_take_scalar(writer, key->kind, &occurrences.reader, &entry->key_bits)) {
            return false;
        }
    }
    /* The walk also ends where the bytes are no fields. */
    return ds_wire_at_end(&occurrences.reader) || json_write_malformed(writer);
}

static struct map_entry *add_entry(struct map_entries *entries)
{
    if (entries->count == entries->capacity) {
        entries->capacity = entries->capacity == 0 ? 8 : entries->capacity * 2;
        entries->items = realloc(entries->items, entries->capacity * sizeof *entries->items);
        if (entries->items == NULL) {
            abort();
        }
    }
    struct map_entry *entry = &entries->items[entries->count];
    *entry = (struct map_entry){.order = entries->count};
    entries->count++;
    return entry;
}

static bool collect_entries(struct json_writer *writer, const struct ds_field *key,
                            struct json_occurrences *occurrences, enum ds_wire_type type,
                            struct map_entries *entries)
{
    do {
        if (entries->count == DS_WIRE_ELEMENTS_MAX) {
            return json_write_fail(writer, DS_RESOURCE_EXHAUSTED);
        }
        struct map_entry *entry = add_entry(entries);
        if (type != DS_WIRE_BYTES || !ds_wire_read_bytes(&occurrences->reader, &entry->content)) {
            return json_write_malformed(writer);
        }
        if (!take_key(writer, key, entry)) {
            return false;
        }
    } while (json_next_occurrence(occurrences, &type));
    return true;
}

static int compare_keys(const struct map_entry *a, const struct map_entry *b)
{
    if (a->key_bits != b->key_bits) {
        return a->key_bits < b->key_bits ? -1 : 1;
    }
    return ds_bytes_compare(a->key_text, b->key_text);
}

static int compare_by_key(const void *left, const void *right)
{
    const struct map_entry *a = left;
    const struct map_entry *b = right;
    const int order = compare_keys(a, b);
    return order != 0 ? order : a->order < b->order ? -1 : 1;
}

static int compare_by_order(const void *left, const void *right)
{
    const struct map_entry *a = left;
    const struct map_entry *b = right;
    return a->order < b->order ? -1 : 1;
}

static void mark_superseded(struct map_entries *entries)
{
    qsort(entries->items, entries->count, sizeof *entries->items, compare_by_key);
    for (size_t i = 0; i + 1 < entries->count; i++) {
        entries->items[i].superseded =
            compare_keys(&entries->items[i], &entries->items[i + 1]) == 0;
    }
    qsort(entries->items, entries->count, sizeof *entries->items, compare_by_order);
}

static bool write_key(struct json_writer *writer, const struct ds_field *key,
                      const struct map_entry *entry)
{
    if (key->kind == DS_KIND_STRING) {
        return json_write_string(writer, entry->key_text);
    }
    char text[DS_JSON_SCALAR_TEXT_MAX];
    text[0] = '"';
    const size_t length = 1 + json_put_integer(key->kind, entry->key_bits, text + 1);
    text[length] = '"';
    ds_buffer_append(writer->text, text, length + 1);
    return true;
}

static bool write_value_of_entry(struct json_writer *writer, struct json_write_level *level,
                                 const struct ds_field *value)
{
    if (value->kind == DS_KIND_MESSAGE) {
        return json_write_merged(writer, level, value, ds_wire_reader_of(level->wire));
    }
    struct json_occurrences occurrences = {
        .reader = ds_wire_reader_of(level->wire), .number = value->number, .scattered = true};
    struct ds_wire_reader last = {0};
    enum ds_wire_type type;
    while (json_next_occurrence(&occurrences, &type)) {
        last = occurrences.reader;
        if (type != ds_kind_wire_type(value->kind) || !ds_wire_skip(&occurrences.reader, type)) {
            return json_write_malformed(writer);
        }
    }
    return last.next == NULL ? json_write_default_value(writer, level, value)
                             : json_write_value(writer, level, value, &last);
}

static bool write_entries(struct json_writer *writer, struct json_write_level *level,
                          const struct ds_message *entry_message, const struct map_entries *entries)
{
    bool first = true;
    for (size_t i = 0; i < entries->count; i++) {
        const struct map_entry *entry = &entries->items[i];
        if (entry->superseded) {
            continue;
        }
        if (!first) {
            ds_buffer_append_byte(writer->text, ',');
        }
        first = false;
        struct json_write_level entry_level = {.parent = level,
                                               .message = entry_message,
                                               .wire = entry->content,
                                               .depth = level->depth + 1};
        if (!write_key(writer, &entry_message->fields[0], entry)) {
            return false;
        }
        ds_buffer_append_byte(writer->text, ':');
        if (!write_value_of_entry(writer, &entry_level, &entry_message->fields[1])) {
            return false;
        }
    }
    return true;
}

bool json_write_map(struct json_writer *writer, struct json_write_level *level,
                    const struct ds_field *field, struct json_occurrences *occurrences,
                    enum ds_wire_type type)
{
    assert(field->message->field_count == 2);
    if (level->depth >= DS_JSON_DEPTH_MAX) {
        return json_write_malformed(writer); /* An entry is a message too. */
    }
    struct map_entries entries = {0};
    bool written = collect_entries(writer, &field->message->fields[0], occurrences, type, &entries);
    if (written) {
        mark_superseded(&entries);
        ds_buffer_append_byte(writer->text, '{');
        written = write_entries(writer, level, field->message, &entries);
        ds_buffer_append_byte(writer->text, '}');
    }
    free(entries.items);
    return written;
}
