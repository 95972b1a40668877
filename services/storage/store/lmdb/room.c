/*
 * Whether there is room to write. Writes keep away from the last bytes of the disk (the reserve);
 * deleting may use them, and gives back pages inside of the file, where writes go on although the
 * disk is as full as before.
 */
#include "storage/store/lmdb/lmdb_store.h"

#include <sys/statvfs.h>

#define PAGE_BYTES 4096
/* What any commit may need beside its rows: branches of the trees and the list of free pages. */
#define COMMIT_BYTES (1024 * 1024)
/* LMDB's table of free pages has no name; mdb_env_open() has it ready. */
#define FREE_PAGES_TABLE 0

uint64_t lmdb_disk_free_bytes(const struct lmdb_store *store)
{
    struct statvfs disk;
    if (fstatvfs(store->folder_fd, &disk) != 0) {
        return UINT64_MAX;
    }
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

/* What a commit writes at most: each row may lie in a leaf of its own, and a value of its own size
 * leaves a rest on its last page. */
static uint64_t commit_bytes_max(size_t row_count, uint64_t bytes)
{
    return COMMIT_BYTES + 2 * (bytes + (uint64_t)row_count * PAGE_BYTES);
}

/* Each entry of the table is a list of page numbers, its length first. */
int lmdb_free_pages_walk(MDB_txn *txn, lmdb_free_pages_fn take, void *context)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn, FREE_PAGES_TABLE, &cursor);
    if (error != 0) {
        return error;
    }
    MDB_val key;
    MDB_val list;
    error = mdb_cursor_get(cursor, &key, &list, MDB_FIRST);
    while (error == 0) {
        size_t length = 0;
        if (list.mv_size >= sizeof(length)) {
            memcpy(&length, list.mv_data, sizeof(length));
        }
        if (list.mv_size < sizeof(length) || length > list.mv_size / sizeof(length) - 1) {
            error = MDB_CORRUPTED;
            break;
        }
        take(context, (const uint8_t *)list.mv_data + sizeof(length), length);
        error = mdb_cursor_get(cursor, &key, &list, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

static void pages_count(void *context, const uint8_t *numbers, size_t count)
{
    (void)numbers;
    *(uint64_t *)context += count;
}

ds_code lmdb_reusable_bytes(struct lmdb_store *store, uint64_t *ret_bytes)
{
    MDB_stat stat;
    struct lmdb_reader *reader;
    DS_TRY(lmdb_reader_begin(store, &reader));
    uint64_t pages = 0;
    int error = lmdb_free_pages_walk(reader->txn, pages_count, &pages);
    lmdb_reader_end(store, reader);
    if (error == 0) {
        error = mdb_env_stat(store->env, &stat);
    }
    if (error != 0) {
        return lmdb_code_of(error);
    }
    *ret_bytes = pages * stat.ms_psize;
    return DS_OK;
}

bool lmdb_has_room(struct lmdb_store *store, size_t row_count, uint64_t bytes)
{
    if (lmdb_disk_free_bytes(store) >= store->free_bytes_min + bytes) {
        return true;
    }
    uint64_t reusable_bytes;
    return lmdb_reusable_bytes(store, &reusable_bytes) == DS_OK &&
           reusable_bytes >= commit_bytes_max(row_count, bytes);
}

bool lmdb_disk_is_full(const struct lmdb_store *store, size_t row_count, uint64_t bytes)
{
    return lmdb_disk_free_bytes(store) < commit_bytes_max(row_count, bytes);
}
