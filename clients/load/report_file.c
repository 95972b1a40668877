#include "clients/load/report_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096

static ds_code fail(const char *path, int error, char reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    snprintf(reason, LOAD_REPORT_REASON_BYTES_MAX, "can't write %s: %s", path, strerror(error));
    return ds_code_of_errno(error);
}

/* True where all of it went out; else errno says why not. */
static bool stream_is_whole(FILE *stream)
{
    return fflush(stream) == 0 && ferror(stream) == 0;
}

static bool write_and_close(FILE *stream, void (*write)(const void *context, FILE *stream),
                            const void *context)
{
    errno = 0;
    write(context, stream);
    const bool is_whole = stream_is_whole(stream);
    const int error = errno;
    const bool is_closed = fclose(stream) == 0;
    errno = is_whole ? errno : error;
    return is_whole && is_closed;
}

static ds_code write_stdout(void (*write)(const void *context, FILE *stream), const void *context,
                            char reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    errno = 0;
    write(context, stdout);
    if (stream_is_whole(stdout)) {
        return DS_OK;
    }
    const int error = errno;
    /* It is told here, or is none: a reader that went away wanted no more. */
    clearerr(stdout);
    return error == EPIPE ? DS_OK : fail("standard output", error, reason);
}

static bool is_special(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && !S_ISREG(found.st_mode);
}

ds_code report_file_write(const char *path, void (*write)(const void *context, FILE *stream),
                          const void *context, char ret_reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    if (strcmp(path, "-") == 0) {
        return write_stdout(write, context, ret_reason);
    }
    char part[PATH_BYTES_MAX];
    const bool is_direct = is_special(path);
    const int size = snprintf(part, sizeof(part), "%s%s", path, is_direct ? "" : ".part");
    if (size >= (int)sizeof(part)) {
        return fail(path, ENAMETOOLONG, ret_reason);
    }
    FILE *stream = fopen(part, "we");
    if (stream == NULL) {
        return fail(path, errno, ret_reason);
    }
    if (!write_and_close(stream, write, context) || (!is_direct && rename(part, path) != 0)) {
        const int error = errno;
        if (!is_direct) {
            unlink(part);
        }
        return fail(path, error, ret_reason);
    }
    return DS_OK;
}
