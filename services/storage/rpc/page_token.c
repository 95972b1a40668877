#include "storage/rpc/page_token.h"

#include <assert.h>
#include <sodium.h>

#define TOKEN_VERSION 1
#define TIMESTAMP_OFFSET 1
#define TIE_OFFSET 9
#define TOKEN_BYTES_MIN (TIE_OFFSET + crypto_shorthash_BYTES)
#define TOKEN_BYTES_MAX (TOKEN_BYTES_MIN + MARKET_TIE_BYTES_MAX)

_Static_assert(sodium_base64_ENCODED_LEN(TOKEN_BYTES_MAX,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
                   PAGE_TOKEN_TEXT_MAX,
               "the text of a token fits");

/* Of the token's first bytes together with its scope. The key only sets this use of the hash apart
 * from others. */
static void token_hash(const struct page_scope *scope, struct ds_bytes token,
                       uint8_t ret_hash[crypto_shorthash_BYTES])
{
    static const uint8_t key[crypto_shorthash_KEYBYTES] = {'p', 'a', 'g', 'e', ' ', 't', 'o', 'k',
                                                           'e', 'n', ' ', 'v', 'e', 'r', 's', '1'};
    uint8_t text[TOKEN_BYTES_MAX + 3 + MARKET_SERIES_BYTES_MAX];
    assert(token.size <= TOKEN_BYTES_MAX && scope->series.size <= MARKET_SERIES_BYTES_MAX);
    size_t size = 0;
    text[size++] = (uint8_t)scope->kind;
    text[size++] = scope->ascending ? 1 : 0;
    text[size++] = (uint8_t)token.size;
    memcpy(text + size, token.data, token.size);
    size += token.size;
    memcpy(text + size, scope->series.data, scope->series.size);
    size += scope->series.size;
    crypto_shorthash(ret_hash, text, size, key);
}

void page_token_write(const struct page_scope *scope, const struct market_position *position,
                      char ret_text[PAGE_TOKEN_TEXT_MAX])
{
    uint8_t token[TOKEN_BYTES_MAX] = {TOKEN_VERSION};
    for (size_t i = 0; i < sizeof(position->timestamp_us); i++) {
        token[TIE_OFFSET - 1 - i] = (uint8_t)((uint64_t)position->timestamp_us >> (8 * i));
    }
    memcpy(token + TIE_OFFSET, position->tie.data, position->tie.size);
    const size_t hashed = TIE_OFFSET + (size_t)position->tie.size;
    token_hash(scope, ds_bytes_of(token, hashed), token + hashed);
    sodium_bin2base64(ret_text, PAGE_TOKEN_TEXT_MAX, token, hashed + crypto_shorthash_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Strictly: libsodium 1.0.18 takes bytes above 127 for the last character of the alphabet, so the
 * text must be what the bytes give. */
static bool token_decode(const char *text, uint8_t ret_token[TOKEN_BYTES_MAX], size_t *ret_size)
{
    char again[PAGE_TOKEN_TEXT_MAX];
    const size_t text_bytes = strnlen(text, PAGE_TOKEN_TEXT_MAX);
    if (text_bytes == PAGE_TOKEN_TEXT_MAX ||
        sodium_base642bin(ret_token, TOKEN_BYTES_MAX, text, text_bytes, NULL, ret_size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
        return false;
    }
    sodium_bin2base64(again, sizeof(again), ret_token, *ret_size,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return strcmp(again, text) == 0;
}

bool page_token_read(const struct page_scope *scope, const char *text,
                     struct market_position *ret_position)
{
    uint8_t token[TOKEN_BYTES_MAX];
    size_t size;
    if (!token_decode(text, token, &size)) {
        return false;
    }
    if (size < TOKEN_BYTES_MIN || token[0] != TOKEN_VERSION) {
        return false;
    }
    const size_t hashed = size - crypto_shorthash_BYTES;
    uint8_t hash[crypto_shorthash_BYTES];
    token_hash(scope, ds_bytes_of(token, hashed), hash);
    if (memcmp(hash, token + hashed, sizeof(hash)) != 0) {
        return false;
    }
    uint64_t timestamp = 0;
    for (size_t i = TIMESTAMP_OFFSET; i < TIE_OFFSET; i++) {
        timestamp = timestamp << 8 | token[i];
    }
    struct market_position position = {.timestamp_us = (int64_t)timestamp};
    position.tie.size = (uint8_t)(hashed - TIE_OFFSET);
    memcpy(position.tie.data, token + TIE_OFFSET, position.tie.size);
    *ret_position = position;
    return true;
}
