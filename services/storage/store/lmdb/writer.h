/* The inside of the writer, which its two files share. Private to the engine. */
#ifndef STORAGE_LMDB_WRITER_H
#define STORAGE_LMDB_WRITER_H

#include "storage/store/lmdb/rows.h"

struct lmdb_writer {
    struct lmdb_store *store;
    pthread_t thread;

    pthread_mutex_t lock; /* guards these until the blank line */
    pthread_cond_t arrived;
    struct market_batch *first;
    struct market_batch *last;
    size_t unfinished_rows;
    size_t unfinished_bytes;
    struct market_delete *first_delete;
    struct market_delete *last_delete;
    size_t unfinished_deletes;
    bool closing;

    atomic_bool stopped;
    atomic_bool map_is_full;
    atomic_uint_fast64_t commit_count;

    /* The thread's own. */
    struct series_cache *cache;
    bool told_of_full_disk;
};

/* Commits what began at began_us (monotonic) and frees the transaction, also where it fails. The
 * writer's thread. */
DS_MUST_USE int lmdb_commit(struct lmdb_writer *writer, MDB_txn *txn, int64_t began_us);

/*
 * What a failed commit of so many rows and bytes means: DS_RESOURCE_EXHAUSTED where the disk or the
 * map is full and the next one may succeed; after anything else the writer stops for good. The
 * writer's thread.
 */
DS_MUST_USE ds_code lmdb_failure_judge(struct lmdb_writer *writer, int error, size_t rows,
                                       uint64_t bytes);

/* Carries out the oldest queued order, if there is one, and those behind it that its transaction
 * has room for. The writer's thread. */
void lmdb_orders_carry_out(struct lmdb_writer *writer);

#endif
