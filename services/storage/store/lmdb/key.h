/*
 * Keys of stored rows: the series' number, the timestamp and the tie, so that LMDB's order of bytes
 * is the order of the rows. Entries of chains.by_group have the same keys, of their group's number
 * and with the member as the tie.
 *
 *   offset size
 *        0    4  number of the series or the group, big endian
 *        4    8  microseconds since 1970, big endian, sign bit flipped
 *       12  0-16 tie or member
 */
#ifndef STORAGE_STORE_LMDB_KEY_H
#define STORAGE_STORE_LMDB_KEY_H

#include "storage/store/market_store.h"

#include <lmdb.h>

#define LMDB_NUMBER_BYTES 4
#define ROW_KEY_FIXED_BYTES 12
#define ROW_KEY_BYTES_MAX (ROW_KEY_FIXED_BYTES + MARKET_TIE_BYTES_MAX)

/* Numbers of series and groups are 1 to this one: each has a key behind its last row's. */
#define LMDB_NUMBER_MAX (UINT32_MAX - 1)

struct row_key {
    uint8_t data[ROW_KEY_BYTES_MAX];
    size_t size;
};

void lmdb_put_u32(uint8_t target[4], uint32_t value);
uint32_t lmdb_get_u32(const uint8_t source[4]);
void lmdb_put_u64(uint8_t target[8], uint64_t value);
uint64_t lmdb_get_u64(const uint8_t source[8]);

/* The key of a row; `tie` NULL: the lowest key of that moment. */
struct row_key row_key_of(uint32_t number, int64_t timestamp_us, const struct market_tie *tie);

/* The lowest key behind every row of that number up to `end_us` included. */
struct row_key row_key_behind(uint32_t number, int64_t end_us);

/* The parts of a stored key; false where it is none. */
bool row_key_read(const MDB_val *key, uint32_t *ret_number, struct market_position *ret_position);

static inline MDB_val row_key_val(struct row_key *key)
{
    return (MDB_val){.mv_size = key->size, .mv_data = key->data};
}

static inline struct ds_bytes lmdb_bytes_of(const MDB_val *value)
{
    return ds_bytes_of(value->mv_data, value->mv_size);
}

/* LMDB wants a pointer to what it won't change. */
static inline MDB_val lmdb_val_of(struct ds_bytes bytes)
{
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

#endif
