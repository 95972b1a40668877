#include "storage/store/lmdb/series.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SERIES_CACHE_SLOTS_MIN 64
#define COUNTER_NAME_MAX 32

/* A hash table with open addressing; at most half full. */
struct series_cache {
    uint8_t hash_key[crypto_shorthash_KEYBYTES]; /* random: names come from callers */
    struct series_entry **slots;
    size_t slot_count; /* a power of two */
    size_t entry_count;
};

size_t lmdb_series_key(enum market_kind kind, struct ds_bytes name, uint8_t *target)
{
    target[0] = (uint8_t)kind;
    memcpy(target + 1, name.data, name.size);
    return name.size + 1;
}

static void slots_allocate(struct series_cache *cache, size_t slot_count)
{
    cache->slots = calloc(slot_count, sizeof(struct series_entry *));
    if (cache->slots == NULL) {
        abort();
    }
    cache->slot_count = slot_count;
}

struct series_cache *series_cache_create(void)
{
    struct series_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL) {
        abort();
    }
    randombytes_buf(cache->hash_key, sizeof(cache->hash_key));
    slots_allocate(cache, SERIES_CACHE_SLOTS_MIN);
    return cache;
}

void series_cache_clear(struct series_cache *cache)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        free(cache->slots[i]);
    }
    free(cache->slots);
    cache->entry_count = 0;
    slots_allocate(cache, SERIES_CACHE_SLOTS_MIN);
}

void series_cache_destroy(struct series_cache *cache)
{
    series_cache_clear(cache);
    free(cache->slots);
    free(cache);
}

/* The slot that holds the key, or the empty one where it belongs. */
static struct series_entry **slot_find(const struct series_cache *cache, uint64_t hash,
                                       struct ds_bytes key)
{
    size_t slot = (size_t)hash & (cache->slot_count - 1);
    for (;;) {
        struct series_entry *entry = cache->slots[slot];
        if (entry == NULL || (entry->hash == hash &&
                              ds_bytes_equal(ds_bytes_of(entry->key, entry->key_bytes), key))) {
            return &cache->slots[slot];
        }
        slot = (slot + 1) & (cache->slot_count - 1);
    }
}

static void slots_grow(struct series_cache *cache)
{
    struct series_entry **old = cache->slots;
    const size_t old_count = cache->slot_count;
    slots_allocate(cache, old_count * 2);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL) {
            *slot_find(cache, old[i]->hash, ds_bytes_of(old[i]->key, old[i]->key_bytes)) = old[i];
        }
    }
    free(old);
}

static struct series_entry *entry_add(struct series_cache *cache, uint64_t hash,
                                      struct ds_bytes key, uint32_t id, int64_t newest_us)
{
    if (cache->entry_count == SERIES_CACHE_MAX) {
        series_cache_clear(cache);
    }
    if ((cache->entry_count + 1) * 2 > cache->slot_count) {
        slots_grow(cache);
    }
    struct series_entry *entry = malloc(sizeof(*entry) + key.size);
    if (entry == NULL) {
        abort();
    }
    entry->hash = hash;
    entry->newest_us = newest_us;
    entry->id = id;
    entry->key_bytes = (uint8_t)key.size;
    memcpy(entry->key, key.data, key.size);
    *slot_find(cache, hash, key) = entry;
    cache->entry_count++;
    return entry;
}

/* The next free number of the kind's series; the counter is in `meta`. */
static int id_assign(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                     uint32_t *ret_id)
{
    char name[COUNTER_NAME_MAX];
    const int name_bytes = snprintf(name, sizeof(name), "series_id.%s", market_kind_name(kind));
    MDB_val key = {.mv_size = (size_t)name_bytes, .mv_data = name};
    MDB_val value;
    uint32_t newest = 0;
    int error = mdb_get(txn, tables->meta, &key, &value);
    if (error == 0 && value.mv_size != ROW_KEY_SERIES_BYTES) {
        return MDB_CORRUPTED;
    }
    if (error == 0) {
        newest = lmdb_get_u32(value.mv_data);
    } else if (error != MDB_NOTFOUND) {
        return error;
    }
    if (newest >= SERIES_ID_MAX) {
        return MDB_MAP_FULL;
    }
    uint8_t next[4];
    lmdb_put_u32(next, newest + 1);
    value = (MDB_val){.mv_size = sizeof(next), .mv_data = next};
    error = mdb_put(txn, tables->meta, &key, &value, 0);
    *ret_id = newest + 1;
    return error;
}

/* The number of the series from its table, or a new one that is put there. */
static int id_get(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                  struct ds_bytes series_key, uint32_t *ret_id, bool *ret_is_new)
{
    MDB_val key = lmdb_val_of(series_key);
    MDB_val value;
    int error = mdb_get(txn, tables->series, &key, &value);
    *ret_is_new = error == MDB_NOTFOUND;
    if (error == 0) {
        if (value.mv_size != ROW_KEY_SERIES_BYTES) {
            return MDB_CORRUPTED;
        }
        *ret_id = lmdb_get_u32(value.mv_data);
        return 0;
    }
    if (error == MDB_NOTFOUND) {
        error = id_assign(tables, txn, kind, ret_id);
    }
    if (error != 0) {
        return error;
    }
    uint8_t id[4];
    lmdb_put_u32(id, *ret_id);
    value = (MDB_val){.mv_size = sizeof(id), .mv_data = id};
    return mdb_put(txn, tables->series, &key, &value, 0);
}

static int newest_find(MDB_cursor *rows, uint32_t id, int64_t *ret_newest_us)
{
    struct row_key behind = row_key_behind(id, INT64_MAX);
    MDB_val key = row_key_val(&behind);
    MDB_val value;
    int error = mdb_cursor_get(rows, &key, &value, MDB_SET_RANGE);
    if (error == 0) {
        error = mdb_cursor_get(rows, &key, &value, MDB_PREV);
    } else if (error == MDB_NOTFOUND) {
        error = mdb_cursor_get(rows, &key, &value, MDB_LAST);
    }
    *ret_newest_us = INT64_MIN;
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    uint32_t found_id;
    struct market_position position;
    if (!row_key_read(&key, &found_id, &position)) {
        return MDB_CORRUPTED;
    }
    if (found_id == id) {
        *ret_newest_us = position.timestamp_us;
    }
    return 0;
}

int series_cache_get(struct series_cache *cache, const struct lmdb_tables *tables, MDB_txn *txn,
                     MDB_cursor *rows, enum market_kind kind, struct ds_bytes name,
                     struct series_entry **ret_entry)
{
    uint8_t key_data[MARKET_SERIES_BYTES_MAX + 1];
    const struct ds_bytes key = ds_bytes_of(key_data, lmdb_series_key(kind, name, key_data));
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, key.data, key.size, cache->hash_key);
    struct series_entry *entry = *slot_find(cache, hash, key);
    if (entry != NULL) {
        *ret_entry = entry;
        return 0;
    }
    uint32_t id = 0;
    bool is_new;
    int64_t newest_us = INT64_MIN;
    int error = id_get(tables, txn, kind, key, &id, &is_new);
    if (error == 0 && !is_new) {
        error = newest_find(rows, id, &newest_us);
    }
    if (error == 0) {
        *ret_entry = entry_add(cache, hash, key, id, newest_us);
    }
    return error;
}
