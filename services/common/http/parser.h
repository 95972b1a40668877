/*
 * llhttp behind one .c file: a second opinion on the head of a request, and the decoder of its
 * body. What llhttp leaves open is head.c's to check.
 */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include "ds/buffer.h"

#define HTTP_PARSER_BYTES 256

struct http_parser {
    _Alignas(max_align_t) uint8_t state[HTTP_PARSER_BYTES]; /* llhttp_t */
    struct ds_buffer *body;                                 /* takes the decoded body */
    size_t body_bytes_max;
    bool has_body; /* the head announces one */
    bool complete;
    bool too_large;
};

/*
 * Begins a request: takes its whole head. `method_is_known` is false where the request's method is
 * not one that a handler may serve; llhttp then judges the fields only. Returns NULL, or what is
 * wrong with the head.
 */
const char *http_parser_head(struct http_parser *parser, struct ds_bytes head,
                             bool method_is_known);

/*
 * Takes bytes of the body; ret_used says how many belonged to it. Returns NULL, or what is wrong;
 * parser->too_large tells a body beyond the limit apart. parser->complete is set at the body's end.
 */
const char *http_parser_body(struct http_parser *parser, struct ds_bytes bytes, size_t *ret_used);

#endif
