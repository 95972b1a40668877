#include "storage/restore.h"

#include "ds/log.h"
#include "ds/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENGINE "lmdb"
#define STORE_FOLDER "storage"
/* Where the store is made; a name that no store has. */
#define WORK_FOLDER "storage.restoring"
#define DATA_FILE "data.mdb"
#define MARKER_FILE "deltastream.folder"
#define PATH_BYTES_MAX 4096
#define FOLDER_MODE 0700
#define FILE_MODE 0600

/* Files that a store's folder can hold. */
static const char *const store_files[] = {DATA_FILE, "lock.mdb", "deltastream.lock"};

struct restore {
    const struct storage_restore_options *options;
    char *reason;
    bool made_folder; /* the data folder was not there, or empty: then it goes again */
    bool was_there;
    int folder_fd; /* the data folder; locked */
    int work_fd;
    int file_fd;
    uint64_t bytes;
    uint64_t fault_count;
};

static ds_code fail(struct restore *restore, ds_code code, const char *reason)
{
    snprintf(restore->reason, STORAGE_RESTORE_REASON_BYTES_MAX, "%s", reason);
    return code;
}

static ds_code fail_system(struct restore *restore, const char *what)
{
    const int error = errno;
    snprintf(restore->reason, STORAGE_RESTORE_REASON_BYTES_MAX, "%s: %s", what, strerror(error));
    return ds_code_of_errno(error);
}

/* Whether a folder holds nothing; one that can't be read is none. */
static bool folder_is_empty(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false;
    }
    size_t count = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(folder);
    return count == 0;
}

/* Takes a folder that holds nothing, or a store that was never used. */
static void work_remove(struct restore *restore)
{
    const int work_fd =
        openat(restore->folder_fd, WORK_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (work_fd < 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(store_files) / sizeof(store_files[0]); i++) {
        (void)unlinkat(work_fd, store_files[i], 0);
    }
    close(work_fd);
    (void)unlinkat(restore->folder_fd, WORK_FOLDER, AT_REMOVEDIR);
}

/* Two at a time would write into each other's files. */
static ds_code folder_lock(struct restore *restore)
{
    restore->folder_fd = open(restore->options->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (restore->folder_fd < 0) {
        return fail_system(restore, "the data folder can't be opened");
    }
    if (flock(restore->folder_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? fail(restore, DS_FAILED_PRECONDITION,
                                           "somebody else restores into this data folder right now")
                                    : fail_system(restore, "the data folder can't be locked");
    }
    return DS_OK;
}

static ds_code folder_check(struct restore *restore)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof(path), "%s/" STORE_FOLDER, restore->options->data_dir);
    struct stat found;
    if (fstatat(restore->folder_fd, STORE_FOLDER, &found, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? DS_OK : fail_system(restore, "the data folder can't be read");
    }
    if (S_ISDIR(found.st_mode) && folder_is_empty(path)) {
        return DS_OK;
    }
    return fail(restore, DS_FAILED_PRECONDITION,
                "the data folder holds market data already; name a new folder, restore there, and "
                "put it in the other one's place yourself");
}

static ds_code folder_open(struct restore *restore)
{
    const char *data_dir = restore->options->data_dir;
    char why[STORAGE_RESTORE_REASON_BYTES_MAX / 2] = "";
    if (strlen(data_dir) > PATH_BYTES_MAX / 2) {
        return fail(restore, DS_INVALID_ARGUMENT, "the data folder's path is too long");
    }
    restore->was_there = access(data_dir, F_OK) == 0;
    restore->made_folder = !restore->was_there || folder_is_empty(data_dir);
    const ds_code code = ds_data_dir_prepare(data_dir, why, sizeof(why));
    if (code != DS_OK) {
        snprintf(restore->reason, STORAGE_RESTORE_REASON_BYTES_MAX, "the data folder %s: %s",
                 data_dir, why);
        return code;
    }
    DS_TRY(folder_lock(restore));
    return folder_check(restore);
}

static ds_code file_open(struct restore *restore)
{
    /* What a restore left that was killed. */
    work_remove(restore);
    if (mkdirat(restore->folder_fd, WORK_FOLDER, FOLDER_MODE) != 0) {
        return fail_system(restore, "the data folder can't be written");
    }
    restore->work_fd =
        openat(restore->folder_fd, WORK_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (restore->work_fd < 0) {
        return fail_system(restore, "the data folder can't be written");
    }
    restore->file_fd =
        openat(restore->work_fd, DATA_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    return restore->file_fd >= 0 ? DS_OK : fail_system(restore, "the store can't be written");
}

static ds_code take_image(void *context, struct ds_bytes bytes)
{
    struct restore *restore = context;
    while (bytes.size > 0) {
        const ssize_t size = write(restore->file_fd, bytes.data, bytes.size);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return fail_system(restore, "the store can't be written");
        }
        bytes = ds_bytes_of(bytes.data + size, bytes.size - (size_t)size);
        restore->bytes += (uint64_t)size;
    }
    if (restore->options->progress != NULL) {
        restore->options->progress(restore->options->context, restore->bytes);
    }
    return DS_OK;
}

static ds_code file_finish(struct restore *restore)
{
    if (fsync(restore->file_fd) != 0) {
        return fail_system(restore, "the store can't be written");
    }
    const int file_fd = restore->file_fd;
    restore->file_fd = -1;
    return close(file_fd) == 0 ? DS_OK : fail_system(restore, "the store can't be written");
}

static void take_fault(void *context, const char *text)
{
    struct restore *restore = context;
    if (restore->fault_count == 0) {
        snprintf(restore->reason, STORAGE_RESTORE_REASON_BYTES_MAX,
                 "the restored store is not sound: %s", text);
    }
    restore->fault_count++;
}

static ds_code store_check(struct restore *restore, struct market_store *store,
                           const struct market_backup *backup)
{
    struct market_stats stats;
    struct market_verify verify = {.fault = take_fault, .context = restore};
    ds_code code = store->ops->stats(store, &stats);
    if (code == DS_OK && stats.row_count != backup->row_count) {
        snprintf(restore->reason, STORAGE_RESTORE_REASON_BYTES_MAX,
                 "the backup says it has %" PRIu64 " rows, and its store has %" PRIu64,
                 backup->row_count, stats.row_count);
        return DS_DATA_LOSS;
    }
    if (code == DS_OK) {
        code = store->ops->verify(store, &verify);
    }
    if (code != DS_OK) {
        return fail(restore, code, "the restored store can't be read");
    }
    return restore->fault_count == 0 ? DS_OK : DS_DATA_LOSS;
}

/* Opens the new store as the service will, and looks at all of it. */
static ds_code store_open_and_check(struct restore *restore, const struct market_backup *backup)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof(path), "%s/" WORK_FOLDER, restore->options->data_dir);
    /* Nothing is going to be stored: no room is kept free. */
    const struct market_store_options options = {.free_bytes_min = 1};
    struct market_store *store;
    DS_TRY(market_lmdb_open(path, &options, &store, restore->reason,
                            STORAGE_RESTORE_REASON_BYTES_MAX));
    const ds_code code = store_check(restore, store, backup);
    store->ops->close(store);
    return code;
}

/* The data folder's own name may be new. */
static bool parent_sync(const struct restore *restore)
{
    const int parent_fd = openat(restore->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0) {
        return false;
    }
    const bool is_synced = fsync(parent_fd) == 0;
    close(parent_fd);
    return is_synced;
}

/* In one step, and on disk when it returns DS_OK. */
static ds_code store_put_in_place(struct restore *restore)
{
    if (fsync(restore->work_fd) != 0) {
        return fail_system(restore, "the store can't be written");
    }
    if (renameat(restore->folder_fd, WORK_FOLDER, restore->folder_fd, STORE_FOLDER) != 0) {
        return fail_system(restore, "the store can't be put in its place");
    }
    if (fsync(restore->folder_fd) == 0 && parent_sync(restore)) {
        return DS_OK;
    }
    const ds_code code = fail_system(restore, "the data folder can't be written");
    (void)renameat(restore->folder_fd, STORE_FOLDER, restore->folder_fd, WORK_FOLDER);
    return code;
}

static ds_code restore_run(struct restore *restore, struct market_backup *ret_backup)
{
    DS_TRY(folder_open(restore));
    DS_TRY(file_open(restore));
    DS_TRY(market_backup_read(restore->options->fd, take_image, restore, ret_backup,
                              restore->reason, STORAGE_RESTORE_REASON_BYTES_MAX));
    if (strcmp(ret_backup->engine, ENGINE) != 0) {
        snprintf(restore->reason, STORAGE_RESTORE_REASON_BYTES_MAX,
                 "the backup is of a store of another kind: %s", ret_backup->engine);
        return DS_FAILED_PRECONDITION;
    }
    DS_TRY(file_finish(restore));
    DS_TRY(store_open_and_check(restore, ret_backup));
    return store_put_in_place(restore);
}

/* Takes away what was made. */
static void restore_undo(struct restore *restore)
{
    const char *data_dir = restore->options->data_dir;
    char path[PATH_BYTES_MAX];
    if (restore->folder_fd >= 0) {
        work_remove(restore);
    }
    if (!restore->made_folder) {
        return;
    }
    snprintf(path, sizeof(path), "%s/" MARKER_FILE, data_dir);
    (void)unlink(path);
    if (!restore->was_there) {
        (void)rmdir(data_dir);
    }
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

ds_code storage_restore(const struct storage_restore_options *options,
                        struct market_backup *ret_backup,
                        char ret_reason[STORAGE_RESTORE_REASON_BYTES_MAX])
{
    if (sodium_init() < 0) {
        abort();
    }
    struct restore restore = {
        .options = options, .reason = ret_reason, .folder_fd = -1, .work_fd = -1, .file_fd = -1};
    struct market_backup backup = {.row_count = 0};
    const ds_code code = restore_run(&restore, &backup);
    close_if_open(restore.file_fd);
    close_if_open(restore.work_fd);
    if (code != DS_OK) {
        restore_undo(&restore);
    } else {
        *ret_backup = backup;
    }
    close_if_open(restore.folder_fd);
    return code;
}
