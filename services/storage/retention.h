/* The settings that say how long rows are kept: deltastream-storaged and `deltastream up` take the
 * same. */
#ifndef STORAGE_RETENTION_H
#define STORAGE_RETENTION_H

#include "ds/config.h"
#include "storage/core/retention.h"

#include <stddef.h>

/* A member of the options of a program that runs the service. */
struct storage_retention_settings {
    struct ds_text_list retain;
    int64_t interval_ms;
};

/* The rows of member `at`, a struct storage_retention_settings, in a table of settings for `struct
 * options`. */
#define STORAGE_RETENTION_SETTINGS(options, at)                                                    \
    {.name = "retain",                                                                             \
     .environment = {"DS_RETAIN"},                                                                 \
     .kind = DS_SETTING_LIST,                                                                      \
     .argument = "KIND[/PRODUCT]=TIME",                                                            \
     .help = "delete rows that are older, such as ticks=30d or quotes/NIFTY=7d12h; the rule that " \
             "names the product counts; may be repeated, or "                                      \
             "several with commas [everything is kept]",                                           \
     .offset = offsetof(struct options, at.retain)},                                               \
    {                                                                                              \
        .name = "retention-interval", .environment = {"DS_RETENTION_INTERVAL"},                    \
        .kind = DS_SETTING_DURATION, .argument = "TIME", .default_text = "1h", .minimum = 1000,    \
        .maximum = 86400000, .help = "how often old rows are looked for",                          \
        .offset = offsetof(struct options, at.interval_ms)                                         \
    }

/* The rules of the settings. */
struct storage_retention {
    struct retention_rule *rules; /* memory of the config */
    size_t rule_count;
    int64_t interval_us;
};

/* Reads the rules. DS_EXIT_OK, or the exit code after telling on stderr which rule can't be used
 * and what would do. `options` is the program's whole struct. */
DS_MUST_USE int storage_retention_complete(struct ds_config *config, const void *options,
                                           const struct storage_retention_settings *settings,
                                           struct storage_retention *ret_retention);

#endif
