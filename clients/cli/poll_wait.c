#include "clients/cli/poll_wait.h"

#include "clients/cli/row_page.h"

#include <stdio.h>

bool poll_wait_goes_on(struct poll_wait *wait, const struct connection *connection, ds_code code)
{
    if (code == DS_OK && wait->is_away) {
        fprintf(stderr, "the service answers again\n");
        wait->is_away = false;
    }
    const bool is_away = row_page_is_away(code);
    if (is_away && !wait->is_away) {
        fprintf(stderr, "the service at %s does not answer (%s); waiting for it\n", connection->url,
                ds_code_name(code));
        wait->is_away = true;
    }
    return code == DS_OK || is_away;
}
