/* A scan collects every row of its range, sorts them and hands out the first ones. */
#include "storage/store/memory/memory_scan.h"

#include <stdlib.h>

/* A row of the range. */
struct found_row {
    struct market_position position; /* as the scan orders it: a group's by member */
    const struct memory_series *series;
    const struct memory_row *row;
};

struct found_rows {
    struct found_row *rows;
    size_t count;
};

static int compare_ascending(const void *a, const void *b)
{
    return memory_position_compare(&((const struct found_row *)a)->position,
                                   &((const struct found_row *)b)->position);
}

static int compare_descending(const void *a, const void *b)
{
    return compare_ascending(b, a);
}

static bool is_behind_after(const struct market_scan *scan, const struct market_position *position)
{
    if (!scan->has_after) {
        return true;
    }
    const int order = memory_position_compare(position, &scan->after);
    return scan->ascending ? order > 0 : order < 0;
}

static void collect_series(struct found_rows *found, const struct memory_series *series,
                           const struct market_scan *scan)
{
    size_t low;
    size_t high;
    memory_rows_between(series, scan->start_us, scan->end_us, &low, &high);
    found->rows = realloc(found->rows, (found->count + high - low + 1) * sizeof(*found->rows));
    if (found->rows == NULL) {
        abort();
    }
    for (size_t i = low; i < high; i++) {
        struct market_position position = series->rows[i].position;
        if (scan->by_group) {
            position.tie = market_member_of(memory_series_name(series), scan->series);
        }
        if (is_behind_after(scan, &position)) {
            found->rows[found->count++] = (struct found_row){position, series, &series->rows[i]};
        }
    }
}

static void collect(struct found_rows *found, const struct memory_table *table,
                    const struct market_scan *scan)
{
    bool is_known;
    if (!scan->by_group) {
        const size_t index = memory_series_index(table, scan->series, &is_known);
        if (is_known) {
            collect_series(found, table->series[index], scan);
        }
        return;
    }
    for (size_t i = 0; i < table->series_count; i++) {
        if (ds_bytes_equal(memory_series_group(table->series[i]), scan->series)) {
            collect_series(found, table->series[i], scan);
        }
    }
}

void memory_table_scan(const struct memory_table *table, const struct market_scan *scan,
                       market_row_fn take, void *context, bool *ret_more)
{
    struct found_rows found = {.rows = NULL};
    collect(&found, table, scan);
    if (found.count > 1) {
        qsort(found.rows, found.count, sizeof(*found.rows),
              scan->ascending ? compare_ascending : compare_descending);
    }
    size_t taken = 0;
    size_t bytes = 0;
    for (; taken < found.count && taken < scan->row_max; taken++) {
        const struct found_row *next = &found.rows[taken];
        if (taken > 0 && bytes + next->row->value_bytes > scan->bytes_max) {
            break;
        }
        bytes += next->row->value_bytes;
        const struct market_row view = {
            .series = memory_series_name(next->series),
            .group = memory_series_group(next->series),
            .timestamp_us = next->position.timestamp_us,
            .tie = next->position.tie,
            .value = ds_bytes_of(next->row->value, next->row->value_bytes),
        };
        take(context, &view);
    }
    *ret_more = taken < found.count;
    free(found.rows);
}
