#include "storage/store/lmdb/lmdb_store.h"

#include "ds/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_BYTES_DEFAULT (UINT64_C(64) << 30)
#define FREE_BYTES_MIN_DEFAULT (UINT64_C(64) << 20)
/* What a new store needs at once. LMDB writes its table of readers through a map, where a full disk
 * is a SIGBUS. */
#define NEW_STORE_BYTES (1024 * 1024)
#define FILE_MODE 0600

ds_code lmdb_code_of(int error)
{
    switch (error) {
    case 0:
        return DS_OK;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
        return DS_DATA_LOSS;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
        return DS_RESOURCE_EXHAUSTED;
    case MDB_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return DS_FAILED_PRECONDITION;
    default:
        return ds_code_of_errno(error);
    }
}

static ds_code open_failure(const char *path, int error, char *ret_reason, size_t reason_bytes_max)
{
    snprintf(ret_reason, reason_bytes_max, "data folder %s: data.mdb can't be opened: %s", path,
             mdb_strerror(error));
    return lmdb_code_of(error);
}

bool lmdb_file_is_whole(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_filehandle_t fd;
    struct stat file;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat) != 0 ||
        mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &file) != 0) {
        return false;
    }
    return (uint64_t)file.st_size >= ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

/* Pages behind the file's end, and which of them hold nothing. */
struct missing_pages {
    uint64_t first;
    uint64_t count;
    bool *is_free; /* count of them */
};

static void missing_note(void *context, const uint8_t *numbers, size_t count)
{
    struct missing_pages *missing = context;
    for (size_t i = 0; i < count; i++) {
        size_t number;
        memcpy(&number, numbers + i * sizeof(number), sizeof(number));
        if (number >= missing->first && number - missing->first < missing->count) {
            missing->is_free[number - missing->first] = true;
        }
    }
}

/* MDB_CORRUPTED where one of the pages holds data. */
static int missing_check(MDB_env *env, struct missing_pages *missing)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = lmdb_free_pages_walk(txn, missing_note, missing);
    mdb_txn_abort(txn);
    for (uint64_t i = 0; error == 0 && i < missing->count; i++) {
        error = missing->is_free[i] ? 0 : MDB_CORRUPTED;
    }
    return error;
}

/*
 * A read beyond the file's end is a SIGBUS, and LMDB ends the process where it meets a page that is
 * none. The last pages of a sound file may never have been written, because they were free again
 * before the commit: then the file is made long enough. One that was cut off by somebody stays as
 * it is, and can't be opened.
 */
static int file_make_whole(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_filehandle_t fd;
    struct stat file;
    if (lmdb_file_is_whole(env)) {
        return 0;
    }
    int error = mdb_env_info(env, &info);
    if (error == 0) {
        error = mdb_env_stat(env, &stat);
    }
    if (error == 0) {
        error = mdb_env_get_fd(env, &fd);
    }
    if (error != 0) {
        return error;
    }
    ds_log(DS_LOG_WARNING, "store_file_short", DS_LOG_INT("pages", info.me_last_pgno + 1));
    const uint64_t page_count = (uint64_t)info.me_last_pgno + 1;
    if (fstat(fd, &file) != 0 || ftruncate(fd, (off_t)(page_count * stat.ms_psize)) != 0) {
        return errno;
    }
    struct missing_pages missing = {.first = (uint64_t)file.st_size / stat.ms_psize};
    missing.count = page_count - missing.first;
    missing.is_free = calloc(missing.count, sizeof(*missing.is_free));
    error = missing.is_free == NULL ? ENOMEM : missing_check(env, &missing);
    free(missing.is_free);
    if (error != 0 && ftruncate(fd, file.st_size) != 0) {
        return errno;
    }
    return error;
}

/* Gives the table of readers all of its blocks, so that a full disk later is no SIGBUS. */
static int reader_table_reserve(int folder_fd)
{
    const int fd = openat(folder_fd, "lock.mdb", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    struct stat file;
    int error = fstat(fd, &file) == 0 ? 0 : errno;
    if (error == 0 && file.st_size > 0) {
        error = posix_fallocate(fd, 0, file.st_size);
    }
    close(fd);
    return error;
}

static bool disk_fits_new_store(const struct lmdb_store *store)
{
    if (faccessat(store->folder_fd, "lock.mdb", F_OK, 0) == 0) {
        return true;
    }
    return lmdb_disk_free_bytes(store) >= NEW_STORE_BYTES;
}

static int env_open(struct lmdb_store *store, const char *path, uint64_t map_bytes)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    int error = disk_fits_new_store(store) ? 0 : ENOSPC;
    if (error == 0) {
        error = mdb_env_create(&store->env);
    }
    if (error == 0) {
        error = mdb_env_set_mapsize(store->env, (size_t)((map_bytes + page - 1) / page * page));
    }
    if (error == 0) {
        error = mdb_env_set_maxdbs(store->env, LMDB_TABLES_MAX);
    }
    if (error == 0) {
        error = mdb_env_set_maxreaders(store->env, LMDB_READERS_MAX);
    }
    if (error == 0) {
        /* MDB_NOTLS: a snapshot belongs to whoever holds it, not to a thread. */
        error = mdb_env_open(store->env, path, MDB_NOTLS, FILE_MODE);
    }
    if (error == 0) {
        error = reader_table_reserve(store->folder_fd);
    }
    if (error == 0) {
        error = file_make_whole(store->env);
    }
    int dead;
    return error != 0 ? error : mdb_reader_check(store->env, &dead);
}

/* Takes a half-opened store. */
static void store_free(struct lmdb_store *store)
{
    lmdb_writer_stop(store);
    lmdb_readers_deinit(&store->readers);
    if (store->env != NULL) {
        mdb_env_close(store->env);
    }
    if (store->folder_fd >= 0) {
        close(store->folder_fd);
    }
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    free(store);
}

static void lmdb_close(struct market_store *store)
{
    store_free(lmdb_store_of(store));
}

static ds_code lmdb_health(struct market_store *store)
{
    struct lmdb_store *lmdb = lmdb_store_of(store);
    switch (lmdb_writer_state(lmdb)) {
    case MARKET_WRITES_STOPPED:
        return DS_UNAVAILABLE;
    case MARKET_WRITES_FULL:
        return DS_RESOURCE_EXHAUSTED;
    case MARKET_WRITES_OK:
        break;
    }
    struct lmdb_reader *reader;
    DS_TRY(lmdb_reader_begin(lmdb, &reader));
    lmdb_reader_end(lmdb, reader);
    return DS_OK;
}

static const struct market_store_ops lmdb_ops = {
    .name = "lmdb",
    .put = lmdb_put,
    .scan = lmdb_scan,
    .list_series = lmdb_list_series,
    .delete_rows = lmdb_delete_rows,
    .verify = lmdb_verify,
    .write_image = lmdb_write_image,
    .health = lmdb_health,
    .stats = lmdb_stats,
    .close = lmdb_close,
};

static struct lmdb_store *store_create(const struct market_store_options *options)
{
    if (sodium_init() < 0) {
        abort();
    }
    struct lmdb_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        abort();
    }
    store->base.ops = &lmdb_ops;
    store->clock = options->clock != NULL ? options->clock : ds_clock_system();
    store->events = options->events;
    store->figures = options->figures != NULL ? options->figures : &store->own_figures;
    store->free_bytes_min =
        options->free_bytes_min != 0 ? options->free_bytes_min : FREE_BYTES_MIN_DEFAULT;
    store->folder_fd = -1;
    store->lock_fd = -1;
    lmdb_readers_init(&store->readers);
    return store;
}

static ds_code store_open(struct lmdb_store *store, const char *path, uint64_t map_bytes,
                          char *ret_reason, size_t reason_bytes_max)
{
    DS_TRY(
        lmdb_folder_claim(path, &store->folder_fd, &store->lock_fd, ret_reason, reason_bytes_max));
    const int error = env_open(store, path, map_bytes);
    if (error != 0) {
        return open_failure(path, error, ret_reason, reason_bytes_max);
    }
    DS_TRY(lmdb_format_open(store, path, ret_reason, reason_bytes_max));
    /* The names of files that may be new. */
    if (fsync(store->folder_fd) != 0) {
        return open_failure(path, errno, ret_reason, reason_bytes_max);
    }
    lmdb_folder_mark(store->lock_fd, store->store_id);
    lmdb_writer_start(store);
    return DS_OK;
}

ds_code market_lmdb_open(const char *path, const struct market_store_options *options,
                         struct market_store **ret_store, char *ret_reason, size_t reason_bytes_max)
{
    struct lmdb_store *store = store_create(options);
    const uint64_t map_bytes = options->map_bytes != 0 ? options->map_bytes : MAP_BYTES_DEFAULT;
    const ds_code code = store_open(store, path, map_bytes, ret_reason, reason_bytes_max);
    if (code != DS_OK) {
        store_free(store);
        return code;
    }
    ds_log(DS_LOG_INFO, "store_opened", DS_LOG_TEXT("engine", "lmdb"), DS_LOG_TEXT("path", path));
    *ret_store = &store->base;
    return DS_OK;
}
