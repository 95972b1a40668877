/* What a client of the HTTP server has received, held against what was replied. */
#ifndef TESTS_FUZZ_HTTP_REPLIES_H
#define TESTS_FUZZ_HTTP_REPLIES_H

#include "ds/buffer.h"

/* What was replied to one request. The body of a whole reply is the request's number, from 1, in
 * decimal; that of a stream is http_stream_byte() for each place. */
struct http_expected {
    bool is_head; /* nothing follows the head */
    bool is_stream;
    uint64_t stream_bytes;
};

uint8_t http_stream_byte(size_t number, uint64_t at);

/*
 * Requires that `text` is these replies in their order, and nothing else, each as its head frames
 * it. Where may_be_cut, it may end anywhere, but may hold nothing wrong before. The status codes go
 * to `trace`.
 */
void http_replies_check(struct ds_bytes text, const struct http_expected *expected, size_t count,
                        bool may_be_cut, struct ds_buffer *trace);

#endif
