/* What commands that ask again and again do when the service is away for a while. */
#ifndef CLI_POLL_WAIT_H
#define CLI_POLL_WAIT_H

#include "clients/cli/connection.h"
#include "ds/code.h"

/* The row of a table of settings for `interval_ms` of the options. */
#define POLL_INTERVAL_SETTING(options)                                                             \
    {                                                                                              \
        .name = "interval", .kind = DS_SETTING_DURATION, .argument = "TIME",                       \
        .default_text = "500ms", .minimum = 10, .maximum = 3600000,                                \
        .help = "how often the service is asked", .offset = offsetof(struct options, interval_ms)  \
    }

struct poll_wait {
    bool is_quiet;
    bool is_away;
};

/* Whether to ask again after `code`; tells when the service goes away and when it is back, unless
 * the wait is a quiet one. */
bool poll_wait_goes_on(struct poll_wait *wait, const struct connection *connection, ds_code code);

#endif
