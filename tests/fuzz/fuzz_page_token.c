/*
 * A page token read, and one written. The first character is the order (bit 0) and the length of
 * the series (the bits above), which stands behind it. The rest is read as a token; then it is read
 * as a place: 8 bytes of time, one that chooses a character of the token to change, one to change
 * it to, and a tie.
 */
#include "fuzz/fuzz.h"
#include "storage/rpc/page_token.h"

#include <stdlib.h>

#define PLACE_BYTES_MIN 10
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static bool positions_equal(const struct market_position *a, const struct market_position *b)
{
    return a->timestamp_us == b->timestamp_us &&
           ds_bytes_equal(ds_bytes_of(a->tie.data, a->tie.size),
                          ds_bytes_of(b->tie.data, b->tie.size));
}

static void check_text(const struct page_scope *scope, struct ds_bytes bytes)
{
    /* Exactly as large as the text, so that the sanitizer sees a read beyond its end. */
    char *text = malloc(bytes.size + 1);
    fuzz_require(text != NULL, "there is memory");
    if (bytes.size > 0) {
        memcpy(text, bytes.data, bytes.size);
    }
    text[bytes.size] = '\0';
    struct market_position position = {.timestamp_us = 77};
    char again[PAGE_TOKEN_TEXT_MAX];
    if (page_token_read(scope, text, &position)) {
        fuzz_require(position.tie.size <= MARKET_TIE_BYTES_MAX, "a tie is within its limit");
        page_token_write(scope, &position, again);
        fuzz_require(strcmp(again, text) == 0, "a token that was read is written the same");
    } else {
        fuzz_require(position.timestamp_us == 77, "a failure leaves the position as it was");
    }
    struct page_name name = {.size = 0};
    char name_again[PAGE_NAME_TOKEN_TEXT_MAX];
    if (page_name_token_read(scope, text, &name)) {
        fuzz_require(name.size > 0 && name.size <= sizeof name.data, "a name is within its limit");
        page_name_token_write(scope, ds_bytes_of(name.data, name.size), name_again);
        fuzz_require(strcmp(name_again, text) == 0, "a token that was read is written the same");
    }
    free(text);
}

static void check_name(const struct page_scope *scope, struct ds_bytes bytes)
{
    struct page_name read;
    struct market_position position;
    char text[PAGE_NAME_TOKEN_TEXT_MAX];
    if (bytes.size == 0 || bytes.size > sizeof read.data) {
        return;
    }
    page_name_token_write(scope, bytes, text);
    fuzz_require(memchr(text, '\0', sizeof text) != NULL, "a token is within its limit");
    fuzz_require(strspn(text, ALPHABET) == strlen(text), "a token needs no escape in a URL");
    fuzz_require(page_name_token_read(scope, text, &read) &&
                     ds_bytes_equal(ds_bytes_of(read.data, read.size), bytes),
                 "a token gives its name back");
    fuzz_require(!page_token_read(scope, text, &position), "a name is no place");
}

static void check_other_scopes(const struct page_scope *scope, const char *text)
{
    struct market_position read;
    struct page_scope other = *scope;
    other.ascending = !scope->ascending;
    fuzz_require(!page_token_read(&other, text, &read), "a token of another order is refused");
    other = *scope;
    if (scope->series.size > 0) {
        other.series.size--;
        fuzz_require(!page_token_read(&other, text, &read), "a token of another series is refused");
    }
}

static void check_changed(const struct page_scope *scope, const char *text, uint8_t place,
                          uint8_t character)
{
    char changed[PAGE_TOKEN_TEXT_MAX];
    memcpy(changed, text, sizeof changed);
    const size_t at = place % strlen(text);
    if (character != (uint8_t)text[at]) {
        struct market_position read;
        changed[at] = (char)character;
        fuzz_require(!page_token_read(scope, changed, &read), "a changed token is refused");
    }
}

static void check_place(const struct page_scope *scope, struct ds_bytes bytes)
{
    if (bytes.size < PLACE_BYTES_MIN) {
        return;
    }
    struct market_position position = {.timestamp_us = 0};
    memcpy(&position.timestamp_us, bytes.data, sizeof position.timestamp_us);
    const size_t left = bytes.size - PLACE_BYTES_MIN;
    position.tie.size = (uint8_t)(left < MARKET_TIE_BYTES_MAX ? left : MARKET_TIE_BYTES_MAX);
    memcpy(position.tie.data, bytes.data + PLACE_BYTES_MIN, position.tie.size);

    char text[PAGE_TOKEN_TEXT_MAX];
    memset(text, '?', sizeof text);
    page_token_write(scope, &position, text);
    fuzz_require(memchr(text, '\0', sizeof text) != NULL, "a token is within its limit");
    fuzz_require(strspn(text, ALPHABET) == strlen(text), "a token needs no escape in a URL");
    struct market_position read;
    fuzz_require(page_token_read(scope, text, &read) && positions_equal(&position, &read),
                 "a token gives its place back");
    check_other_scopes(scope, text);
    check_changed(scope, text, bytes.data[8], bytes.data[9]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1024) {
        return 0;
    }
    const size_t series_bytes = data[0] >> 1;
    if (series_bytes > size - 1) {
        return 0;
    }
    const struct page_scope scope = {.kind = MARKET_TICKS,
                                     .ascending = (data[0] & 1) != 0,
                                     .series = ds_bytes_of(data + 1, series_bytes)};
    const struct ds_bytes rest = ds_bytes_of(data + 1 + series_bytes, size - 1 - series_bytes);
    check_text(&scope, rest);
    check_place(&scope, rest);
    check_name(&scope, rest);
    return 0;
}
