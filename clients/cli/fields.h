/* The fields of a message on the wire, without unpacking it. */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/wire.h"

/* A field as it stands on the wire. */
struct field {
    uint32_t number;
    enum ds_wire_type type;
    uint64_t varint;       /* of DS_WIRE_VARINT */
    struct ds_bytes bytes; /* of DS_WIRE_BYTES */
    struct ds_bytes whole; /* tag and value */
};

/* Takes the next field off the reader, which is not at its end. DS_INVALID_ARGUMENT where the bytes
 * are damaged. */
DS_MUST_USE ds_code field_next(struct ds_wire_reader *reader, struct field *ret_field);

/* Takes a field; anything but DS_OK ends the walk. */
typedef ds_code (*field_fn)(void *context, uint32_t number, struct ds_bytes value);

/* Calls `take` for each length-delimited field in its order, and passes over the others.
 * DS_INVALID_ARGUMENT where the bytes are damaged; what came before has been taken then. */
DS_MUST_USE ds_code fields_each(struct ds_bytes message, field_fn take, void *context);

#endif
