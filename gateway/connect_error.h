/* Connect's errors: a JSON object of code, message and details, whatever the calls' own form is. */
#ifndef GATEWAY_CONNECT_ERROR_H
#define GATEWAY_CONNECT_ERROR_H

#include "ds/json.h"
#include "gateway/exchange.h"

/* exchange_protocol.fail: begins the reply of a failure, the call's own or one that was found
 * before there was a call. */
void connect_fail(struct exchange *exchange, const struct problem *problem);

#endif
