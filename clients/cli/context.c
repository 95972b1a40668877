#include "clients/cli/context.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTEXT_FILE_BYTES_MAX (16 * 1024)
#define CONTEXT_ENDING ".conf"

const char *const context_value_names[CONTEXT_VALUES_MAX] = {"connect", "data-dir", "timeout",
                                                             "output"};

static ds_code refuse(char *reason, ds_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static ds_code refuse(char *reason, ds_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, CONTEXT_REASON_BYTES_MAX, format, arguments);
    va_end(arguments);
    return code;
}

const char *context_folder(struct ds_arena *arena, char *const *environment)
{
    const char *base = ds_environment_value(environment, "XDG_CONFIG_HOME");
    /* A relative path is to be ignored, says the XDG base directory specification. */
    if (base != NULL && base[0] == '/') {
        return ds_arena_printf(arena, "%s/deltastream", base);
    }
    const char *home = ds_environment_value(environment, "HOME");
    if (home == NULL || home[0] != '/') {
        return NULL;
    }
    return ds_arena_printf(arena, "%s/.config/deltastream", home);
}

bool context_name_is_valid(const char *name)
{
    const size_t bytes = strlen(name);
    if (bytes == 0 || bytes > CONTEXT_NAME_BYTES_MAX || !isalnum((unsigned char)name[0])) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("-_.", name[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static const char *file_of(const char *folder, const char *name, struct ds_arena *arena)
{
    return ds_arena_printf(arena, "%s/contexts/%s" CONTEXT_ENDING, folder, name);
}

static const char *current_file(const char *folder, struct ds_arena *arena)
{
    return ds_arena_printf(arena, "%s/current-context", folder);
}

/* What somebody else could have written would make him choose the service that we talk to. */
static ds_code check_owner(const char *path, const struct stat *status, char *reason)
{
    if (status->st_uid != geteuid() && status->st_uid != 0) {
        return refuse(reason, DS_PERMISSION_DENIED, "%s belongs to another user", path);
    }
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return refuse(reason, DS_PERMISSION_DENIED,
                      "%s can be written by others; mend it with: chmod go-w '%s'", path, path);
    }
    return DS_OK;
}

static ds_code check_folder(const char *path, char *reason)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        /* In the home of another user, as after su, there is nothing of ours. */
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES
                   ? DS_NOT_FOUND
                   : refuse(reason, DS_UNAVAILABLE, "%s: %s", path, strerror(errno));
    }
    return check_owner(path, &status, reason);
}

static ds_code read_open_file(int file, const char *path, struct ds_arena *arena, char **ret_text,
                              char *reason)
{
    struct stat status;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        return refuse(reason, DS_UNAVAILABLE, "%s is no file", path);
    }
    DS_TRY(check_owner(path, &status, reason));
    char *text = ds_arena_alloc(arena, CONTEXT_FILE_BYTES_MAX + 1);
    const ssize_t bytes = read(file, text, CONTEXT_FILE_BYTES_MAX + 1);
    if (bytes < 0) {
        return refuse(reason, DS_UNAVAILABLE, "%s: %s", path, strerror(errno));
    }
    if (bytes > CONTEXT_FILE_BYTES_MAX || memchr(text, '\0', (size_t)bytes) != NULL) {
        return refuse(reason, DS_INVALID_ARGUMENT, "%s is no text file of at most %d KiB", path,
                      CONTEXT_FILE_BYTES_MAX / 1024);
    }
    text[bytes] = '\0';
    *ret_text = text;
    return DS_OK;
}

/* DS_NOT_FOUND leaves the reason to the caller. */
static ds_code read_file(const char *folder, const char *path, struct ds_arena *arena,
                         char **ret_text, char *reason)
{
    DS_TRY(check_folder(folder, reason));
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        return errno == ENOENT ? DS_NOT_FOUND
                               : refuse(reason, DS_UNAVAILABLE, "%s: %s", path, strerror(errno));
    }
    const ds_code code = read_open_file(file, path, arena, ret_text, reason);
    close(file);
    return code;
}

static ds_code make_folder(const char *path, char *reason)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
        return refuse(reason, DS_UNAVAILABLE, "can't make %s: %s", path, strerror(errno));
    }
    return check_folder(path, reason);
}

static ds_code make_folders(const char *folder, struct ds_arena *arena, char *reason)
{
    /* ~/.config itself is everybody's. */
    const char *slash = strrchr(folder, '/');
    const char *parent = ds_arena_printf(arena, "%.*s", (int)(slash - folder), folder);
    if (mkdir(parent, S_IRWXU) != 0 && errno != EEXIST) {
        return refuse(reason, DS_UNAVAILABLE, "can't make %s: %s", parent, strerror(errno));
    }
    DS_TRY(make_folder(folder, reason));
    return make_folder(ds_arena_printf(arena, "%s/contexts", folder), reason);
}

static bool write_all(int file, const char *text)
{
    const size_t bytes = strlen(text);
    return write(file, text, bytes) == (ssize_t)bytes && fsync(file) == 0;
}

/* Whoever reads meanwhile sees the old file or the new one. */
static ds_code write_file(const char *folder, const char *path, const char *text,
                          struct ds_arena *arena, char *reason)
{
    DS_TRY(make_folders(folder, arena, reason));
    char *temporary = ds_arena_printf(arena, "%s/.new-XXXXXX", folder);
    const int file = mkostemp(temporary, O_CLOEXEC);
    if (file < 0) {
        return refuse(reason, DS_UNAVAILABLE, "can't write in %s: %s", folder, strerror(errno));
    }
    const bool is_written = write_all(file, text) && rename(temporary, path) == 0;
    const int failure = errno;
    close(file);
    if (!is_written) {
        unlink(temporary);
        return refuse(reason, DS_UNAVAILABLE, "can't write %s: %s", path, strerror(failure));
    }
    return DS_OK;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t bytes = strlen(text);
    while (bytes > 0 && strchr(" \t\r\n", text[bytes - 1]) != NULL) {
        bytes--;
    }
    text[bytes] = '\0';
    return text;
}

static ds_code read_line(struct context *context, char *line, char *reason)
{
    line = trim(line);
    char *equals = strchr(line, '=');
    if (line[0] == '\0' || line[0] == '#') {
        return DS_OK;
    }
    if (equals != NULL) {
        *equals = '\0';
        const char *name = trim(line);
        for (size_t i = 0; i < CONTEXT_VALUES_MAX; i++) {
            if (strcmp(name, context_value_names[i]) == 0) {
                context->values[i] = trim(equals + 1);
                return DS_OK;
            }
        }
    }
    return refuse(reason, DS_INVALID_ARGUMENT,
                  "context %s: \"%s\" is no line of the form name = value with connect, data-dir, "
                  "timeout or output",
                  context->name, line);
}

ds_code context_read(const char *folder, const char *name, struct ds_arena *arena,
                     struct context *ret_context, char ret_reason[CONTEXT_REASON_BYTES_MAX])
{
    struct context context = {.name = name};
    char *text = NULL;
    ds_code code = DS_NOT_FOUND;
    if (context_name_is_valid(name) && folder != NULL) {
        const char *contexts = ds_arena_printf(arena, "%s/contexts", folder);
        code = check_folder(folder, ret_reason);
        if (code == DS_OK) {
            code = read_file(contexts, file_of(folder, name, arena), arena, &text, ret_reason);
        }
    }
    if (code == DS_NOT_FOUND) {
        return refuse(ret_reason, code,
                      "there is no context \"%s\"; deltastream contexts list shows them", name);
    }
    DS_TRY(code);
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        DS_TRY(read_line(&context, line, ret_reason));
        line = end == NULL ? NULL : end + 1;
    }
    *ret_context = context;
    return DS_OK;
}

ds_code context_write(const char *folder, const struct context *context, struct ds_arena *arena,
                      char ret_reason[CONTEXT_REASON_BYTES_MAX])
{
    char text[CONTEXT_FILE_BYTES_MAX];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < CONTEXT_VALUES_MAX; i++) {
        if (context->values[i] == NULL) {
            continue;
        }
        if (strchr(context->values[i], '\n') != NULL) {
            return refuse(ret_reason, DS_INVALID_ARGUMENT, "%s: a value is one line",
                          context_value_names[i]);
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s = %s\n",
                                 context_value_names[i], context->values[i]);
        if (used >= sizeof(text)) {
            return refuse(ret_reason, DS_INVALID_ARGUMENT, "%s: too long", context_value_names[i]);
        }
    }
    return write_file(folder, file_of(folder, context->name, arena), text, arena, ret_reason);
}

ds_code context_current(const char *folder, struct ds_arena *arena, const char **ret_name,
                        char ret_reason[CONTEXT_REASON_BYTES_MAX])
{
    char *text = NULL;
    const ds_code code =
        folder == NULL ? DS_NOT_FOUND
                       : read_file(folder, current_file(folder, arena), arena, &text, ret_reason);
    if (code == DS_NOT_FOUND) {
        *ret_name = CONTEXT_NONE;
        return DS_OK;
    }
    DS_TRY(code);
    const char *name = trim(text);
    if (!context_name_is_valid(name)) {
        return refuse(ret_reason, DS_INVALID_ARGUMENT,
                      "%s holds no name of a context; set one with: deltastream contexts use NAME",
                      current_file(folder, arena));
    }
    *ret_name = name;
    return DS_OK;
}

ds_code context_use(const char *folder, const char *name, struct ds_arena *arena,
                    char ret_reason[CONTEXT_REASON_BYTES_MAX])
{
    if (strcmp(name, CONTEXT_NONE) != 0) {
        struct context context;
        DS_TRY(context_read(folder, name, arena, &context, ret_reason));
        return write_file(folder, current_file(folder, arena), ds_arena_printf(arena, "%s\n", name),
                          arena, ret_reason);
    }
    if (unlink(current_file(folder, arena)) != 0 && errno != ENOENT) {
        return refuse(ret_reason, DS_UNAVAILABLE, "can't remove %s: %s",
                      current_file(folder, arena), strerror(errno));
    }
    return DS_OK;
}

ds_code context_remove(const char *folder, const char *name, struct ds_arena *arena,
                       char ret_reason[CONTEXT_REASON_BYTES_MAX])
{
    if (!context_name_is_valid(name) || unlink(file_of(folder, name, arena)) != 0) {
        return errno == ENOENT || !context_name_is_valid(name)
                   ? refuse(ret_reason, DS_NOT_FOUND, "there is no context \"%s\"", name)
                   : refuse(ret_reason, DS_UNAVAILABLE, "can't remove %s: %s",
                            file_of(folder, name, arena), strerror(errno));
    }
    const char *current = CONTEXT_NONE;
    DS_TRY(context_current(folder, arena, &current, ret_reason));
    return strcmp(current, name) == 0 ? context_use(folder, CONTEXT_NONE, arena, ret_reason)
                                      : DS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The name of "NAME.conf"; NULL for another file. */
static const char *name_of(const char *file, struct ds_arena *arena)
{
    const size_t bytes = strlen(file);
    const size_t ending_bytes = strlen(CONTEXT_ENDING);
    if (bytes <= ending_bytes || strcmp(file + bytes - ending_bytes, CONTEXT_ENDING) != 0) {
        return NULL;
    }
    const char *name = ds_arena_copy_text(arena, file, bytes - ending_bytes);
    return context_name_is_valid(name) ? name : NULL;
}

size_t context_list(const char *folder, struct ds_arena *arena,
                    const char *ret_names[CONTEXT_COUNT_MAX])
{
    DIR *directory = opendir(ds_arena_printf(arena, "%s/contexts", folder));
    if (directory == NULL) {
        return 0;
    }
    size_t count = 0;
    const struct dirent *entry = readdir(directory);
    for (; entry != NULL && count < CONTEXT_COUNT_MAX; entry = readdir(directory)) {
        const char *name = name_of(entry->d_name, arena);
        if (name != NULL) {
            ret_names[count++] = name;
        }
    }
    closedir(directory);
    qsort(ret_names, count, sizeof(ret_names[0]), compare_names);
    return count;
}
