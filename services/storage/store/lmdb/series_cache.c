#include "storage/store/lmdb/series_cache.h"

#include <sodium.h>
#include <stdlib.h>

#define SERIES_CACHE_SLOTS_MIN 64
#define CACHE_KEY_BYTES_MAX (1 + MARKET_SERIES_BYTES_MAX)

/* A hash table with open addressing; at most half full. */
struct series_cache {
    uint8_t hash_key[crypto_shorthash_KEYBYTES]; /* random: names come from callers */
    struct series_entry **slots;
    size_t slot_count; /* a power of two */
    size_t entry_count;
};

/* A series' key in the cache. */
struct cache_key {
    uint64_t hash;
    size_t size;
    uint8_t data[CACHE_KEY_BYTES_MAX];
};

static void cache_key_make(const struct series_cache *cache, enum market_kind kind,
                           struct ds_bytes name, struct cache_key *ret_key)
{
    ret_key->data[0] = (uint8_t)kind;
    memcpy(ret_key->data + 1, name.data, name.size);
    ret_key->size = name.size + 1;
    crypto_shorthash((unsigned char *)&ret_key->hash, ret_key->data, ret_key->size,
                     cache->hash_key);
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

/* The index of the slot that holds the key, or of the empty one where it belongs. */
static size_t slot_find(const struct series_cache *cache, uint64_t hash, struct ds_bytes key)
{
    size_t slot = (size_t)hash & (cache->slot_count - 1);
    for (;;) {
        const struct series_entry *entry = cache->slots[slot];
        if (entry == NULL || (entry->hash == hash &&
                              ds_bytes_equal(ds_bytes_of(entry->key, entry->key_bytes), key))) {
            return slot;
        }
        slot = (slot + 1) & (cache->slot_count - 1);
    }
}

static void entry_place(struct series_cache *cache, struct series_entry *entry)
{
    const size_t slot = slot_find(cache, entry->hash, ds_bytes_of(entry->key, entry->key_bytes));
    cache->slots[slot] = entry;
}

static void slots_grow(struct series_cache *cache)
{
    struct series_entry **old = cache->slots;
    const size_t old_count = cache->slot_count;
    slots_allocate(cache, old_count * 2);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL) {
            entry_place(cache, old[i]);
        }
    }
    free(old);
}

static struct series_entry *entry_add(struct series_cache *cache, const struct cache_key *key,
                                      const struct series_entry *content)
{
    if (cache->entry_count == SERIES_CACHE_MAX) {
        series_cache_clear(cache);
    }
    if ((cache->entry_count + 1) * 2 > cache->slot_count) {
        slots_grow(cache);
    }
    struct series_entry *entry = malloc(sizeof(*entry) + key->size);
    if (entry == NULL) {
        abort();
    }
    *entry = *content;
    entry->hash = key->hash;
    entry->key_bytes = (uint8_t)key->size;
    memcpy(entry->key, key->data, key->size);
    entry_place(cache, entry);
    cache->entry_count++;
    return entry;
}

void series_cache_forget(struct series_cache *cache, enum market_kind kind, struct ds_bytes name)
{
    struct cache_key key;
    cache_key_make(cache, kind, name, &key);
    size_t slot = slot_find(cache, key.hash, ds_bytes_of(key.data, key.size));
    if (cache->slots[slot] == NULL) {
        return;
    }
    free(cache->slots[slot]);
    cache->slots[slot] = NULL;
    cache->entry_count--;
    /* Those behind it may have been pushed on by it: each is looked for from its own slot anew. */
    for (;;) {
        slot = (slot + 1) & (cache->slot_count - 1);
        struct series_entry *entry = cache->slots[slot];
        if (entry == NULL) {
            return;
        }
        cache->slots[slot] = NULL;
        entry_place(cache, entry);
    }
}

static int newest_find(MDB_cursor *rows, uint32_t number, int64_t *ret_newest_us)
{
    struct row_key behind = row_key_behind(number, INT64_MAX);
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
    uint32_t found;
    struct market_position position;
    if (!row_key_read(&key, &found, &position)) {
        return MDB_CORRUPTED;
    }
    if (found == number) {
        *ret_newest_us = position.timestamp_us;
    }
    return 0;
}

int series_cache_get(struct series_cache *cache, const struct lmdb_tables *tables, MDB_txn *txn,
                     MDB_cursor *rows, enum market_kind kind, const struct market_row *row,
                     struct series_entry **ret_entry)
{
    struct cache_key key;
    cache_key_make(cache, kind, row->series, &key);
    struct series_entry *cached =
        cache->slots[slot_find(cache, key.hash, ds_bytes_of(key.data, key.size))];
    if (cached != NULL) {
        *ret_entry = cached;
        return 0;
    }
    struct series_record record;
    struct series_entry entry = {.newest_us = INT64_MIN};
    int error = lmdb_series_find(tables, txn, kind, row->series, &record);
    if (error == 0) {
        error = newest_find(rows, record.number, &entry.newest_us);
    } else if (error == MDB_NOTFOUND) {
        error = lmdb_series_add(tables, txn, kind, row->series, row->group, &record);
    }
    if (error != 0) {
        return error;
    }
    if (!series_member_read(kind, row->series, &record, &entry.member)) {
        return MDB_CORRUPTED;
    }
    entry.number = record.number;
    entry.group_number = record.group_number;
    *ret_entry = entry_add(cache, &key, &entry);
    return 0;
}
