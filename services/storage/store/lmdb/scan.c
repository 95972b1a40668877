/* Reads: each is one snapshot, short, without a lock. */
#include "storage/store/lmdb/lmdb_store.h"

#include <assert.h>

/* Where a scan stands. */
struct scan_walk {
    const struct market_scan *scan;
    uint32_t series_id;
    MDB_cursor *cursor;
    /* The row under the cursor, of the scan's range. */
    struct market_position position;
    MDB_val value;
};

/* Looks at what the cursor found; MDB_NOTFOUND where it has left the range. */
static int walk_accept(struct scan_walk *walk, int error, const MDB_val *key)
{
    if (error != 0) {
        return error;
    }
    uint32_t series_id;
    if (!row_key_read(key, &series_id, &walk->position)) {
        return MDB_CORRUPTED;
    }
    const int64_t timestamp_us = walk->position.timestamp_us;
    const bool inside = series_id == walk->series_id && timestamp_us >= walk->scan->start_us &&
                        timestamp_us <= walk->scan->end_us;
    return inside ? 0 : MDB_NOTFOUND;
}

static int walk_next(struct scan_walk *walk)
{
    MDB_val key;
    const MDB_cursor_op step = walk->scan->ascending ? MDB_NEXT : MDB_PREV;
    const int error = mdb_cursor_get(walk->cursor, &key, &walk->value, step);
    return walk_accept(walk, error, &key);
}

static bool key_is_before(const struct row_key *a, const struct row_key *b)
{
    return ds_bytes_compare(ds_bytes_of(a->data, a->size), ds_bytes_of(b->data, b->size)) < 0;
}

/* The first row from the beginning of the range on, or behind `after` where that is further. */
static int walk_first_ascending(struct scan_walk *walk)
{
    const struct market_scan *scan = walk->scan;
    struct row_key low = row_key_of(walk->series_id, scan->start_us, NULL);
    bool behind = false;
    if (scan->has_after) {
        const struct row_key after =
            row_key_of(walk->series_id, scan->after.timestamp_us, &scan->after.tie);
        behind = !key_is_before(&after, &low);
        low = behind ? after : low;
    }
    MDB_val key = row_key_val(&low);
    int error = mdb_cursor_get(walk->cursor, &key, &walk->value, MDB_SET_RANGE);
    if (error == 0 && behind &&
        ds_bytes_equal(lmdb_bytes_of(&key), ds_bytes_of(low.data, low.size))) {
        error = mdb_cursor_get(walk->cursor, &key, &walk->value, MDB_NEXT);
    }
    return walk_accept(walk, error, &key);
}

/* The last row before the end of the range, or before `after` where that is earlier. */
static int walk_first_descending(struct scan_walk *walk)
{
    const struct market_scan *scan = walk->scan;
    struct row_key high = row_key_behind(walk->series_id, scan->end_us);
    if (scan->has_after) {
        const struct row_key after =
            row_key_of(walk->series_id, scan->after.timestamp_us, &scan->after.tie);
        high = key_is_before(&after, &high) ? after : high;
    }
    MDB_val key = row_key_val(&high);
    int error = mdb_cursor_get(walk->cursor, &key, &walk->value, MDB_SET_RANGE);
    if (error == 0) {
        error = mdb_cursor_get(walk->cursor, &key, &walk->value, MDB_PREV);
    } else if (error == MDB_NOTFOUND) {
        error = mdb_cursor_get(walk->cursor, &key, &walk->value, MDB_LAST);
    }
    return walk_accept(walk, error, &key);
}

/* MDB_NOTFOUND where there is no such series. */
static int series_find(struct lmdb_store *store, MDB_txn *txn, enum market_kind kind,
                       struct ds_bytes name, uint32_t *ret_series_id)
{
    uint8_t name_key[MARKET_SERIES_BYTES_MAX + 1];
    if (name.size == 0 || name.size > MARKET_SERIES_BYTES_MAX) {
        return MDB_NOTFOUND;
    }
    MDB_val key = {.mv_size = lmdb_series_key(kind, name, name_key), .mv_data = name_key};
    MDB_val value;
    const int error = mdb_get(txn, store->tables.series, &key, &value);
    if (error != 0) {
        return error;
    }
    if (value.mv_size != ROW_KEY_SERIES_BYTES) {
        return MDB_CORRUPTED;
    }
    *ret_series_id = lmdb_get_u32(value.mv_data);
    return 0;
}

static int reader_cursor(struct lmdb_store *store, struct lmdb_reader *reader,
                         enum market_kind kind, MDB_cursor **ret_cursor)
{
    MDB_cursor **cursor = &reader->rows[kind];
    const int error = *cursor != NULL
                          ? mdb_cursor_renew(reader->txn, *cursor)
                          : mdb_cursor_open(reader->txn, store->tables.rows[kind], cursor);
    *ret_cursor = *cursor;
    return error;
}

/* Hands out rows from the one under the cursor on; MDB_NOTFOUND where the range ended. */
static int walk_take(struct scan_walk *walk, market_row_fn take, void *context)
{
    const struct market_scan *scan = walk->scan;
    size_t bytes = 0;
    for (size_t taken = 0; taken < scan->row_max; taken++) {
        if (taken > 0 &&
            (bytes > scan->bytes_max || walk->value.mv_size > scan->bytes_max - bytes)) {
            return 0;
        }
        bytes += walk->value.mv_size;
        const struct market_row row = {
            .series = scan->series,
            .timestamp_us = walk->position.timestamp_us,
            .tie = walk->position.tie,
            .value = lmdb_bytes_of(&walk->value),
        };
        take(context, &row);
        const int error = walk_next(walk);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int scan_snapshot(struct lmdb_store *store, struct lmdb_reader *reader,
                         const struct market_scan *scan, market_row_fn take, void *context)
{
    struct scan_walk walk = {.scan = scan};
    int error = series_find(store, reader->txn, scan->kind, scan->series, &walk.series_id);
    if (error != 0) {
        return error;
    }
    error = reader_cursor(store, reader, scan->kind, &walk.cursor);
    if (error != 0) {
        return error;
    }
    error = scan->ascending ? walk_first_ascending(&walk) : walk_first_descending(&walk);
    return error != 0 ? error : walk_take(&walk, take, context);
}

ds_code lmdb_scan(struct market_store *store, const struct market_scan *scan, market_row_fn take,
                  void *context, bool *ret_more)
{
    assert(scan->row_max >= 1);
    struct lmdb_store *lmdb = lmdb_store_of(store);
    struct lmdb_reader *reader;
    DS_TRY(lmdb_reader_begin(lmdb, &reader));
    const int error = scan_snapshot(lmdb, reader, scan, take, context);
    lmdb_reader_end(lmdb, reader);
    if (error != 0 && error != MDB_NOTFOUND) {
        return lmdb_code_of(error);
    }
    *ret_more = error == 0;
    return DS_OK;
}

static int list_snapshot(struct lmdb_store *store, MDB_txn *txn, enum market_kind kind,
                         market_series_fn take, void *context)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn, store->tables.series, &cursor);
    if (error != 0) {
        return error;
    }
    uint8_t first[1] = {(uint8_t)kind};
    MDB_val key = {.mv_size = sizeof(first), .mv_data = first};
    MDB_val value;
    error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (error == 0 && *(const uint8_t *)key.mv_data == (uint8_t)kind) {
        take(context, ds_bytes_of((const uint8_t *)key.mv_data + 1, key.mv_size - 1),
             (struct ds_bytes){0});
        error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return error;
}

ds_code lmdb_list_series(struct market_store *store, const struct market_series_query *query,
                         market_series_fn take, void *context, bool *ret_more)
{
    struct lmdb_store *lmdb = lmdb_store_of(store);
    struct lmdb_reader *reader;
    DS_TRY(lmdb_reader_begin(lmdb, &reader));
    const int error = list_snapshot(lmdb, reader->txn, query->kind, take, context);
    lmdb_reader_end(lmdb, reader);
    *ret_more = false;
    return error == MDB_NOTFOUND ? DS_OK : lmdb_code_of(error);
}
