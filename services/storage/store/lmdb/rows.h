/* What a batch and an order to delete do within the writer's transaction. */
#ifndef STORAGE_STORE_LMDB_ROWS_H
#define STORAGE_STORE_LMDB_ROWS_H

#include "storage/store/lmdb/series_cache.h"

/* Both return 0 or LMDB's error; then the transaction is to be aborted. */

/* Fills the batch's outcomes. */
int lmdb_rows_put(const struct lmdb_tables *tables, MDB_txn *txn, struct series_cache *cache,
                  const struct market_batch *batch);

/* Deletes row_max rows at most, whatever the order says, and fills deleted_count and more. */
int lmdb_rows_delete(const struct lmdb_tables *tables, MDB_txn *txn, size_t row_max,
                     struct market_delete *order);

#endif
