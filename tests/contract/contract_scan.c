/* Reading ranges: order, bounds, limits, going on behind a row. */
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

/* Three rows share a timestamp, so that their ties decide. */
#define ROWS "10:a=1 20:a=2 20:b=3 20:bb=4 30:a=5 30:=6 40:a=7"
#define ASCENDING "10:a=1 20:a=2 20:b=3 20:bb=4 30:=6 30:a=5 40:a=7 "
#define DESCENDING "40:a=7 30:a=5 30:=6 20:bb=4 20:b=3 20:a=2 10:a=1 "

static int rows_setup(void **state)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    /* Neighbours on both sides, whose rows must never show up. */
    put_text(fixture->store, "NIFT", "25:a=no 99:z=no", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "NIFTY", ROWS, MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "NIFTYA", "1:a=no 25:a=no", MARKET_CONFLICT_ERROR);
    return 0;
}

static void rows_come_oldest_first_or_newest_first_and_ties_follow(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, ASCENDING "end");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, DESCENDING "end");
}

static void both_ends_belong_to_the_range(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_all("NIFTY", true);
    scan.start_us = 20;
    scan.end_us = 30;
    assert_scan(fixture->store, &scan, "20:a=2 20:b=3 20:bb=4 30:=6 30:a=5 end");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "30:a=5 30:=6 20:bb=4 20:b=3 20:a=2 end");
    scan.start_us = 21;
    scan.end_us = 29;
    assert_scan(fixture->store, &scan, "end");
    scan.start_us = 40;
    scan.end_us = 40;
    assert_scan(fixture->store, &scan, "40:a=7 end");
    scan.ascending = true;
    assert_scan(fixture->store, &scan, "40:a=7 end");
}

static void a_range_that_ends_before_it_begins_is_empty(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_all("NIFTY", true);
    scan.start_us = 30;
    scan.end_us = 20;
    assert_scan(fixture->store, &scan, "end");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "end");
}

static void a_limit_cuts_and_says_whether_rows_are_left(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_all("NIFTY", true);
    scan.row_max = 2;
    assert_scan(fixture->store, &scan, "10:a=1 20:a=2 more");
    scan.row_max = 6;
    assert_scan(fixture->store, &scan, "10:a=1 20:a=2 20:b=3 20:bb=4 30:=6 30:a=5 more");
    scan.row_max = 7;
    assert_scan(fixture->store, &scan, ASCENDING "end");
    scan.row_max = 1;
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "40:a=7 more");
    scan.start_us = 40;
    assert_scan(fixture->store, &scan, "40:a=7 end");
    scan.row_max = 7;
    scan.start_us = INT64_MIN;
    assert_scan(fixture->store, &scan, DESCENDING "end");
}

static void rows_of_the_range_only_count_as_left(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_all("NIFTY", true);
    scan.end_us = 10;
    scan.row_max = 1;
    assert_scan(fixture->store, &scan, "10:a=1 end");
}

/* Reads all pages of the size and writes their rows behind one another. */
static void assert_pages(struct market_store *store, bool ascending, size_t row_max,
                         const char *expected)
{
    struct market_scan scan = scan_all("NIFTY", ascending);
    scan.row_max = row_max;
    char all[1024] = "";
    for (size_t page = 0; page < 10; page++) {
        char *text = scan_text(store, &scan);
        char *end = strrchr(text, ' ');
        const bool more = strcmp(end == NULL ? text : end + 1, "more") == 0;
        if (end != NULL) {
            end[1] = '\0';
            strcat(all, text);
            end[0] = '\0';
            const char *last = strrchr(text, ' ');
            last = last == NULL ? text : last + 1;
            char tie[8] = "";
            sscanf(last, "%*d:%7[^=]", tie);
            scan.has_after = true;
            scan.after = position_of(strtoll(last, NULL, 10), tie);
        }
        free(text);
        if (!more) {
            assert_string_equal(all, expected);
            return;
        }
    }
    fail_msg("the pages never end");
}

static void pages_behind_one_another_give_every_row_once(void **state)
{
    struct fixture *fixture = *state;
    for (size_t row_max = 1; row_max <= 8; row_max++) {
        assert_pages(fixture->store, true, row_max, ASCENDING);
        assert_pages(fixture->store, false, row_max, DESCENDING);
    }
}

static void a_scan_goes_on_behind_a_place_where_no_row_is(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_all("NIFTY", true);
    scan.has_after = true;
    scan.after = position_of(20, "aa");
    assert_scan(fixture->store, &scan, "20:b=3 20:bb=4 30:=6 30:a=5 40:a=7 end");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "20:a=2 10:a=1 end");
    scan.after = position_of(10, "a");
    assert_scan(fixture->store, &scan, "end");
    scan.ascending = true;
    scan.after = position_of(40, "a");
    assert_scan(fixture->store, &scan, "end");
}

static void a_place_outside_the_range_does_not_widen_it(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_all("NIFTY", true);
    scan.start_us = 30;
    scan.end_us = 30;
    scan.has_after = true;
    scan.after = position_of(10, "a");
    assert_scan(fixture->store, &scan, "30:=6 30:a=5 end");
    scan.after = position_of(40, "a");
    assert_scan(fixture->store, &scan, "end");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "30:a=5 30:=6 end");
    scan.after = position_of(10, "a");
    assert_scan(fixture->store, &scan, "end");
}

static void a_limit_of_bytes_cuts_but_never_the_first_row(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "BYTES", "1:a=xxxx 2:a=yyyy 3:a=zz 4:a=", MARKET_CONFLICT_ERROR);
    struct market_scan scan = scan_all("BYTES", true);
    scan.bytes_max = 8;
    assert_scan(fixture->store, &scan, "1:a=xxxx 2:a=yyyy more");
    scan.bytes_max = 7;
    assert_scan(fixture->store, &scan, "1:a=xxxx more");
    scan.bytes_max = 0;
    assert_scan(fixture->store, &scan, "1:a=xxxx more");
    scan.bytes_max = 10;
    assert_scan(fixture->store, &scan, "1:a=xxxx 2:a=yyyy 3:a=zz 4:a= end");
    scan.ascending = false;
    scan.bytes_max = 2;
    assert_scan(fixture->store, &scan, "4:a= 3:a=zz more");
}

static void an_unknown_series_has_no_rows(void **state)
{
    struct fixture *fixture = *state;
    const char *const names[] = {"NIF", "NIFTYB", "A", "Z", ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct market_scan scan = scan_all(names[i], i % 2 == 0);
        assert_scan(fixture->store, &scan, "end");
    }
}

static void the_first_and_the_last_moment_can_be_stored(void **state)
{
    struct fixture *fixture = *state;
    const struct market_row rows[] = {
        row_of("EDGE", INT64_MAX, "z", "last"), row_of("EDGE", INT64_MIN, "", "first"),
        row_of("EDGE", -1, "a", "before"),      row_of("EDGE", 0, "a", "zero"),
        row_of("EDGE", INT64_MAX, "", "max"),
    };
    enum market_outcome outcomes[5];
    put_rows(fixture->store, rows, 5, outcomes);
    assert_int_equal(outcomes[0], MARKET_ACCEPTED);
    assert_int_equal(outcomes[1], MARKET_ACCEPTED_LATE);
    assert_int_equal(outcomes[4], MARKET_ACCEPTED);
    struct market_scan scan = scan_all("EDGE", true);
    assert_scan(fixture->store, &scan,
                "-9223372036854775808:=first -1:a=before 0:a=zero 9223372036854775807:=max "
                "9223372036854775807:z=last end");
    scan.ascending = false;
    scan.row_max = 3;
    assert_scan(fixture->store, &scan,
                "9223372036854775807:z=last 9223372036854775807:=max 0:a=zero more");
    scan.end_us = INT64_MIN;
    assert_scan(fixture->store, &scan, "-9223372036854775808:=first end");
}

static void ties_of_the_largest_size_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(put_text(fixture->store, "TIES",
                                 "5:0123456789abcdef=1 5:0123456789abcdeg=2 5:0123456789abcde=0",
                                 MARKET_CONFLICT_ERROR),
                        "AAA");
    struct market_scan scan = scan_all("TIES", true);
    assert_scan(fixture->store, &scan,
                "5:0123456789abcde=0 5:0123456789abcdef=1 5:0123456789abcdeg=2 end");
    scan.has_after = true;
    scan.after = position_of(5, "0123456789abcdef");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "5:0123456789abcde=0 end");
}

int run_scan_tests(void)
{
#define ROWS_TEST(name) cmocka_unit_test_setup_teardown(name, rows_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        ROWS_TEST(rows_come_oldest_first_or_newest_first_and_ties_follow),
        ROWS_TEST(both_ends_belong_to_the_range),
        ROWS_TEST(a_range_that_ends_before_it_begins_is_empty),
        ROWS_TEST(a_limit_cuts_and_says_whether_rows_are_left),
        ROWS_TEST(rows_of_the_range_only_count_as_left),
        ROWS_TEST(pages_behind_one_another_give_every_row_once),
        ROWS_TEST(a_scan_goes_on_behind_a_place_where_no_row_is),
        ROWS_TEST(a_place_outside_the_range_does_not_widen_it),
        ROWS_TEST(a_limit_of_bytes_cuts_but_never_the_first_row),
        ROWS_TEST(an_unknown_series_has_no_rows),
        ROWS_TEST(the_first_and_the_last_moment_can_be_stored),
        ROWS_TEST(ties_of_the_largest_size_are_told_apart),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
