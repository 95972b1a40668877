#include "ds/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_NAME "deltastream.folder"
#define MARKER_TEXT "This folder belongs to DeltaStream; its format is told by the files within.\n"

const char *ds_default_data_dir(struct ds_arena *arena)
{
    const char *data_home = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (geteuid() == 0) {
        return "/var/lib/deltastream";
    }
    if (data_home != NULL && data_home[0] == '/') {
        return ds_arena_printf(arena, "%s/deltastream", data_home);
    }
    if (home != NULL && home[0] == '/') {
        return ds_arena_printf(arena, "%s/.local/share/deltastream", home);
    }
    return "/var/lib/deltastream";
}

const char *ds_absolute_path(struct ds_arena *arena, const char *path)
{
    if (path[0] == '/') {
        return path;
    }
    char *current = getcwd(NULL, 0);
    if (current == NULL) {
        return path;
    }
    const char *absolute = ds_arena_printf(arena, "%s/%s", current, path);
    free(current);
    return absolute;
}

const char *ds_storage_url(struct ds_arena *arena, const char *data_dir)
{
    return ds_arena_printf(arena, "ipc://%s/run/storage.sock", data_dir);
}

const char *ds_storage_events_url(struct ds_arena *arena, const char *data_dir)
{
    return ds_arena_printf(arena, "ipc://%s/run/storage-events.sock", data_dir);
}

const char *ds_storage_folder(struct ds_arena *arena, const char *data_dir)
{
    return ds_arena_printf(arena, "%s/storage", data_dir);
}

static ds_code fail(ds_code code, char *ret_reason, size_t reason_bytes_max, const char *what)
{
    snprintf(ret_reason, reason_bytes_max, "%s", what);
    return code;
}

static ds_code fail_errno(char *ret_reason, size_t reason_bytes_max, const char *what)
{
    snprintf(ret_reason, reason_bytes_max, "%s: %s", what, strerror(errno));
    return DS_PERMISSION_DENIED;
}

static ds_code make_parents(char *path, char *ret_reason, size_t reason_bytes_max)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const int result = mkdir(path, 0755);
        *slash = '/';
        if (result != 0 && errno != EEXIST) {
            return fail_errno(ret_reason, reason_bytes_max, "can't make the folders above it");
        }
    }
    return DS_OK;
}

static ds_code make_folder(const char *data_dir, char *ret_reason, size_t reason_bytes_max)
{
    if (mkdir(data_dir, 0700) == 0 || errno == EEXIST) {
        return DS_OK;
    }
    if (errno != ENOENT) {
        return fail_errno(ret_reason, reason_bytes_max, "can't make it");
    }
    char *path = strdup(data_dir);
    if (path == NULL) {
        abort();
    }
    const ds_code code = make_parents(path, ret_reason, reason_bytes_max);
    free(path);
    DS_TRY(code);
    if (mkdir(data_dir, 0700) != 0 && errno != EEXIST) {
        return fail_errno(ret_reason, reason_bytes_max, "can't make it");
    }
    return DS_OK;
}

/* The root folder of a freshly made file system has a lost+found. */
static bool is_foreign_entry(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "lost+found") != 0;
}

static bool holds_foreign_entry(DIR *folder)
{
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (is_foreign_entry(entry->d_name)) {
            return true;
        }
    }
    return false;
}

static bool is_same_folder(int a, int b)
{
    struct stat a_status;
    struct stat b_status;
    return fstat(a, &a_status) == 0 && fstat(b, &b_status) == 0 &&
           a_status.st_ino == b_status.st_ino && a_status.st_dev == b_status.st_dev;
}

/*
 * A name is on disk only once the folder that holds it is: syncs the folders above this one, up to
 * the root. Where one can't be (a mount, a permission) the others still are.
 */
static void names_above_sync(int folder)
{
    int below = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (below >= 0) {
        int above = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (above >= 0 && is_same_folder(above, below)) {
            close(above);
            above = -1;
        }
        if (above >= 0) {
            (void)fsync(above);
        }
        close(below);
        below = above;
    }
}

static ds_code mark(int folder, char *ret_reason, size_t reason_bytes_max)
{
    /* Before the marker, so that a folder that has one is there to stay. */
    names_above_sync(folder);
    const int marker = openat(folder, MARKER_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (marker < 0) {
        return fail_errno(ret_reason, reason_bytes_max, "can't write in it");
    }
    const ssize_t written = write(marker, MARKER_TEXT, strlen(MARKER_TEXT));
    const bool whole = written == (ssize_t)strlen(MARKER_TEXT) && fsync(marker) == 0;
    if (close(marker) != 0 || !whole) {
        return fail(DS_RESOURCE_EXHAUSTED, ret_reason, reason_bytes_max,
                    "can't write in it; is the disk full?");
    }
    return DS_OK;
}

/* Also of a marker that is there already: who wrote it may have been killed before this. */
static ds_code marker_sync(int folder, char *ret_reason, size_t reason_bytes_max)
{
    return fsync(folder) == 0 ? DS_OK
                              : fail_errno(ret_reason, reason_bytes_max, "can't write in it");
}

static ds_code claim(DIR *folder, char *ret_reason, size_t reason_bytes_max)
{
    if (faccessat(dirfd(folder), ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        return fail_errno(ret_reason, reason_bytes_max, "can't use it");
    }
    if (faccessat(dirfd(folder), MARKER_NAME, F_OK, 0) == 0) {
        return marker_sync(dirfd(folder), ret_reason, reason_bytes_max);
    }
    if (holds_foreign_entry(folder)) {
        return fail(DS_FAILED_PRECONDITION, ret_reason, reason_bytes_max,
                    "it holds files that are not DeltaStream's; name an empty or a new folder");
    }
    DS_TRY(mark(dirfd(folder), ret_reason, reason_bytes_max));
    return marker_sync(dirfd(folder), ret_reason, reason_bytes_max);
}

ds_code ds_data_dir_prepare(const char *data_dir, char *ret_reason, size_t reason_bytes_max)
{
    DS_TRY(make_folder(data_dir, ret_reason, reason_bytes_max));
    DIR *folder = opendir(data_dir);
    if (folder == NULL) {
        return fail_errno(ret_reason, reason_bytes_max, "can't open it");
    }
    const ds_code code = claim(folder, ret_reason, reason_bytes_max);
    closedir(folder);
    return code;
}
