#include "record_calls.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096
#define NO_FILE UINT32_MAX

/* A file or folder; `bytes` is what a reader sees. */
struct recorded_file {
    dev_t device;
    ino_t inode;
    uint8_t *bytes;
    uint64_t size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all that follows */
static struct record_log *log_open;                      /* NULL: nothing is recorded */
static enum record_lie told_lie;
static struct recorded_file files[RECORD_FILES_MAX];

static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static struct record_event *event_add(enum record_kind kind, uint32_t file)
{
    struct record_log *log = log_open;
    if (log->count == log->capacity) {
        log->capacity = log->capacity * 2 + 1024;
        log->events = must(realloc(log->events, log->capacity * sizeof(*log->events)));
    }
    struct record_event *event = &log->events[log->count++];
    *event = (struct record_event){.kind = kind, .file = file};
    return event;
}

/* The newest one first: an inode's number is used again once its file is gone. */
static uint32_t file_find(const struct stat *status)
{
    for (uint32_t i = log_open->file_count; i > 0; i--) {
        if (files[i - 1].inode == status->st_ino && files[i - 1].device == status->st_dev) {
            return i - 1;
        }
    }
    return NO_FILE;
}

static uint32_t file_of_fd(int fd)
{
    struct stat status;
    return log_open != NULL && fstat(fd, &status) == 0 ? file_find(&status) : NO_FILE;
}

static uint32_t file_add(const struct stat *status)
{
    const uint32_t file = log_open->file_count++;
    assert(file < RECORD_FILES_MAX);
    files[file] = (struct recorded_file){.device = status->st_dev, .inode = status->st_ino};
    log_open->is_folder[file] = S_ISDIR(status->st_mode);
    return file;
}

/* The recorded folder that a path's last name is in; NO_FILE where it is another one. */
static uint32_t folder_of_path(int at_fd, const char *path, const char **ret_name)
{
    char folder[PATH_BYTES_MAX];
    struct stat status;
    if (log_open == NULL) {
        return NO_FILE;
    }
    const char *slash = strrchr(path, '/');
    *ret_name = slash == NULL ? path : slash + 1;
    const size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    if (strcmp(*ret_name, ".") == 0 || strcmp(*ret_name, "..") == 0 || size >= sizeof(folder)) {
        return NO_FILE;
    }
    snprintf(folder, sizeof(folder), "%.*s", (int)size, path);
    const int error = size > 0            ? fstatat(at_fd, folder, &status, 0)
                      : at_fd == AT_FDCWD ? -1
                                          : fstat(at_fd, &status);
    return error == 0 ? file_find(&status) : NO_FILE;
}

static void name_copy(char target[RECORD_NAME_BYTES_MAX], const char *name)
{
    assert(strlen(name) < RECORD_NAME_BYTES_MAX);
    snprintf(target, RECORD_NAME_BYTES_MAX, "%s", name);
}

/* Notes what has a name that it had not before. */
static void link_note(int at_fd, const char *path)
{
    struct stat status;
    const char *name;
    const uint32_t folder = folder_of_path(at_fd, path, &name);
    if (folder == NO_FILE || fstatat(at_fd, path, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    const uint32_t target = file_add(&status);
    struct record_event *event = event_add(RECORD_LINK, folder);
    event->target = target;
    name_copy(event->name, name);
}

/* Sets what a reader sees; the new part is zeros. */
static void file_resize(struct recorded_file *file, uint64_t size)
{
    file->bytes = must(realloc(file->bytes, size + 1));
    if (size > file->size) {
        memset(file->bytes + file->size, 0, size - file->size);
    }
    file->size = size;
}

static void truncate_note(uint32_t number, uint64_t size)
{
    file_resize(&files[number], size);
    event_add(RECORD_TRUNCATE, number)->size = size;
}

/* Notes the sectors that a write has touched. */
static void write_note(int fd, uint32_t number, const void *data, size_t size, uint64_t offset)
{
    struct recorded_file *file = &files[number];
    const bool is_longer = offset + size > file->size;
    if (is_longer) {
        file_resize(file, offset + size);
    }
    memcpy(file->bytes + offset, data, size);
    const uint64_t first = offset / RECORD_SECTOR_BYTES * RECORD_SECTOR_BYTES;
    uint64_t end =
        (offset + size + RECORD_SECTOR_BYTES - 1) / RECORD_SECTOR_BYTES * RECORD_SECTOR_BYTES;
    if (end > file->size) {
        end = file->size;
    }
    struct record_event *event = event_add(RECORD_WRITE, number);
    event->is_synced = told_lie == RECORD_TRUTH && (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    event->offset = first;
    event->size = end - first;
    event->end = is_longer ? offset + size : 0;
    event->bytes = must(malloc(event->size + 1));
    memcpy(event->bytes, file->bytes + first, event->size);
}

/* A write at `offset`, or at the descriptor's place where that is negative. */
static ssize_t write_record(int fd, const struct iovec *parts, int part_count, off_t offset)
{
    pthread_mutex_lock(&lock);
    const uint32_t file = file_of_fd(fd);
    const off_t place = file == NO_FILE || offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR);
    ssize_t size;
    if (file == NO_FILE) {
        /* A pipe may block until somebody reads who needs the lock. */
        pthread_mutex_unlock(&lock);
        return offset >= 0 ? syscall(SYS_pwrite64, fd, parts[0].iov_base, parts[0].iov_len, offset)
                           : syscall(SYS_writev, fd, parts, part_count);
    }
    size = offset >= 0 ? syscall(SYS_pwrite64, fd, parts[0].iov_base, parts[0].iov_len, offset)
                       : syscall(SYS_writev, fd, parts, part_count);
    const int error = errno;
    size_t rest = size > 0 ? (size_t)size : 0;
    uint64_t at = (uint64_t)place;
    for (int i = 0; i < part_count && rest > 0; i++) {
        const size_t part = rest < parts[i].iov_len ? rest : parts[i].iov_len;
        write_note(fd, file, parts[i].iov_base, part, at);
        at += part;
        rest -= part;
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return size;
}

ssize_t write(int fd, const void *data, size_t size)
{
    const struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    return write_record(fd, &part, 1, -1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    const struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    return write_record(fd, &part, 1, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int part_count)
{
    return write_record(fd, parts, part_count, -1);
}

/* What is really on a disk does not matter here: the image is made of the log. */
static int sync_record(int fd, bool is_true)
{
    pthread_mutex_lock(&lock);
    const uint32_t file = file_of_fd(fd);
    if (file != NO_FILE && is_true) {
        event_add(RECORD_SYNC, file);
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

int fdatasync(int fd)
{
    return sync_record(fd, told_lie != RECORD_NO_SYNC);
}

int fsync(int fd)
{
    return sync_record(fd, true);
}

int ftruncate(int fd, off_t size)
{
    pthread_mutex_lock(&lock);
    const uint32_t file = file_of_fd(fd);
    const int result = (int)syscall(SYS_ftruncate, fd, size);
    if (file != NO_FILE && result == 0) {
        truncate_note(file, (uint64_t)size);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int open_record(int at_fd, const char *path, int flags, mode_t mode)
{
    struct stat status;
    pthread_mutex_lock(&lock);
    const bool is_new = (flags & O_CREAT) != 0 && log_open != NULL &&
                        fstatat(at_fd, path, &status, AT_SYMLINK_NOFOLLOW) != 0;
    const int fd = (int)syscall(SYS_openat, at_fd, path, flags, mode);
    const int error = errno;
    if (fd >= 0 && is_new) {
        link_note(at_fd, path);
    } else if (fd >= 0 && (flags & O_TRUNC) != 0 && file_of_fd(fd) != NO_FILE) {
        truncate_note(file_of_fd(fd), 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

static mode_t mode_take(int flags, va_list arguments)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_take(flags, arguments);
    va_end(arguments);
    return open_record(AT_FDCWD, path, flags, mode);
}

int openat(int at_fd, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_take(flags, arguments);
    va_end(arguments);
    return open_record(at_fd, path, flags, mode);
}

int mkdirat(int at_fd, const char *path, mode_t mode)
{
    pthread_mutex_lock(&lock);
    const int result = (int)syscall(SYS_mkdirat, at_fd, path, mode);
    if (result == 0) {
        link_note(at_fd, path);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int at_fd, const char *path, int flags)
{
    const char *name;
    pthread_mutex_lock(&lock);
    const uint32_t folder = folder_of_path(at_fd, path, &name);
    const int result = (int)syscall(SYS_unlinkat, at_fd, path, flags);
    if (result == 0 && folder != NO_FILE) {
        name_copy(event_add(RECORD_UNLINK, folder)->name, name);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int renameat(int old_fd, const char *old_path, int new_fd, const char *new_path)
{
    const char *old_name;
    const char *new_name;
    pthread_mutex_lock(&lock);
    const uint32_t old_folder = folder_of_path(old_fd, old_path, &old_name);
    const uint32_t new_folder = folder_of_path(new_fd, new_path, &new_name);
    const int result = (int)syscall(SYS_renameat, old_fd, old_path, new_fd, new_path);
    if (result == 0 && old_folder != NO_FILE && new_folder != NO_FILE) {
        struct record_event *event = event_add(RECORD_RENAME, old_folder);
        event->target = new_folder;
        name_copy(event->name, old_name);
        name_copy(event->new_name, new_name);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *old_path, const char *new_path)
{
    return renameat(AT_FDCWD, old_path, AT_FDCWD, new_path);
}

void record_start(const char *top, enum record_lie lie)
{
    struct stat status;
    const bool is_there = stat(top, &status) == 0;
    assert(is_there && log_open == NULL);
    (void)is_there;
    struct record_log *log = must(calloc(1, sizeof(*log)));
    pthread_mutex_lock(&lock);
    log_open = log;
    told_lie = lie;
    file_add(&status);
    pthread_mutex_unlock(&lock);
}

struct record_log *record_stop(void)
{
    pthread_mutex_lock(&lock);
    struct record_log *log = log_open;
    log_open = NULL;
    told_lie = RECORD_TRUTH;
    for (uint32_t i = 0; i < log->file_count; i++) {
        free(files[i].bytes);
    }
    pthread_mutex_unlock(&lock);
    return log;
}

void record_log_free(struct record_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        free(log->events[i].bytes);
    }
    free(log->events);
    free(log);
}

void record_mark(enum record_kind kind)
{
    assert(kind == RECORD_BEGIN || kind == RECORD_DONE);
    pthread_mutex_lock(&lock);
    event_add(kind, NO_FILE);
    pthread_mutex_unlock(&lock);
}

size_t record_count(void)
{
    pthread_mutex_lock(&lock);
    const size_t count = log_open->count;
    pthread_mutex_unlock(&lock);
    return count;
}
