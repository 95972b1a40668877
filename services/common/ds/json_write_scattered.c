#include "ds/json_writer.h"

#include <stdlib.h>

/*
 * Messages whose fields come in another order than that of their numbers, or more than once. One
 * pass finds where each field is; then each is written from its place. Fields with several values
 * are looked for again from the first on, so the cost is the message's size times the number of its
 * repeated fields at worst.
 */

struct slot {
    const uint8_t *first; /* the tag of the first value that counts */
    const uint8_t *last;
    size_t count;
    /* Of the oneof whose index is this slot's: the member that came last; NULL before the first. */
    struct slot *oneof_member;
};

/* A member that comes makes the message forget the oneof's other members. */
static void replace_oneof_member(struct slot *slots, const struct ds_field *field,
                                 struct slot *slot)
{
    if (field->oneof < 0) {
        return;
    }
    struct slot **member = &slots[field->oneof].oneof_member;
    if (*member != NULL && *member != slot) {
        (*member)->count = 0;
    }
    *member = slot;
}

static bool find_fields(struct json_writer *writer, const struct json_write_level *level,
                        struct slot *slots)
{
    struct ds_wire_reader reader = ds_wire_reader_of(level->wire);
    while (!ds_wire_at_end(&reader)) {
        const uint8_t *tag = reader.next;
        uint32_t number;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(&reader, &number, &type) || !ds_wire_skip(&reader, type)) {
            return json_write_malformed(writer);
        }
        const struct ds_field *field = ds_field_at(level->message, number);
        if (field == NULL) {
            continue;
        }
        struct slot *slot = &slots[field - level->message->fields];
        replace_oneof_member(slots, field, slot);
        if (slot->count == 0) {
            slot->first = tag;
        }
        slot->last = tag;
        slot->count++;
    }
    return true;
}

static bool write_slot(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field, const struct slot *slot)
{
    const uint8_t *end = level->wire.data + level->wire.size;
    const bool repeated = ds_field_has(field, DS_FIELD_REPEATED);
    if (field->kind == DS_KIND_MESSAGE && !repeated && slot->count > 1) {
        json_write_name(writer, level, field);
        return json_write_merged(writer, level, field,
                                 (struct ds_wire_reader){.next = slot->first, .end = end});
    }
    struct json_occurrences occurrences = {
        .reader = {.next = repeated ? slot->first : slot->last, .end = end},
        .number = field->number,
        .scattered = true,
    };
    enum ds_wire_type type;
    if (!json_next_occurrence(&occurrences, &type)) {
        return json_write_malformed(writer);
    }
    if (!repeated) {
        return json_write_member(writer, level, field, &occurrences.reader, type);
    }
    return json_write_repeated_member(writer, level, field, &occurrences, type);
}

bool json_write_scattered(struct json_writer *writer, struct json_write_level *level)
{
    struct slot *slots = calloc(level->message->field_count, sizeof *slots);
    if (slots == NULL && level->message->field_count > 0) {
        abort();
    }
    bool written = find_fields(writer, level, slots);
    for (uint16_t i = 0; written && i < level->message->field_count; i++) {
        const struct ds_field *field = &level->message->fields[i];
        if (slots[i].count == 0) {
            written = json_write_absent(writer, level, field);
        } else if (!json_is_left_out(writer, level, field)) {
            written = write_slot(writer, level, field, &slots[i]);
        }
    }
    free(slots);
    return written;
}
