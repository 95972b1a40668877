/* Bytes that many connections send, counted by references. Loop's thread only. */
#ifndef HTTP_PIECE_H
#define HTTP_PIECE_H

#include "ds/bytes.h"

#include <stdint.h>

struct http_piece {
    uint32_t reference_count;
    uint32_t size;
    uint8_t data[];
};

/* A copy of `bytes` with one reference, the caller's. */
struct http_piece *http_piece_create(struct ds_bytes bytes);

/* Returns `piece`. */
struct http_piece *http_piece_ref(struct http_piece *piece);

/* Takes NULL. */
void http_piece_unref(struct http_piece *piece);

#endif
