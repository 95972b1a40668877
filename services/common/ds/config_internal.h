/* What the files of ds/config share. */
#ifndef DS_CONFIG_INTERNAL_H
#define DS_CONFIG_INTERNAL_H

#include "ds/config.h"

/* Where a value came from, in rising order. */
enum rank {
    RANK_DEFAULT = 0,
    RANK_FILE,
    RANK_PRESET,
    RANK_ENVIRONMENT,
    RANK_WISHED_PRESET, /* of a flag's making */
    RANK_FLAG,
};

struct given {
    enum rank rank;
    const char *origin; /* "DS_DATA_DIR", "--data-dir", "deltastream.conf:3" */
    const char **items; /* of a list: DS_CONFIG_LIST_MAX of them */
};

struct ds_config {
    const struct ds_program *program;
    struct ds_arena *arena;
    struct given *given;                                         /* one a setting */
    void *options;                                               /* only while loading */
    char *reason;                                                /* only while loading */
    const char *file;                                            /* --config */
    bool (*is_for_others)(const char *name, const char *choice); /* of the sources */
    const char *operands[DS_CONFIG_OPERANDS_MAX];
    size_t operand_count;
    enum ds_config_wish wish;
};

/* Sets config->reason and returns DS_INVALID_ARGUMENT. */
DS_MUST_USE ds_code config_refuse(struct ds_config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* NULL where there is none of that name. */
const struct ds_setting *config_find_setting(const struct ds_program *program, const char *name,
                                             size_t name_bytes);

/* The name of the setting that is meant by the mistyped `word`, or NULL. */
const char *config_nearest(const struct ds_program *program, const char *word);

/* Takes one value of a setting from a source. */
DS_MUST_USE ds_code config_give(struct ds_config *config, const struct ds_setting *setting,
                                const char *text, enum rank rank, const char *origin);

/* Finds config->file; it is needed before the other flags, because they outrank what it says. */
DS_MUST_USE ds_code config_find_file(struct ds_config *config,
                                     const struct ds_config_sources *sources);

/* Takes what config->file says; nothing without one. */
DS_MUST_USE ds_code config_give_file(struct ds_config *config);

/* Takes the flags and operands. */
DS_MUST_USE ds_code config_give_arguments(struct ds_config *config,
                                          const struct ds_config_sources *sources);

#endif
