/*
 * The reference model of the market store: sorted arrays and one lock. It is what the other engines
 * are compared with, so it prefers the obvious to the fast.
 */
#include "storage/store/market_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct memory_row {
    struct market_position position;
    uint8_t *value; /* owned */
    size_t value_bytes;
};

struct memory_series {
    uint8_t name[MARKET_SERIES_BYTES_MAX];
    size_t name_bytes;
    struct memory_row *rows; /* by ascending position */
    size_t row_count;
    size_t row_capacity;
};

struct memory_table {
    struct memory_series **series; /* by name */
    size_t series_count;
    size_t series_capacity;
};

struct memory_store {
    struct market_store base;
    struct ds_event_sink events;
    /* Guards all that follows, and keeps the sink to one thread at a time. */
    pthread_mutex_t lock;
    struct memory_table tables[MARKET_KIND_MAX + 1];
    uint64_t commit_count;
};

static struct memory_store *memory_of(struct market_store *store)
{
    return (struct memory_store *)store;
}

static int position_compare(const struct market_position *a, const struct market_position *b)
{
    if (a->timestamp_us != b->timestamp_us) {
        return a->timestamp_us < b->timestamp_us ? -1 : 1;
    }
    return ds_bytes_compare(ds_bytes_of(a->tie.data, a->tie.size),
                            ds_bytes_of(b->tie.data, b->tie.size));
}

/* Makes room for one more element. Out of memory aborts. */
static void *array_grow(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = realloc(array, *capacity * element_bytes);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

/* The index of the series, or where it belongs. */
static size_t series_index(const struct memory_table *table, struct ds_bytes name, bool *ret_found)
{
    size_t low = 0;
    size_t high = table->series_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct memory_series *series = table->series[middle];
        const int order = ds_bytes_compare(ds_bytes_of(series->name, series->name_bytes), name);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = false;
    return low;
}

static struct memory_series *series_get(struct memory_table *table, struct ds_bytes name)
{
    bool found;
    const size_t index = series_index(table, name, &found);
    if (found) {
        return table->series[index];
    }
    struct memory_series *series = calloc(1, sizeof(*series));
    if (series == NULL) {
        abort();
    }
    memcpy(series->name, name.data, name.size);
    series->name_bytes = name.size;
    table->series = array_grow(table->series, table->series_count, &table->series_capacity,
                               sizeof(*table->series));
    memmove(&table->series[index + 1], &table->series[index],
            (table->series_count - index) * sizeof(*table->series));
    table->series[index] = series;
    table->series_count++;
    return series;
}

/* How many rows stand before `position`; with `inclusive` also the row that stands there. */
static size_t rows_before(const struct memory_series *series,
                          const struct market_position *position, bool inclusive)
{
    size_t low = 0;
    size_t high = series->row_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = position_compare(&series->rows[middle].position, position);
        if (order < 0 || (inclusive && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void value_set(struct memory_row *row, struct ds_bytes value)
{
    uint8_t *copy = malloc(value.size == 0 ? 1 : value.size);
    if (copy == NULL) {
        abort();
    }
    if (value.size > 0) {
        memcpy(copy, value.data, value.size);
    }
    free(row->value);
    row->value = copy;
    row->value_bytes = value.size;
}

static void row_insert(struct memory_series *series, size_t index, const struct market_row *row,
                       const struct market_position *position)
{
    series->rows =
        array_grow(series->rows, series->row_count, &series->row_capacity, sizeof(*series->rows));
    memmove(&series->rows[index + 1], &series->rows[index],
            (series->row_count - index) * sizeof(*series->rows));
    series->rows[index] = (struct memory_row){.position = *position};
    value_set(&series->rows[index], row->value);
    series->row_count++;
}

static enum market_outcome row_put(struct memory_table *table, enum market_conflict conflict,
                                   const struct market_row *row)
{
    struct memory_series *series = series_get(table, row->series);
    const struct market_position position = {.timestamp_us = row->timestamp_us, .tie = row->tie};
    const bool late = series->row_count > 0 &&
                      row->timestamp_us < series->rows[series->row_count - 1].position.timestamp_us;
    const size_t index = rows_before(series, &position, false);
    if (index < series->row_count &&
        position_compare(&series->rows[index].position, &position) == 0) {
        struct memory_row *stored = &series->rows[index];
        const enum market_outcome outcome = market_outcome_of_stored(
            conflict, ds_bytes_of(stored->value, stored->value_bytes), row);
        if (outcome != MARKET_ACCEPTED) {
            return outcome;
        }
        value_set(stored, row->value);
    } else {
        row_insert(series, index, row, &position);
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

/* The rows of the scan are those of indexes *ret_low to *ret_high - 1. */
static void scan_bounds(const struct memory_series *series, const struct market_scan *scan,
                        size_t *ret_low, size_t *ret_high)
{
    size_t low = 0;
    while (low < series->row_count && series->rows[low].position.timestamp_us < scan->start_us) {
        low++;
    }
    size_t high = series->row_count;
    while (high > low && series->rows[high - 1].position.timestamp_us > scan->end_us) {
        high--;
    }
    if (scan->has_after && scan->ascending) {
        const size_t behind = rows_before(series, &scan->after, true);
        low = behind > low ? behind : low;
    }
    if (scan->has_after && !scan->ascending) {
        const size_t before = rows_before(series, &scan->after, false);
        high = before < high ? before : high;
    }
    *ret_low = low;
    *ret_high = high < low ? low : high;
}

static void scan_rows(const struct memory_series *series, const struct market_scan *scan,
                      market_row_fn take, void *context, bool *ret_more)
{
    size_t low;
    size_t high;
    scan_bounds(series, scan, &low, &high);
    size_t taken = 0;
    size_t bytes = 0;
    for (; low + taken < high && taken < scan->row_max; taken++) {
        const struct memory_row *row =
            &series->rows[scan->ascending ? low + taken : high - 1 - taken];
        if (taken > 0 && bytes + row->value_bytes > scan->bytes_max) {
            break;
        }
        bytes += row->value_bytes;
        const struct market_row view = {
            .series = scan->series,
            .timestamp_us = row->position.timestamp_us,
            .tie = row->position.tie,
            .value = ds_bytes_of(row->value, row->value_bytes),
        };
        take(context, &view);
    }
    *ret_more = low + taken < high;
}

static ds_code memory_scan(struct market_store *store, const struct market_scan *scan,
                           market_row_fn take, void *context, bool *ret_more)
{
    struct memory_store *memory = memory_of(store);
    assert(scan->row_max >= 1);
    bool found;
    pthread_mutex_lock(&memory->lock);
    const struct memory_table *table = &memory->tables[scan->kind];
    const size_t index = series_index(table, scan->series, &found);
    *ret_more = false;
    if (found) {
        scan_rows(table->series[index], scan, take, context, ret_more);
    }
    pthread_mutex_unlock(&memory->lock);
    return DS_OK;
}

static ds_code memory_list_series(struct market_store *store,
                                  const struct market_series_query *query, market_series_fn take,
                                  void *context, bool *ret_more)
{
    struct memory_store *memory = memory_of(store);
    pthread_mutex_lock(&memory->lock);
    const struct memory_table *table = &memory->tables[query->kind];
    for (size_t i = 0; i < table->series_count; i++) {
        take(context, ds_bytes_of(table->series[i]->name, table->series[i]->name_bytes),
             (struct ds_bytes){0});
    }
    *ret_more = false;
    pthread_mutex_unlock(&memory->lock);
    return DS_OK;
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
    for (size_t kind = 0; kind <= MARKET_KIND_MAX; kind++) {
        const struct memory_table *table = &memory->tables[kind];
        stats.series_count += table->series_count;
        for (size_t i = 0; i < table->series_count; i++) {
            stats.row_count += table->series[i]->row_count;
        }
    }
    pthread_mutex_unlock(&memory->lock);
    *ret_stats = stats;
    return DS_OK;
}

static void series_destroy(struct memory_series *series)
{
    for (size_t i = 0; i < series->row_count; i++) {
        free(series->rows[i].value);
    }
    free(series->rows);
    free(series);
}

static void memory_close(struct market_store *store)
{
    struct memory_store *memory = memory_of(store);
    for (size_t kind = 0; kind <= MARKET_KIND_MAX; kind++) {
        struct memory_table *table = &memory->tables[kind];
        for (size_t i = 0; i < table->series_count; i++) {
            series_destroy(table->series[i]);
        }
        free(table->series);
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
