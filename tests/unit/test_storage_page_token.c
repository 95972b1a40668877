#include "storage/rpc/page_token.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct page_scope scope_of(const char *series)
{
    return (struct page_scope){.kind = MARKET_TICKS, .series = ds_bytes_of_text(series)};
}

static struct market_position position_of(int64_t timestamp_us, size_t tie_bytes)
{
    struct market_position position = {.timestamp_us = timestamp_us};
    position.tie.size = (uint8_t)tie_bytes;
    memset(position.tie.data, 0xfe, tie_bytes);
    return position;
}

static void a_token_gives_its_place_back(void **state)
{
    (void)state;
    static const int64_t moments[] = {0, 1, -1, 1737799200123456, INT64_MIN, INT64_MAX};
    const struct page_scope scope = scope_of("NIFTY");
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        for (size_t tie_bytes = 0; tie_bytes <= MARKET_TIE_BYTES_MAX; tie_bytes++) {
            const struct market_position position = position_of(moments[i], tie_bytes);
            char text[PAGE_TOKEN_TEXT_MAX];
            struct market_position read;
            page_token_write(&scope, &position, text);
            assert_true(page_token_read(&scope, text, &read));
            assert_true(read.timestamp_us == position.timestamp_us);
            assert_int_equal(read.tie.size, tie_bytes);
            assert_memory_equal(read.tie.data, position.tie.data, tie_bytes);
        }
    }
}

static void a_token_needs_no_escape_in_a_url(void **state)
{
    (void)state;
    const struct page_scope scope = scope_of("NIFTY");
    for (int64_t i = 0; i < 500; i++) {
        const struct market_position position = position_of(i * INT64_C(7919000000), 9);
        char text[PAGE_TOKEN_TEXT_MAX];
        page_token_write(&scope, &position, text);
        assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_"),
                         strlen(text));
    }
}

static void a_token_of_another_order_or_product_is_refused(void **state)
{
    (void)state;
    const struct page_scope scope = scope_of("NIFTY");
    const struct market_position position = position_of(1737799200123456, 9);
    char text[PAGE_TOKEN_TEXT_MAX];
    struct market_position read;
    page_token_write(&scope, &position, text);
    struct page_scope other = scope;
    other.ascending = true;
    assert_false(page_token_read(&other, text, &read));
    other = scope_of("NIFTX");
    assert_false(page_token_read(&other, text, &read));
    other = scope_of("NIFTYA");
    assert_false(page_token_read(&other, text, &read));
}

static void a_token_with_any_character_changed_is_refused(void **state)
{
    (void)state;
    const struct page_scope scope = scope_of("NIFTY");
    const struct market_position position = position_of(1737799200123456, 9);
    char text[PAGE_TOKEN_TEXT_MAX];
    struct market_position read;
    page_token_write(&scope, &position, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        for (int character = 1; character < 256; character++) {
            const char kept = text[i];
            if ((char)character == kept) {
                continue;
            }
            text[i] = (char)character;
            assert_false(page_token_read(&scope, text, &read));
            text[i] = kept;
        }
    }
    assert_true(page_token_read(&scope, text, &read));
}

static void text_that_is_no_token_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "A",
        "AAAA",
        "=",
        " ",
        "next",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "\xc3\xa9",
    };
    const struct page_scope scope = scope_of("NIFTY");
    struct market_position read;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(page_token_read(&scope, texts[i], &read));
    }
}

static void a_cut_or_lengthened_token_is_refused(void **state)
{
    (void)state;
    const struct page_scope scope = scope_of("NIFTY");
    const struct market_position position = position_of(1737799200123456, 9);
    char text[PAGE_TOKEN_TEXT_MAX];
    char longer[PAGE_TOKEN_TEXT_MAX + 4];
    struct market_position read;
    page_token_write(&scope, &position, text);
    snprintf(longer, sizeof(longer), "%sA", text);
    assert_false(page_token_read(&scope, longer, &read));
    snprintf(longer, sizeof(longer), "%s=", text);
    assert_false(page_token_read(&scope, longer, &read));
    for (size_t size = strlen(text); size > 0; size--) {
        text[size - 1] = '\0';
        assert_false(page_token_read(&scope, text, &read));
    }
}

static void a_token_of_another_filter_is_refused(void **state)
{
    (void)state;
    struct page_scope scope = scope_of("NIFTY");
    const struct market_position position = position_of(1737799200123456, 9);
    char text[PAGE_TOKEN_TEXT_MAX];
    struct market_position read;
    scope.filter = ds_bytes_of_text("bars/1m");
    page_token_write(&scope, &position, text);
    assert_true(page_token_read(&scope, text, &read));
    scope.filter = ds_bytes_of_text("bars/1h");
    assert_false(page_token_read(&scope, text, &read));
    scope.filter = ds_bytes_of_text("");
    assert_false(page_token_read(&scope, text, &read));
    scope.series = ds_bytes_of_text("NIFTYbars/1m");
    assert_false(page_token_read(&scope, text, &read));
}

static void a_token_of_a_name_gives_the_name_back(void **state)
{
    (void)state;
    struct page_scope scope = scope_of("NIFTY");
    scope.filter = ds_bytes_of_text("2025-01-30");
    char name[MARKET_SERIES_BYTES_MAX];
    memset(name, 'x', sizeof(name));
    for (size_t size = 1; size <= sizeof(name); size++) {
        char text[PAGE_NAME_TOKEN_TEXT_MAX];
        struct page_name read;
        page_name_token_write(&scope, ds_bytes_of(name, size), text);
        assert_true(page_name_token_read(&scope, text, &read));
        assert_true(ds_bytes_equal(ds_bytes_of(read.data, read.size), ds_bytes_of(name, size)));
    }
}

static void a_token_of_a_name_belongs_to_its_list(void **state)
{
    (void)state;
    const struct page_scope scope = scope_of("NIFTY");
    char text[PAGE_NAME_TOKEN_TEXT_MAX];
    struct page_name read;
    page_name_token_write(&scope, ds_bytes_of_text("NIFTY20250125C21500"), text);
    struct page_scope other = scope;
    other.kind = MARKET_QUOTES;
    assert_false(page_name_token_read(&other, text, &read));
    other = scope_of("NIFTX");
    assert_false(page_name_token_read(&other, text, &read));
    other = scope;
    other.filter = ds_bytes_of_text("2025-01-30");
    assert_false(page_name_token_read(&other, text, &read));
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_false(page_name_token_read(&scope, text, &read));
        text[i] = kept;
    }
    assert_true(page_name_token_read(&scope, text, &read));
}

/* Even where their bytes would do. */
static void a_name_is_never_taken_for_a_place_nor_a_place_for_a_name(void **state)
{
    (void)state;
    const struct page_scope scope = scope_of("NIFTY");
    char name_text[PAGE_NAME_TOKEN_TEXT_MAX];
    char place_text[PAGE_TOKEN_TEXT_MAX];
    struct page_name name;
    struct market_position place;
    page_name_token_write(&scope, ds_bytes_of_text("8 bytes!and a tie"), name_text);
    assert_false(page_token_read(&scope, name_text, &place));
    const struct market_position position = position_of(1737799200123456, 9);
    page_token_write(&scope, &position, place_text);
    assert_false(page_name_token_read(&scope, place_text, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_gives_its_place_back),
        cmocka_unit_test(a_token_needs_no_escape_in_a_url),
        cmocka_unit_test(a_token_of_another_order_or_product_is_refused),
        cmocka_unit_test(a_token_with_any_character_changed_is_refused),
        cmocka_unit_test(text_that_is_no_token_is_refused),
        cmocka_unit_test(a_token_of_another_filter_is_refused),
        cmocka_unit_test(a_token_of_a_name_gives_the_name_back),
        cmocka_unit_test(a_token_of_a_name_belongs_to_its_list),
        cmocka_unit_test(a_name_is_never_taken_for_a_place_nor_a_place_for_a_name),
        cmocka_unit_test(a_cut_or_lengthened_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
