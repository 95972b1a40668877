/* The parts of the JSON writer, which is spread over json_write*.c. Private to ds_common. */
#ifndef DS_JSON_WRITER_H
#define DS_JSON_WRITER_H

#include "ds/json.h"
#include "ds/kind.h"
#include "ds/time.h"

/* Room for any number in quotes. */
#define DS_JSON_SCALAR_TEXT_MAX 48

struct json_writer {
    struct ds_buffer *text;
    const struct ds_json_style *style;
    ds_code code; /* why a function returned false */
    /* The first walk writes fields as they come and gives up (code DS_ABORTED) where their order
     * turns out to be another than that of their numbers. The second walk is careful: it looks at
     * the order of each message before it writes it. */
    bool careful;
    struct ds_time_days days;
};

/* A message being written; the levels of the enclosing ones live on the stack below. */
struct json_write_level {
    struct json_write_level *parent;
    const struct ds_message *message;
    struct ds_bytes wire;
    int depth;
    bool has_members;
    /* For style.whole_rows: the text of the field that rows of this message lack, once looked up.
     */
    const struct ds_field *series_of;
    struct ds_bytes series;
};

/* Goes through the values of one field. Scattered ones have other fields between them. */
struct json_occurrences {
    struct ds_wire_reader reader;
    uint32_t number;
    bool scattered;
};

/* All of these return false with writer->code set. */

bool json_write_message(struct json_writer *writer, struct json_write_level *parent,
                        const struct ds_message *message, struct ds_bytes wire);

/* google.protobuf.Any. */
bool json_write_any(struct json_writer *writer, struct json_write_level *level);

/* One field of the message without its name; its default where it is absent. */
bool json_write_field(struct json_writer *writer, struct json_write_level *level,
                      const struct ds_field *field);

/* The members of a message whose fields need be neither ordered nor single. */
bool json_write_scattered(struct json_writer *writer, struct json_write_level *level);

/* True where json_write_message()'s single walk would do; false also for malformed wire. */
bool json_write_is_ordered(const struct ds_message *message, struct ds_bytes wire);

bool json_write_wellknown(struct json_writer *writer, struct json_write_level *level);
bool json_write_timestamp(struct json_writer *writer, struct ds_bytes wire);

/* The member's name and the value at the front of `reader`, after a tag of that type. */
bool json_write_member(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field, struct ds_wire_reader *reader,
                       enum ds_wire_type type);

/* What stands for a field that is not in the wire; nothing in most styles. */
bool json_write_absent(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field);

void json_write_name(struct json_writer *writer, struct json_write_level *level,
                     const struct ds_field *field);

/* A repeated field with its name; `type` belongs to the first value, whose tag is behind us. */
bool json_write_repeated_member(struct json_writer *writer, struct json_write_level *level,
                                const struct ds_field *field, struct json_occurrences *occurrences,
                                enum ds_wire_type type);

/* Only its array or object. */
bool json_write_repeated(struct json_writer *writer, struct json_write_level *level,
                         const struct ds_field *field, struct json_occurrences *occurrences,
                         enum ds_wire_type type);
bool json_write_map(struct json_writer *writer, struct json_write_level *level,
                    const struct ds_field *field, struct json_occurrences *occurrences,
                    enum ds_wire_type type);

/* Moves to the next value and reads its tag. False at the end. */
bool json_next_occurrence(struct json_occurrences *occurrences, enum ds_wire_type *ret_type);

/* One value without a name. */
bool json_write_value(struct json_writer *writer, struct json_write_level *level,
                      const struct ds_field *field, struct ds_wire_reader *reader);
bool json_write_default_value(struct json_writer *writer, struct json_write_level *level,
                              const struct ds_field *field);

/* One number, bool or enum off the wire; the same value has the same bits however it was encoded.
 */
bool json_take_scalar(struct json_writer *writer, uint8_t kind, struct ds_wire_reader *reader,
                      uint64_t *ret_bits);
bool json_write_scalar(struct json_writer *writer, const struct ds_field *field, uint64_t bits);
bool json_write_string(struct json_writer *writer, struct ds_bytes text);

/* Writes an integer or a bool without quotes, at most DS_INT_TEXT_MAX characters; returns how many.
 */
size_t json_put_integer(uint8_t kind, uint64_t bits, char *target);

/* The value of a message field that may occur several times in `wire`: the occurrences one after
 * the other are the merged message. */
bool json_write_merged(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_field *field, struct ds_wire_reader wire);

static inline bool json_write_fail(struct json_writer *writer, ds_code code)
{
    writer->code = code;
    return false;
}

static inline bool json_write_malformed(struct json_writer *writer)
{
    return json_write_fail(writer, DS_INVALID_ARGUMENT);
}

static inline bool json_is_left_out(const struct json_writer *writer,
                                    const struct json_write_level *level,
                                    const struct ds_field *field)
{
    if (writer->style->leave_out == NULL || level->parent != NULL) {
        return false;
    }
    for (const char *const *name = writer->style->leave_out; *name != NULL; name++) {
        if (strcmp(*name, field->name) == 0) {
            return true;
        }
    }
    return false;
}

#endif
