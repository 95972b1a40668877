/* Reads stored rows field by field off their wire bytes, for computations that need few of them. */
#ifndef STORAGE_CORE_ROW_READER_H
#define STORAGE_CORE_ROW_READER_H

#include "ds/wire.h"

struct row_field {
    uint32_t number;
    enum ds_wire_type type;
    uint64_t bits;         /* of a number: a varint's value, or a double's or float's bits */
    struct ds_bytes bytes; /* of DS_WIRE_BYTES */
};

/* What follows a tag of ret_field->type. */
static inline bool row_field_value(struct ds_wire_reader *reader, struct row_field *ret_field)
{
    uint32_t narrow = 0;
    switch (ret_field->type) {
    case DS_WIRE_VARINT:
        return ds_wire_read_varint(reader, &ret_field->bits);
    case DS_WIRE_FIXED64:
        return ds_wire_read_fixed64(reader, &ret_field->bits);
    case DS_WIRE_BYTES:
        return ds_wire_read_bytes(reader, &ret_field->bytes);
    case DS_WIRE_FIXED32:
        if (!ds_wire_read_fixed32(reader, &narrow)) {
            return false;
        }
        ret_field->bits = narrow;
        return true;
    }
    return false;
}

/* The next field. False at the end, and where the bytes are no field: the reader is then not at its
 * end. */
static inline bool row_field_next(struct ds_wire_reader *reader, struct row_field *ret_field)
{
    if (ds_wire_at_end(reader)) {
        return false;
    }
    const uint8_t *before = reader->next;
    if (ds_wire_read_tag(reader, &ret_field->number, &ret_field->type) &&
        row_field_value(reader, ret_field)) {
        return true;
    }
    reader->next = before;
    return false;
}

/* False where the field is of another type. */
static inline bool row_field_double(const struct row_field *field, double *ret_number)
{
    if (field->type != DS_WIRE_FIXED64) {
        return false;
    }
    memcpy(ret_number, &field->bits, sizeof *ret_number);
    return true;
}

static inline bool row_field_integer(const struct row_field *field, int64_t *ret_number)
{
    if (field->type != DS_WIRE_VARINT) {
        return false;
    }
    *ret_number = (int64_t)field->bits;
    return true;
}

#endif
