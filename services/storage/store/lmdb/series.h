/*
 * The writer's memory of series: their numbers and their newest rows, so that a row costs no look
 * into either table. Used by the writer's thread alone.
 */
#ifndef STORAGE_STORE_LMDB_SERIES_H
#define STORAGE_STORE_LMDB_SERIES_H

#include "storage/store/lmdb/lmdb_store.h"

/* At this many series the cache forgets them all and begins again. */
#define SERIES_CACHE_MAX 65536

struct series_entry {
    uint64_t hash;
    int64_t newest_us; /* INT64_MIN where the series has no row */
    uint32_t id;
    uint8_t key_bytes;
    uint8_t key[]; /* as lmdb_series_key() makes it */
};

struct series_cache;

struct series_cache *series_cache_create(void);
void series_cache_destroy(struct series_cache *cache);

/* Forgets everything: after an aborted transaction, whose numbers and newest rows never were. */
void series_cache_clear(struct series_cache *cache);

/*
 * The entry of a series, from the tables where the cache has none; a series without a number gets
 * one within the write transaction `txn`. `rows` is a cursor on the kind's rows. Valid until the
 * next call. Returns 0 or LMDB's error.
 */
int series_cache_get(struct series_cache *cache, const struct lmdb_tables *tables, MDB_txn *txn,
                     MDB_cursor *rows, enum market_kind kind, struct ds_bytes name,
                     struct series_entry **ret_entry);

#endif
