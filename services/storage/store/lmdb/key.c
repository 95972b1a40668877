#include "storage/store/lmdb/key.h"

#include <endian.h>

#define SIGN_BIT (UINT64_C(1) << 63)

void lmdb_put_u32(uint8_t target[4], uint32_t value)
{
    const uint32_t big_endian = htobe32(value);
    memcpy(target, &big_endian, sizeof(big_endian));
}

uint32_t lmdb_get_u32(const uint8_t source[4])
{
    uint32_t big_endian;
    memcpy(&big_endian, source, sizeof(big_endian));
    return be32toh(big_endian);
}

void lmdb_put_u64(uint8_t target[8], uint64_t value)
{
    const uint64_t big_endian = htobe64(value);
    memcpy(target, &big_endian, sizeof(big_endian));
}

uint64_t lmdb_get_u64(const uint8_t source[8])
{
    uint64_t big_endian;
    memcpy(&big_endian, source, sizeof(big_endian));
    return be64toh(big_endian);
}

struct row_key row_key_of(uint32_t number, int64_t timestamp_us, const struct market_tie *tie)
{
    struct row_key key = {.size = ROW_KEY_FIXED_BYTES};
    lmdb_put_u32(key.data, number);
    lmdb_put_u64(key.data + LMDB_NUMBER_BYTES, (uint64_t)timestamp_us ^ SIGN_BIT);
    if (tie != NULL && tie->size > 0) {
        memcpy(key.data + ROW_KEY_FIXED_BYTES, tie->data, tie->size);
        key.size += tie->size;
    }
    return key;
}

struct row_key row_key_behind(uint32_t number, int64_t end_us)
{
    if (end_us < INT64_MAX) {
        return row_key_of(number, end_us + 1, NULL);
    }
    struct row_key key = {.size = LMDB_NUMBER_BYTES};
    lmdb_put_u32(key.data, number + 1);
    return key;
}

bool row_key_read(const MDB_val *key, uint32_t *ret_number, struct market_position *ret_position)
{
    if (key->mv_size < ROW_KEY_FIXED_BYTES || key->mv_size > ROW_KEY_BYTES_MAX) {
        return false;
    }
    const uint8_t *data = key->mv_data;
    *ret_number = lmdb_get_u32(data);
    ret_position->timestamp_us = (int64_t)(lmdb_get_u64(data + LMDB_NUMBER_BYTES) ^ SIGN_BIT);
    ret_position->tie.size = (uint8_t)(key->mv_size - ROW_KEY_FIXED_BYTES);
    memcpy(ret_position->tie.data, data + ROW_KEY_FIXED_BYTES, ret_position->tie.size);
    return true;
}
