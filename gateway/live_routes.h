/* The routes of live data: LIVE_ROUTE in system_routes.def. */
#ifndef GATEWAY_LIVE_ROUTES_H
#define GATEWAY_LIVE_ROUTES_H

#include "gateway/exchange.h"

/* Whether the caller may read market data; false fills ret_problem (401). */
bool live_access_check(struct exchange *exchange, struct problem *ret_problem);

/* What can be said of a request to a stream at its head. False fills ret_problem. */
bool live_routes_check_head(struct exchange *exchange, struct problem *ret_problem);

#endif
