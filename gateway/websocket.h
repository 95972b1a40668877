/* /ws/quotes: live data over a WebSocket (RFC 6455). */
#ifndef GATEWAY_WEBSOCKET_H
#define GATEWAY_WEBSOCKET_H

#include "gateway/exchange.h"

/* Answers an exchange of /ws/quotes: ends it, or makes its connection a WebSocket. */
void websocket_serve(struct exchange *exchange);

#endif
