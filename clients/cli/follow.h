/*
 * What follows the rows of a service until it is interrupted: by its events, and by asking again
 * and again where and as long as none can be heard.
 */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "clients/cli/connection.h"
#include "clients/common/row_kind.h"

/* The rows of a table of settings for `interval_ms` and `is_verbose` of the options. */
#define FOLLOW_SETTINGS(options)                                                                   \
    {.name = "interval",                                                                           \
     .kind = DS_SETTING_DURATION,                                                                  \
     .argument = "TIME",                                                                           \
     .default_text = "500ms",                                                                      \
     .minimum = 10,                                                                                \
     .maximum = 3600000,                                                                           \
     .help = "how often the service is asked where its events can't be heard",                     \
     .offset = offsetof(struct options, interval_ms)},                                             \
    {                                                                                              \
        .name = "verbose", .kind = DS_SETTING_BOOLEAN,                                             \
        .help = "tell whether rows come by events or by asking again and again",                   \
        .offset = offsetof(struct options, is_verbose)                                             \
    }

struct follow_options {
    const struct connection *connection;
    enum row_kind kind;
    const char *topic_prefix; /* of the events that matter: "ticks/NIFTY" */
    /* Whether an event that begins so matters, on another thread; NULL: each one does. */
    bool (*is_wanted)(void *context, struct ds_bytes topic);
    int64_t interval_ms;
    bool is_quiet;
    bool is_verbose;

    /* Reads what the store has. Once before the first event, and whenever events may be missing
     * behind those that have come. */
    ds_code (*read)(void *context);
    /* Takes an event's row. All that is behind the last read comes, some of what it read too. */
    ds_code (*take)(void *context, struct ds_bytes topic, struct ds_bytes row);
    /* Called when nothing more is there at the moment. */
    ds_code (*pause)(void *context);
    /* Whether read() is due though no event is missing; NULL: never. */
    bool (*is_outdated)(void *context);
    /* Something has been written to stderr; NULL: no matter. */
    void (*told)(void *context);
    void *context;
};

/*
 * Between interrupt_begin() and interrupt_end(). DS_OK: it was interrupted, or whoever read the
 * output has gone away. Else the code of a callback, but for those of a service that is away for a
 * while: then it is waited for, which is told on stderr.
 */
DS_MUST_USE ds_code follow(const struct follow_options *options);

/* The exit code of a command whose follow() ended so, told where it is a failure. `write_failure`:
 * the errno of a write to standard output that failed; 0: none did. */
int follow_end(ds_code code, int write_failure);

#endif
