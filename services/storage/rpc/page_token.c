#include "storage/rpc/page_token.h"

#include "ds/base64.h"

#include <assert.h>
#include <sodium.h>

/* The first byte says what stands behind it. */
#define VERSION_OF_POSITION 1
#define VERSION_OF_NAME 2
#define TIMESTAMP_OFFSET 1
#define TIE_OFFSET 9
#define NAME_OFFSET 1
#define POSITION_BYTES_MAX (TIE_OFFSET + MARKET_TIE_BYTES_MAX + crypto_shorthash_BYTES)
#define TOKEN_BYTES_MAX (NAME_OFFSET + MARKET_SERIES_BYTES_MAX + crypto_shorthash_BYTES)

_Static_assert(sodium_base64_ENCODED_LEN(POSITION_BYTES_MAX,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
                   PAGE_TOKEN_TEXT_MAX,
               "the text of a position fits");
_Static_assert(sodium_base64_ENCODED_LEN(TOKEN_BYTES_MAX,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
                   PAGE_NAME_TOKEN_TEXT_MAX,
               "the text of a name fits");

/* Of the token's first bytes together with its scope. The key only sets this use of the hash apart
 * from others. */
static void token_hash(const struct page_scope *scope, struct ds_bytes token,
                       uint8_t ret_hash[crypto_shorthash_BYTES])
{
    static const uint8_t key[crypto_shorthash_KEYBYTES] = {'p', 'a', 'g', 'e', ' ', 't', 'o', 'k',
                                                           'e', 'n', ' ', 'v', 'e', 'r', 's', '1'};
    uint8_t text[4 + TOKEN_BYTES_MAX + MARKET_SERIES_BYTES_MAX + PAGE_FILTER_BYTES_MAX];
    assert(token.size <= TOKEN_BYTES_MAX && scope->series.size <= MARKET_SERIES_BYTES_MAX &&
           scope->filter.size <= PAGE_FILTER_BYTES_MAX);
    size_t size = 0;
    text[size++] = (uint8_t)scope->kind;
    text[size++] = scope->ascending ? 1 : 0;
    text[size++] = (uint8_t)token.size;
    memcpy(text + size, token.data, token.size);
    size += token.size;
    if (scope->series.size > 0) {
        memcpy(text + size, scope->series.data, scope->series.size);
        size += scope->series.size;
    }
    if (scope->filter.size > 0) {
        /* A byte that no name of a series has. */
        text[size++] = 0;
        memcpy(text + size, scope->filter.data, scope->filter.size);
        size += scope->filter.size;
    }
    crypto_shorthash(ret_hash, text, size, key);
}

/* Not libsodium's: that one takes five times as long to hide from a clock what it writes, and a
 * token is no secret. `text_bytes_max` is enough for the largest token. */
static void token_encode(struct ds_bytes token, char *ret_text, size_t text_bytes_max)
{
    assert(ds_base64_text_size(token.size) < text_bytes_max);
    ret_text[ds_base64_url_encode(token, ret_text)] = '\0';
}

/* Adds the hash to a token of `size` bytes and writes its text. */
static void token_write(const struct page_scope *scope, uint8_t token[TOKEN_BYTES_MAX], size_t size,
                        char *ret_text, size_t text_bytes_max)
{
    token_hash(scope, ds_bytes_of(token, size), token + size);
    token_encode(ds_bytes_of(token, size + crypto_shorthash_BYTES), ret_text, text_bytes_max);
}

/* Strictly: libsodium 1.0.18 takes bytes above 127 for the last character of the alphabet, so the
 * text must be what the bytes give. */
static bool token_decode(const char *text, uint8_t ret_token[TOKEN_BYTES_MAX], size_t *ret_size)
{
    char again[PAGE_NAME_TOKEN_TEXT_MAX];
    const size_t text_bytes = strnlen(text, sizeof(again));
    if (text_bytes == sizeof(again) ||
        sodium_base642bin(ret_token, TOKEN_BYTES_MAX, text, text_bytes, NULL, ret_size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
        return false;
    }
    token_encode(ds_bytes_of(ret_token, *ret_size), again, sizeof(again));
    return strcmp(again, text) == 0;
}

/* The token's bytes without its hash, at least `bytes_min` of them. */
static bool token_read(const struct page_scope *scope, const char *text, uint8_t version,
                       size_t bytes_min, uint8_t ret_token[TOKEN_BYTES_MAX], size_t *ret_size)
{
    size_t size;
    if (!token_decode(text, ret_token, &size)) {
        return false;
    }
    if (size < bytes_min + crypto_shorthash_BYTES || ret_token[0] != version) {
        return false;
    }
    const size_t hashed = size - crypto_shorthash_BYTES;
    uint8_t hash[crypto_shorthash_BYTES];
    token_hash(scope, ds_bytes_of(ret_token, hashed), hash);
    if (memcmp(hash, ret_token + hashed, sizeof(hash)) != 0) {
        return false;
    }
    *ret_size = hashed;
    return true;
}

void page_token_write(const struct page_scope *scope, const struct market_position *position,
                      char ret_text[PAGE_TOKEN_TEXT_MAX])
{
    uint8_t token[TOKEN_BYTES_MAX] = {VERSION_OF_POSITION};
    for (size_t i = 0; i < sizeof(position->timestamp_us); i++) {
        token[TIE_OFFSET - 1 - i] = (uint8_t)((uint64_t)position->timestamp_us >> (8 * i));
    }
    memcpy(token + TIE_OFFSET, position->tie.data, position->tie.size);
    token_write(scope, token, TIE_OFFSET + (size_t)position->tie.size, ret_text,
                PAGE_TOKEN_TEXT_MAX);
}

bool page_token_read(const struct page_scope *scope, const char *text,
                     struct market_position *ret_position)
{
    uint8_t token[TOKEN_BYTES_MAX];
    size_t size;
    if (!token_read(scope, text, VERSION_OF_POSITION, TIE_OFFSET, token, &size) ||
        size > TIE_OFFSET + MARKET_TIE_BYTES_MAX) {
        return false;
    }
    uint64_t timestamp = 0;
    for (size_t i = TIMESTAMP_OFFSET; i < TIE_OFFSET; i++) {
        timestamp = timestamp << 8 | token[i];
    }
    struct market_position position = {.timestamp_us = (int64_t)timestamp};
    position.tie.size = (uint8_t)(size - TIE_OFFSET);
    memcpy(position.tie.data, token + TIE_OFFSET, position.tie.size);
    *ret_position = position;
    return true;
}

void page_name_token_write(const struct page_scope *scope, struct ds_bytes name,
                           char ret_text[PAGE_NAME_TOKEN_TEXT_MAX])
{
    uint8_t token[TOKEN_BYTES_MAX] = {VERSION_OF_NAME};
    assert(name.size > 0 && name.size <= MARKET_SERIES_BYTES_MAX);
    memcpy(token + NAME_OFFSET, name.data, name.size);
    token_write(scope, token, NAME_OFFSET + name.size, ret_text, PAGE_NAME_TOKEN_TEXT_MAX);
}

bool page_name_token_read(const struct page_scope *scope, const char *text,
                          struct page_name *ret_name)
{
    uint8_t token[TOKEN_BYTES_MAX];
    size_t size;
    if (!token_read(scope, text, VERSION_OF_NAME, NAME_OFFSET + 1, token, &size)) {
        return false;
    }
    ret_name->size = size - NAME_OFFSET;
    memcpy(ret_name->data, token + NAME_OFFSET, ret_name->size);
    return true;
}
