#include "storage/rpc/row_walk.h"

/* One read transaction gives at most this many bytes of rows. */
#define SNAPSHOT_BYTES_MAX ((size_t)MARKET_VALUE_BYTES_MAX)
/* The first transaction is small, because a few rows often do; each next one is larger. */
#define SNAPSHOT_ROWS_FIRST 256
#define SNAPSHOT_ROWS_FACTOR 4
#define SNAPSHOT_ROWS_MAX 262144

struct walk {
    row_walk_fn take;
    void *context;
    bool enough;
    size_t taken;
    struct market_position last;
};

static void take_row(void *context, const struct market_row *row)
{
    struct walk *walk = context;
    if (walk->enough) {
        return;
    }
    walk->enough = !walk->take(walk->context, row);
    walk->taken++;
    walk->last = (struct market_position){row->timestamp_us, row->tie};
}

ds_code row_walk(struct storage *storage, struct ds_call *call, const struct market_scan *range,
                 row_walk_fn take, void *context)
{
    struct walk walk = {.take = take, .context = context};
    struct market_scan scan = *range;
    size_t rows = SNAPSHOT_ROWS_FIRST;
    bool more = true;
    scan.bytes_max = SNAPSHOT_BYTES_MAX;
    while (more && !walk.enough && walk.taken < range->row_max) {
        DS_TRY(ds_fail_if_abandoned(call));
        const size_t left = range->row_max - walk.taken;
        scan.row_max = rows < left ? rows : left;
        const ds_code code =
            storage->store->ops->scan(storage->store, &scan, take_row, &walk, &more);
        if (code != DS_OK) {
            return storage_fail_store(storage, call, code);
        }
        if (walk.taken > 0) {
            scan.has_after = true;
            scan.after = walk.last;
        }
        rows = rows < SNAPSHOT_ROWS_MAX ? rows * SNAPSHOT_ROWS_FACTOR : rows;
    }
    return DS_OK;
}

struct market_scan row_walk_newest(enum market_kind kind, struct ds_bytes series, size_t row_max)
{
    return (struct market_scan){
        .kind = kind,
        .series = series,
        .start_us = INT64_MIN,
        .end_us = INT64_MAX,
        .row_max = row_max,
    };
}

struct newest {
    bool found;
    int64_t timestamp_us;
};

static bool take_newest(void *context, const struct market_row *row)
{
    *(struct newest *)context = (struct newest){.found = true, .timestamp_us = row->timestamp_us};
    return false;
}

ds_code row_newest_us(struct storage *storage, struct ds_call *call, enum market_kind kind,
                      struct ds_bytes series, bool *ret_found, int64_t *ret_us)
{
    const struct market_scan range = row_walk_newest(kind, series, 1);
    struct newest newest = {.found = false};
    DS_TRY(row_walk(storage, call, &range, take_newest, &newest));
    if (newest.found) {
        *ret_us = newest.timestamp_us;
    }
    *ret_found = newest.found;
    return DS_OK;
}
