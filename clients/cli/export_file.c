#include "clients/cli/export_file.h"

#include "ds/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT_SAVE_EVERY_US 200000
#define PARTIAL_SUFFIX ".partial"

struct export_file {
    struct export_file_options options;
    FILE *stream;
    char partial[RESUME_PATH_BYTES_MAX];    /* "": standard output */
    char state_path[RESUME_PATH_BYTES_MAX]; /* "": nothing is kept */
    struct resume_state *state;
    uint64_t bytes_begun;
    int64_t saved_us;
    bool is_finished;
};

static ds_code refuse_write(const struct export_file *file, char *ret_reason)
{
    snprintf(ret_reason, RESUME_REASON_BYTES_MAX, "can't write \"%.300s\": %s", file->partial,
             strerror(errno));
    return DS_FAILED_PRECONDITION;
}

/* Opens FILE.partial and keeps `kept_bytes` of it. */
static ds_code open_partial(struct export_file *file, uint64_t kept_bytes, char *ret_reason)
{
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (kept_bytes == 0 ? O_TRUNC : 0);
    const int descriptor = open(file->partial, flags, 0666);
    if (descriptor < 0) {
        return refuse_write(file, ret_reason);
    }
    file->stream = fdopen(descriptor, "w");
    if (file->stream == NULL) {
        close(descriptor);
        return refuse_write(file, ret_reason);
    }
    if (kept_bytes > 0 && (ftruncate(descriptor, (off_t)kept_bytes) != 0 ||
                           fseeko(file->stream, (off_t)kept_bytes, SEEK_SET) != 0)) {
        return refuse_write(file, ret_reason);
    }
    return DS_OK;
}

/* The export that an earlier run left; zero where there is none. */
static ds_code find_earlier(struct export_file *file, struct export_point *ret_point,
                            char *ret_reason)
{
    const ds_code code = resume_load(file->state_path, file->state);
    struct stat status;
    if (code == DS_NOT_FOUND) {
        return DS_OK;
    }
    const char *settings = resume_get(file->state, "settings");
    if (code != DS_OK || settings == NULL || strcmp(settings, file->options.settings) != 0) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX,
                 "the export that is to go on was begun with other settings (%.150s); use the same "
                 "ones, or remove %.200s",
                 settings == NULL ? "unknown" : settings, file->state_path);
        return DS_FAILED_PRECONDITION;
    }
    const struct export_point point = {.key = resume_get(file->state, "key"),
                                       .page_token = resume_get(file->state, "page_token"),
                                       .row_count = resume_get_number(file->state, "rows"),
                                       .bytes = resume_get_number(file->state, "bytes")};
    if (point.key == NULL || point.page_token == NULL || stat(file->partial, &status) != 0 ||
        (uint64_t)status.st_size < point.bytes) {
        fprintf(stderr, "%s is gone or too short: the export begins anew\n", file->partial);
        return DS_OK;
    }
    *ret_point = point;
    return DS_OK;
}

static ds_code open_named(struct export_file *file, struct export_point *ret_point,
                          char *ret_reason)
{
    const char *path = file->options.path;
    char subject[3 * RESUME_PATH_BYTES_MAX];
    char folder[PATH_MAX];
    if (snprintf(file->partial, sizeof(file->partial), "%s" PARTIAL_SUFFIX, path) >=
        (int)sizeof(file->partial)) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX, "the file's path is too long");
        return DS_FAILED_PRECONDITION;
    }
    if (file->options.resumes) {
        const bool is_relative = path[0] != '/' && getcwd(folder, sizeof(folder)) != NULL;
        snprintf(subject, sizeof(subject), "%s%s%s\n%s", is_relative ? folder : "",
                 is_relative ? "/" : "", path, file->options.destination);
        const ds_code code = resume_path("export", subject, file->state_path, ret_reason);
        if (code != DS_OK) {
            file->state_path[0] = '\0';
            return code;
        }
        DS_TRY(find_earlier(file, ret_point, ret_reason));
    }
    DS_TRY(open_partial(file, ret_point->bytes, ret_reason));
    file->bytes_begun = ret_point->bytes;
    return DS_OK;
}

ds_code export_file_open(const struct export_file_options *options, struct export_file **ret_file,
                         struct export_point *ret_point, char ret_reason[RESUME_REASON_BYTES_MAX])
{
    struct export_point point = {.page_token = ""};
    struct export_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        abort();
    }
    file->options = *options;
    file->state = resume_state_create();
    if (options->path == NULL) {
        file->stream = stdout;
    } else {
        const ds_code code = open_named(file, &point, ret_reason);
        if (code != DS_OK) {
            file->is_finished = true;
            export_file_close(file);
            return code;
        }
    }
    *ret_file = file;
    *ret_point = point;
    return DS_OK;
}

FILE *export_file_stream(const struct export_file *file)
{
    return file->stream;
}

uint64_t export_file_bytes(const struct export_file *file)
{
    const off_t place = ftello(file->stream);
    return place < 0 ? 0 : (uint64_t)place;
}

/* The rows must be on disk before the note that says so. */
static bool save_point(struct export_file *file, const struct export_point *point)
{
    if (fsync(fileno(file->stream)) != 0) {
        return false;
    }
    struct resume_state *state = resume_state_create();
    resume_set(state, "file", "%s", file->options.path);
    resume_set(state, "settings", "%s", file->options.settings);
    resume_set(state, "key", "%s", point->key);
    resume_set(state, "page_token", "%s", point->page_token);
    resume_set(state, "rows", "%" PRIu64, point->row_count);
    resume_set(state, "bytes", "%" PRIu64, export_file_bytes(file));
    const bool is_saved = resume_save(file->state_path, state) == DS_OK;
    resume_state_destroy(state);
    return is_saved;
}

bool export_file_note(struct export_file *file, const struct export_point *point)
{
    if (fflush(file->stream) != 0 || ferror(file->stream) != 0) {
        return false;
    }
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    if (file->state_path[0] == '\0' || point->key == NULL ||
        now_us - file->saved_us < EXPORT_SAVE_EVERY_US) {
        return true;
    }
    file->saved_us = now_us;
    return save_point(file, point);
}

bool export_file_finish(struct export_file *file)
{
    if (file->partial[0] == '\0') {
        return true;
    }
    const bool is_written = fflush(file->stream) == 0 && fsync(fileno(file->stream)) == 0;
    if (!is_written || rename(file->partial, file->options.path) != 0) {
        fprintf(stderr, "deltastream: can't write \"%s\": %s\n", file->options.path,
                strerror(errno));
        return false;
    }
    if (file->state_path[0] != '\0') {
        resume_remove(file->state_path);
    }
    file->is_finished = true;
    return true;
}

void export_file_close(struct export_file *file)
{
    if (file == NULL) {
        return;
    }
    if (file->stream != NULL && file->stream != stdout) {
        fclose(file->stream);
    }
    if (!file->is_finished && file->partial[0] != '\0' && !file->options.resumes) {
        unlink(file->partial);
    }
    resume_state_destroy(file->state);
    free(file);
}
