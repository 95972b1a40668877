#include "gateway/websocket.h"

#include "gateway/exchange_protocol.h"
#include "gateway/live_routes.h"
#include "gateway/websocket_client.h"
#include "gateway/websocket_handshake.h"
#include "http/reply.h"

/* What it takes is told with every refusal that is about the protocol. */
static void refuse(struct exchange *exchange, const struct problem *problem)
{
    exchange->protocol->fail(exchange, problem);
    if (problem->reason == DS_REASON(UPGRADE_REQUIRED)) {
        http_reply_field_text(exchange->request, "Upgrade", "websocket");
        if (exchange->request->keep_alive && exchange->request->version_minor == 1) {
            /* RFC 9110 7.8: so that no intermediary passes the field on. */
            http_reply_field_text(exchange->request, "Connection", "Upgrade");
        }
        http_reply_field_text(exchange->request, "Sec-WebSocket-Version", "13");
    }
    exchange_end(exchange);
}

void websocket_serve(struct exchange *exchange)
{
    struct http_request *request = exchange->request;
    const struct gateway *gateway = exchange->gateway;
    struct websocket_handshake handshake;
    struct problem problem;
    struct problem no_access;
    if (!websocket_handshake_read(request, gateway->cors, &handshake, &problem)) {
        refuse(exchange, &problem);
        return;
    }
    const bool may_read = live_access_check(exchange, &no_access);
    if (!may_read && !handshake.shows_credentials) {
        refuse(exchange, &no_access);
        return;
    }
    if (!live_clients_have_room(gateway->live_clients, &problem)) {
        refuse(exchange, &problem);
        return;
    }
    http_reply_begin(request, 101);
    http_reply_field_text(request, "Upgrade", "websocket");
    http_reply_field_text(request, "Sec-WebSocket-Accept", handshake.accept);
    if (handshake.is_bearer) {
        http_reply_field_text(request, "Sec-WebSocket-Protocol", "bearer");
    }
    struct websocket_client *client = websocket_client_begin(exchange);
    if (!may_read) {
        /* A browser shows a page the close, but nothing of a refused handshake. */
        websocket_client_close(client, WEBSOCKET_CLOSE_POLICY, no_access.detail);
    }
}
