/*
 * Where a list goes on: a place in one series and one order, or behind a name, as text for the
 * caller to send back. Nothing is kept for it here. It is no secret and proves nothing: it only
 * must not be mixed up.
 *
 *   offset size
 *        0    1  version = 1
 *        1    8  microseconds since 1970, big endian
 *        9  0-16 tie
 *      end    8  hash of the above, of kind, order, series and filter
 *
 *        0    1  version = 2
 *        1 1-144 name
 *      end    8  the same
 *
 * in the URL alphabet of base64 (RFC 4648), without padding.
 */
#ifndef STORAGE_RPC_PAGE_TOKEN_H
#define STORAGE_RPC_PAGE_TOKEN_H

#include "storage/store/market_store.h"

/* With its terminator. */
#define PAGE_TOKEN_TEXT_MAX 48
#define PAGE_NAME_TOKEN_TEXT_MAX 208
#define PAGE_FILTER_BYTES_MAX 32

/* What a token belongs to. */
struct page_scope {
    enum market_kind kind;
    bool ascending;
    struct ds_bytes series; /* of at most MARKET_SERIES_BYTES_MAX bytes */
    /* What else decides which elements the list has, "bars/1m"; empty: nothing does. Of at most
     * PAGE_FILTER_BYTES_MAX bytes. */
    struct ds_bytes filter;
};

struct page_name {
    size_t size;
    uint8_t data[MARKET_SERIES_BYTES_MAX];
};

void page_token_write(const struct page_scope *scope, const struct market_position *position,
                      char ret_text[PAGE_TOKEN_TEXT_MAX]);

/* False where the text is no token, is damaged or belongs to another scope. */
bool page_token_read(const struct page_scope *scope, const char *text,
                     struct market_position *ret_position);

/* `name` has 1 to MARKET_SERIES_BYTES_MAX bytes. */
void page_name_token_write(const struct page_scope *scope, struct ds_bytes name,
                           char ret_text[PAGE_NAME_TOKEN_TEXT_MAX]);
bool page_name_token_read(const struct page_scope *scope, const char *text,
                          struct page_name *ret_name);

#endif
