/* The verification of the whole store: every entry of every table, in short snapshots. What comes
 * or goes meanwhile is no fault: entries that belong together are looked at within one snapshot. */
#include "storage/store/lmdb/verify.h"

ds_code lmdb_verify(struct market_store *store, struct market_verify *verify)
{
    struct lmdb_store *lmdb = lmdb_store_of(store);
    verify->rows_checked = 0;
    verify->series_checked = 0;
    for (int kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        struct lmdb_look look = {.store = lmdb,
                                 .verify = verify,
                                 .kind = (enum market_kind)kind,
                                 .tables = &lmdb->tables.kinds[kind]};
        DS_TRY(lmdb_look_at_series(&look));
        DS_TRY(lmdb_look_at_rows(&look));
    }
    return DS_OK;
}
