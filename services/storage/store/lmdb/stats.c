#include "storage/store/lmdb/lmdb_store.h"

#include <errno.h>
#include <sys/stat.h>

/* Adds the table's pages; its entries go to ret_entry_count unless that is NULL. */
static int table_add(MDB_txn *txn, MDB_dbi table, uint64_t *bytes, uint64_t *ret_entry_count)
{
    MDB_stat stat;
    const int error = mdb_stat(txn, table, &stat);
    if (error != 0) {
        return error;
    }
    *bytes += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
    if (ret_entry_count != NULL) {
        *ret_entry_count = stat.ms_entries;
    }
    return 0;
}

static int kind_stats(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                      struct market_kind_stats *stats)
{
    const struct lmdb_kind_tables *kind_tables = &tables->kinds[kind];
    int error = table_add(txn, kind_tables->rows, &stats->bytes, &stats->row_count);
    if (error == 0) {
        error = table_add(txn, kind_tables->series, &stats->bytes, &stats->series_count);
    }
    if (error == 0 && market_kind_is_grouped(kind)) {
        error = table_add(txn, kind_tables->groups, &stats->bytes, NULL);
    }
    if (error == 0 && market_kind_is_grouped(kind)) {
        error = table_add(txn, kind_tables->members, &stats->bytes, NULL);
    }
    if (error == 0 && kind == MARKET_CHAINS) {
        error = table_add(txn, kind_tables->by_group, &stats->bytes, NULL);
    }
    return error;
}

static int stats_snapshot(struct lmdb_store *store, MDB_txn *txn, struct market_stats *stats)
{
    int error = 0;
    for (size_t kind = MARKET_KIND_FIRST; error == 0 && kind <= MARKET_KIND_MAX; kind++) {
        struct market_kind_stats *of_kind = &stats->kinds[kind];
        error = kind_stats(&store->tables, txn, (enum market_kind)kind, of_kind);
        stats->row_count += of_kind->row_count;
        stats->series_count += of_kind->series_count;
    }
    return error;
}

static int file_stats(struct lmdb_store *store, struct market_stats *stats)
{
    mdb_filehandle_t fd;
    MDB_envinfo info;
    int error = mdb_env_get_fd(store->env, &fd);
    if (error == 0) {
        error = mdb_env_info(store->env, &info);
    }
    if (error != 0) {
        return error;
    }
    struct stat file;
    if (fstat(fd, &file) != 0) {
        return errno;
    }
    stats->file_bytes = (uint64_t)file.st_size;
    stats->file_bytes_max = info.me_mapsize;
    return 0;
}

ds_code lmdb_stats(struct market_store *store, struct market_stats *ret_stats)
{
    struct lmdb_store *lmdb = lmdb_store_of(store);
    struct market_stats stats = {
        .commit_count = lmdb_writer_commit_count(lmdb),
        .queued_row_count = lmdb_writer_queued_row_count(lmdb),
        .disk_free_bytes = lmdb_disk_free_bytes(lmdb),
        .writes = lmdb_writer_state(lmdb),
        .format_version = LMDB_FORMAT_VERSION,
    };
    memcpy(stats.store_id, lmdb->store_id, sizeof(stats.store_id));
    struct lmdb_reader *reader;
    DS_TRY(lmdb_reader_begin(lmdb, &reader));
    int error = stats_snapshot(lmdb, reader->txn, &stats);
    lmdb_reader_end(lmdb, reader);
    if (error == 0) {
        error = file_stats(lmdb, &stats);
    }
    if (error != 0) {
        return lmdb_code_of(error);
    }
    DS_TRY(lmdb_reusable_bytes(lmdb, &stats.reusable_bytes));
    *ret_stats = stats;
    return DS_OK;
}
