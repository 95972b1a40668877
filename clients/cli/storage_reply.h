/* Replies of the storage's care, read off the wire. */
#ifndef CLI_STORAGE_REPLY_H
#define CLI_STORAGE_REPLY_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/schema.h"

/* Takes a field: its number if it is a varint, or its bytes if it is length-delimited. */
typedef void (*reply_fn)(void *context, uint32_t field, uint64_t number, struct ds_bytes bytes);

/* Calls `take` for each field. DS_INTERNAL after telling on stderr where the bytes are no message.
 */
DS_MUST_USE ds_code reply_each(struct ds_bytes reply, reply_fn take, void *context);

/* The method of that name of the storage service; it has to be there. */
const struct ds_method *storage_method(const char *name);

#endif
