/*
 * The head of a request: where it ends, and whether it is one. Stricter than the parser behind it,
 * because what two readers of a request can take differently is how requests are smuggled.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "ds/call.h"
#include "http/request.h"

struct http_head_limits {
    size_t request_line_bytes_max;
    size_t headers_bytes_max; /* of all fields together */
    size_t header_count_max;
};

/* Why a request is refused: static texts in our own words. */
struct http_refusal {
    ds_reason reason;
    const char *detail;
};

/* How far a head has come. */
struct http_head_scan {
    size_t line_start; /* of the line under way, in request->head */
    size_t line_count; /* complete ones */
    size_t blank_lines;
    size_t request_line_bytes;
};

enum http_head_state {
    HTTP_HEAD_PART,
    HTTP_HEAD_COMPLETE,
    HTTP_HEAD_REFUSED, /* ret_refusal is filled */
};

/*
 * Moves bytes from `bytes` to request->head until the blank line that ends it; ret_used says how
 * many. Refuses lines that are too long or too many, bare CR and LF, U+0000 and folded fields.
 */
enum http_head_state http_head_take(struct http_head_scan *scan,
                                    const struct http_head_limits *limits,
                                    struct http_request *request, struct ds_bytes bytes,
                                    size_t *ret_used, struct http_refusal *ret_refusal);

/*
 * Reads the complete request->head into the request's fields. False where it is refused:
 * ret_refusal is filled, and of the request what could be read.
 */
bool http_head_read(struct http_request *request, struct http_refusal *ret_refusal);

/* The method of a request that is refused, as far as its head has come: a reply to HEAD has no body
 * then either. */
void http_head_read_method(struct http_request *request);

#endif
