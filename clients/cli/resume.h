/*
 * What an interrupted import or export leaves behind, so that a later run goes on: named values in
 * a small file in the user's state folder ($XDG_STATE_HOME/deltastream, or
 * ~/.local/state/deltastream). It is replaced as a whole and is on disk when it is saved. Not for
 * two runs of one name at a time.
 */
#ifndef CLI_RESUME_H
#define CLI_RESUME_H

#include "ds/bytes.h"
#include "ds/code.h"

#include <stdio.h>

#define RESUME_VALUES_MAX 24
#define RESUME_NAME_BYTES_MAX 32
#define RESUME_VALUE_BYTES_MAX 4096
#define RESUME_PATH_BYTES_MAX 4096
#define RESUME_REASON_BYTES_MAX 512

struct resume_value {
    char name[RESUME_NAME_BYTES_MAX];
    char text[RESUME_VALUE_BYTES_MAX];
};

/* Large: belongs on the heap. */
struct resume_state {
    size_t count;
    struct resume_value values[RESUME_VALUES_MAX];
};

/* Never NULL; resume_state_destroy() frees it. */
struct resume_state *resume_state_create(void);
void resume_state_destroy(struct resume_state *state);

/* Sets a value. Control characters in it, which the file could not hold, become '?'. */
void resume_set(struct resume_state *state, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The value; NULL where there is none. */
const char *resume_get(const struct resume_state *state, const char *name);

/* The value as a number; 0 where there is none. */
uint64_t resume_get_number(const struct resume_state *state, const char *name);

/*
 * The file of `purpose` ("import") and `subject` (what is worked on, any text).
 * DS_FAILED_PRECONDITION where there is no folder for it and none can be made; ret_reason says
 * which.
 */
DS_MUST_USE ds_code resume_path(const char *purpose, const char *subject,
                                char ret_path[RESUME_PATH_BYTES_MAX],
                                char ret_reason[RESUME_REASON_BYTES_MAX]);

/* DS_NOT_FOUND where there is no file; DS_DATA_LOSS where it is none of ours or damaged. */
DS_MUST_USE ds_code resume_load(const char *path, struct resume_state *ret_state);

/* DS_UNAVAILABLE where it can't be written; the old content stays. */
DS_MUST_USE ds_code resume_save(const char *path, const struct resume_state *state);

void resume_remove(const char *path);

/* A number that differs where the bytes do; for telling files apart, not against forgery. */
uint64_t resume_hash(uint64_t before, struct ds_bytes bytes);

#define RESUME_HASH_BEGIN UINT64_C(0xCBF29CE484222325)

#endif
