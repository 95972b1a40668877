/* The list of series, figures, health. */
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

#define MANY_SERIES 3000

static void series_are_listed_once_and_in_byte_order(void **state)
{
    struct fixture *fixture = *state;
    const char *const names[] = {"b", "a", "B", "ab", "\xc3\xa9", "a", "aa", "~"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put_text(fixture->store, names[i], "1:a=x", MARKET_CONFLICT_ERROR);
    }
    char *text = series_text(fixture->store);
    assert_string_equal(text, "B,a,aa,ab,b,~,\xc3\xa9");
    free(text);
}

static void an_empty_store_has_no_series(void **state)
{
    struct fixture *fixture = *state;
    char *text = series_text(fixture->store);
    assert_string_equal(text, "");
    free(text);
}

static void names_of_the_largest_size_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    char one[MARKET_SERIES_BYTES_MAX + 1];
    char other[MARKET_SERIES_BYTES_MAX + 1];
    memset(one, 'n', MARKET_SERIES_BYTES_MAX);
    memset(other, 'n', MARKET_SERIES_BYTES_MAX);
    one[MARKET_SERIES_BYTES_MAX] = '\0';
    other[MARKET_SERIES_BYTES_MAX] = '\0';
    other[MARKET_SERIES_BYTES_MAX - 1] = 'o';
    put_text(fixture->store, one, "1:a=one", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, other, "1:a=other", MARKET_CONFLICT_ERROR);
    struct market_scan scan = scan_all(one, true);
    assert_scan(fixture->store, &scan, "1:a=one end");
    scan = scan_all(other, true);
    assert_scan(fixture->store, &scan, "1:a=other end");
}

static void many_series_keep_their_rows_apart(void **state)
{
    struct fixture *fixture = *state;
    static char names[MANY_SERIES][16];
    struct market_row *rows = calloc(MANY_SERIES, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < MANY_SERIES; i++) {
        snprintf(names[i], sizeof(names[i]), "S%zu", i);
        rows[i] = row_of(names[i], (int64_t)i, "t", names[i]);
    }
    put_rows(fixture->store, rows, MANY_SERIES, NULL);
    for (size_t i = 0; i < MANY_SERIES; i++) {
        rows[i].timestamp_us++;
    }
    put_rows(fixture->store, rows, MANY_SERIES, NULL);
    free(rows);
    for (size_t i = 0; i < MANY_SERIES; i += 7) {
        char expected[64];
        snprintf(expected, sizeof(expected), "%zu:t=%s %zu:t=%s end", i + 1, names[i], i, names[i]);
        const struct market_scan scan = scan_all(names[i], false);
        assert_scan(fixture->store, &scan, expected);
    }
}

static void figures_count_rows_series_and_commits(void **state)
{
    struct fixture *fixture = *state;
    struct market_stats stats;
    assert_int_equal(fixture->store->ops->stats(fixture->store, &stats), DS_OK);
    assert_int_equal(stats.row_count, 0);
    assert_int_equal(stats.series_count, 0);
    const uint64_t commits = stats.commit_count;
    put_text(fixture->store, "A", "1:a=x 2:a=x 2:a=x 2:a=y", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "B", "1:a=x", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "B", "1:a=z", MARKET_CONFLICT_LAST);
    assert_int_equal(fixture->store->ops->stats(fixture->store, &stats), DS_OK);
    assert_int_equal(stats.row_count, 3);
    assert_int_equal(stats.series_count, 2);
    assert_int_equal(stats.commit_count, commits + 3);
    assert_true((stats.file_bytes > 0) == engine_under_test.keeps_rows);
}

static void a_sound_store_is_healthy(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture->store->ops->health(fixture->store), DS_OK);
    assert_string_equal(fixture->store->ops->name, engine_under_test.name);
}

static void a_list_is_read_in_pages(void **state)
{
    struct fixture *fixture = *state;
    const char *const names[] = {"A", "AA", "B", "C"};
    for (size_t i = 0; i < 4; i++) {
        put_series(fixture->store, MARKET_QUOTES, i == 2 ? "H" : "G", names[i], "1:=x",
                   MARKET_CONFLICT_ERROR);
    }
    struct market_series_query query = {.kind = MARKET_QUOTES, .series_max = 2};
    assert_list(fixture->store, &query, "A@G AA@G more");
    query.after = ds_bytes_of_text("AA");
    assert_list(fixture->store, &query, "B@H C@G end");
    /* A name that is none, and those that come and go between pages. */
    query.after = ds_bytes_of_text("AB");
    assert_list(fixture->store, &query, "B@H C@G end");
    put_series(fixture->store, MARKET_QUOTES, "G", "BB", "1:=x", MARKET_CONFLICT_ERROR);
    delete_all(fixture->store, MARKET_QUOTES, "AA");
    query.after = ds_bytes_of_text("AA");
    assert_list(fixture->store, &query, "B@H BB@G more");
    query.group = ds_bytes_of_text("G");
    assert_list(fixture->store, &query, "BB@G C@G end");
    query.after = (struct ds_bytes){0};
    assert_list(fixture->store, &query, "A@G BB@G more");
    query.series_max = 1;
    query.after = ds_bytes_of_text("BB");
    assert_list(fixture->store, &query, "C@G end");
    query.after = ds_bytes_of_text("C");
    assert_list(fixture->store, &query, "end");
    /* Longer than any name, and behind every one that it continues. */
    char long_name[MARKET_SERIES_BYTES_MAX + 100];
    memset(long_name, 'B', sizeof(long_name));
    const struct market_row longest = {
        .series = ds_bytes_of(long_name, MARKET_SERIES_BYTES_MAX),
        .group = ds_bytes_of_text("G"),
    };
    enum market_outcome outcome;
    struct market_batch batch = {
        .kind = MARKET_QUOTES, .rows = &longest, .row_count = 1, .outcomes = &outcome};
    assert_int_equal(market_put_wait(fixture->store, &batch), DS_OK);
    query.after = ds_bytes_of(long_name, sizeof(long_name));
    assert_list(fixture->store, &query, "C@G end");
    query.group = (struct ds_bytes){0};
    assert_list(fixture->store, &query, "C@G end");
}

static void figures_are_told_by_kind(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "A", "1:a=x 2:a=x 3:a=x", MARKET_CONFLICT_ERROR);
    put_series(fixture->store, MARKET_QUOTES, "N", "Q1", "1:=x 2:=x", MARKET_CONFLICT_ERROR);
    put_series(fixture->store, MARKET_QUOTES, "N", "Q2", "1:=x", MARKET_CONFLICT_ERROR);
    put_chain(fixture->store, "N", "2025-01-30", "1:=x");
    struct market_stats stats = stats_of(fixture->store);
    assert_int_equal(stats.row_count, 7);
    assert_int_equal(stats.series_count, 4);
    assert_int_equal(stats.kinds[MARKET_TICKS].row_count, 3);
    assert_int_equal(stats.kinds[MARKET_TICKS].series_count, 1);
    assert_int_equal(stats.kinds[MARKET_QUOTES].row_count, 3);
    assert_int_equal(stats.kinds[MARKET_QUOTES].series_count, 2);
    assert_int_equal(stats.kinds[MARKET_CHAINS].row_count, 1);
    assert_int_equal(stats.kinds[MARKET_CHAINS].series_count, 1);
    assert_int_equal(stats.queued_row_count, 0);
    assert_int_equal(stats.writes, MARKET_WRITES_OK);
    delete_text(fixture->store, MARKET_TICKS, "A", 1, 2, 10);
    delete_all(fixture->store, MARKET_CHAINS, "N/2025-01-30");
    stats = stats_of(fixture->store);
    assert_int_equal(stats.row_count, 4);
    assert_int_equal(stats.kinds[MARKET_TICKS].row_count, 1);
    assert_int_equal(stats.kinds[MARKET_CHAINS].row_count, 0);
    assert_int_equal(stats.kinds[MARKET_CHAINS].series_count, 0);
}

int run_series_tests(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(series_are_listed_once_and_in_byte_order),
        STORE_TEST(an_empty_store_has_no_series),
        STORE_TEST(names_of_the_largest_size_are_told_apart),
        STORE_TEST(many_series_keep_their_rows_apart),
        STORE_TEST(figures_count_rows_series_and_commits),
        STORE_TEST(a_list_is_read_in_pages),
        STORE_TEST(figures_are_told_by_kind),
        STORE_TEST(a_sound_store_is_healthy),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
