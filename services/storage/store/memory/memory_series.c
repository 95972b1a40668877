#include "storage/store/memory/memory_series.h"

#include <stdlib.h>

int memory_position_compare(const struct market_position *a, const struct market_position *b)
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

size_t memory_series_index(const struct memory_table *table, struct ds_bytes name, bool *ret_found)
{
    size_t low = 0;
    size_t high = table->series_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = ds_bytes_compare(memory_series_name(table->series[middle]), name);
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

static struct memory_series *series_create(struct ds_bytes name, struct ds_bytes group)
{
    struct memory_series *series = calloc(1, sizeof(*series));
    if (series == NULL) {
        abort();
    }
    memcpy(series->name, name.data, name.size);
    series->name_bytes = name.size;
    if (group.size > 0) {
        memcpy(series->group, group.data, group.size);
    }
    series->group_bytes = group.size;
    return series;
}

static void series_destroy(struct memory_series *series)
{
    for (size_t i = 0; i < series->row_count; i++) {
        free(series->rows[i].value);
    }
    free(series->rows);
    free(series);
}

struct memory_series *memory_series_get(struct memory_table *table, struct ds_bytes name,
                                        struct ds_bytes group)
{
    bool found;
    const size_t index = memory_series_index(table, name, &found);
    if (found) {
        return table->series[index];
    }
    table->series = array_grow(table->series, table->series_count, &table->series_capacity,
                               sizeof(*table->series));
    memmove(&table->series[index + 1], &table->series[index],
            (table->series_count - index) * sizeof(*table->series));
    table->series[index] = series_create(name, group);
    table->series_count++;
    return table->series[index];
}

void memory_series_remove(struct memory_table *table, size_t index)
{
    series_destroy(table->series[index]);
    table->series_count--;
    memmove(&table->series[index], &table->series[index + 1],
            (table->series_count - index) * sizeof(*table->series));
}

size_t memory_rows_before(const struct memory_series *series,
                          const struct market_position *position, bool inclusive)
{
    size_t low = 0;
    size_t high = series->row_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = memory_position_compare(&series->rows[middle].position, position);
        if (order < 0 || (inclusive && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void memory_rows_between(const struct memory_series *series, int64_t start_us, int64_t end_us,
                         size_t *ret_low, size_t *ret_high)
{
    const struct market_position start = {.timestamp_us = start_us};
    const struct market_position behind = {.timestamp_us = end_us == INT64_MAX ? 0 : end_us + 1};
    const size_t low = memory_rows_before(series, &start, false);
    const size_t high =
        end_us == INT64_MAX ? series->row_count : memory_rows_before(series, &behind, false);
    *ret_low = low;
    *ret_high = high < low ? low : high;
}

void memory_row_set(struct memory_row *row, struct ds_bytes value)
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

void memory_row_insert(struct memory_series *series, size_t index,
                       const struct market_position *position, struct ds_bytes value)
{
    series->rows =
        array_grow(series->rows, series->row_count, &series->row_capacity, sizeof(*series->rows));
    memmove(&series->rows[index + 1], &series->rows[index],
            (series->row_count - index) * sizeof(*series->rows));
    series->rows[index] = (struct memory_row){.position = *position};
    memory_row_set(&series->rows[index], value);
    series->row_count++;
}

void memory_rows_remove(struct memory_series *series, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++) {
        free(series->rows[i].value);
    }
    series->row_count -= count;
    memmove(&series->rows[index], &series->rows[index + count],
            (series->row_count - index) * sizeof(*series->rows));
}

void memory_table_deinit(struct memory_table *table)
{
    for (size_t i = 0; i < table->series_count; i++) {
        series_destroy(table->series[i]);
    }
    free(table->series);
}
