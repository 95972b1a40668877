/*
 * Metadata: what goes with a call beside its request and its response, as gRPC's custom metadata
 * does. Keys are of [0-9a-z_.-]; the value of a key that ends in "-bin" is any bytes, every other
 * one is of printable ASCII.
 */
#ifndef DS_METADATA_H
#define DS_METADATA_H

#include "ds/buffer.h"

#define DS_METADATA_ENTRIES_MAX 64
/* Keys and values of all entries together. */
#define DS_METADATA_BYTES_MAX (8 * 1024)

struct ds_metadata_entry {
    const char *key;
    struct ds_bytes value;
};

/* NULL where the entry may travel, else a static text that says what is wrong with it. Reserved are
 * the keys that begin with "grpc-" or "ds-" and those that have fields of their own in the header.
 */
const char *ds_metadata_refusal(const char *key, struct ds_bytes value);

/* Writes the entry as field `number` of a header: a deltastream.rpc.v1.Metadata. */
void ds_metadata_write_field(struct ds_buffer *header, uint32_t number,
                             const struct ds_metadata_entry *entry);

#endif
