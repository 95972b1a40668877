#include "clients/cli/poll_wait.h"

#include "clients/cli/row_page.h"

#include <stdio.h>

bool poll_wait_goes_on(struct poll_wait *wait, const struct connection *connection, ds_code code)
{
    const bool is_away = row_page_is_away(code);
    const bool is_told = wait->is_quiet || wait->is_away == is_away;
    if (!is_told && is_away) {
        fprintf(stderr, "the service at %s does not answer (%s); waiting for it\n", connection->url,
                ds_code_name(code));
    } else if (!is_told && code == DS_OK) {
        fprintf(stderr, "the service answers again\n");
    }
    wait->is_away = is_away;
    return code == DS_OK || is_away;
}
