#include "clients/cli/import_resume.h"

#include "ds/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#define IMPORT_HEAD_BYTES (64 * 1024)
#define IMPORT_SAVE_EVERY_US 200000

struct import_resume {
    char path[RESUME_PATH_BYTES_MAX]; /* of the state */
    struct resume_state *state;
    int64_t saved_us;
    bool is_failing;
};

static ds_code describe_file(const char *path, struct resume_state *state, char *ret_reason)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    uint8_t head[IMPORT_HEAD_BYTES];
    if (file == NULL || fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX,
                 "--resume takes a file that can be read again from any place, and \"%.200s\" is "
                 "none",
                 path);
        if (file != NULL) {
            fclose(file);
        }
        return DS_FAILED_PRECONDITION;
    }
    const size_t head_bytes = fread(head, 1, sizeof(head), file);
    fclose(file);
    resume_set(state, "size", "%" PRIu64, (uint64_t)status.st_size);
    resume_set(state, "modified", "%" PRId64 ".%09ld", (int64_t)status.st_mtim.tv_sec,
               status.st_mtim.tv_nsec);
    resume_set(state, "beginning", "%016" PRIx64,
               resume_hash(RESUME_HASH_BEGIN, ds_bytes_of(head, head_bytes)));
    return DS_OK;
}

static bool is_same(const struct resume_state *a, const struct resume_state *b, const char *name)
{
    const char *first = resume_get(a, name);
    const char *second = resume_get(b, name);
    return first != NULL && second != NULL && strcmp(first, second) == 0;
}

static ds_code compare(const struct resume_state *old, const struct resume_state *now,
                       const char *state_path, char *ret_reason)
{
    if (!is_same(old, now, "size") || !is_same(old, now, "modified") ||
        !is_same(old, now, "beginning")) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX,
                 "the file has changed since the import that is to go on; import it without "
                 "--resume (rows that are stored count as duplicates), or remove %.300s",
                 state_path);
        return DS_FAILED_PRECONDITION;
    }
    if (!is_same(old, now, "settings")) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX,
                 "the import that is to go on was begun with other settings (%.100s); use the same "
                 "ones, or remove %.200s",
                 resume_get(old, "settings") == NULL ? "" : resume_get(old, "settings"),
                 state_path);
        return DS_FAILED_PRECONDITION;
    }
    return DS_OK;
}

static void read_point(const struct resume_state *state, struct import_point *ret_point)
{
    *ret_point =
        (struct import_point){.place = {.line = resume_get_number(state, "line"),
                                        .offset = resume_get_number(state, "offset")},
                              .counts = {.read = resume_get_number(state, "read"),
                                         .accepted = resume_get_number(state, "accepted"),
                                         .duplicate = resume_get_number(state, "duplicate"),
                                         .late = resume_get_number(state, "late"),
                                         .rejected = resume_get_number(state, "rejected")},
                              .rejected_bytes = resume_get_number(state, "rejected_bytes")};
}

static ds_code find_earlier(struct import_resume *resume, struct import_point *ret_point,
                            char *ret_reason)
{
    struct resume_state *old = resume_state_create();
    ds_code code = resume_load(resume->path, old);
    if (code == DS_OK) {
        code = compare(old, resume->state, resume->path, ret_reason);
    } else if (code == DS_DATA_LOSS) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX,
                 "%.300s, which says where to go on, can't be read; remove it and import again",
                 resume->path);
        code = DS_FAILED_PRECONDITION;
    }
    if (code == DS_OK) {
        read_point(old, ret_point);
    } else if (code == DS_NOT_FOUND) {
        *ret_point = (struct import_point){.place = {.line = 0}};
        code = DS_OK;
    }
    resume_state_destroy(old);
    return code;
}

ds_code import_resume_open(const char *path, const char *destination, const char *settings,
                           struct import_resume **ret_resume, struct import_point *ret_point,
                           char ret_reason[RESUME_REASON_BYTES_MAX])
{
    struct import_resume *resume = calloc(1, sizeof(*resume));
    char *absolute = realpath(path, NULL);
    char subject[2 * RESUME_PATH_BYTES_MAX];
    if (resume == NULL) {
        abort();
    }
    snprintf(subject, sizeof(subject), "%s\n%s", absolute == NULL ? path : absolute, destination);
    resume->state = resume_state_create();
    resume_set(resume->state, "file", "%s", absolute == NULL ? path : absolute);
    resume_set(resume->state, "destination", "%s", destination);
    resume_set(resume->state, "settings", "%s", settings);
    free(absolute);
    ds_code code = describe_file(path, resume->state, ret_reason);
    if (code == DS_OK) {
        code = resume_path("import", subject, resume->path, ret_reason);
    }
    if (code == DS_OK) {
        code = find_earlier(resume, ret_point, ret_reason);
    }
    if (code != DS_OK) {
        import_resume_close(resume);
        return code;
    }
    *ret_resume = resume;
    return DS_OK;
}

void import_resume_close(struct import_resume *resume)
{
    if (resume != NULL) {
        resume_state_destroy(resume->state);
        free(resume);
    }
}

void import_resume_save(struct import_resume *resume, const struct import_point *point, bool now)
{
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    if (!now && now_us - resume->saved_us < IMPORT_SAVE_EVERY_US) {
        return;
    }
    resume->saved_us = now_us;
    const struct {
        const char *name;
        uint64_t number;
    } numbers[] = {
        {"line", point->place.line},
        {"offset", point->place.offset},
        {"read", point->counts.read},
        {"accepted", point->counts.accepted},
        {"duplicate", point->counts.duplicate},
        {"late", point->counts.late},
        {"rejected", point->counts.rejected},
        {"rejected_bytes", point->rejected_bytes},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        resume_set(resume->state, numbers[i].name, "%" PRIu64, numbers[i].number);
    }
    if (resume_save(resume->path, resume->state) != DS_OK && !resume->is_failing) {
        resume->is_failing = true;
        fprintf(stderr, "deltastream: can't write %s: %s; --resume will begin further back\n",
                resume->path, strerror(errno));
    }
}

void import_resume_finish(struct import_resume *resume)
{
    resume_remove(resume->path);
}
