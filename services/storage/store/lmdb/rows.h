/* What a batch and an order to delete do within the writer's transaction. */
#ifndef STORAGE_STORE_LMDB_ROWS_H
#define STORAGE_STORE_LMDB_ROWS_H

#include "storage/store/lmdb/series_cache.h"

/* Both return 0 or LMDB's error; then the transaction is to be aborted. */

/* Fills the batch's outcomes. */
int lmdb_rows_put(const struct lmdb_tables *tables, MDB_txn *txn, struct series_cache *cache,
                  const struct market_batch *batch);

/* What a transaction may still delete. */
struct delete_budget {
    size_t rows;
    size_t bytes;
};

/* Deletes rows of the order within the budget, at least one where it has rows left, takes them off
 * the budget and fills deleted_count and more. */
int lmdb_rows_delete(const struct lmdb_tables *tables, MDB_txn *txn, struct delete_budget *budget,
                     struct market_delete *order);

#endif
