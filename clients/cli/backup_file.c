#include "clients/cli/backup_file.h"

#include "clients/cli/interrupt.h"
#include "ds/exit_code.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define PARTIAL_SUFFIX ".partial"
#define FILE_MODE 0600

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "deltastream: %s \"%s\": %s\n", what, path, strerror(errno));
    return DS_EXIT_ERROR;
}

static int open_stdout(struct backup_file *file)
{
    if (isatty(STDOUT_FILENO) == 1) {
        fprintf(stderr, "deltastream: a backup is no text for a terminal; name a file, or send "
                        "standard output elsewhere\n");
        return DS_EXIT_USAGE;
    }
    file->is_stdout = true;
    file->fd = STDOUT_FILENO;
    return DS_EXIT_OK;
}

static int refuse_existing(const char *path)
{
    fprintf(stderr, "deltastream: \"%s\" is there already; --force replaces it\n", path);
    return DS_EXIT_CONFLICT;
}

int backup_file_open(struct backup_file *file, const char *path, bool force)
{
    *file = (struct backup_file){.fd = -1, .force = force, .path = path};
    if (strcmp(path, "-") == 0) {
        return open_stdout(file);
    }
    const int size = snprintf(file->partial, sizeof(file->partial), "%s" PARTIAL_SUFFIX, path);
    if (path[0] == '\0' || (size_t)size >= sizeof(file->partial)) {
        fprintf(stderr, "deltastream: \"%s\" is no name for a file\n", path);
        return DS_EXIT_USAGE;
    }
    if (!force && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return refuse_existing(path);
    }
    const int fd = open(file->partial, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return fail("can't write", file->partial);
    }
    /* What an earlier run left is overwritten; what another one writes is not. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fprintf(stderr, "deltastream: another backup writes to \"%s\"\n", file->partial);
        close(fd);
        return DS_EXIT_CONFLICT;
    }
    file->fd = fd;
    if (ftruncate(fd, 0) != 0) {
        const int exit_code = fail("can't write", file->partial);
        backup_file_close(file);
        return exit_code;
    }
    return DS_EXIT_OK;
}

int backup_file_write(struct backup_file *file, struct ds_bytes bytes)
{
    while (bytes.size > 0) {
        /* A write may wait for whoever reads, and a signal ends it with a part of it done. */
        if (interrupt_came()) {
            return DS_EXIT_INTERRUPTED;
        }
        const ssize_t size = write(file->fd, bytes.data, bytes.size);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return fail("can't write", file->is_stdout ? "standard output" : file->partial);
        }
        bytes = ds_bytes_of(bytes.data + size, bytes.size - (size_t)size);
    }
    return DS_EXIT_OK;
}

/* The new name is on disk only once its folder is. */
static int folder_sync(const char *path)
{
    char copy[BACKUP_PATH_BYTES_MAX];
    snprintf(copy, sizeof(copy), "%s", path);
    const char *folder = dirname(copy);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail("can't open", folder);
    }
    const int exit_code = fsync(fd) == 0 ? DS_EXIT_OK : fail("can't write", folder);
    close(fd);
    return exit_code;
}

/* Without force nothing is replaced, also not what came meanwhile. */
static int rename_into_place(struct backup_file *file)
{
    if (file->force) {
        return rename(file->partial, file->path) == 0 ? DS_EXIT_OK
                                                      : fail("can't write", file->path);
    }
    if (renameat2(AT_FDCWD, file->partial, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0) {
        return DS_EXIT_OK;
    }
    if (errno == EINVAL && rename(file->partial, file->path) == 0) {
        /* A file system that has no such thing. */
        return DS_EXIT_OK;
    }
    return errno == EEXIST ? refuse_existing(file->path) : fail("can't write", file->path);
}

int backup_file_keep(struct backup_file *file)
{
    if (file->is_stdout) {
        return DS_EXIT_OK;
    }
    if (fsync(file->fd) != 0) {
        return fail("can't write", file->partial);
    }
    const int exit_code = rename_into_place(file);
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    file->is_kept = true;
    return folder_sync(file->path);
}

void backup_file_close(struct backup_file *file)
{
    if (file->is_stdout || file->fd < 0) {
        return;
    }
    if (!file->is_kept) {
        (void)unlink(file->partial);
    }
    close(file->fd);
    file->fd = -1;
}
