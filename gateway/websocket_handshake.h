/* What a request must have to become a WebSocket (RFC 6455 4.2.1), and what it says besides. */
#ifndef GATEWAY_WEBSOCKET_HANDSHAKE_H
#define GATEWAY_WEBSOCKET_HANDSHAKE_H

#include "gateway/cors.h"
#include "gateway/problem.h"
#include "gateway/websocket_frames.h"

struct websocket_handshake {
    char accept[WEBSOCKET_ACCEPT_BYTES];
    bool is_bearer;         /* the subprotocol that carries a token */
    bool shows_credentials; /* whatever they are worth */
};

/* False fills ret_problem: 426 where the request asks for no WebSocket of our version, 400 where it
 * is malformed, 403 where it comes from a page that may not. */
bool websocket_handshake_read(const struct http_request *request, const struct cors *cors,
                              struct websocket_handshake *ret_handshake,
                              struct problem *ret_problem);

#endif
