/* Ranges of one series, or of a group, in the order of a scan. */
#ifndef STORAGE_STORE_MEMORY_MEMORY_SCAN_H
#define STORAGE_STORE_MEMORY_MEMORY_SCAN_H

#include "storage/store/memory/memory_series.h"

/* What struct market_store_ops says of `scan`. */
void memory_table_scan(const struct memory_table *table, const struct market_scan *scan,
                       market_row_fn take, void *context, bool *ret_more);

#endif
