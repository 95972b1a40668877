/* RequestHeader as nearly every caller writes it, read by hand in one pass. Private to ds_common.
 */
#ifndef DS_RPC_HEADER_H
#define DS_RPC_HEADER_H

#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/arena.h"
#include "ds/bytes.h"

struct ds_plain_header {
    Rpc__RequestHeader header;
    Rpc__Principal principal; /* header.principal where there is one */
};

/*
 * Reads a header in which no field comes twice and none is unknown, and that has no metadata and
 * few permissions. What it reads is what ds_wire_check() lets pass and protobuf-c unpacks; false
 * for everything else, sound or not. Texts and bytes live in the arena, where all that is read is
 * copied once.
 */
bool ds_plain_header_read(struct ds_bytes wire, struct ds_arena *arena,
                          struct ds_plain_header *ret_plain);

#endif
