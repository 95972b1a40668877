/*
 * Rows of settings that several programs have, so that a name, its variables and its meaning are
 * written once. `options` is the struct that the settings fill; the member has the setting's name.
 */
#ifndef DS_SETTING_ROWS_H
#define DS_SETTING_ROWS_H

#include "ds/config.h"
#include "ds/daemon.h"
#include "ds/paths.h"

#include <stddef.h>

#define DS_DATA_DIR_SETTING(options, help_text)                                                    \
    {                                                                                              \
        .name = "data-dir", .environment = {"DS_DATA_DIR"}, .kind = DS_SETTING_TEXT,               \
        .argument = "DIR", .default_of = ds_default_data_dir, .help = (help_text),                 \
        .offset = offsetof(struct options, data_dir)                                               \
    }

#define DS_STORE_SETTING(options)                                                                  \
    {                                                                                              \
        .name = "store", .environment = {"DS_STORE", "MONGO_URL"}, .kind = DS_SETTING_TEXT,        \
        .argument = "lmdb", .default_text = "lmdb", .help = "what keeps the data",                 \
        .offset = offsetof(struct options, store)                                                  \
    }

#define DS_LOG_LEVEL_SETTING(options, level_default, help_text)                                    \
    {                                                                                              \
        .name = "log-level", .environment = {"DS_LOG_LEVEL", "LOG_LEVEL"},                         \
        .kind = DS_SETTING_CHOICE, .argument = "LEVEL", .default_text = (level_default),           \
        .choices = ds_daemon_log_levels, .help = (help_text),                                      \
        .offset = offsetof(struct options, log_level)                                              \
    }

#endif
