/*
 * Settings of a program or command as one table: where they come from, what they may be and their
 * help follow from the row. Sources in rising order: the row's default, a file (--config), presets
 * that the program brings, the environment, flags; the last one wins. Everything happens on the
 * thread that starts the program.
 *
 * A file has lines "name = value"; "#" at the beginning of a line or behind a blank begins a
 * comment. A list's name may stand on several lines; a later source replaces the whole list.
 */
#ifndef DS_CONFIG_H
#define DS_CONFIG_H

#include "ds/arena.h"
#include "ds/code.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ds_setting_kind {
    DS_SETTING_TEXT,     /* const char * */
    DS_SETTING_INTEGER,  /* int64_t */
    DS_SETTING_BOOLEAN,  /* bool; as a flag it needs no value */
    DS_SETTING_SIZE,     /* int64_t in bytes; text: 4096, 64KiB, 16MiB, 1GiB */
    DS_SETTING_DURATION, /* int64_t in milliseconds; text: 250ms, 10s, 5min, 2h, 1d */
    DS_SETTING_CHOICE,   /* int, the index of the choice; text in any case */
    DS_SETTING_LIST,     /* struct ds_text_list; the flag may be repeated */
};

struct ds_text_list {
    const char *const *items;
    size_t count;
};

#define DS_SETTING_ALIASES_MAX 3

struct ds_setting {
    const char *name;                                /* "data-dir", the flag without its dashes */
    const char *environment[DS_SETTING_ALIASES_MAX]; /* the first one that is set counts */
    const char *default_text;                        /* NULL: zero, NULL, an empty list */
    /* Works the default out where it depends on the machine; NULL: default_text. */
    const char *(*default_of)(struct ds_arena *arena);
    const char *const *choices; /* of DS_SETTING_CHOICE, NULL at the end */
    const char *argument;       /* what help calls the value: "DIR" */
    const char *help;
    int64_t minimum; /* of numbers; both 0: anything from 0 */
    int64_t maximum;
    size_t offset; /* of the value in the program's options */
    enum ds_setting_kind kind;
    bool is_secret;  /* never shown, and refused as a flag */
    char short_flag; /* 'o' for -o; 0 where there is none */
};

struct ds_program {
    const char *name;     /* as one calls it: "deltastream ticks list" */
    const char *summary;  /* one sentence */
    const char *examples; /* lines as they stand in help */
    const char *operands; /* "PRODUCT"; NULL: takes none */
    size_t operand_min;
    size_t operand_max;
    const struct ds_setting *settings;
    size_t setting_count;
};

/* Whether the program has a setting of that name and, where `choice` is not NULL, that choice of
 * it: what ds_config_sources.is_for_others is made of. */
bool ds_program_has_setting(const struct ds_program *program, const char *name, const char *choice);

enum ds_config_wish {
    DS_CONFIG_RUN = 0,
    DS_CONFIG_HELP,
    DS_CONFIG_VERSION,
    DS_CONFIG_PRINT, /* --print-config */
};

/* A value that the program itself knows, such as one of a context that a person keeps. */
struct ds_config_preset {
    const char *name; /* one that the program's table does not have is passed over */
    const char *text;
    const char *origin; /* "context work" */
};

struct ds_config_sources {
    size_t argument_count;
    char *const *arguments;   /* without the program's name */
    char *const *environment; /* NAME=value, NULL at the end */
    const struct ds_config_preset *presets;
    size_t preset_count;
    bool presets_outrank_environment; /* where a flag asked for them */
    /* Whether another program that reads the same file and variables has the setting, and that
     * choice of it where `choice` is not NULL. What is meant for others is passed over, unless a
     * flag says it. NULL: there are no others. */
    bool (*is_for_others)(const char *name, const char *choice);
};

struct ds_config;

#define DS_CONFIG_REASON_BYTES_MAX 512
#define DS_CONFIG_FILE_BYTES_MAX (256 * 1024)
#define DS_CONFIG_LIST_MAX 64
#define DS_CONFIG_OPERANDS_MAX 16

/*
 * Fills `options` (the program's struct) from all sources. The texts in it live as long as the
 * config, which the caller destroys. DS_INVALID_ARGUMENT: ret_reason names the setting, its value,
 * where it came from and what would do. The sources must outlive the config.
 */
DS_MUST_USE ds_code ds_config_load(const struct ds_program *program,
                                   const struct ds_config_sources *sources, void *options,
                                   struct ds_config **ret_config,
                                   char ret_reason[DS_CONFIG_REASON_BYTES_MAX]);

/* Takes NULL. */
void ds_config_destroy(struct ds_config *config);

const struct ds_program *ds_config_program(const struct ds_config *config);
enum ds_config_wish ds_config_wish(const struct ds_config *config);
size_t ds_config_operand_count(const struct ds_config *config);
const char *ds_config_operand(const struct ds_config *config, size_t index);

/* True where a source gave the setting, false where its default stands. */
bool ds_config_is_given(const struct ds_config *config, const char *name);

/* True where the value of `name` comes from a higher source than that of `other`: of two settings
 * that say the same, it is the one that counts. */
bool ds_config_outranks(const struct ds_config *config, const char *name, const char *other);

/* The program worked the value of `name` out from that of `from`: its origin is that one's. */
void ds_config_derive(struct ds_config *config, const char *name, const char *from);

/* The value of an environment variable as the program sees it; NULL where it is not set. */
const char *ds_environment_value(char *const *environment, const char *name);

/* Memory that lives as long as the config. */
struct ds_arena *ds_config_arena(struct ds_config *config);

/* A setting and the value that is in force. */
struct ds_config_view {
    const char *name;
    const char *const *values; /* one, or those of a list; secrets masked */
    size_t value_count;
    bool is_list;
    const char *origin; /* "default", "DS_DATA_DIR", "--data-dir", "deltastream.conf:3" */
};

/* Shows each setting of the program with the value that stands in `options` now. A view lives
 * as long as the call of `visit`. */
void ds_config_visit(const struct ds_config *config, const void *options,
                     void (*visit)(void *context, const struct ds_config_view *view),
                     void *context);

/* The program has taken over the value of `name`, which is no text and no list, from another load
 * of the same settings: value and origin are now that one's. */
void ds_config_take_over(struct ds_config *config, void *options, const char *name,
                         const struct ds_config *other, const void *other_options);

/* Writes each setting with the value that stands in `options` now and its origin. The output is a
 * file that --config reads. */
void ds_config_print(const struct ds_config *config, const void *options, FILE *stream);

/* Writes the help: usage, examples, settings. */
void ds_config_help(const struct ds_program *program, FILE *stream);

/*
 * What a main() does first: loads, answers --help and --version, tells about a bad setting. False
 * where the program has to end now, with *ret_exit_code. The config is the caller's only on true.
 */
DS_MUST_USE bool ds_config_begin(const struct ds_program *program,
                                 const struct ds_config_sources *sources, void *options,
                                 struct ds_config **ret_config, int *ret_exit_code);

/* Tells on stderr that a setting's value can't be used, as ds_config_load() does, and returns
 * DS_EXIT_USAGE. For rules that a row can't say. */
int ds_config_refuse(const struct ds_config *config, const void *options, const char *name,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
