/* The list of series: a walk through KIND.series, or through a group's part of KIND.members. */
#include "storage/store/lmdb/series.h"

#include <assert.h>

/* Where a list stands: the key under the cursor is `prefix`, which all keys of the list have, and
 * the name of a series. */
struct list_walk {
    const struct market_series_query *query;
    MDB_cursor *cursor;
    uint8_t prefix[LMDB_NUMBER_BYTES];
    size_t prefix_bytes;
    struct ds_bytes name;
    struct ds_bytes group;
};

/* Callers have room for a name of the most bytes, and take the empty one for none. */
static bool name_is_sound(struct ds_bytes name)
{
    return name.size >= 1 && name.size <= MARKET_SERIES_BYTES_MAX;
}

/* Looks at what the cursor found; MDB_NOTFOUND where the list ended. */
static int walk_accept(struct list_walk *walk, int error, const MDB_val *key, const MDB_val *value)
{
    if (error != 0) {
        return error;
    }
    if (key->mv_size < walk->prefix_bytes ||
        memcmp(key->mv_data, walk->prefix, walk->prefix_bytes) != 0) {
        return MDB_NOTFOUND;
    }
    walk->name = ds_bytes_of((const uint8_t *)key->mv_data + walk->prefix_bytes,
                             key->mv_size - walk->prefix_bytes);
    if (!name_is_sound(walk->name)) {
        return MDB_CORRUPTED;
    }
    if (walk->query->group.size > 0) {
        return 0;
    }
    struct series_record record;
    if (!series_record_read(walk->query->kind, value, &record)) {
        return MDB_CORRUPTED;
    }
    walk->group = record.group;
    return 0;
}

static int walk_next(struct list_walk *walk)
{
    MDB_val key;
    MDB_val value;
    const int error = mdb_cursor_get(walk->cursor, &key, &value, MDB_NEXT);
    return walk_accept(walk, error, &key, &value);
}

/* The first series behind query->after. */
static int walk_first(struct list_walk *walk)
{
    uint8_t low[MEMBER_KEY_BYTES_MAX];
    struct ds_bytes after = walk->query->after;
    /* No name is longer, so that one cut off stands at the same place. */
    after.size = after.size < MARKET_SERIES_BYTES_MAX ? after.size : MARKET_SERIES_BYTES_MAX;
    memcpy(low, walk->prefix, walk->prefix_bytes);
    if (after.size > 0) {
        memcpy(low + walk->prefix_bytes, after.data, after.size);
    }
    MDB_val key = {.mv_size = walk->prefix_bytes + after.size, .mv_data = low};
    MDB_val value;
    /* LMDB knows no empty key. */
    const MDB_cursor_op seek = key.mv_size == 0 ? MDB_FIRST : MDB_SET_RANGE;
    int error = mdb_cursor_get(walk->cursor, &key, &value, seek);
    error = walk_accept(walk, error, &key, &value);
    return error == 0 && ds_bytes_equal(walk->name, after) ? walk_next(walk) : error;
}

/* MDB_NOTFOUND where there is no such group. */
static int walk_begin(struct list_walk *walk, struct lmdb_store *store, MDB_txn *txn)
{
    const struct market_series_query *query = walk->query;
    const struct lmdb_kind_tables *tables = &store->tables.kinds[query->kind];
    if (query->group.size == 0) {
        return mdb_cursor_open(txn, tables->series, &walk->cursor);
    }
    uint32_t number;
    const int error = lmdb_group_find(&store->tables, txn, query->kind, query->group, &number);
    if (error != 0) {
        return error;
    }
    walk->prefix_bytes = lmdb_member_key(number, (struct ds_bytes){0}, walk->prefix);
    walk->group = query->group;
    return mdb_cursor_open(txn, tables->members, &walk->cursor);
}

/* MDB_NOTFOUND where the list ended. */
static int list_snapshot(struct list_walk *walk, struct lmdb_store *store, MDB_txn *txn,
                         market_series_fn take, void *context)
{
    int error = walk_begin(walk, store, txn);
    if (error != 0) {
        return error;
    }
    error = walk_first(walk);
    for (size_t taken = 0; error == 0 && taken < walk->query->series_max; taken++) {
        take(context, walk->name, walk->group);
        error = walk_next(walk);
    }
    mdb_cursor_close(walk->cursor);
    return error;
}

ds_code lmdb_list_series(struct market_store *store, const struct market_series_query *query,
                         market_series_fn take, void *context, bool *ret_more)
{
    assert(query->series_max >= 1);
    struct lmdb_store *lmdb = lmdb_store_of(store);
    struct list_walk walk = {.query = query};
    struct lmdb_reader *reader;
    DS_TRY(lmdb_reader_begin(lmdb, &reader));
    const int error = list_snapshot(&walk, lmdb, reader->txn, take, context);
    lmdb_reader_end(lmdb, reader);
    if (error != 0 && error != MDB_NOTFOUND) {
        return lmdb_code_of(error);
    }
    *ret_more = error == 0;
    return DS_OK;
}
