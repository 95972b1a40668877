/* What the codecs know about the kinds of fields. Private to ds_common. */
#ifndef DS_KIND_H
#define DS_KIND_H

#include "ds/schema.h"
#include "ds/wire.h"

/* How one value of the kind lies on the wire when it is not packed. */
static inline enum ds_wire_type ds_kind_wire_type(uint8_t kind)
{
    switch (kind) {
    case DS_KIND_DOUBLE:
    case DS_KIND_FIXED64:
    case DS_KIND_SFIXED64:
        return DS_WIRE_FIXED64;
    case DS_KIND_FLOAT:
    case DS_KIND_FIXED32:
    case DS_KIND_SFIXED32:
        return DS_WIRE_FIXED32;
    case DS_KIND_STRING:
    case DS_KIND_BYTES:
    case DS_KIND_MESSAGE:
        return DS_WIRE_BYTES;
    default:
        return DS_WIRE_VARINT;
    }
}

static inline bool ds_field_has(const struct ds_field *field, enum ds_field_flag flag)
{
    return (field->flags & flag) != 0;
}

/* What comes after the message's last field. Not fields + 0, which is undefined where there are
 * none and `fields` is NULL. */
static inline const struct ds_field *ds_fields_end(const struct ds_message *message)
{
    return message->field_count == 0 ? message->fields : message->fields + message->field_count;
}

/* ds_field_by_number() with a short cut for the usual numbering 1, 2, 3… */
static inline const struct ds_field *ds_field_at(const struct ds_message *message, uint32_t number)
{
    if (number - 1 < message->field_count && message->fields[number - 1].number == number) {
        return &message->fields[number - 1];
    }
    return ds_field_by_number(message, number);
}

static inline uint64_t ds_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t ds_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (~(value & 1) + 1));
}

#endif
