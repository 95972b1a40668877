#include "http/reader.h"

/* Framing that a chunked body may have beyond what chunks of one byte need: extensions, trailers.
 */
#define CHUNK_FRAMING_BYTES_MAX ((uint64_t)16 * 1024)
#define CHUNK_FRAMING_PER_BYTE 8

void http_reader_begin(struct http_reader *reader)
{
    reader->scan = (struct http_head_scan){0};
    reader->in_body = false;
    reader->discard_body = false;
    reader->body_taken = 0;
    reader->body_decoded = 0;
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
    const char *wrong = http_parser_head(&reader->parser, ds_buffer_bytes(&request->head),
                                         request->method != HTTP_METHOD_OTHER);
    if (wrong != NULL) {
        return refuse(reader, DS_REASON(INVALID_REQUEST), wrong);
    }
    if (reader->parser.has_body != request->has_body) {
        return refuse(reader, DS_REASON(INVALID_REQUEST), "the length of the body is ambiguous");
    }
    reader->in_body = true;
    return HTTP_EVENT_HEAD;
}

/* Bytes that only frame a chunked body must not outweigh it without bound. */
static bool framing_is_bounded(const struct http_reader *reader)
{
    return reader->body_taken <=
           CHUNK_FRAMING_BYTES_MAX + reader->body_decoded * CHUNK_FRAMING_PER_BYTE;
}

static enum http_event take_body(struct http_reader *reader, struct http_request *request,
                                 struct ds_bytes bytes, size_t *ret_used)
{
    const size_t limit = request->body_bytes_max;
    if (!reader->discard_body && request->content_length > limit) {
        return refuse(reader, DS_REASON(REQUEST_TOO_LARGE),
                      "the body is larger than this request may have");
    }
    reader->parser.body = &request->body;
    reader->parser.body_bytes_max = reader->discard_body ? SIZE_MAX : limit;
    const size_t size_before = request->body.size;
    const char *wrong = http_parser_body(&reader->parser, bytes, ret_used);
    if (wrong != NULL) {
        return refuse(reader,
                      reader->parser.too_large ? DS_REASON(REQUEST_TOO_LARGE)
                                               : DS_REASON(INVALID_REQUEST),
                      wrong);
    }
    reader->body_taken += *ret_used;
    reader->body_decoded += request->body.size - size_before;
    if (reader->discard_body) {
        ds_buffer_clear(&request->body);
    }
    if (!framing_is_bounded(reader)) {
        return refuse(reader, DS_REASON(INVALID_REQUEST),
                      "the chunks of the body carry too much beside the body");
    }
    return reader->parser.complete ? HTTP_EVENT_END : HTTP_EVENT_MORE;
}

enum http_event http_reader_take(struct http_reader *reader, struct http_request *request,
                                 struct ds_bytes bytes, size_t *ret_used)
{
    *ret_used = 0;
    if (!reader->in_body) {
        return take_head(reader, request, bytes, ret_used);
    }
    if (reader->parser.complete) {
        return HTTP_EVENT_END;
    }
    return take_body(reader, request, bytes, ret_used);
}
