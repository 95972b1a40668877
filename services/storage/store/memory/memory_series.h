/*
 * What the reference model keeps: sorted arrays of series and of their rows. It is what the other
 * engines are compared with, so it prefers the obvious to the fast.
 */
#ifndef STORAGE_STORE_MEMORY_MEMORY_SERIES_H
#define STORAGE_STORE_MEMORY_MEMORY_SERIES_H

#include "storage/store/market_internal.h"

struct memory_row {
    struct market_position position;
    uint8_t *value; /* owned */
    size_t value_bytes;
};

struct memory_series {
    uint8_t name[MARKET_SERIES_BYTES_MAX];
    size_t name_bytes;
    uint8_t group[MARKET_PRODUCT_BYTES_MAX];
    size_t group_bytes;
    struct memory_row *rows; /* by ascending position */
    size_t row_count;
    size_t row_capacity;
};

/* The series of a kind, by name. A series that is listed has rows. */
struct memory_table {
    struct memory_series **series;
    size_t series_count;
    size_t series_capacity;
};

static inline struct ds_bytes memory_series_name(const struct memory_series *series)
{
    return ds_bytes_of(series->name, series->name_bytes);
}

static inline struct ds_bytes memory_series_group(const struct memory_series *series)
{
    return ds_bytes_of(series->group, series->group_bytes);
}

/* As rows are ordered. */
int memory_position_compare(const struct market_position *a, const struct market_position *b);

/* The index of the series, or where it belongs. */
size_t memory_series_index(const struct memory_table *table, struct ds_bytes name, bool *ret_found);

/* The series, made in the group where there is none. */
struct memory_series *memory_series_get(struct memory_table *table, struct ds_bytes name,
                                        struct ds_bytes group);

/* Forgets the series of that index. */
void memory_series_remove(struct memory_table *table, size_t index);

/* How many rows stand before `position`; with `inclusive` also the row that stands there. */
size_t memory_rows_before(const struct memory_series *series,
                          const struct market_position *position, bool inclusive);

/* The rows of the times are those of indexes *ret_low to *ret_high - 1. */
void memory_rows_between(const struct memory_series *series, int64_t start_us, int64_t end_us,
                         size_t *ret_low, size_t *ret_high);

void memory_row_insert(struct memory_series *series, size_t index,
                       const struct market_position *position, struct ds_bytes value);
void memory_row_set(struct memory_row *row, struct ds_bytes value);
void memory_rows_remove(struct memory_series *series, size_t index, size_t count);

void memory_table_deinit(struct memory_table *table);

#endif
