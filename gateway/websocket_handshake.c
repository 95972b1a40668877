#include "gateway/websocket_handshake.h"

#include "gateway/live_query.h"

static bool refuse_header(struct problem *ret_problem, ds_reason reason, const char *name,
                          const char *detail)
{
    problem_set(ret_problem, reason, "%s: %s", name, detail);
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text(name), detail);
    return false;
}

/* Whether a field that is a list has the token, whatever its case. */
static bool list_has(const struct http_request *request, enum http_header_id id, const char *token)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes element;
        while (request->headers[i].id == id && http_list_next(&list, ',', &element)) {
            if (http_text_equal(element, token)) {
                return true;
            }
        }
    }
    return false;
}

static bool check_upgrade(const struct http_request *request, struct problem *ret_problem)
{
    const ds_reason reason = DS_REASON(UPGRADE_REQUIRED);
    if (request->method != HTTP_METHOD_GET || request->version_minor != 1) {
        problem_set(ret_problem, reason,
                    "this path speaks WebSocket: begin it with a GET of HTTP/1.1");
        return false;
    }
    if (!list_has(request, HTTP_HEADER_UPGRADE, "websocket")) {
        return refuse_header(ret_problem, reason, "Upgrade",
                             "this path speaks WebSocket only; send Upgrade: websocket");
    }
    if (!list_has(request, HTTP_HEADER_CONNECTION, "upgrade")) {
        return refuse_header(ret_problem, reason, "Connection",
                             "send Connection: Upgrade with the Upgrade field");
    }
    if (request->seen[HTTP_HEADER_SEC_WEBSOCKET_VERSION] != 1 ||
        !ds_bytes_equal_text(http_request_header(request, HTTP_HEADER_SEC_WEBSOCKET_VERSION),
                             "13")) {
        return refuse_header(ret_problem, reason, "Sec-WebSocket-Version",
                             "the version spoken here is 13");
    }
    return true;
}

static bool is_token(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_token_byte(text.data[i])) {
            return false;
        }
    }
    return text.size > 0;
}

/* "bearer, TOKEN": browsers can't send an Authorization field with a WebSocket. */
static bool read_protocols(const struct http_request *request,
                           struct websocket_handshake *handshake, struct problem *ret_problem)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes protocol;
        while (request->headers[i].id == HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL &&
               http_list_next(&list, ',', &protocol)) {
            if (!is_token(protocol)) {
                return refuse_header(ret_problem, DS_REASON(INVALID_REQUEST),
                                     "Sec-WebSocket-Protocol",
                                     "it is not a list of tokens, such as bearer, TOKEN");
            }
            handshake->is_bearer = handshake->is_bearer || ds_bytes_equal_text(protocol, "bearer");
        }
    }
    return true;
}

/* A page may open WebSockets to any host, and no browser asks for leave first: so a page of another
 * origin has to be listed. A client that is no browser names none. */
static bool check_origin(const struct http_request *request, const struct cors *cors,
                         struct problem *ret_problem)
{
    if (request->seen[HTTP_HEADER_ORIGIN] == 0) {
        return true;
    }
    const struct ds_bytes origin = http_request_header(request, HTTP_HEADER_ORIGIN);
    struct ds_bytes host = origin;
    if (origin.size > 7 && memcmp(origin.data, "http://", 7) == 0) {
        ds_bytes_skip(&host, 7);
    } else if (origin.size > 8 && memcmp(origin.data, "https://", 8) == 0) {
        ds_bytes_skip(&host, 8);
    }
    const bool is_own = host.size < origin.size && ds_bytes_equal(host, request->host);
    if (request->seen[HTTP_HEADER_ORIGIN] == 1 && (is_own || cors_allows(cors, origin))) {
        return true;
    }
    (void)refuse_header(ret_problem, DS_REASON(FORBIDDEN_ORIGIN), "Origin",
                        "pages of this origin may not connect; the setting cors-origin lists "
                        "those that may");
    ret_problem->code = DS_PERMISSION_DENIED;
    return false;
}

bool websocket_handshake_read(const struct http_request *request, const struct cors *cors,
                              struct websocket_handshake *ret_handshake,
                              struct problem *ret_problem)
{
    struct websocket_handshake handshake = {0};
    if (!check_upgrade(request, ret_problem)) {
        return false;
    }
    if (request->seen[HTTP_HEADER_SEC_WEBSOCKET_KEY] != 1 ||
        !websocket_accept_key(http_request_header(request, HTTP_HEADER_SEC_WEBSOCKET_KEY),
                              handshake.accept)) {
        return refuse_header(ret_problem, DS_REASON(INVALID_REQUEST), "Sec-WebSocket-Key",
                             "it is not 16 bytes in base64, once");
    }
    if (!read_protocols(request, &handshake, ret_problem) ||
        !live_query_read_websocket(request, &handshake.shows_credentials, ret_problem) ||
        !check_origin(request, cors, ret_problem)) {
        return false;
    }
    handshake.shows_credentials = handshake.shows_credentials || handshake.is_bearer ||
                                  request->seen[HTTP_HEADER_AUTHORIZATION] > 0 ||
                                  request->seen[HTTP_HEADER_X_API_KEY] > 0;
    *ret_handshake = handshake;
    return true;
}
