#include "http/head.h"

#include "http/host.h"
#include "http/target.h"

/* RFC 9112 2.2 lets a reader pass over blank lines in front of a request; some clients send one. */
#define BLANK_LINES_MAX 2

static enum http_head_state refuse(struct http_refusal *ret_refusal, ds_reason reason,
                                   const char *detail)
{
    *ret_refusal = (struct http_refusal){.reason = reason, .detail = detail};
    return HTTP_HEAD_REFUSED;
}

static enum http_head_state check_sizes(const struct http_head_scan *scan,
                                        const struct http_head_limits *limits, size_t head_bytes,
                                        struct http_refusal *ret_refusal)
{
    if (scan->line_count == 0) {
        if (head_bytes > limits->request_line_bytes_max) {
            return refuse(ret_refusal, DS_REASON(URI_TOO_LONG), "the request line is too long");
        }
        return HTTP_HEAD_PART;
    }
    /* The count first: it was beyond its limit before the line that these bytes belong to. */
    if (scan->line_count - 1 > limits->header_count_max) {
        return refuse(ret_refusal, DS_REASON(HEADERS_TOO_LARGE),
                      "there are too many header fields");
    }
    if (head_bytes - scan->request_line_bytes > limits->headers_bytes_max) {
        return refuse(ret_refusal, DS_REASON(HEADERS_TOO_LARGE),
                      "the header fields are too large together");
    }
    return HTTP_HEAD_PART;
}

/* `line` ends with LF. */
static enum http_head_state check_line(struct ds_bytes line, struct http_refusal *ret_refusal)
{
    if (line.size < 2 || line.data[line.size - 2] != '\r') {
        return refuse(ret_refusal, DS_REASON(INVALID_REQUEST),
                      "a line of the head ends with LF alone: lines end with CR LF");
    }
    const size_t text_bytes = line.size - 2;
    if (text_bytes == 0) {
        return HTTP_HEAD_COMPLETE;
    }
    if (memchr(line.data, '\r', text_bytes) != NULL) {
        return refuse(ret_refusal, DS_REASON(INVALID_REQUEST),
                      "there is a CR within a line of the head");
    }
    if (memchr(line.data, '\0', text_bytes) != NULL) {
        return refuse(ret_refusal, DS_REASON(INVALID_REQUEST), "there is a NUL in the head");
    }
    if (line.data[0] == ' ' || line.data[0] == '\t') {
        return refuse(ret_refusal, DS_REASON(INVALID_REQUEST),
                      "a line of the head begins with a blank: fields may not be folded");
    }
    return HTTP_HEAD_PART;
}

/* Takes the line that ends at the end of request->head. */
static enum http_head_state take_line(struct http_head_scan *scan, struct http_request *request,
                                      struct http_refusal *ret_refusal)
{
    struct ds_buffer *head = &request->head;
    const struct ds_bytes line =
        ds_bytes_of(head->data + scan->line_start, head->size - scan->line_start);
    const enum http_head_state state = check_line(line, ret_refusal);
    if (state == HTTP_HEAD_COMPLETE && scan->line_count == 0) {
        if (++scan->blank_lines > BLANK_LINES_MAX) {
            return refuse(ret_refusal, DS_REASON(INVALID_REQUEST),
                          "there are too many blank lines in front of the request");
        }
        ds_buffer_clear(head);
        return HTTP_HEAD_PART;
    }
    scan->line_start = head->size;
    if (state == HTTP_HEAD_PART && scan->line_count++ == 0) {
        scan->request_line_bytes = head->size;
    }
    return state;
}

enum http_head_state http_head_take(struct http_head_scan *scan,
                                    const struct http_head_limits *limits,
                                    struct http_request *request, struct ds_bytes bytes,
                                    size_t *ret_used, struct http_refusal *ret_refusal)
{
    size_t used = 0;
    enum http_head_state state = HTTP_HEAD_PART;
    while (used < bytes.size && state == HTTP_HEAD_PART) {
        const uint8_t *start = bytes.data + used;
        const uint8_t *line_end = memchr(start, '\n', bytes.size - used);
        const size_t size = line_end == NULL ? bytes.size - used : (size_t)(line_end + 1 - start);
        used += size;
        state = check_sizes(scan, limits, request->head.size + size, ret_refusal);
        if (state != HTTP_HEAD_PART) {
            if (scan->line_count == 0) {
                /* What fits, so that the method is known. */
                ds_buffer_append(&request->head, start,
                                 limits->request_line_bytes_max - request->head.size);
            }
            break;
        }
        ds_buffer_append(&request->head, start, size);
        if (line_end == NULL) {
            break;
        }
        state = take_line(scan, request, ret_refusal);
    }
    *ret_used = used;
    /* A request line or field beyond the limits is told at once, also without its end. */
    return state == HTTP_HEAD_PART ? check_sizes(scan, limits, request->head.size, ret_refusal)
                                   : state;
}

static bool refused(struct http_refusal *ret_refusal, const char *detail)
{
    *ret_refusal = (struct http_refusal){.reason = DS_REASON(INVALID_REQUEST), .detail = detail};
    return false;
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

/* Takes the part of the line in front of the first blank, and the blank. */
static bool take_word(struct ds_bytes *line, struct ds_bytes *ret_word)
{
    const uint8_t *blank = line->size == 0 ? NULL : memchr(line->data, ' ', line->size);
    if (blank == NULL) {
        return false;
    }
    *ret_word = ds_bytes_of(line->data, (size_t)(blank - line->data));
    line->data = blank + 1;
    line->size -= ret_word->size + 1;
    return ret_word->size > 0;
}

static bool read_version(struct http_request *request, struct ds_bytes text,
                         struct http_refusal *ret_refusal)
{
    if (text.size != 8 || memcmp(text.data, "HTTP/", 5) != 0 || text.data[5] < '0' ||
        text.data[5] > '9' || text.data[6] != '.' || text.data[7] < '0' || text.data[7] > '9') {
        return refused(ret_refusal, "the request line does not end with an HTTP version");
    }
    if (text.data[5] != '1') {
        *ret_refusal =
            (struct http_refusal){.reason = DS_REASON(UNSUPPORTED_HTTP_VERSION),
                                  .detail = "HTTP/1.1 and HTTP/1.0 are the versions served here"};
        return false;
    }
    /* Whatever comes behind 1.1 is to be taken as the highest that we know (RFC 9110 2.5). */
    request->version_minor = text.data[7] == '0' ? 0 : 1;
    return true;
}

static bool read_request_line(struct http_request *request, struct ds_bytes line,
                              struct http_refusal *ret_refusal)
{
    struct ds_bytes target = {0};
    if (!take_word(&line, &request->method_text) || !take_word(&line, &target) ||
        !is_token(request->method_text)) {
        return refused(ret_refusal,
                       "the request line must be a method, a target and a version with one blank "
                       "between them");
    }
    if (!read_version(request, line, ret_refusal)) {
        return false;
    }
    request->method = (uint8_t)http_method_of(request->method_text);
    const char *wrong = http_target_read(request, target);
    return wrong == NULL || refused(ret_refusal, wrong);
}

void http_head_read_method(struct http_request *request)
{
    struct ds_bytes head = ds_buffer_bytes(&request->head);
    struct ds_bytes method = {0};
    if (take_word(&head, &method) && is_token(method)) {
        request->method_text = method;
        request->method = (uint8_t)http_method_of(method);
    }
}

static bool read_field(struct http_request *request, struct ds_bytes line,
                       struct http_refusal *ret_refusal)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (colon == NULL) {
        return refused(ret_refusal, "a header field has no colon");
    }
    struct http_header header = {
        .name = ds_bytes_of(line.data, (size_t)(colon - line.data)),
        .value = http_trim(ds_bytes_of(colon + 1, (size_t)(line.data + line.size - colon) - 1)),
    };
    if (!is_token(header.name)) {
        return refused(ret_refusal,
                       "the name of a header field has characters that it may not have, "
                       "such as a blank in front of the colon");
    }
    header.id = (uint8_t)http_header_id_of(header.name);
    if (request->seen[header.id] == 0) {
        request->first_header[header.id] = (uint8_t)request->header_count;
    }
    if (request->seen[header.id] < UINT8_MAX) {
        request->seen[header.id]++;
    }
    request->headers[request->header_count++] = header;
    return true;
}

static bool read_host(struct http_request *request, struct http_refusal *ret_refusal)
{
    const uint8_t count = request->seen[HTTP_HEADER_HOST];
    if (count > 1) {
        return refused(ret_refusal, "there is more than one Host field");
    }
    if (count == 0 && request->version_minor == 1) {
        return refused(ret_refusal, "the Host field is missing");
    }
    const struct ds_bytes host = http_request_header(request, HTTP_HEADER_HOST);
    if (count == 1 && !http_host_is_well_formed(host, HTTP_PORT_OPTIONAL)) {
        return refused(ret_refusal, "the Host field must be of the form HOST or HOST:PORT");
    }
    if (request->host.size == 0) {
        request->host = host;
    }
    return true;
}

/* A coding without its parameters. */
static struct ds_bytes coding_name(struct ds_bytes coding)
{
    struct ds_bytes name = {0};
    (void)http_list_next(&coding, ';', &name);
    return name;
}

/* RFC 9112 6.1 and 6.3: without "chunked" at its end a body has no end (400); codings in front of
 * it are ones that we don't have (501). */
static bool check_codings(const struct http_request *request, struct http_refusal *ret_refusal)
{
    bool is_chunked = false;
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id != HTTP_HEADER_TRANSFER_ENCODING) {
            continue;
        }
        struct ds_bytes list = request->headers[i].value;
        const bool ends_early = list.size == 0 || list.data[list.size - 1] == ',';
        struct ds_bytes coding;
        while (http_list_next(&list, ',', &coding)) {
            const struct ds_bytes name = coding_name(coding);
            if (is_chunked || !is_token(name)) {
                return refused(ret_refusal, "Transfer-Encoding must end with \"chunked\", once");
            }
            is_chunked = http_text_equal(name, "chunked");
            if (is_chunked && name.size != coding.size) {
                return refused(ret_refusal, "\"chunked\" has no parameters");
            }
            count++;
        }
        if (ends_early) {
            return refused(ret_refusal, "Transfer-Encoding has an empty element");
        }
    }
    if (!is_chunked) {
        return refused(ret_refusal, "Transfer-Encoding must end with \"chunked\", once");
    }
    if (count > 1) {
        *ret_refusal = (struct http_refusal){.reason = DS_REASON(NOT_IMPLEMENTED),
                                             .detail = "chunked is the one transfer coding here"};
        return false;
    }
    return true;
}

/* What decides where the body ends must be said once, and in one way. */
static bool check_framing(struct http_request *request, struct http_refusal *ret_refusal)
{
    const uint8_t encodings = request->seen[HTTP_HEADER_TRANSFER_ENCODING];
    const uint8_t lengths = request->seen[HTTP_HEADER_CONTENT_LENGTH];
    if (encodings > 0 && lengths > 0) {
        return refused(ret_refusal, "Content-Length and Transfer-Encoding exclude each other");
    }
    if (lengths > 1) {
        return refused(ret_refusal, "there is more than one Content-Length field");
    }
    if (encodings > 0 && request->version_minor == 0) {
        return refused(ret_refusal, "HTTP/1.0 has no Transfer-Encoding");
    }
    request->chunked = encodings > 0;
    return encodings == 0 || check_codings(request, ret_refusal);
}

static bool read_content_length(struct http_request *request, struct http_refusal *ret_refusal)
{
    if (request->seen[HTTP_HEADER_CONTENT_LENGTH] == 0) {
        return true;
    }
    const struct ds_bytes text = http_request_header(request, HTTP_HEADER_CONTENT_LENGTH);
    uint64_t length = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned int digit = (unsigned int)text.data[i] - '0';
        if (digit > 9 || length > (UINT64_MAX >> 1) / 10 - 1) {
            return refused(ret_refusal, "Content-Length must be a decimal number");
        }
        length = length * 10 + digit;
    }
    if (text.size == 0) {
        return refused(ret_refusal, "Content-Length must be a decimal number");
    }
    request->content_length = length;
    return true;
}

static void read_connection(struct http_request *request)
{
    request->keep_alive = request->version_minor == 1;
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id != HTTP_HEADER_CONNECTION) {
            continue;
        }
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes token;
        while (http_list_next(&list, ',', &token)) {
            if (http_text_equal(token, "close")) {
                request->keep_alive = false;
                return;
            }
            if (http_text_equal(token, "keep-alive")) {
                request->keep_alive = true;
            }
        }
    }
}

static bool read_expect(struct http_request *request, struct http_refusal *ret_refusal)
{
    /* An HTTP/1.0 client can't have meant it (RFC 9110 10.1.1). */
    if (request->seen[HTTP_HEADER_EXPECT] == 0 || request->version_minor == 0) {
        return true;
    }
    if (request->seen[HTTP_HEADER_EXPECT] > 1 ||
        !http_text_equal(http_request_header(request, HTTP_HEADER_EXPECT), "100-continue")) {
        *ret_refusal =
            (struct http_refusal){.reason = DS_REASON(UNSUPPORTED_EXPECTATION),
                                  .detail = "100-continue is the one expectation met here"};
        return false;
    }
    request->expects_continue = request->chunked || request->content_length > 0;
    return true;
}

static struct ds_bytes take_head_line(struct ds_bytes *head)
{
    const uint8_t *end = memchr(head->data, '\n', head->size);
    const size_t size = (size_t)(end + 1 - head->data);
    const struct ds_bytes line = ds_bytes_of(head->data, size - 2);
    head->data += size;
    head->size -= size;
    return line;
}

bool http_head_read(struct http_request *request, struct http_refusal *ret_refusal)
{
    struct ds_bytes head = ds_buffer_bytes(&request->head);
    const struct ds_bytes request_line = take_head_line(&head);
    /* The fields first: a reply to a bad request line too should carry the request's id. */
    for (;;) {
        const struct ds_bytes line = take_head_line(&head);
        if (line.size == 0) {
            break;
        }
        if (!read_field(request, line, ret_refusal)) {
            return false;
        }
    }
    if (!read_request_line(request, request_line, ret_refusal) ||
        !read_host(request, ret_refusal) || !check_framing(request, ret_refusal) ||
        !read_content_length(request, ret_refusal) || !read_expect(request, ret_refusal)) {
        return false;
    }
    request->has_body = request->chunked || request->content_length > 0;
    if (request->has_body &&
        (request->method == HTTP_METHOD_CONNECT || request->method == HTTP_METHOD_TRACE)) {
        return refused(ret_refusal, "CONNECT and TRACE have no body");
    }
    read_connection(request);
    return true;
}
