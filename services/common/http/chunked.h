/*
 * The chunked transfer coding of RFC 9112 section 7.1, read strictly: lines end with CR LF only, in
 * the trailer section too, where the rules of the head's fields hold. Extensions and trailer fields
 * are checked and dropped. What another reader might end earlier or later is refused.
 */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include "ds/buffer.h"
#include "http/head.h"

/* Bytes that only frame a body (sizes, extensions, trailers) must not outweigh it without bound.
 * Each byte of the body may bring as much framing as a chunk of one byte needs, and some. */
#define HTTP_CHUNKED_FRAMING_BYTES_MAX ((uint64_t)16 * 1024)
#define HTTP_CHUNKED_FRAMING_PER_BYTE 8

struct http_chunked_limits {
    uint64_t body_bytes_max;
    size_t trailers_bytes_max; /* of all trailer fields together */
    size_t trailer_count_max;
};

/* How far a body has come; all zeros at its beginning. */
struct http_chunked {
    uint8_t step;              /* of chunked.c's */
    bool has_size;             /* a digit of the size has come */
    uint64_t chunk_bytes_left; /* of the chunk under way; its size while that is being read */
    uint64_t body_bytes;
    uint64_t framing_bytes;
    size_t trailers_bytes;
    size_t trailer_count;
};

enum http_chunked_state {
    HTTP_CHUNKED_PART,
    HTTP_CHUNKED_COMPLETE,
    HTTP_CHUNKED_REFUSED, /* ret_refusal is filled */
};

/*
 * Takes bytes up to the end of the body; ret_used says how many. What they carry is appended to
 * `body`; NULL drops it. A chunk that would go beyond the limit is refused by its size.
 */
enum http_chunked_state http_chunked_take(struct http_chunked *chunked,
                                          const struct http_chunked_limits *limits,
                                          struct ds_bytes bytes, struct ds_buffer *body,
                                          size_t *ret_used, struct http_refusal *ret_refusal);

#endif
