#include "http/piece.h"

#include <assert.h>
#include <stdlib.h>

struct http_piece *http_piece_create(struct ds_bytes bytes)
{
    assert(bytes.size <= UINT32_MAX);
    struct http_piece *piece = malloc(sizeof *piece + bytes.size);
    if (piece == NULL) {
        abort();
    }
    piece->reference_count = 1;
    piece->size = (uint32_t)bytes.size;
    if (bytes.size > 0) {
        memcpy(piece->data, bytes.data, bytes.size);
    }
    return piece;
}

struct http_piece *http_piece_ref(struct http_piece *piece)
{
    piece->reference_count++;
    return piece;
}

void http_piece_unref(struct http_piece *piece)
{
    if (piece != NULL && --piece->reference_count == 0) {
        free(piece);
    }
}
