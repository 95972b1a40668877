#include "storage/store/lmdb/rows.h"

/* The cursors of a transaction on one kind. */
struct row_cursors {
    MDB_cursor *rows;
    MDB_cursor *by_group; /* chains only */
};

static int cursors_open(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                        struct row_cursors *ret_cursors)
{
    *ret_cursors = (struct row_cursors){.rows = NULL};
    int error = mdb_cursor_open(txn, tables->kinds[kind].rows, &ret_cursors->rows);
    if (error == 0 && kind == MARKET_CHAINS) {
        error = mdb_cursor_open(txn, tables->kinds[kind].by_group, &ret_cursors->by_group);
    }
    return error;
}

static void cursors_close(struct row_cursors *cursors)
{
    if (cursors->rows != NULL) {
        mdb_cursor_close(cursors->rows);
    }
    if (cursors->by_group != NULL) {
        mdb_cursor_close(cursors->by_group);
    }
}

static int index_add(MDB_cursor *by_group, const struct series_entry *series, int64_t timestamp_us)
{
    struct row_key index_key = row_key_of(series->group_number, timestamp_us, &series->member);
    uint8_t number[LMDB_NUMBER_BYTES];
    lmdb_put_u32(number, series->number);
    MDB_val key = row_key_val(&index_key);
    MDB_val value = {.mv_size = sizeof(number), .mv_data = number};
    return mdb_cursor_put(by_group, &key, &value, 0);
}

/* Stores the row, or decides between it and the one that is stored under its key. */
static int row_store(const struct row_cursors *cursors, const struct series_entry *series,
                     enum market_conflict conflict, const struct market_row *row,
                     enum market_outcome *ret_outcome)
{
    struct row_key row_key = row_key_of(series->number, row->timestamp_us, &row->tie);
    MDB_val key = row_key_val(&row_key);
    MDB_val value = lmdb_val_of(row->value);
    int error = mdb_cursor_put(cursors->rows, &key, &value, MDB_NOOVERWRITE);
    if (error == 0) {
        *ret_outcome = MARKET_ACCEPTED;
        return cursors->by_group == NULL ? 0
                                         : index_add(cursors->by_group, series, row->timestamp_us);
    }
    if (error != MDB_KEYEXIST) {
        return error;
    }
    *ret_outcome = market_outcome_of_stored(conflict, lmdb_bytes_of(&value), row);
    if (*ret_outcome != MARKET_ACCEPTED) {
        return 0;
    }
    value = lmdb_val_of(row->value);
    return mdb_cursor_put(cursors->rows, &key, &value, 0);
}

static int row_put(const struct lmdb_tables *tables, MDB_txn *txn, struct series_cache *cache,
                   const struct row_cursors *cursors, const struct market_batch *batch, size_t i)
{
    const struct market_row *row = &batch->rows[i];
    struct series_entry *series;
    int error = series_cache_get(cache, tables, txn, cursors->rows, batch->kind, row, &series);
    enum market_outcome outcome;
    if (error == 0) {
        error = row_store(cursors, series, batch->conflict, row, &outcome);
    }
    if (error != 0) {
        return error;
    }
    if (outcome == MARKET_ACCEPTED && row->timestamp_us < series->newest_us) {
        outcome = MARKET_ACCEPTED_LATE;
    }
    if (row->timestamp_us > series->newest_us) {
        series->newest_us = row->timestamp_us;
    }
    batch->outcomes[i] = outcome;
    return 0;
}

int lmdb_rows_put(const struct lmdb_tables *tables, MDB_txn *txn, struct series_cache *cache,
                  const struct market_batch *batch)
{
    struct row_cursors cursors;
    int error = cursors_open(tables, txn, batch->kind, &cursors);
    for (size_t i = 0; error == 0 && i < batch->row_count; i++) {
        error = row_put(tables, txn, cache, &cursors, batch, i);
    }
    cursors_close(&cursors);
    return error;
}

/* The first row at `low` or behind it, of the same series; MDB_NOTFOUND where there is none. */
static int row_find(MDB_cursor *rows, struct row_key low, struct market_position *ret_position,
                    size_t *ret_bytes)
{
    MDB_val key = row_key_val(&low);
    MDB_val value;
    const uint32_t number = lmdb_get_u32(low.data);
    const int error = mdb_cursor_get(rows, &key, &value, MDB_SET_RANGE);
    if (error != 0) {
        return error;
    }
    uint32_t found;
    if (!row_key_read(&key, &found, ret_position)) {
        return MDB_CORRUPTED;
    }
    *ret_bytes = key.mv_size + value.mv_size;
    return found == number ? 0 : MDB_NOTFOUND;
}

/* A damaged file may miss the entry: it is gone then. */
static int index_delete(MDB_cursor *by_group, uint32_t group_number, int64_t timestamp_us,
                        const struct market_tie *member)
{
    struct row_key index_key = row_key_of(group_number, timestamp_us, member);
    MDB_val key = row_key_val(&index_key);
    int error = mdb_cursor_get(by_group, &key, NULL, MDB_SET);
    if (error == 0) {
        error = mdb_cursor_del(by_group, 0);
    }
    return error == MDB_NOTFOUND ? 0 : error;
}

static void budget_charge(struct delete_budget *budget, size_t bytes)
{
    budget->rows--;
    budget->bytes -= bytes < budget->bytes ? bytes : budget->bytes;
}

static int range_delete(const struct row_cursors *cursors, const struct series_record *record,
                        const struct market_tie *member, struct delete_budget *budget,
                        struct market_delete *order)
{
    const struct row_key low = row_key_of(record->number, order->start_us, NULL);
    for (;;) {
        struct market_position position;
        size_t row_bytes;
        int error = row_find(cursors->rows, low, &position, &row_bytes);
        if (error != 0 || position.timestamp_us > order->end_us) {
            return error == MDB_NOTFOUND ? 0 : error;
        }
        if (order->deleted_count == order->row_max || budget->rows == 0 ||
            (order->deleted_count > 0 && row_bytes > budget->bytes)) {
            order->more = true;
            return 0;
        }
        if (cursors->by_group != NULL) {
            error = index_delete(cursors->by_group, record->group_number, position.timestamp_us,
                                 member);
        }
        if (error == 0) {
            error = mdb_cursor_del(cursors->rows, 0);
        }
        if (error != 0) {
            return error;
        }
        order->deleted_count++;
        budget_charge(budget, row_bytes);
    }
}

static int series_remove_if_empty(const struct lmdb_tables *tables, MDB_txn *txn, MDB_cursor *rows,
                                  const struct market_delete *order,
                                  const struct series_record *record)
{
    struct market_position position;
    size_t bytes;
    const int error =
        row_find(rows, row_key_of(record->number, INT64_MIN, NULL), &position, &bytes);
    if (error != MDB_NOTFOUND) {
        return error;
    }
    return lmdb_series_remove(tables, txn, order->kind, order->series, record);
}

int lmdb_rows_delete(const struct lmdb_tables *tables, MDB_txn *txn, struct delete_budget *budget,
                     struct market_delete *order)
{
    order->deleted_count = 0;
    order->more = false;
    struct series_record record;
    struct market_tie member = {.size = 0};
    int error = lmdb_series_find(tables, txn, order->kind, order->series, &record);
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    if (!series_member_read(order->kind, order->series, &record, &member)) {
        return MDB_CORRUPTED;
    }
    struct row_cursors cursors;
    error = cursors_open(tables, txn, order->kind, &cursors);
    if (error == 0) {
        error = range_delete(&cursors, &record, &member, budget, order);
    }
    if (error == 0 && order->deleted_count > 0 && !order->more) {
        error = series_remove_if_empty(tables, txn, cursors.rows, order, &record);
    }
    cursors_close(&cursors);
    return error;
}
