/* What commands that ask again and again do when the service is away for a while. */
#ifndef CLI_POLL_WAIT_H
#define CLI_POLL_WAIT_H

#include "clients/cli/connection.h"
#include "ds/code.h"

struct poll_wait {
    bool is_quiet;
    bool is_away;
};

/* Whether to ask again after `code`; tells when the service goes away and when it is back, unless
 * the wait is a quiet one. */
bool poll_wait_goes_on(struct poll_wait *wait, const struct connection *connection, ds_code code);

#endif
