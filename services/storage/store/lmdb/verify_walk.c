#include "storage/store/lmdb/verify_walk.h"

/* LMDB's own limit for keys. */
#define KEY_BYTES_MAX 511
/* How often the clock is asked. */
#define CLOCK_ROWS 256

/* Where the next page begins. */
struct walk_place {
    uint8_t key[KEY_BYTES_MAX];
    size_t key_bytes;
    bool is_behind; /* behind the key, not with it */
};

static void place_set(struct walk_place *place, struct ds_bytes key, bool is_behind)
{
    place->key_bytes = key.size < KEY_BYTES_MAX ? key.size : KEY_BYTES_MAX;
    if (place->key_bytes > 0) {
        memcpy(place->key, key.data, place->key_bytes);
    }
    place->is_behind = is_behind;
}

static int place_seek(const struct walk_place *place, MDB_cursor *cursor, MDB_val *ret_key,
                      MDB_val *ret_value)
{
    if (place->key_bytes == 0) {
        return mdb_cursor_get(cursor, ret_key, ret_value, MDB_FIRST);
    }
    const struct ds_bytes from = ds_bytes_of(place->key, place->key_bytes);
    *ret_key = lmdb_val_of(from);
    const int error = mdb_cursor_get(cursor, ret_key, ret_value, MDB_SET_RANGE);
    if (error != 0 || !place->is_behind || !ds_bytes_equal(lmdb_bytes_of(ret_key), from)) {
        return error;
    }
    return mdb_cursor_get(cursor, ret_key, ret_value, MDB_NEXT);
}

/* Takes one entry and remembers where to go on; 0 where the next one stands behind it. */
static int entry_take(struct lmdb_walk *walk, struct walk_place *place, const MDB_val *key,
                      const MDB_val *value)
{
    place_set(place, lmdb_bytes_of(key), true);
    walk->skip_to.size = 0;
    const int error = walk->take(walk, key, value);
    if (walk->skip_to.size > 0) {
        place_set(place, ds_bytes_of(walk->skip_to.data, walk->skip_to.size), false);
    }
    return error;
}

/* One snapshot: 0 where the page is full, MDB_NOTFOUND at the table's end. */
static int page_take(struct lmdb_walk *walk, struct walk_place *place, MDB_cursor *cursor)
{
    const struct ds_clock *clock = walk->store->clock;
    const int64_t until_us = ds_clock_monotonic_us(clock) + VERIFY_PAGE_US_MAX;
    size_t bytes = 0;
    MDB_val key;
    MDB_val value;
    int error = walk->begin != NULL ? walk->begin(walk) : 0;
    if (error == 0) {
        error = place_seek(place, cursor, &key, &value);
    }
    for (size_t rows = 1; error == 0; rows++) {
        bytes += key.mv_size + value.mv_size;
        error = entry_take(walk, place, &key, &value);
        if (error != 0 || bytes > VERIFY_PAGE_BYTES_MAX || rows >= VERIFY_PAGE_ROWS_MAX ||
            (rows % CLOCK_ROWS == 0 && ds_clock_monotonic_us(clock) >= until_us)) {
            break;
        }
        error = walk->skip_to.size > 0 ? place_seek(place, cursor, &key, &value)
                                       : mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return error;
}

static ds_code page_run(struct lmdb_walk *walk, struct walk_place *place, int *ret_error)
{
    struct lmdb_reader *reader;
    MDB_cursor *cursor;
    DS_TRY(lmdb_reader_begin(walk->store, &reader));
    walk->txn = reader->txn;
    int error = mdb_cursor_open(reader->txn, walk->table, &cursor);
    if (error == 0) {
        error = page_take(walk, place, cursor);
        mdb_cursor_close(cursor);
    }
    walk->txn = NULL;
    lmdb_reader_end(walk->store, reader);
    *ret_error = error;
    return DS_OK;
}

ds_code lmdb_walk_run(struct lmdb_walk *walk)
{
    struct walk_place place;
    place_set(&place, walk->from, false);
    int error = 0;
    while (error == 0) {
        if (market_verify_should_stop(walk->verify)) {
            return DS_CANCELLED;
        }
        DS_TRY(page_run(walk, &place, &error));
    }
    if (error != MDB_NOTFOUND && error != WALK_END) {
        market_verify_tell(walk->verify, "table %s: can't be read on: %s", walk->table_name,
                           mdb_strerror(error));
    }
    return DS_OK;
}
