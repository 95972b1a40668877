/* Ranges of rows: each is read from one snapshot, short, without a lock. */
#include "storage/store/lmdb/series.h"

/* A series' name put together from its group's and its member. */
#define MEMBER_NAME_BYTES_MAX (MARKET_PRODUCT_BYTES_MAX + 1 + MARKET_TIE_BYTES_MAX)

/* Where a scan stands. */
struct scan_walk {
    const struct market_scan *scan;
    uint32_t number;       /* of the series, or of the group */
    struct ds_bytes group; /* of the series */
    MDB_cursor *cursor;    /* on the rows, or on the entries of the group */
    MDB_cursor *rows;
    /* What is under the cursor, of the scan's range. */
    struct market_position position;
    MDB_val value;
    uint8_t name[MEMBER_NAME_BYTES_MAX]; /* of the row's series where a group is read */
};

/* Looks at what the cursor found; MDB_NOTFOUND where it has left the range. */
static int walk_accept(struct scan_walk *walk, int error, const MDB_val *key)
{
    if (error != 0) {
        return error;
    }
    uint32_t number;
    if (!row_key_read(key, &number, &walk->position)) {
        return MDB_CORRUPTED;
    }
    const int64_t timestamp_us = walk->position.timestamp_us;
    const bool inside = number == walk->number && timestamp_us >= walk->scan->start_us &&
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
    struct row_key low = row_key_of(walk->number, scan->start_us, NULL);
    bool behind = false;
    if (scan->has_after) {
        const struct row_key after =
            row_key_of(walk->number, scan->after.timestamp_us, &scan->after.tie);
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
    struct row_key high = row_key_behind(walk->number, scan->end_us);
    if (scan->has_after) {
        const struct row_key after =
            row_key_of(walk->number, scan->after.timestamp_us, &scan->after.tie);
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

static int cursor_ready(MDB_txn *txn, MDB_dbi table, MDB_cursor **cursor)
{
    return *cursor != NULL ? mdb_cursor_renew(txn, *cursor) : mdb_cursor_open(txn, table, cursor);
}

/* Finds the series or group and makes the cursors ready; MDB_NOTFOUND where there is no such one.
 */
static int walk_begin(struct scan_walk *walk, struct lmdb_store *store, struct lmdb_reader *reader)
{
    const struct market_scan *scan = walk->scan;
    const struct lmdb_kind_tables *tables = &store->tables.kinds[scan->kind];
    int error;
    if (scan->by_group) {
        error =
            lmdb_group_find(&store->tables, reader->txn, scan->kind, scan->series, &walk->number);
        walk->group = scan->series;
    } else {
        struct series_record record = {.number = 0};
        error = lmdb_series_find(&store->tables, reader->txn, scan->kind, scan->series, &record);
        walk->number = record.number;
        walk->group = record.group;
    }
    if (error == 0) {
        error = cursor_ready(reader->txn, tables->rows, &reader->rows[scan->kind]);
        walk->rows = reader->rows[scan->kind];
        walk->cursor = walk->rows;
    }
    if (error == 0 && scan->by_group) {
        error = cursor_ready(reader->txn, tables->by_group, &reader->by_group);
        walk->cursor = reader->by_group;
    }
    return error;
}

/* The value of the row under the cursor: of a group's entry, its row's. */
static int walk_value(struct scan_walk *walk, MDB_val *ret_value)
{
    if (!walk->scan->by_group) {
        *ret_value = walk->value;
        return 0;
    }
    if (walk->value.mv_size != LMDB_NUMBER_BYTES) {
        return MDB_CORRUPTED;
    }
    struct row_key row_key =
        row_key_of(lmdb_get_u32(walk->value.mv_data), walk->position.timestamp_us, NULL);
    MDB_val key = row_key_val(&row_key);
    const int error = mdb_cursor_get(walk->rows, &key, ret_value, MDB_SET_KEY);
    return error == MDB_NOTFOUND ? MDB_CORRUPTED : error;
}

/* The name of the row's series. */
static struct ds_bytes walk_series(struct scan_walk *walk)
{
    if (!walk->scan->by_group) {
        return walk->scan->series;
    }
    const struct market_tie *member = &walk->position.tie;
    memcpy(walk->name, walk->group.data, walk->group.size);
    walk->name[walk->group.size] = '/';
    memcpy(walk->name + walk->group.size + 1, member->data, member->size);
    return ds_bytes_of(walk->name, walk->group.size + 1 + member->size);
}

/* Hands out rows from the one under the cursor on; MDB_NOTFOUND where the range ended. */
static int walk_take(struct scan_walk *walk, market_row_fn take, void *context)
{
    const struct market_scan *scan = walk->scan;
    size_t bytes = 0;
    for (size_t taken = 0; taken < scan->row_max; taken++) {
        MDB_val value;
        int error = walk_value(walk, &value);
        if (error != 0) {
            return error;
        }
        if (taken > 0 && (bytes > scan->bytes_max || value.mv_size > scan->bytes_max - bytes)) {
            return 0;
        }
        bytes += value.mv_size;
        const struct market_row row = {
            .series = walk_series(walk),
            .group = walk->group,
            .timestamp_us = walk->position.timestamp_us,
            .tie = walk->position.tie,
            .value = lmdb_bytes_of(&value),
        };
        take(context, &row);
        error = walk_next(walk);
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
    int error = walk_begin(&walk, store, reader);
    if (error != 0) {
        return error;
    }
    error = scan->ascending ? walk_first_ascending(&walk) : walk_first_descending(&walk);
    return error != 0 ? error : walk_take(&walk, take, context);
}

ds_code lmdb_scan(struct market_store *store, const struct market_scan *scan, market_row_fn take,
                  void *context, bool *ret_more)
{
    market_scan_assert(scan);
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
