/*
 * Contexts: what a person wants to say once and not with every command. A context is a file of
 * lines "name = value" at $XDG_CONFIG_HOME/deltastream/contexts/NAME.conf (~/.config where the
 * variable is not set); the name of the current one stands in the file current-context beside that
 * folder. Folders are 0700 and files 0600; what others could have written is not believed.
 */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include "ds/config.h"

#define CONTEXT_NAME_BYTES_MAX 64
#define CONTEXT_VALUES_MAX 4
#define CONTEXT_COUNT_MAX 256
#define CONTEXT_REASON_BYTES_MAX 512

/* The name that stands for no context. */
#define CONTEXT_NONE "none"

/* What a context may say, in this order. */
enum context_value {
    CONTEXT_CONNECT = 0,
    CONTEXT_DATA_DIR,
    CONTEXT_TIMEOUT,
    CONTEXT_OUTPUT,
};

/* "connect", "data-dir", "timeout", "output". */
extern const char *const context_value_names[CONTEXT_VALUES_MAX];

struct context {
    const char *name;
    const char *values[CONTEXT_VALUES_MAX]; /* NULL: it does not say */
};

/* The folder of this environment; NULL where there is no home. Everything is made in `arena`. */
const char *context_folder(struct ds_arena *arena, char *const *environment);

/* Up to CONTEXT_NAME_BYTES_MAX letters, digits, '-', '_' and '.', beginning with a letter or digit.
 */
bool context_name_is_valid(const char *name);

/* DS_NOT_FOUND, DS_PERMISSION_DENIED (others can write it), DS_INVALID_ARGUMENT (a bad line). */
DS_MUST_USE ds_code context_read(const char *folder, const char *name, struct ds_arena *arena,
                                 struct context *ret_context,
                                 char ret_reason[CONTEXT_REASON_BYTES_MAX]);

/* Makes or replaces it, the folders too. DS_UNAVAILABLE where it can't be written. */
DS_MUST_USE ds_code context_write(const char *folder, const struct context *context,
                                  struct ds_arena *arena,
                                  char ret_reason[CONTEXT_REASON_BYTES_MAX]);

/* Forgets it; it is the current one no more. DS_NOT_FOUND, DS_UNAVAILABLE. */
DS_MUST_USE ds_code context_remove(const char *folder, const char *name, struct ds_arena *arena,
                                   char ret_reason[CONTEXT_REASON_BYTES_MAX]);

/* The name of the current one; CONTEXT_NONE where there is none. Codes as of context_read(). */
DS_MUST_USE ds_code context_current(const char *folder, struct ds_arena *arena,
                                    const char **ret_name,
                                    char ret_reason[CONTEXT_REASON_BYTES_MAX]);

/* CONTEXT_NONE: there is none from now on. */
DS_MUST_USE ds_code context_use(const char *folder, const char *name, struct ds_arena *arena,
                                char ret_reason[CONTEXT_REASON_BYTES_MAX]);

/* The names in byte order; the rest of more than CONTEXT_COUNT_MAX is left out. */
size_t context_list(const char *folder, struct ds_arena *arena,
                    const char *ret_names[CONTEXT_COUNT_MAX]);

#endif
