#include "gateway/live_routes.h"

#include "gateway/identity.h"
#include "gateway/negotiate.h"
#include "gateway/system.h"

/* Live rows are the rows of the reading methods; those have the same permission. */
static const struct ds_method reading = {.permission = "market:read"};

bool live_access_check(struct exchange *exchange, struct problem *ret_problem)
{
    return identity_find(exchange->gateway->anonymous, &reading, &exchange->principal, ret_problem);
}

bool live_routes_check_head(struct exchange *exchange, struct problem *ret_problem)
{
    if (!negotiate_no_body(exchange->request, ret_problem)) {
        return false;
    }
    /* A WebSocket may show its credentials in places of its own, and is refused in its own way. */
    return exchange->system_route->route == HTTP_ROUTE_WEBSOCKET ||
           live_access_check(exchange, ret_problem);
}
