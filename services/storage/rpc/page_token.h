/*
 * Where a list goes on: a place in one series and one order, as text for the caller to send back.
 * Nothing is kept for it here. It is no secret and proves nothing: it only must not be mixed up.
 *
 *   offset size
 *        0    1  version = 1
 *        1    8  microseconds since 1970, big endian
 *        9  0-16 tie
 *      end    8  hash of the above, of kind, order and series
 *
 * in the URL alphabet of base64 (RFC 4648), without padding.
 */
#ifndef STORAGE_RPC_PAGE_TOKEN_H
#define STORAGE_RPC_PAGE_TOKEN_H

#include "storage/store/market_store.h"

/* With its terminator. */
#define PAGE_TOKEN_TEXT_MAX 48

/* What a token belongs to. */
struct page_scope {
    enum market_kind kind;
    bool ascending;
    struct ds_bytes series;
};

void page_token_write(const struct page_scope *scope, const struct market_position *position,
                      char ret_text[PAGE_TOKEN_TEXT_MAX]);

/* False where the text is no token, is damaged or belongs to another scope. */
bool page_token_read(const struct page_scope *scope, const char *text,
                     struct market_position *ret_position);

#endif
