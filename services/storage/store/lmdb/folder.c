/*
 * The store's folder: ours or refused. Nothing is written into a folder that holds something else.
 *
 *   deltastream.lock  locked by the process that has the store open; says that the folder is ours,
 *                     and once a store was made there which one
 *   data.mdb          LMDB's data
 *   lock.mdb          LMDB's table of readers
 */
#include "storage/store/lmdb/lmdb_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0700
#define FILE_MODE 0600
#define LOCK_FILE "deltastream.lock"
#define DATA_FILE "data.mdb"
#define PID_TEXT_MAX 24

/* The lock file: a line with the process's number, filled up with blanks so that the second line
 * stays in its place, then one with the store's id. */
#define PID_LINE_FORMAT "%-20ld\n"
#define PID_LINE_BYTES 21
#define MARK_PREFIX "store "
#define MARK_BYTES_MAX (sizeof(MARK_PREFIX) + MARKET_STORE_ID_BYTES_MAX)

/* What a folder is about, by the names in it. */
struct folder_content {
    bool has_lock_file;
    bool has_data_file;
    char foreign[NAME_MAX + 1]; /* the name of something else; "" for none */
};

static ds_code system_failure(int error, const char *path, const char *what, char *ret_reason,
                              size_t reason_bytes_max)
{
    snprintf(ret_reason, reason_bytes_max, "data folder %s: %s: %s", path, what, strerror(error));
    return ds_code_of_errno(error);
}

/* A new name in a folder is on disk only once the folder is. */
static void parent_sync(int folder_fd)
{
    const int parent_fd = openat(folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd >= 0) {
        /* Where the parent can't be synced (a mount, a permission) the folder itself still is. */
        (void)fsync(parent_fd);
        close(parent_fd);
    }
}

static ds_code folder_open(const char *path, int *ret_folder_fd, char *ret_reason,
                           size_t reason_bytes_max)
{
    if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST) {
        return system_failure(errno, path, "can't be made", ret_reason, reason_bytes_max);
    }
    const int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0 && errno == ENOTDIR) {
        snprintf(ret_reason, reason_bytes_max, "data folder %s: is a file, not a folder", path);
        return DS_FAILED_PRECONDITION;
    }
    if (folder_fd < 0) {
        return system_failure(errno, path, "can't be opened", ret_reason, reason_bytes_max);
    }
    /* Also where it was there: who made it may have been killed before this. */
    parent_sync(folder_fd);
    *ret_folder_fd = folder_fd;
    return DS_OK;
}

static void content_note(struct folder_content *content, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock.mdb") == 0) {
        return;
    }
    if (strcmp(name, LOCK_FILE) == 0) {
        content->has_lock_file = true;
    } else if (strcmp(name, DATA_FILE) == 0) {
        content->has_data_file = true;
    } else {
        snprintf(content->foreign, sizeof(content->foreign), "%s", name);
    }
}

static int folder_read(int folder_fd, struct folder_content *ret_content)
{
    *ret_content = (struct folder_content){.has_lock_file = false};
    const int list_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list_fd < 0) {
        return errno;
    }
    DIR *folder = fdopendir(list_fd);
    if (folder == NULL) {
        const int error = errno;
        close(list_fd);
        return error;
    }
    errno = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        content_note(ret_content, entry->d_name);
    }
    const int error = errno;
    closedir(folder);
    return error;
}

/* Whether we may write into the folder: it is empty, or holds a store of ours. */
static ds_code folder_check(int folder_fd, const char *path, char *ret_reason,
                            size_t reason_bytes_max)
{
    struct folder_content content;
    const int error = folder_read(folder_fd, &content);
    if (error != 0) {
        return system_failure(error, path, "can't be read", ret_reason, reason_bytes_max);
    }
    if (content.has_lock_file) {
        return DS_OK;
    }
    if (content.has_data_file && lmdb_format_is_ours(path)) {
        return DS_OK;
    }
    const char *foreign = content.has_data_file ? DATA_FILE : content.foreign;
    if (foreign[0] == '\0') {
        return DS_OK;
    }
    snprintf(ret_reason, reason_bytes_max,
             "data folder %s: holds something else (%s) and no store of ours; name an empty or a "
             "new folder",
             path, foreign);
    return DS_FAILED_PRECONDITION;
}

static ds_code lock_refused(int lock_fd, int error, const char *path, char *ret_reason,
                            size_t reason_bytes_max)
{
    if (error != EWOULDBLOCK) {
        return system_failure(error, path, "can't be locked", ret_reason, reason_bytes_max);
    }
    char holder[PID_TEXT_MAX] = "";
    const ssize_t size = pread(lock_fd, holder, sizeof(holder) - 1, 0);
    const long pid = size > 0 ? strtol(holder, NULL, 10) : 0;
    if (pid > 0) {
        snprintf(ret_reason, reason_bytes_max, "data folder %s: another process (%ld) holds it",
                 path, pid);
    } else {
        snprintf(ret_reason, reason_bytes_max, "data folder %s: another process holds it", path);
    }
    return DS_FAILED_PRECONDITION;
}

/* The number only helps a person to find the process: a full disk must not keep reads away. */
static void pid_write(int lock_fd)
{
    char line[PID_LINE_BYTES + 1];
    snprintf(line, sizeof(line), PID_LINE_FORMAT, (long)getpid());
    if (pwrite(lock_fd, line, PID_LINE_BYTES, 0) == PID_LINE_BYTES) {
        (void)fsync(lock_fd);
    }
}

/* The kernel gives the lock back when the process ends, however it ends. */
static ds_code folder_lock(int folder_fd, const char *path, int *ret_lock_fd, char *ret_reason,
                           size_t reason_bytes_max)
{
    const int lock_fd = openat(folder_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (lock_fd < 0) {
        return system_failure(errno, path, LOCK_FILE, ret_reason, reason_bytes_max);
    }
    if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
        const ds_code code = lock_refused(lock_fd, errno, path, ret_reason, reason_bytes_max);
        close(lock_fd);
        return code;
    }
    *ret_lock_fd = lock_fd;
    return DS_OK;
}

/* The id of the store that was made in the folder; false where none was. */
static bool mark_read(int lock_fd, char ret_store_id[MARKET_STORE_ID_BYTES_MAX])
{
    char mark[MARK_BYTES_MAX] = "";
    const ssize_t size = pread(lock_fd, mark, sizeof(mark) - 1, PID_LINE_BYTES);
    if (size <= 0 || strncmp(mark, MARK_PREFIX, strlen(MARK_PREFIX)) != 0) {
        return false;
    }
    char *id = mark + strlen(MARK_PREFIX);
    id[strcspn(id, "\n")] = '\0';
    snprintf(ret_store_id, MARKET_STORE_ID_BYTES_MAX, "%.*s", MARKET_STORE_ID_BYTES_MAX - 1, id);
    return true;
}

/*
 * LMDB begins a file with two pages in one write, which hold nothing of anybody's. A file that is
 * no longer, in a folder where no store was made, may have been cut off there, or have zeros in
 * place of what a crash has lost; LMDB would refuse it.
 */
static void unfinished_remove(int folder_fd, const struct stat *file)
{
    if (file->st_size > 0 && file->st_size <= 2 * sysconf(_SC_PAGESIZE)) {
        (void)unlinkat(folder_fd, DATA_FILE, 0);
    }
}

/* A store that was made and whose data file is empty or gone would begin anew without a word. */
static ds_code data_check(int folder_fd, int lock_fd, const char *path, char *ret_reason,
                          size_t reason_bytes_max)
{
    char store_id[MARKET_STORE_ID_BYTES_MAX];
    struct stat file;
    const bool is_missing = fstatat(folder_fd, DATA_FILE, &file, 0) != 0;
    const bool is_marked = mark_read(lock_fd, store_id);
    if (!is_marked && !is_missing) {
        unfinished_remove(folder_fd, &file);
    }
    if ((!is_missing && file.st_size > 0) || !is_marked) {
        return DS_OK;
    }
    snprintf(ret_reason, reason_bytes_max,
             "data folder %s: " DATA_FILE " is %s, but store %s was kept here; restore a backup, "
             "or remove " LOCK_FILE " and " DATA_FILE " to begin with an empty store",
             path, is_missing ? "missing" : "empty", store_id);
    return DS_DATA_LOSS;
}

void lmdb_folder_mark(int lock_fd, const char *store_id)
{
    char marked_id[MARKET_STORE_ID_BYTES_MAX] = "";
    if (mark_read(lock_fd, marked_id) && strcmp(marked_id, store_id) == 0) {
        return;
    }
    char mark[MARK_BYTES_MAX];
    const int size = snprintf(mark, sizeof(mark), MARK_PREFIX "%s\n", store_id);
    /* Without the mark only the check above is lost: a full disk must not keep reads away. */
    if (pwrite(lock_fd, mark, (size_t)size, PID_LINE_BYTES) == size) {
        (void)fsync(lock_fd);
    }
}

ds_code lmdb_folder_claim(const char *path, int *ret_folder_fd, int *ret_lock_fd, char *ret_reason,
                          size_t reason_bytes_max)
{
    int folder_fd = -1;
    int lock_fd = -1;
    DS_TRY(folder_open(path, &folder_fd, ret_reason, reason_bytes_max));
    ds_code code = folder_check(folder_fd, path, ret_reason, reason_bytes_max);
    if (code == DS_OK) {
        code = folder_lock(folder_fd, path, &lock_fd, ret_reason, reason_bytes_max);
    }
    if (code == DS_OK) {
        code = data_check(folder_fd, lock_fd, path, ret_reason, reason_bytes_max);
    }
    if (code != DS_OK) {
        close(folder_fd);
        if (lock_fd >= 0) {
            close(lock_fd);
        }
        return code;
    }
    pid_write(lock_fd);
    /* The lock file says that the folder is ours: its name has to be there before LMDB's are. */
    (void)fsync(folder_fd);
    *ret_folder_fd = folder_fd;
    *ret_lock_fd = lock_fd;
    return DS_OK;
}
