/*
 * The writer's memory of the series it has met: their numbers and newest rows, so that a row costs
 * no look into the tables. Used by the writer's thread alone.
 */
#ifndef STORAGE_STORE_LMDB_SERIES_CACHE_H
#define STORAGE_STORE_LMDB_SERIES_CACHE_H

#include "storage/store/lmdb/series.h"

/* At this many series the cache forgets them all and begins again. */
#define SERIES_CACHE_MAX 65536

struct series_entry {
    uint64_t hash;
    int64_t newest_us; /* INT64_MIN where the series has no row */
    uint32_t number;
    uint32_t group_number;
    struct market_tie member; /* of chains: names the series in its group */
    uint8_t key_bytes;
    uint8_t key[]; /* kind (1 byte) and name */
};

struct series_cache;

struct series_cache *series_cache_create(void);
void series_cache_destroy(struct series_cache *cache);

/* Forgets everything: after an aborted transaction, whose numbers and newest rows never were. */
void series_cache_clear(struct series_cache *cache);

/* Forgets a series: after rows of it were deleted. */
void series_cache_forget(struct series_cache *cache, enum market_kind kind, struct ds_bytes name);

/*
 * The entry of a row's series, from the tables where the cache has none; a series that is not there
 * is added within the write transaction `txn`. `rows` is a cursor on the kind's rows. Valid until
 * the next call. Returns 0 or LMDB's error.
 */
int series_cache_get(struct series_cache *cache, const struct lmdb_tables *tables, MDB_txn *txn,
                     MDB_cursor *rows, enum market_kind kind, const struct market_row *row,
                     struct series_entry **ret_entry);

#endif
