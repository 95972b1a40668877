/* The length-delimited fields of a message on the wire, without unpacking it. */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "ds/bytes.h"
#include "ds/code.h"

/* Takes a field; anything but DS_OK ends the walk. */
typedef ds_code (*field_fn)(void *context, uint32_t number, struct ds_bytes value);

/* Calls `take` for each length-delimited field in its order, and passes over the others.
 * DS_INVALID_ARGUMENT where the bytes are damaged; what came before has been taken then. */
DS_MUST_USE ds_code fields_each(struct ds_bytes message, field_fn take, void *context);

#endif
