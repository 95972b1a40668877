#include "ds/wire_check.h"

#include "ds/kind.h"
#include "ds/utf8.h"
#include "ds/wire.h"

#include <assert.h>
#include <stdio.h>

/* One message on the way from the payload to the place at fault; levels live on the stack. */
struct level {
    const struct level *parent;
    const struct ds_message *message;
    struct ds_bytes wire;
    const struct ds_field *field; /* being checked; NULL between fields and in unknown ones */
    const uint8_t *field_at;      /* where its tag begins */
    bool in_packed;
};

struct check {
    size_t elements_left;
    struct ds_wire_error *error;
};

/* How many occurrences of the level's field come before the present one. Counting again from the
 * front costs nothing while all is well. */
static size_t occurrence_index(const struct level *level)
{
    size_t index = 0;
    struct ds_wire_reader reader = ds_wire_reader_of(level->wire);
    while (reader.next < level->field_at) {
        uint32_t number;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(&reader, &number, &type) || !ds_wire_skip(&reader, type)) {
            break;
        }
        index += number == level->field->number;
    }
    return index;
}

/* Appends "ticks[3]" or "price" after the path of the enclosing levels; a path that does not fit is
 * cut. Returns the length. */
static size_t write_path(const struct level *level, char *path, size_t room)
{
    size_t length = level->parent == NULL ? 0 : write_path(level->parent, path, room);
    if (level->field == NULL || length + 1 >= room) {
        return length;
    }
    const char *dot = length == 0 ? "" : ".";
    int added;
    if (ds_field_has(level->field, DS_FIELD_REPEATED) && !level->in_packed) {
        added = snprintf(path + length, room - length, "%s%s[%zu]", dot, level->field->name,
                         occurrence_index(level));
    } else {
        added = snprintf(path + length, room - length, "%s%s", dot, level->field->name);
    }
    assert(added >= 0);
    return length + (size_t)added < room ? length + (size_t)added : room - 1;
}

static bool refuse(const struct check *check, const struct level *level, const char *message)
{
    check->error->field[0] = '\0';
    (void)write_path(level, check->error->field, sizeof check->error->field);
    (void)snprintf(check->error->message, sizeof check->error->message, "%s", message);
    return false;
}

static bool count_elements(struct check *check, const struct level *level, size_t count)
{
    if (count > check->elements_left) {
        return refuse(check, level, DS_WIRE_ELEMENTS_FAULT);
    }
    check->elements_left -= count;
    return true;
}

static bool check_packed_varints(struct check *check, const struct level *level,
                                 struct ds_bytes packed)
{
    size_t count = 0;
    struct ds_wire_reader reader = ds_wire_reader_of(packed);
    while (!ds_wire_at_end(&reader)) {
        uint64_t value;
        if (!ds_wire_read_varint(&reader, &value)) {
            return refuse(check, level, "a packed number is cut or too long");
        }
        count++;
    }
    return count_elements(check, level, count);
}

static bool check_packed(struct check *check, struct level *level, struct ds_bytes packed)
{
    level->in_packed = true;
    const enum ds_wire_type type = ds_kind_wire_type(level->field->kind);
    if (type == DS_WIRE_VARINT) {
        return check_packed_varints(check, level, packed);
    }
    const size_t width = type == DS_WIRE_FIXED64 ? 8 : 4;
    if (packed.size % width != 0) {
        return refuse(check, level, "packed numbers of a fixed width are cut");
    }
    return count_elements(check, level, packed.size / width);
}

static bool check_string(const struct check *check, const struct level *level, struct ds_bytes text)
{
    if (ds_utf8_valid_without_nul(text)) {
        return true;
    }
    return refuse(check, level,
                  ds_utf8_valid(text) ? "text must not contain U+0000" : "text must be UTF-8");
}

static bool check_message(struct check *check, struct level *level, int depth);

static bool check_submessage(struct check *check, const struct level *level,
                             struct ds_bytes content, int depth)
{
    if (depth == DS_WIRE_DEPTH_MAX) {
        return refuse(check, level, "messages are nested too deeply");
    }
    if (!ds_field_has(level->field, DS_FIELD_REPEATED) && !count_elements(check, level, 1)) {
        return false;
    }
    struct level inner = {.parent = level, .message = level->field->message, .wire = content};
    return check_message(check, &inner, depth + 1);
}

static bool check_bytes_field(struct check *check, struct level *level,
                              struct ds_wire_reader *reader, int depth)
{
    struct ds_bytes content;
    if (!ds_wire_read_bytes(reader, &content)) {
        return refuse(check, level, "the length goes beyond the end of the message");
    }
    const struct ds_field *field = level->field;
    if (ds_kind_wire_type(field->kind) != DS_WIRE_BYTES) {
        return check_packed(check, level, content);
    }
    if (ds_field_has(field, DS_FIELD_REPEATED) && !count_elements(check, level, 1)) {
        return false;
    }
    switch (field->kind) {
    case DS_KIND_STRING:
        return check_string(check, level, content);
    case DS_KIND_MESSAGE:
        return check_submessage(check, level, content, depth);
    default:
        return true;
    }
}

/* Unknown fields count as elements too, because unpacking keeps each of them. */
static bool check_unknown_field(struct check *check, const struct level *level,
                                struct ds_wire_reader *reader, enum ds_wire_type type)
{
    if (!ds_wire_skip(reader, type)) {
        return refuse(check, level, "an unknown field is cut");
    }
    return count_elements(check, level, 1);
}

static bool check_known_field(struct check *check, struct level *level,
                              struct ds_wire_reader *reader, enum ds_wire_type type, int depth)
{
    const struct ds_field *field = level->field;
    const bool repeated = ds_field_has(field, DS_FIELD_REPEATED);
    const bool fits = ds_kind_wire_type(field->kind) == type;
    /* protobuf would take a field of another wire type for an unknown one, protobuf-c refuses the
     * message in some cases only: nobody sends that in good faith. */
    if (!fits && !(repeated && type == DS_WIRE_BYTES)) {
        return refuse(check, level, "the wire type does not fit the field");
    }
    if (type == DS_WIRE_BYTES) {
        return check_bytes_field(check, level, reader, depth);
    }
    if (!ds_wire_skip(reader, type)) {
        return refuse(check, level, "the number is cut or too long");
    }
    return !repeated || count_elements(check, level, 1);
}

static bool check_message(struct check *check, struct level *level, int depth)
{
    struct ds_wire_reader reader = ds_wire_reader_of(level->wire);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        level->field_at = reader.next;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return refuse(check, level, "a field's tag is cut or not valid");
        }
        level->field = ds_field_at(level->message, number);
        if (level->field == NULL) {
            if (!check_unknown_field(check, level, &reader, type)) {
                return false;
            }
            continue;
        }
        level->in_packed = false;
        if (!check_known_field(check, level, &reader, type, depth)) {
            return false;
        }
        level->field = NULL;
    }
    return true;
}

ds_code ds_wire_check(const struct ds_message *message, struct ds_bytes wire,
                      struct ds_wire_error *ret_error)
{
    assert(message != NULL && ret_error != NULL);
    struct check check = {.elements_left = DS_WIRE_ELEMENTS_MAX, .error = ret_error};
    struct level top = {.message = message, .wire = wire};
    return check_message(&check, &top, 1) ? DS_OK : DS_INVALID_ARGUMENT;
}
