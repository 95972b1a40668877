/*
 * Turns the bytes of one connection into requests. Knows nothing of sockets, so that tests and
 * fuzzers can feed it.
 */
#ifndef HTTP_READER_H
#define HTTP_READER_H

#include "http/chunked.h"
#include "http/head.h"

enum http_event {
    HTTP_EVENT_MORE,    /* all bytes are taken and the request goes on */
    HTTP_EVENT_HEAD,    /* the head is complete: set request->body_bytes_max before going on */
    HTTP_EVENT_END,     /* the request is complete */
    HTTP_EVENT_REFUSED, /* reader->refusal is filled; where the next request begins is not known */
};

struct http_reader {
    struct http_head_limits limits;
    struct http_head_scan scan;
    struct http_chunked chunked;
    struct http_refusal refusal;
    bool in_body;
    bool discard_body;   /* the body is passed over instead of kept */
    uint64_t body_taken; /* bytes of a body that has a length */
};

/* Before each request. */
void http_reader_begin(struct http_reader *reader);

/* Takes bytes, up to the next event. Call again with the rest, also when there is none, after
 * HTTP_EVENT_HEAD. */
enum http_event http_reader_take(struct http_reader *reader, struct http_request *request,
                                 struct ds_bytes bytes, size_t *ret_used);

#endif
