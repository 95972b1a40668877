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

/* The level of that name ("debug", "info", "warning", "error"); DS_INVALID_ARGUMENT for another. */
DS_MUST_USE ds_code ds_log_level_parse(const char *name, enum ds_log_level *ret_level);

/* `fields` ends with a field without a name. */
void ds_log_write(enum ds_log_level level, const char *event, const struct ds_log_field *fields);

#define ds_log(level, event, ...)                                                                  \
    ds_log_write((level), (event), (const struct ds_log_field[]){__VA_ARGS__, {.name = NULL}})

#endif
