#include "http/reader.h"

#include "http/parser.h"

void http_reader_begin(struct http_reader *reader)
{
    reader->scan = (struct http_head_scan){0};
    reader->chunked = (struct http_chunked){0};
    reader->in_body = false;
    reader->discard_body = false;
    reader->body_taken = 0;
}

static enum http_event refuse(struct http_reader *reader, ds_reason reason, const char *detail)
{
    reader->refusal = (struct http_refusal){.reason = reason, .detail = detail};
    return HTTP_EVENT_REFUSED;
}

static enum http_event take_head(struct http_reader *reader, struct http_request *request,
                                 struct ds_bytes bytes, size_t *ret_used)
{
    const enum http_head_state state =
        http_head_take(&reader->scan, &reader->limits, request, bytes, ret_used, &reader->refusal);
    if (state == HTTP_HEAD_PART) {
        return HTTP_EVENT_MORE;
    }
    if (state == HTTP_HEAD_REFUSED || !http_head_read(request, &reader->refusal)) {
        return HTTP_EVENT_REFUSED;
    }
    /* llhttp knows more methods than we, but CONNECT changes how it reads the rest. */
    bool has_body = false;
    const char *wrong = http_parser_head(ds_buffer_bytes(&request->head),
                                         request->method != HTTP_METHOD_OTHER, &has_body);
    if (wrong != NULL) {
        return refuse(reader, DS_REASON(INVALID_REQUEST), wrong);
    }
    if (has_body != request->has_body) {
        return refuse(reader, DS_REASON(INVALID_REQUEST), "the length of the body is ambiguous");
    }
    reader->in_body = true;
    return HTTP_EVENT_HEAD;
}

static enum http_event take_chunks(struct http_reader *reader, struct http_request *request,
                                   struct ds_bytes bytes, size_t *ret_used)
{
    const struct http_chunked_limits limits = {
        .body_bytes_max = reader->discard_body ? UINT64_MAX : request->body_bytes_max,
        .trailers_bytes_max = reader->limits.headers_bytes_max,
        .trailer_count_max = reader->limits.header_count_max,
    };
    struct ds_buffer *body = reader->discard_body ? NULL : &request->body;
    switch (http_chunked_take(&reader->chunked, &limits, bytes, body, ret_used, &reader->refusal)) {
    case HTTP_CHUNKED_PART:
        return HTTP_EVENT_MORE;
    case HTTP_CHUNKED_COMPLETE:
        return HTTP_EVENT_END;
    default:
        return HTTP_EVENT_REFUSED;
    }
}

static enum http_event take_body(struct http_reader *reader, struct http_request *request,
                                 struct ds_bytes bytes, size_t *ret_used)
{
    if (request->chunked) {
        return take_chunks(reader, request, bytes, ret_used);
    }
    if (!reader->discard_body && request->content_length > request->body_bytes_max) {
        return refuse(reader, DS_REASON(REQUEST_TOO_LARGE),
                      "the body is larger than this request may have");
    }
    const uint64_t left = request->content_length - reader->body_taken;
    *ret_used = bytes.size < left ? bytes.size : (size_t)left;
    if (!reader->discard_body) {
        ds_buffer_append(&request->body, bytes.data, *ret_used);
    }
    reader->body_taken += *ret_used;
    return *ret_used == left ? HTTP_EVENT_END : HTTP_EVENT_MORE;
}

enum http_event http_reader_take(struct http_reader *reader, struct http_request *request,
                                 struct ds_bytes bytes, size_t *ret_used)
{
    *ret_used = 0;
    return reader->in_body ? take_body(reader, request, bytes, ret_used)
                           : take_head(reader, request, bytes, ret_used);
}
