#include "http/parser.h"

#include <llhttp.h>

_Static_assert(sizeof(llhttp_t) <= HTTP_PARSER_BYTES, "http_parser.state is too small");

static llhttp_t *state_of(struct http_parser *parser)
{
    return (llhttp_t *)(void *)parser->state;
}

static int on_headers_complete(llhttp_t *state)
{
    struct http_parser *parser = state->data;
    parser->has_body = (state->flags & F_CHUNKED) != 0 || state->content_length > 0;
    /* We upgrade to nothing, so the request stays HTTP/1.1 whatever its Upgrade field says. */
    state->upgrade = 0;
    return 0;
}

static int on_body(llhttp_t *state, const char *at, size_t length)
{
    struct http_parser *parser = state->data;
    if (length > parser->body_bytes_max - parser->body->size) {
        parser->too_large = true;
        return HPE_USER;
    }
    ds_buffer_append(parser->body, at, length);
    return 0;
}

static int on_message_complete(llhttp_t *state)
{
    struct http_parser *parser = state->data;
    parser->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Our own words for llhttp's verdicts. */
static const char *complaint(llhttp_errno_t code)
{
    switch (code) {
    case HPE_INVALID_METHOD:
        return "the request line does not begin with a method";
    case HPE_INVALID_URL:
        return "the request target has characters that a URL may not have";
    case HPE_INVALID_VERSION:
    case HPE_INVALID_CONSTANT:
        return "the request line does not end with an HTTP version";
    case HPE_INVALID_HEADER_TOKEN:
        return "a header field has characters that it may not have";
    case HPE_INVALID_CONTENT_LENGTH:
        return "Content-Length must be a decimal number";
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return "Content-Length may occur once only, and not with Transfer-Encoding";
    case HPE_INVALID_TRANSFER_ENCODING:
        return "Transfer-Encoding may be \"chunked\" only";
    case HPE_INVALID_CHUNK_SIZE:
    case HPE_STRICT:
        return "the chunked body is malformed";
    default:
        return "the request is malformed";
    }
}

static const char *execute(struct http_parser *parser, const void *data, size_t size,
                           size_t *ret_used)
{
    llhttp_t *state = state_of(parser);
    const llhttp_errno_t code = llhttp_execute(state, data, size);
    if (code == HPE_OK) {
        *ret_used = size;
        return NULL;
    }
    if (parser->complete && (code == HPE_PAUSED || code == HPE_PAUSED_UPGRADE)) {
        *ret_used = (size_t)(llhttp_get_error_pos(state) - (const char *)data);
        return NULL;
    }
    *ret_used = 0;
    return complaint(code);
}

const char *http_parser_head(struct http_parser *parser, struct ds_bytes head, bool method_is_known)
{
    parser->has_body = false;
    parser->complete = false;
    parser->too_large = false;
    parser->body_bytes_max = 0;
    llhttp_init(state_of(parser), HTTP_REQUEST, &settings);
    state_of(parser)->data = parser;

    size_t used = 0;
    if (!method_is_known) {
        /* llhttp refuses methods that it does not know. The fields frame the body whatever the
         * method, so it gets them behind a request line that it likes. */
        static const char stand_in[] = "POST / HTTP/1.1\r\n";
        const uint8_t *line_end = memchr(head.data, '\n', head.size);
        if (line_end == NULL || execute(parser, stand_in, sizeof stand_in - 1, &used) != NULL) {
            return complaint(HPE_INTERNAL);
        }
        const size_t line_bytes = (size_t)(line_end + 1 - head.data);
        head = ds_bytes_of(head.data + line_bytes, head.size - line_bytes);
    }
    const char *wrong = execute(parser, head.data, head.size, &used);
    if (wrong != NULL) {
        return wrong;
    }
    /* The two parsers must agree on where the head ends, or one of them has been led astray. */
    if (used != head.size || parser->complete == parser->has_body) {
        return complaint(HPE_INTERNAL);
    }
    return NULL;
}

const char *http_parser_body(struct http_parser *parser, struct ds_bytes bytes, size_t *ret_used)
{
    const char *wrong = execute(parser, bytes.data, bytes.size, ret_used);
    if (wrong != NULL && parser->too_large) {
        return "the body is larger than this request may have";
    }
    return wrong;
}
