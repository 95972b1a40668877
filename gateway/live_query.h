/* The query parameters of the live routes. */
#ifndef GATEWAY_LIVE_QUERY_H
#define GATEWAY_LIVE_QUERY_H

#include "gateway/live_message.h"

/*
 * Of a stream: `keys`, lists with commas, any number of times, and `last_event_id`. False fills
 * ret_problem (400).
 */
bool live_query_read_stream(const struct http_request *request, struct key_set *keys,
                            struct live_id *ret_behind, struct problem *ret_problem);

/* Of a WebSocket: `ticket` and `token`, which are credentials. False fills ret_problem (400). */
bool live_query_read_websocket(const struct http_request *request, bool *ret_shows_credentials,
                               struct problem *ret_problem);

#endif
