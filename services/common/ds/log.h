/*
 * Log lines as JSON objects on stderr, one a line, written whole:
 * {"time":…,"level":…,"event":…,fields}. Any thread. Never log secrets or payloads.
 *
 *     ds_log(DS_LOG_INFO, "store_opened", DS_LOG_TEXT("path", path), DS_LOG_INT("rows", rows));
 */
#ifndef DS_LOG_H
#define DS_LOG_H

#include "ds/code.h"

#include <stdint.h>

enum ds_log_level {
    DS_LOG_DEBUG = 0,
    DS_LOG_INFO = 1,
    DS_LOG_WARNING = 2,
    DS_LOG_ERROR = 3,
};

struct ds_log_field {
    const char *name; /* NULL ends a list */
    const char *text; /* NULL: the field is `number` */
    int64_t number;
};

#define DS_LOG_TEXT(field_name, value)                                                             \
    {                                                                                              \
        .name = (field_name), .text = (value)                                                      \
    }
#define DS_LOG_INT(field_name, value)                                                              \
    {                                                                                              \
        .name = (field_name), .number = (int64_t)(value)                                           \
    }

/* Lines below `level` are not written. Default DS_LOG_INFO. */
void ds_log_set_level(enum ds_log_level level);

/* Whether a line of that level would be written. */
bool ds_log_has_level(enum ds_log_level level);

/* The level of that name ("debug", "info", "warning", "error"); DS_INVALID_ARGUMENT for another. */
DS_MUST_USE ds_code ds_log_level_parse(const char *name, enum ds_log_level *ret_level);

/* `fields` ends with a field without a name. */
void ds_log_write(enum ds_log_level level, const char *event, const struct ds_log_field *fields);

#define ds_log(level, event, ...)                                                                  \
    ds_log_write((level), (event), (const struct ds_log_field[]){__VA_ARGS__, {.name = NULL}})

/*
 * For programs that serve: from here on a thread of its own writes the lines, so that a reader of
 * stderr that stands still stops nobody who logs. Lines wait in DS_LOG_WAITING_BYTES_MAX; those
 * that find no room are dropped, and a line "log_lines_dropped" with their `count` follows as soon
 * as there is room again. What waits at the program's end is written then, for at most 1 s; a
 * program that dies loses it. Without this, who logs writes, and waits for the reader.
 */
void ds_log_start(void);

#define DS_LOG_WAITING_BYTES_MAX (1024 * 1024)

/* Waits until what has been logged so far is written, at most timeout_ms; false where that was not
 * enough. */
bool ds_log_flush(int timeout_ms);

/* Ends what ds_log_start() began, after a flush of at most 1 s. Nobody logs meanwhile. */
void ds_log_stop(void);

#endif
