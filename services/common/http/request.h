/*
 * One HTTP request and the reply to it, as the connection layer (server.h) and its handler
 * share them. Everything belongs to the loop's thread.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "ds/buffer.h"
#include "ds/bytes.h"
#include "http/method.h"

/* The header fields that somebody asks for by name; all others are HTTP_HEADER_OTHER. */
enum http_header_id {
    HTTP_HEADER_OTHER = 0,
    HTTP_HEADER_ACCEPT,
    HTTP_HEADER_ACCEPT_ENCODING,
    HTTP_HEADER_ACCESS_CONTROL_REQUEST_HEADERS,
    HTTP_HEADER_ACCESS_CONTROL_REQUEST_METHOD,
    HTTP_HEADER_AUTHORIZATION,
    HTTP_HEADER_CONNECT_PROTOCOL_VERSION,
    HTTP_HEADER_CONNECT_TIMEOUT_MS,
    HTTP_HEADER_CONNECTION,
    HTTP_HEADER_CONTENT_ENCODING,
    HTTP_HEADER_CONTENT_LENGTH,
    HTTP_HEADER_CONTENT_TYPE,
    HTTP_HEADER_COOKIE,
    HTTP_HEADER_EXPECT,
    HTTP_HEADER_HOST,
    HTTP_HEADER_IDEMPOTENCY_KEY,
    HTTP_HEADER_IF_MATCH,
    HTTP_HEADER_IF_NONE_MATCH,
    HTTP_HEADER_LAST_EVENT_ID,
    HTTP_HEADER_ORIGIN,
    HTTP_HEADER_SEC_WEBSOCKET_EXTENSIONS,
    HTTP_HEADER_SEC_WEBSOCKET_KEY,
    HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL,
    HTTP_HEADER_SEC_WEBSOCKET_VERSION,
    HTTP_HEADER_TE,
    HTTP_HEADER_TRACEPARENT,
    HTTP_HEADER_TRACESTATE,
    HTTP_HEADER_TRANSFER_ENCODING,
    HTTP_HEADER_UPGRADE,
    HTTP_HEADER_X_API_KEY,
    HTTP_HEADER_X_FORWARDED_FOR,
    HTTP_HEADER_X_FORWARDED_PROTO,
    HTTP_HEADER_X_REQUEST_ID,
    HTTP_HEADER_COUNT,
};

struct http_header {
    struct ds_bytes name;
    struct ds_bytes value; /* without blanks around it */
    uint8_t id;            /* enum http_header_id */
};

#define HTTP_PEER_BYTES 48 /* an IPv6 address as text */

struct http_connection;
struct http_server;
struct http_stream;

/*
 * Filled by the server, valid until http_reply_send(). The views point into the request's own
 * memory, so they outlive the connection.
 */
struct http_request {
    uint8_t method;              /* enum http_method */
    uint8_t version_minor;       /* of HTTP/1.x */
    bool has_body;               /* Content-Length above 0, or chunked */
    bool chunked;                /* then content_length is 0 */
    bool keep_alive;             /* another request may follow on the connection */
    bool expects_continue;       /* the client waits for 100 before it sends the body */
    uint64_t content_length;     /* as announced */
    size_t body_bytes_max;       /* the handler's `head` may set it; a longer body is refused */
    struct ds_bytes method_text; /* as sent, case kept */
    struct ds_bytes host;        /* of the target where it names one, else the Host field's */
    struct ds_bytes path;        /* raw, begins with '/'; "*" for OPTIONS of the server, CONNECT */
    struct ds_bytes query;       /* raw, without '?'; empty where there is none */
    struct ds_buffer body;       /* decoded from chunks */
    struct http_header *headers;
    size_t header_count;
    size_t header_count_max;
    uint8_t seen[HTTP_HEADER_COUNT];         /* how often each known field occurs */
    uint8_t first_header[HTTP_HEADER_COUNT]; /* its first place in `headers`, where seen */
    char peer[HTTP_PEER_BYTES];              /* the other end's address without its port */
    char client[HTTP_PEER_BYTES]; /* `peer`, unless that is a trusted proxy that names another */
    bool secure;                  /* the client came by TLS, as a trusted proxy says */
    const char *listener_name;    /* of the listener it came by; "" for none */
    int64_t began_us;             /* monotonic; when the head was complete */
    void *handler_data;           /* the handler's */

    /* The reply: the handler begins it, fills the body and sends it. */
    uint16_t status;
    struct ds_buffer reply_head;
    struct ds_buffer reply_body;

    /* The server's own. */
    struct ds_buffer head; /* the bytes from the request line to the blank line */
    struct http_server *server;
    struct http_connection *connection; /* NULL once the client has gone */
    struct http_stream *stream;         /* that the reply is; NULL for a whole reply */
    struct http_request *next;
    size_t kept_bytes; /* of its buffers, while it waits for its next use: out of the budget */
    bool complete;     /* the whole request has come */
    bool replied;
    bool continue_pending;
};

/* The value of the first field of that kind; empty where there is none. */
struct ds_bytes http_request_header(const struct http_request *request, enum http_header_id id);

/* Puts `body` in the place of the request's body, which it gets in exchange. False, and nothing
 * changed, where the server's requests have too much of it in memory. */
bool http_request_replace_body(struct http_request *request, struct ds_buffer *body);

/*
 * Makes an empty request whose header table has header_count_max rows. http_request_reset() makes
 * it empty again and keeps its memory, as ds_buffer_recycle() does: kept_bytes are of the budget.
 */
struct http_request *http_request_create(size_t header_count_max);
void http_request_reset(struct http_request *request, size_t *budget_bytes);
void http_request_destroy(struct http_request *request);

/* The field's number, whatever the case of its name. */
enum http_header_id http_header_id_of(struct ds_bytes name);

enum http_method http_method_of(struct ds_bytes text);
const char *http_method_name(enum http_method method);

/* Whether it may stand in a token, such as a field's name (RFC 9110's tchar). */
bool http_is_token_byte(uint8_t byte);

/* Whether the two are equal but for ASCII case; `text` is lower case. */
bool http_text_equal(struct ds_bytes bytes, const char *text);

/* Takes the next element off a list separated by `separator`, without blanks around it. False at
 * the end. */
bool http_list_next(struct ds_bytes *list, char separator, struct ds_bytes *ret_element);

struct ds_bytes http_trim(struct ds_bytes bytes);

#endif
