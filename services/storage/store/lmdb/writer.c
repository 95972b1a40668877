/*
 * The one thread that writes. Batches that arrive while a commit is under way are stored together
 * by the next one: many callers share a sync, and a lone caller waits for nobody. Orders to delete
 * (writer_delete.c) take turns with them and share transactions in the same way.
 *
 * When a commit fails: nothing of it is acknowledged. A full disk or map is answered with
 * DS_RESOURCE_EXHAUSTED and the next batch tries anew. Any other failed sync leaves open what is on
 * the disk, so the writer stops for good; a restart recovers.
 */
#include "storage/store/lmdb/writer.h"

#include "ds/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* What one commit takes at most, beside its first batch. */
#define GROUP_ROWS_MAX 8192
#define GROUP_BYTES_MAX (16UL * 1024 * 1024)

/* What may be unfinished: queued or being stored. A lone batch may be larger. */
#define QUEUE_ROWS_MAX 65536
#define QUEUE_BYTES_MAX (64UL * 1024 * 1024)

/* Batches that are stored by one transaction. */
struct batch_group {
    struct market_batch *first;
    struct market_batch *last;
    size_t rows;
    size_t bytes;
};

static void group_add(struct batch_group *group, struct market_batch *batch)
{
    batch->next = NULL;
    if (group->first == NULL) {
        group->first = batch;
    } else {
        group->last->next = batch;
    }
    group->last = batch;
    group->rows += batch->row_count;
    group->bytes += market_batch_bytes(batch);
}

/* Gives a batch back to its owner, who may free it at once. */
static void batch_finish(struct lmdb_writer *writer, struct market_batch *batch, ds_code code)
{
    pthread_mutex_lock(&writer->lock);
    writer->unfinished_rows -= batch->row_count;
    writer->unfinished_bytes -= market_batch_bytes(batch);
    pthread_mutex_unlock(&writer->lock);
    batch->code = code;
    batch->done(batch);
}

/* Moves the next queued batch into the group unless that makes it too large. */
static bool group_take(struct lmdb_writer *writer, struct batch_group *group)
{
    bool taken = false;
    pthread_mutex_lock(&writer->lock);
    struct market_batch *batch = writer->first;
    if (batch != NULL &&
        (group->first == NULL || (group->rows + batch->row_count <= GROUP_ROWS_MAX &&
                                  group->bytes + market_batch_bytes(batch) <= GROUP_BYTES_MAX))) {
        writer->first = batch->next;
        group_add(group, batch);
        taken = true;
    }
    pthread_mutex_unlock(&writer->lock);
    return taken;
}

/* Puts the group's batches and those that are queued by then; it waits for none, and the group's
 * bounds keep the wait of its first batch short: a commit costs more than thousands of rows do. */
static int group_put(struct lmdb_writer *writer, MDB_txn *txn, struct batch_group *group,
                     bool may_grow)
{
    struct market_batch *batch = group->first;
    for (;;) {
        const int error = lmdb_rows_put(&writer->store->tables, txn, writer->cache, batch);
        if (error != 0) {
            return error;
        }
        if (batch->next == NULL && (!may_grow || !group_take(writer, group))) {
            return 0;
        }
        batch = batch->next;
    }
}

static void full_disk_tell(struct lmdb_writer *writer, bool is_full)
{
    if (is_full != writer->told_of_full_disk) {
        writer->told_of_full_disk = is_full;
        ds_log(is_full ? DS_LOG_ERROR : DS_LOG_INFO,
               is_full ? "store_disk_full" : "store_disk_has_room",
               DS_LOG_INT("free_bytes_min", writer->store->free_bytes_min));
    }
}

int lmdb_commit(struct lmdb_writer *writer, MDB_txn *txn, int64_t began_us)
{
    struct lmdb_store *store = writer->store;
    const int64_t filled_us = ds_clock_monotonic_us(store->clock);
    const int error = mdb_txn_commit(txn);
    if (error != 0) {
        return error;
    }
    const int64_t now_us = ds_clock_monotonic_us(store->clock);
    ds_histogram_add(&store->figures->commits, now_us - filled_us);
    ds_histogram_add(&store->figures->transactions, now_us - began_us);
    atomic_fetch_add(&writer->commit_count, 1);
    atomic_store(&writer->map_is_full, false);
    return 0;
}

/* One transaction; on failure nothing of it is left. */
static int group_commit(struct lmdb_writer *writer, struct batch_group *group, bool may_grow)
{
    const int64_t began_us = ds_clock_monotonic_us(writer->store->clock);
    MDB_txn *txn;
    int error = mdb_txn_begin(writer->store->env, NULL, 0, &txn);
    if (error != 0) {
        return error;
    }
    error = group_put(writer, txn, group, may_grow);
    if (error != 0) {
        mdb_txn_abort(txn);
    } else {
        error = lmdb_commit(writer, txn, began_us);
    }
    if (error != 0) {
        series_cache_clear(writer->cache);
        return error;
    }
    atomic_fetch_add(&writer->store->figures->rows_written, group->rows);
    /* Not before: a disk that takes nothing may look as if it had room. */
    full_disk_tell(writer, false);
    return 0;
}

static void writer_stop_for_good(struct lmdb_writer *writer, int error)
{
    atomic_store(&writer->stopped, true);
    ds_log(DS_LOG_ERROR, "store_writes_stopped", DS_LOG_TEXT("reason", mdb_strerror(error)),
           DS_LOG_TEXT("remedy", "look for a fault of the disk, then restart"));
}

/* What a failed transaction of so many rows means for its callers, and for the writer. */
ds_code lmdb_failure_judge(struct lmdb_writer *writer, int error, size_t rows, uint64_t bytes)
{
    if (error == MDB_MAP_FULL || error == MDB_TXN_FULL) {
        if (error == MDB_MAP_FULL && !atomic_exchange(&writer->map_is_full, true)) {
            ds_log(DS_LOG_ERROR, "store_map_full", DS_LOG_TEXT("reason", mdb_strerror(error)));
        }
        return DS_RESOURCE_EXHAUSTED;
    }
    /* LMDB reports the short write of a full disk as EIO. */
    const bool may_be_full = error == EIO || error == ENOSPC || error == EDQUOT;
    if (may_be_full && (error != EIO || lmdb_disk_is_full(writer->store, rows, bytes))) {
        full_disk_tell(writer, true);
        return DS_RESOURCE_EXHAUSTED;
    }
    writer_stop_for_good(writer, error);
    const ds_code code = lmdb_code_of(error);
    return code == DS_DATA_LOSS ? code : DS_UNAVAILABLE;
}

/* Hands the group back. Events leave before the callers are told. */
static void group_finish(struct lmdb_writer *writer, struct market_batch *first, ds_code code)
{
    for (struct market_batch *batch = first; code == DS_OK && batch != NULL; batch = batch->next) {
        market_publish_accepted(&writer->store->events, batch);
    }
    while (first != NULL) {
        struct market_batch *next = first->next;
        batch_finish(writer, first, code);
        first = next;
    }
}

/* Stores one batch in a transaction of its own and says what came of it. */
static ds_code batch_store_alone(struct lmdb_writer *writer, struct market_batch *batch)
{
    if (atomic_load(&writer->stopped)) {
        return DS_UNAVAILABLE;
    }
    struct batch_group group = {.first = NULL};
    group_add(&group, batch);
    if (!lmdb_has_room(writer->store, group.rows, group.bytes)) {
        full_disk_tell(writer, true);
        return DS_RESOURCE_EXHAUSTED;
    }
    const int error = group_commit(writer, &group, false);
    return error == 0 ? DS_OK : lmdb_failure_judge(writer, error, group.rows, group.bytes);
}

/* A batch that does not fit must not take others down with it: each gets its own transaction. */
static void group_store_singly(struct lmdb_writer *writer, struct market_batch *batch)
{
    while (batch != NULL) {
        struct market_batch *next = batch->next;
        const ds_code code = batch_store_alone(writer, batch);
        batch->next = NULL;
        group_finish(writer, batch, code);
        batch = next;
    }
}

static void group_store(struct lmdb_writer *writer, struct batch_group *group)
{
    if (atomic_load(&writer->stopped)) {
        group_finish(writer, group->first, DS_UNAVAILABLE);
        return;
    }
    if (!lmdb_has_room(writer->store, group->rows, group->bytes)) {
        full_disk_tell(writer, true);
        group_finish(writer, group->first, DS_RESOURCE_EXHAUSTED);
        return;
    }
    const int error = group_commit(writer, group, true);
    const ds_code code =
        error == 0 ? DS_OK : lmdb_failure_judge(writer, error, group->rows, group->bytes);
    if (code == DS_RESOURCE_EXHAUSTED && group->first->next != NULL) {
        group_store_singly(writer, group->first);
    } else {
        group_finish(writer, group->first, code);
    }
}

/* Waits for something to do; false once the store closes and the queues are empty. */
static bool work_await(struct lmdb_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->first == NULL && writer->first_delete == NULL && !writer->closing) {
        pthread_cond_wait(&writer->arrived, &writer->lock);
    }
    const bool has_work = writer->first != NULL || writer->first_delete != NULL;
    pthread_mutex_unlock(&writer->lock);
    return has_work;
}

static void *writer_run(void *argument)
{
    struct lmdb_writer *writer = argument;
    while (work_await(writer)) {
        struct batch_group group = {.first = NULL};
        if (group_take(writer, &group)) {
            group_store(writer, &group);
        }
        lmdb_orders_carry_out(writer);
    }
    return NULL;
}

/* DS_OK: queued. */
static ds_code queue_add(struct lmdb_writer *writer, struct market_batch *batch)
{
    const size_t bytes = market_batch_bytes(batch);
    ds_code code = DS_RESOURCE_EXHAUSTED;
    batch->next = NULL;
    pthread_mutex_lock(&writer->lock);
    assert(!writer->closing);
    if (writer->unfinished_rows == 0 ||
        (writer->unfinished_rows + batch->row_count <= QUEUE_ROWS_MAX &&
         writer->unfinished_bytes + bytes <= QUEUE_BYTES_MAX)) {
        writer->unfinished_rows += batch->row_count;
        writer->unfinished_bytes += bytes;
        if (writer->first == NULL) {
            writer->first = batch;
        } else {
            writer->last->next = batch;
        }
        writer->last = batch;
        code = DS_OK;
        pthread_cond_signal(&writer->arrived);
    }
    pthread_mutex_unlock(&writer->lock);
    return code;
}

void lmdb_put(struct market_store *store, struct market_batch *batch)
{
    struct lmdb_writer *writer = lmdb_store_of(store)->writer;
    market_batch_assert(batch);
    const ds_code code = atomic_load(&writer->stopped) ? DS_UNAVAILABLE : queue_add(writer, batch);
    if (code != DS_OK) {
        batch->code = code;
        batch->done(batch);
    }
}

enum market_writes lmdb_writer_state(struct lmdb_store *store)
{
    if (atomic_load(&store->writer->stopped)) {
        return MARKET_WRITES_STOPPED;
    }
    if (atomic_load(&store->writer->map_is_full) || !lmdb_has_room(store, 1, 0)) {
        return MARKET_WRITES_FULL;
    }
    return MARKET_WRITES_OK;
}

uint64_t lmdb_writer_queued_row_count(struct lmdb_store *store)
{
    pthread_mutex_lock(&store->writer->lock);
    const uint64_t count = store->writer->unfinished_rows;
    pthread_mutex_unlock(&store->writer->lock);
    return count;
}

uint64_t lmdb_writer_commit_count(struct lmdb_store *store)
{
    return atomic_load(&store->writer->commit_count);
}

void lmdb_writer_start(struct lmdb_store *store)
{
    struct lmdb_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        abort();
    }
    writer->store = store;
    writer->cache = series_cache_create();
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->arrived, NULL);
    store->writer = writer;
    if (pthread_create(&writer->thread, NULL, writer_run, writer) != 0) {
        abort();
    }
    pthread_setname_np(writer->thread, "store-writer");
}

void lmdb_writer_stop(struct lmdb_store *store)
{
    struct lmdb_writer *writer = store->writer;
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->closing = true;
    pthread_cond_signal(&writer->arrived);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->arrived);
    pthread_mutex_destroy(&writer->lock);
    series_cache_destroy(writer->cache);
    free(writer);
    store->writer = NULL;
}
