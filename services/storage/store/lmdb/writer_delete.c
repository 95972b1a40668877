/* Orders to delete, as the writer's thread carries them out. */
#include "storage/store/lmdb/writer.h"

#include <assert.h>

#define QUEUE_DELETES_MAX 1024

/* What a transaction deletes at most, beside its first row: the pages of large values are noted one
 * by one when they are given back. */
#define DELETE_BYTES_MAX (64UL * 1024 * 1024)
/* A deletion that finds no room is tried again with so much less of it. */
#define DELETE_SHRINK 8

/* Orders that are carried out by one transaction. */
struct order_group {
    struct market_delete *first;
    struct market_delete *last;
    size_t row_max;
    size_t rows; /* deleted */
};

/* The next queued order, or NULL. */
static struct market_delete *order_take(struct lmdb_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct market_delete *order = writer->first_delete;
    if (order != NULL) {
        writer->first_delete = order->next;
        order->next = NULL;
    }
    pthread_mutex_unlock(&writer->lock);
    return order;
}

/* Carries out the group's orders and, as long as there is budget, those that are queued by then. */
static int group_delete(struct lmdb_writer *writer, MDB_txn *txn, struct order_group *group,
                        bool may_grow)
{
    struct delete_budget budget = {.rows = group->row_max, .bytes = DELETE_BYTES_MAX};
    struct market_delete *order = group->first;
    while (order != NULL) {
        const int error = lmdb_rows_delete(&writer->store->tables, txn, &budget, order);
        group->rows = group->row_max - budget.rows;
        if (error != 0) {
            return error;
        }
        const bool grows = may_grow && budget.rows > 0 && budget.bytes > 0;
        order = grows ? order_take(writer) : NULL;
        if (order != NULL) {
            group->last->next = order;
            group->last = order;
        }
    }
    return 0;
}

/* One transaction; on failure nothing of it is left. */
static int deletes_commit(struct lmdb_writer *writer, struct order_group *group, bool may_grow)
{
    const int64_t began_us = ds_clock_monotonic_us(writer->store->clock);
    MDB_txn *txn;
    int error = mdb_txn_begin(writer->store->env, NULL, 0, &txn);
    if (error != 0) {
        return error;
    }
    error = group_delete(writer, txn, group, may_grow);
    if (error != 0 || group->rows == 0) {
        mdb_txn_abort(txn);
        return error;
    }
    error = lmdb_commit(writer, txn, began_us);
    if (error != 0) {
        return error;
    }
    for (struct market_delete *order = group->first; order != NULL; order = order->next) {
        if (order->deleted_count > 0) {
            series_cache_forget(writer->cache, order->kind, order->series);
        }
    }
    atomic_fetch_add(&writer->store->figures->rows_deleted, group->rows);
    return 0;
}

static ds_code deletes_try(struct lmdb_writer *writer, struct order_group *group, bool may_grow)
{
    if (atomic_load(&writer->stopped)) {
        return DS_UNAVAILABLE;
    }
    const int error = deletes_commit(writer, group, may_grow);
    return error == 0 ? DS_OK : lmdb_failure_judge(writer, error, group->rows, 0);
}

static size_t row_max_shrink(size_t row_max)
{
    return row_max == 1 ? 0 : (row_max + DELETE_SHRINK - 1) / DELETE_SHRINK;
}

/*
 * Deletes as much of the order as there is room for: a deletion writes pages too, before it gives
 * any back, so where all is full a small one comes first.
 */
static ds_code order_delete(struct lmdb_writer *writer, struct market_delete *order, size_t row_max)
{
    ds_code code = DS_RESOURCE_EXHAUSTED;
    for (; code == DS_RESOURCE_EXHAUSTED && row_max > 0; row_max = row_max_shrink(row_max)) {
        struct order_group alone = {.first = order, .last = order, .row_max = row_max};
        code = deletes_try(writer, &alone, false);
    }
    return code;
}

static void order_finish(struct lmdb_writer *writer, struct market_delete *order, ds_code code)
{
    pthread_mutex_lock(&writer->lock);
    writer->unfinished_deletes--;
    pthread_mutex_unlock(&writer->lock);
    if (code != DS_OK) {
        order->deleted_count = 0;
        order->more = false;
    }
    order->code = code;
    order->done(order);
}

/* One that finds no room must not take others down with it: then each gets its own transaction. */
void lmdb_orders_carry_out(struct lmdb_writer *writer)
{
    struct market_delete *order = order_take(writer);
    if (order == NULL) {
        return;
    }
    struct order_group group = {.first = order, .last = order, .row_max = MARKET_DELETE_ROWS_MAX};
    const ds_code code = deletes_try(writer, &group, true);
    const bool was_alone = order->next == NULL;
    while (order != NULL) {
        struct market_delete *next = order->next;
        order->next = NULL;
        const size_t row_max = was_alone ? row_max_shrink(order->row_max) : order->row_max;
        order_finish(writer, order,
                     code == DS_RESOURCE_EXHAUSTED ? order_delete(writer, order, row_max) : code);
        order = next;
    }
}
/* DS_OK: queued. */
static ds_code order_add(struct lmdb_writer *writer, struct market_delete *order)
{
    ds_code code = DS_RESOURCE_EXHAUSTED;
    order->next = NULL;
    pthread_mutex_lock(&writer->lock);
    assert(!writer->closing);
    if (writer->unfinished_deletes < QUEUE_DELETES_MAX) {
        writer->unfinished_deletes++;
        if (writer->first_delete == NULL) {
            writer->first_delete = order;
        } else {
            writer->last_delete->next = order;
        }
        writer->last_delete = order;
        code = DS_OK;
        pthread_cond_signal(&writer->arrived);
    }
    pthread_mutex_unlock(&writer->lock);
    return code;
}

void lmdb_delete_rows(struct market_store *store, struct market_delete *order)
{
    struct lmdb_writer *writer = lmdb_store_of(store)->writer;
    market_delete_assert(order);
    order->deleted_count = 0;
    order->more = false;
    const ds_code code = atomic_load(&writer->stopped) ? DS_UNAVAILABLE : order_add(writer, order);
    if (code != DS_OK) {
        order->code = code;
        order->done(order);
    }
}
