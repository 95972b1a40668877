/* The reference model of the market store: memory_series.h behind one lock. */
#include "storage/store/memory/memory_scan.h"
#include "storage/store/verify.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct memory_store {
    struct market_store base;
    struct ds_event_sink events;
    /* Guards all that follows, and keeps the sink to one thread at a time. */
    pthread_mutex_t lock;
    struct memory_table tables[MARKET_KIND_MAX + 1]; /* by kind */
    uint64_t commit_count;
};

static struct memory_store *memory_of(struct market_store *store)
{
    return (struct memory_store *)store;
}

static enum market_outcome row_put(struct memory_table *table, enum market_conflict conflict,
                                   const struct market_row *row)
{
    struct memory_series *series = memory_series_get(table, row->series, row->group);
    const struct market_position position = {.timestamp_us = row->timestamp_us, .tie = row->tie};
    const bool late = series->row_count > 0 &&
                      row->timestamp_us < series->rows[series->row_count - 1].position.timestamp_us;
    const size_t index = memory_rows_before(series, &position, false);
    if (index < series->row_count &&
        memory_position_compare(&series->rows[index].position, &position) == 0) {
        struct memory_row *stored = &series->rows[index];
        const enum market_outcome outcome = market_outcome_of_stored(
            conflict, ds_bytes_of(stored->value, stored->value_bytes), row);
        if (outcome != MARKET_ACCEPTED) {
            return outcome;
        }
        memory_row_set(stored, row->value);
    } else {
        memory_row_insert(series, index, &position, row->value);
    }
    return late ? MARKET_ACCEPTED_LATE : MARKET_ACCEPTED;
}

static void memory_put(struct market_store *store, struct market_batch *batch)
{
    struct memory_store *memory = memory_of(store);
    market_batch_assert(batch);
    pthread_mutex_lock(&memory->lock);
    for (size_t i = 0; i < batch->row_count; i++) {
        batch->outcomes[i] =
            row_put(&memory->tables[batch->kind], batch->conflict, &batch->rows[i]);
    }
    memory->commit_count++;
    market_publish_accepted(&memory->events, batch);
    pthread_mutex_unlock(&memory->lock);
    batch->code = DS_OK;
    batch->done(batch);
}

static ds_code memory_scan(struct market_store *store, const struct market_scan *scan,
                           market_row_fn take, void *context, bool *ret_more)
{
    struct memory_store *memory = memory_of(store);
    market_scan_assert(scan);
    pthread_mutex_lock(&memory->lock);
    memory_table_scan(&memory->tables[scan->kind], scan, take, context, ret_more);
    pthread_mutex_unlock(&memory->lock);
    return DS_OK;
}

static bool series_is_asked_for(const struct memory_series *series,
                                const struct market_series_query *query)
{
    return query->group.size == 0 || ds_bytes_equal(memory_series_group(series), query->group);
}

static ds_code memory_list_series(struct market_store *store,
                                  const struct market_series_query *query, market_series_fn take,
                                  void *context, bool *ret_more)
{
    struct memory_store *memory = memory_of(store);
    assert(query->series_max >= 1);
    pthread_mutex_lock(&memory->lock);
    const struct memory_table *table = &memory->tables[query->kind];
    bool found;
    size_t index = memory_series_index(table, query->after, &found);
    size_t taken = 0;
    bool more = false;
    for (index += found ? 1 : 0; index < table->series_count && !more; index++) {
        const struct memory_series *series = table->series[index];
        if (!series_is_asked_for(series, query)) {
            continue;
        }
        more = taken == query->series_max;
        if (!more) {
            take(context, memory_series_name(series), memory_series_group(series));
            taken++;
        }
    }
    *ret_more = more;
    pthread_mutex_unlock(&memory->lock);
    return DS_OK;
}

static void rows_delete(struct memory_table *table, struct market_delete *order)
{
    bool found;
    const size_t index = memory_series_index(table, order->series, &found);
    if (!found) {
        return;
    }
    struct memory_series *series = table->series[index];
    size_t low;
    size_t high;
    memory_rows_between(series, order->start_us, order->end_us, &low, &high);
    order->more = high - low > order->row_max;
    order->deleted_count = order->more ? order->row_max : high - low;
    memory_rows_remove(series, low, order->deleted_count);
    if (series->row_count == 0) {
        memory_series_remove(table, index);
    }
}

static void memory_delete_rows(struct market_store *store, struct market_delete *order)
{
    struct memory_store *memory = memory_of(store);
    market_delete_assert(order);
    order->deleted_count = 0;
    order->more = false;
    pthread_mutex_lock(&memory->lock);
    rows_delete(&memory->tables[order->kind], order);
    memory->commit_count += order->deleted_count > 0 ? 1 : 0;
    pthread_mutex_unlock(&memory->lock);
    order->code = DS_OK;
    order->done(order);
}

static ds_code memory_health(struct market_store *store)
{
    (void)store;
    return DS_OK;
}

static ds_code memory_stats(struct market_store *store, struct market_stats *ret_stats)
{
    struct memory_store *memory = memory_of(store);
    struct market_stats stats = {0};
    pthread_mutex_lock(&memory->lock);
    stats.commit_count = memory->commit_count;
    for (size_t kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        const struct memory_table *table = &memory->tables[kind];
        stats.kinds[kind].series_count = table->series_count;
        for (size_t i = 0; i < table->series_count; i++) {
            stats.kinds[kind].row_count += table->series[i]->row_count;
        }
        stats.series_count += stats.kinds[kind].series_count;
        stats.row_count += stats.kinds[kind].row_count;
    }
    pthread_mutex_unlock(&memory->lock);
    *ret_stats = stats;
    return DS_OK;
}

static void memory_close(struct market_store *store)
{
    struct memory_store *memory = memory_of(store);
    for (size_t kind = 0; kind <= MARKET_KIND_MAX; kind++) {
        memory_table_deinit(&memory->tables[kind]);
    }
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

struct market_store *market_memory_open(const struct market_store_options *options)
{
    static const struct market_store_ops ops = {
        .name = "memory",
        .put = memory_put,
        .scan = memory_scan,
        .list_series = memory_list_series,
        .delete_rows = memory_delete_rows,
        .verify = market_verify_by_scans,
        .health = memory_health,
        .stats = memory_stats,
        .close = memory_close,
    };
    struct memory_store *memory = calloc(1, sizeof(*memory));
    if (memory == NULL) {
        abort();
    }
    memory->base.ops = &ops;
    memory->events = options->events;
    pthread_mutex_init(&memory->lock, NULL);
    return &memory->base;
}
