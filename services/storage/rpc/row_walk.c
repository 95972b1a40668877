#include "storage/rpc/row_walk.h"

/* The first transaction is small, because a few rows often do; each next one is larger. */
#define SNAPSHOT_ROWS_FIRST 256
#define SNAPSHOT_ROWS_FACTOR 4
#define SNAPSHOT_ROWS_MAX 262144

ds_code row_snapshot(struct storage *storage, struct ds_call *call, const struct market_scan *range,
                     market_row_fn take, void *context, bool *ret_more)
{
    struct market_scan scan = *range;
    scan.bytes_max = ROW_SNAPSHOT_BYTES_MAX;
    DS_TRY(ds_fail_if_abandoned(call));
    const ds_code code = storage->store->ops->scan(storage->store, &scan, take, context, ret_more);
    return code == DS_OK ? DS_OK : storage_fail_store(storage, call, code);
}

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
    while (more && !walk.enough && walk.taken < range->row_max) {
        const size_t left = range->row_max - walk.taken;
        scan.row_max = rows < left ? rows : left;
        DS_TRY(row_snapshot(storage, call, &scan, take_row, &walk, &more));
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
