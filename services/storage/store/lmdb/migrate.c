/*
 * Older formats, changed to the one behind them step by step. Every step is part of the transaction
 * that opens the store: after a crash or a full disk the folder has its old format still.
 */
#include "storage/store/lmdb/lmdb_store.h"

/*
 * Format 1 had one table `series` for all kinds, kind (1 byte) + name -> number, and wrote rows of
 * ticks only.
 */
static int series_move(MDB_txn *txn, MDB_cursor *series, MDB_dbi target)
{
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_get(series, &key, &value, MDB_FIRST);
    while (error == 0) {
        const uint8_t *kind_and_name = key.mv_data;
        if (key.mv_size < 2 || key.mv_size > 1 + MARKET_SERIES_BYTES_MAX ||
            kind_and_name[0] != MARKET_TICKS || value.mv_size != LMDB_NUMBER_BYTES) {
            return MDB_CORRUPTED;
        }
        MDB_val name = {.mv_size = key.mv_size - 1,
                        .mv_data = (void *)(uintptr_t)(kind_and_name + 1)};
        error = mdb_put(txn, target, &name, &value, 0);
        if (error == 0) {
            error = mdb_cursor_get(series, &key, &value, MDB_NEXT);
        }
    }
    return error == MDB_NOTFOUND ? 0 : error;
}

static int migrate_1_to_2(MDB_txn *txn, const struct lmdb_tables *tables)
{
    MDB_dbi series;
    MDB_cursor *cursor;
    int error = mdb_dbi_open(txn, "series", 0, &series);
    if (error == 0) {
        error = mdb_cursor_open(txn, series, &cursor);
    }
    if (error != 0) {
        return error;
    }
    error = series_move(txn, cursor, tables->kinds[MARKET_TICKS].series);
    mdb_cursor_close(cursor);
    return error == 0 ? mdb_drop(txn, series, 1) : error;
}

int lmdb_format_migrate(MDB_txn *txn, const struct lmdb_tables *tables, uint32_t version)
{
    static int (*const steps[])(MDB_txn *, const struct lmdb_tables *) = {
        [1] = migrate_1_to_2,
    };
    int error = 0;
    for (; error == 0 && version < LMDB_FORMAT_VERSION; version++) {
        error = steps[version](txn, tables);
    }
    return error;
}
