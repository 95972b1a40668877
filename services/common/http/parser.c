#include "http/parser.h"

#include <llhttp.h>

/* What llhttp says of a head. */
struct verdict {
    bool has_body;
    bool complete; /* the request ends with its head */
};

static int on_headers_complete(llhttp_t *state)
{
    struct verdict *verdict = state->data;
    verdict->has_body = (state->flags & F_CHUNKED) != 0 || state->content_length > 0;
    /* We upgrade to nothing, so the request stays HTTP/1.1 whatever its Upgrade field says. */
    state->upgrade = 0;
    return 0;
}

static int on_message_complete(llhttp_t *state)
{
    struct verdict *verdict = state->data;
    verdict->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
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
    default:
        return "the request is malformed";
    }
}

static const char *execute(llhttp_t *state, struct ds_bytes bytes, size_t *ret_used)
{
    const struct verdict *verdict = state->data;
    const llhttp_errno_t code = llhttp_execute(state, (const char *)bytes.data, bytes.size);
    if (code == HPE_OK) {
        *ret_used = bytes.size;
        return NULL;
    }
    if (verdict->complete && (code == HPE_PAUSED || code == HPE_PAUSED_UPGRADE)) {
        *ret_used = (size_t)(llhttp_get_error_pos(state) - (const char *)bytes.data);
        return NULL;
    }
    *ret_used = 0;
    return complaint(code);
}

const char *http_parser_head(struct ds_bytes head, bool method_is_known, bool *ret_has_body)
{
    struct verdict verdict = {.has_body = false};
    llhttp_t state;
    llhttp_init(&state, HTTP_REQUEST, &settings);
    state.data = &verdict;

    size_t used = 0;
    if (!method_is_known) {
        /* llhttp refuses methods that it does not know. The fields frame the body whatever the
         * method, so it gets them behind a request line that it likes. */
        const struct ds_bytes stand_in = ds_bytes_of_text("POST / HTTP/1.1\r\n");
        const uint8_t *line_end = memchr(head.data, '\n', head.size);
        if (line_end == NULL || execute(&state, stand_in, &used) != NULL) {
            return complaint(HPE_INTERNAL);
        }
        const size_t line_bytes = (size_t)(line_end + 1 - head.data);
        head = ds_bytes_of(head.data + line_bytes, head.size - line_bytes);
    }
    const char *wrong = execute(&state, head, &used);
    if (wrong != NULL) {
        return wrong;
    }
    /* The two parsers must agree on where the head ends, or one of them has been led astray. */
    if (used != head.size || verdict.complete == verdict.has_body) {
        return complaint(HPE_INTERNAL);
    }
    *ret_has_body = verdict.has_body;
    return NULL;
}
