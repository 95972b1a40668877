/*
 * The embedded store, on LMDB in its strict mode: what is acknowledged is on disk. One thread
 * writes (writer.c), readers take short snapshots and wait for nobody (reader.c).
 *
 * Tables (named databases of the one file data.mdb):
 *   meta     what this file is: see format.c
 *   series   kind (1 byte) + name -> number of the series (4 bytes, big endian)
 *   ticks    key.h -> the row's bytes as given; one such table a kind
 */
#ifndef STORAGE_STORE_LMDB_LMDB_STORE_H
#define STORAGE_STORE_LMDB_LMDB_STORE_H

#include "storage/store/lmdb/key.h"
#include "storage/store/market_internal.h"

#include <pthread.h>
#include <stdatomic.h>

#define LMDB_TABLES_MAX 32
/* Snapshots under way at one time; each holds a slot in LMDB's table of readers. */
#define LMDB_READERS_MAX 256

struct lmdb_tables {
    MDB_dbi meta;
    MDB_dbi series;
    MDB_dbi rows[MARKET_KIND_MAX + 1]; /* by kind */
};

/* A read transaction with its cursors, kept for the next reader. */
struct lmdb_reader {
    MDB_txn *txn;
    MDB_cursor *rows[MARKET_KIND_MAX + 1]; /* by kind; made when first needed */
    struct lmdb_reader *next;
};

struct lmdb_readers {
    pthread_mutex_t lock; /* guards the two below; held for a few instructions only */
    struct lmdb_reader *idle;
    size_t count;
};

struct lmdb_writer;

struct lmdb_store {
    struct market_store base;
    const struct ds_clock *clock;
    struct ds_event_sink events;
    uint64_t free_bytes_min;
    int folder_fd;
    int lock_fd;
    MDB_env *env;
    struct lmdb_tables tables;
    struct lmdb_readers readers;
    struct lmdb_writer *writer;
};

static inline struct lmdb_store *lmdb_store_of(struct market_store *store)
{
    return (struct lmdb_store *)store;
}

/* The code of what LMDB or the system said; for reads, and for writes that no rule of writer.c
 * covers. */
ds_code lmdb_code_of(int error);

/* What the folder's disk has left for us; UINT64_MAX where it can't be asked. */
uint64_t lmdb_disk_free_bytes(const struct lmdb_store *store);

/* Whether the file is as long as its newest commit says. */
bool lmdb_file_is_whole(MDB_env *env);

/* folder.c: the folder with its lock. On failure the reason is in ret_reason. */
ds_code lmdb_folder_claim(const char *path, int *ret_folder_fd, int *ret_lock_fd, char *ret_reason,
                          size_t reason_bytes_max);

/* format.c: opens the tables, or makes them in an empty file, and checks the format. */
ds_code lmdb_format_open(const char *path, const struct ds_clock *clock, MDB_env *env,
                         struct lmdb_tables *ret_tables, char *ret_reason, size_t reason_bytes_max);

/* format.c: whether data.mdb in the folder has our marker; changes nothing there. */
bool lmdb_format_is_ours(const char *path);

/* reader.c */
void lmdb_readers_init(struct lmdb_readers *readers);
void lmdb_readers_deinit(struct lmdb_readers *readers);
ds_code lmdb_reader_begin(struct lmdb_store *store, struct lmdb_reader **ret_reader);
void lmdb_reader_end(struct lmdb_store *store, struct lmdb_reader *reader);

/* scan.c: of struct market_store_ops. */
ds_code lmdb_scan(struct market_store *store, const struct market_scan *scan, market_row_fn take,
                  void *context, bool *ret_more);
ds_code lmdb_list_series(struct market_store *store, const struct market_series_query *query,
                         market_series_fn take, void *context, bool *ret_more);

/* series.c: the key of a series in its table; MARKET_SERIES_BYTES_MAX + 1 bytes do. Returns its
 * size. */
size_t lmdb_series_key(enum market_kind kind, struct ds_bytes name, uint8_t *target);

/* writer.c */
void lmdb_writer_start(struct lmdb_store *store);
/* Ends what is queued. Takes a store without a writer. */
void lmdb_writer_stop(struct lmdb_store *store);
void lmdb_put(struct market_store *store, struct market_batch *batch);
/* Whether writes work, as far as is known without writing. */
ds_code lmdb_writer_health(struct lmdb_store *store);
uint64_t lmdb_writer_commit_count(struct lmdb_store *store);

#endif
