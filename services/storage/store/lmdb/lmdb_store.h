/*
 * The embedded store, on LMDB in its strict mode: what is acknowledged is on disk. One thread
 * writes (writer.c), readers take short snapshots and wait for nobody (reader.c).
 *
 * Tables (named databases of the one file data.mdb), format 2; numbers are 4 bytes, big endian:
 *   meta             what this file is: see format.c
 *   KIND             key.h -> the row's bytes as given
 *   KIND.series      name -> number of the series; of grouped kinds, the group's number and its
 *                    name behind it
 *   KIND.groups      grouped kinds only: name -> number of the group
 *   KIND.members     grouped kinds only: number of the group, name of a series -> nothing
 *   chains.by_group  number of the group, timestamp and member as in key.h -> number of the series
 *
 * A series is listed while it has rows, a group while it has series. Their numbers are never used
 * again.
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

#define LMDB_FORMAT_VERSION 2

struct lmdb_kind_tables {
    MDB_dbi rows;
    MDB_dbi series;
    MDB_dbi groups;   /* grouped kinds only */
    MDB_dbi members;  /* grouped kinds only */
    MDB_dbi by_group; /* chains only */
};

struct lmdb_tables {
    MDB_dbi meta;
    struct lmdb_kind_tables kinds[MARKET_KIND_MAX + 1]; /* by kind */
};

/* A read transaction with its cursors, kept for the next reader. */
struct lmdb_reader {
    MDB_txn *txn;
    /* Made when first needed. */
    MDB_cursor *rows[MARKET_KIND_MAX + 1]; /* by kind */
    MDB_cursor *by_group;
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
    struct market_figures *figures; /* of the options, or own_figures */
    struct market_figures own_figures;
    uint64_t free_bytes_min;
    int folder_fd;
    int lock_fd;
    MDB_env *env;
    struct lmdb_tables tables;
    char store_id[MARKET_STORE_ID_BYTES_MAX];
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

/* Whether the file is as long as its newest commit says. */
bool lmdb_file_is_whole(MDB_env *env);

/* folder.c: the folder with its lock. On failure the reason is in ret_reason. */
ds_code lmdb_folder_claim(const char *path, int *ret_folder_fd, int *ret_lock_fd, char *ret_reason,
                          size_t reason_bytes_max);

/* folder.c: notes that the folder holds this store from now on, so that a data file that got lost
 * is missed. */
void lmdb_folder_mark(int lock_fd, const char *store_id);

/* format.c: opens the store's tables, or makes them in an empty file, and knows its id. An older
 * format is changed to today's within the same transaction. */
ds_code lmdb_format_open(struct lmdb_store *store, const char *path, char *ret_reason,
                         size_t reason_bytes_max);

/* format.c: whether data.mdb in the folder has our marker; changes nothing there. */
bool lmdb_format_is_ours(const char *path);

/* migrate.c: changes the tables of an older format to those of LMDB_FORMAT_VERSION, whose tables
 * are open, but for the version in `meta`. */
int lmdb_format_migrate(MDB_txn *txn, const struct lmdb_tables *tables, uint32_t version);

/* room.c: what the folder's disk has left for us; UINT64_MAX where it can't be asked. */
uint64_t lmdb_disk_free_bytes(const struct lmdb_store *store);

/* room.c: takes the numbers of free pages, each sizeof(size_t) bytes, in parts. */
typedef void (*lmdb_free_pages_fn)(void *context, const uint8_t *numbers, size_t count);
int lmdb_free_pages_walk(MDB_txn *txn, lmdb_free_pages_fn take, void *context);

/* room.c: bytes of the file's pages that hold nothing; new rows come there first. */
ds_code lmdb_reusable_bytes(struct lmdb_store *store, uint64_t *ret_bytes);

/* room.c: whether so many rows of so many bytes may be written: the disk has more than the reserve,
 * or the file has room inside. */
bool lmdb_has_room(struct lmdb_store *store, size_t row_count, uint64_t bytes);

/* room.c: whether a failed write of so many rows can come from a full disk. */
bool lmdb_disk_is_full(const struct lmdb_store *store, size_t row_count, uint64_t bytes);

/* stats.c: of struct market_store_ops. */
ds_code lmdb_stats(struct market_store *store, struct market_stats *ret_stats);

/* reader.c */
void lmdb_readers_init(struct lmdb_readers *readers);
void lmdb_readers_deinit(struct lmdb_readers *readers);
ds_code lmdb_reader_begin(struct lmdb_store *store, struct lmdb_reader **ret_reader);
void lmdb_reader_end(struct lmdb_store *store, struct lmdb_reader *reader);

/* scan.c and list.c: of struct market_store_ops. */
ds_code lmdb_scan(struct market_store *store, const struct market_scan *scan, market_row_fn take,
                  void *context, bool *ret_more);
ds_code lmdb_list_series(struct market_store *store, const struct market_series_query *query,
                         market_series_fn take, void *context, bool *ret_more);

/* verify.c and image.c: of struct market_store_ops. */
ds_code lmdb_verify(struct market_store *store, struct market_verify *verify);
ds_code lmdb_write_image(struct market_store *store, struct market_image *image);

/* writer.c */
void lmdb_writer_start(struct lmdb_store *store);
/* Ends what is queued. Takes a store without a writer. */
void lmdb_writer_stop(struct lmdb_store *store);
void lmdb_put(struct market_store *store, struct market_batch *batch);
void lmdb_delete_rows(struct market_store *store, struct market_delete *order);
/* Whether writes work, as far as is known without writing. */
enum market_writes lmdb_writer_state(struct lmdb_store *store);
uint64_t lmdb_writer_commit_count(struct lmdb_store *store);
uint64_t lmdb_writer_queued_row_count(struct lmdb_store *store);

#endif
