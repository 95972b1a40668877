/* Series of groups: quotes and chains, the lists of a group's series, chains read by group. */
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

/* Three expiries that share moments; the members' order decides there. */
#define ASCENDING                                                                                  \
    "10:2025-01-30=a1 20:2025-01-30=a2 20:2025-02-06=b2 20:2025-02-27=c2 30:2025-02-06=b3 "        \
    "40:2025-01-30=a4 "
#define DESCENDING                                                                                 \
    "40:2025-01-30=a4 30:2025-02-06=b3 20:2025-02-27=c2 20:2025-02-06=b2 20:2025-01-30=a2 "        \
    "10:2025-01-30=a1 "

static int chains_setup(void **state)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    /* Neighbours in the order of bytes and of numbers, whose chains must never show up. */
    put_chain(fixture->store, "NIFT", "2025-01-30", "25:=no");
    put_chain(fixture->store, "NIFTY", "2025-02-06", "20:=b2 30:=b3");
    put_chain(fixture->store, "NIFTYA", "2025-01-30", "5:=no 20:=no 99:=no");
    put_chain(fixture->store, "NIFTY", "2025-01-30", "40:=a4 10:=a1 20:=a2");
    put_chain(fixture->store, "NIFTY", "2025-02-27", "20:=c2");
    return 0;
}

static void chains_of_a_group_come_in_the_order_of_their_times(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(fixture->store, &scan, ASCENDING "end");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, DESCENDING "end");
}

static void chains_of_one_series_are_read_without_the_others(void **state)
{
    struct fixture *fixture = *state;
    const struct market_scan scan = scan_kind(MARKET_CHAINS, "NIFTY/2025-01-30", true);
    assert_scan(fixture->store, &scan, "10:=a1 20:=a2 40:=a4 end");
    const struct market_scan none = scan_kind(MARKET_CHAINS, "NIFTY", true);
    assert_scan(fixture->store, &none, "end");
}

static void a_group_nobody_wrote_has_no_chains(void **state)
{
    struct fixture *fixture = *state;
    const char *const names[] = {"NIF", "NIFTYB", "NIFTY/2025-01-30", "", "Z"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct market_scan scan = scan_group(names[i], i % 2 == 0);
        assert_scan(fixture->store, &scan, "end");
    }
}

static void times_and_limits_hold_for_groups_too(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_group("NIFTY", true);
    scan.start_us = 20;
    scan.end_us = 30;
    assert_scan(fixture->store, &scan,
                "20:2025-01-30=a2 20:2025-02-06=b2 20:2025-02-27=c2 30:2025-02-06=b3 end");
    scan.row_max = 2;
    assert_scan(fixture->store, &scan, "20:2025-01-30=a2 20:2025-02-06=b2 more");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "30:2025-02-06=b3 20:2025-02-27=c2 more");
    scan.row_max = 9;
    scan.bytes_max = 5;
    assert_scan(fixture->store, &scan, "30:2025-02-06=b3 20:2025-02-27=c2 more");
    scan.bytes_max = 0;
    assert_scan(fixture->store, &scan, "30:2025-02-06=b3 more");
    scan.bytes_max = 8;
    assert_scan(fixture->store, &scan,
                "30:2025-02-06=b3 20:2025-02-27=c2 20:2025-02-06=b2 20:2025-01-30=a2 end");
    scan.start_us = 21;
    scan.end_us = 29;
    assert_scan(fixture->store, &scan, "end");
}

struct names_check {
    const char *group;
    size_t count;
};

static void check_names(void *context, const struct market_row *row)
{
    struct names_check *check = context;
    assert_true(ds_bytes_equal_text(row->group, check->group));
    assert_int_equal(row->series.size, row->group.size + 1 + row->tie.size);
    assert_memory_equal(row->series.data, row->group.data, row->group.size);
    assert_int_equal(row->series.data[row->group.size], '/');
    assert_memory_equal(row->series.data + row->group.size + 1, row->tie.data, row->tie.size);
    check->count++;
}

static void a_row_read_by_group_names_its_series_its_group_and_its_member(void **state)
{
    struct fixture *fixture = *state;
    struct names_check check = {.group = "NIFTY"};
    const struct market_scan scan = scan_group("NIFTY", true);
    bool more;
    assert_int_equal(fixture->store->ops->scan(fixture->store, &scan, check_names, &check, &more),
                     DS_OK);
    assert_int_equal(check.count, 6);
}

/* Reads the pages of the group one by one; `between` is called behind each. */
static void assert_group_pages(struct market_store *store, bool ascending, size_t row_max,
                               void (*between)(struct market_store *store, size_t page),
                               const char *expected)
{
    struct market_scan scan = scan_group("NIFTY", ascending);
    scan.row_max = row_max;
    char all[1024] = "";
    for (size_t page = 0; page < 20; page++) {
        char *text = scan_text(store, &scan);
        char *end = strrchr(text, ' ');
        const bool more = strcmp(end == NULL ? text : end + 1, "more") == 0;
        if (end != NULL) {
            end[1] = '\0';
            strcat(all, text);
            end[0] = '\0';
            const char *last = strrchr(text, ' ');
            char member[MARKET_TIE_BYTES_MAX + 1] = "";
            long long timestamp_us = 0;
            sscanf(last == NULL ? text : last + 1, "%lld:%16[^=]", &timestamp_us, member);
            scan.has_after = true;
            scan.after = position_of(timestamp_us, member);
        }
        free(text);
        if (!more) {
            assert_string_equal(all, expected);
            return;
        }
        if (between != NULL) {
            between(store, page);
        }
    }
    fail_msg("the pages never end");
}

static void pages_of_a_group_give_every_chain_once(void **state)
{
    struct fixture *fixture = *state;
    for (size_t row_max = 1; row_max <= 7; row_max++) {
        assert_group_pages(fixture->store, true, row_max, NULL, ASCENDING);
        assert_group_pages(fixture->store, false, row_max, NULL, DESCENDING);
    }
}

/* Rows come in front of the place and behind it, and the row that the place names goes. */
static void change_between(struct market_store *store, size_t page)
{
    if (page == 0) {
        put_chain(store, "NIFTY", "2025-01-30", "5:=front 35:=behind");
        put_chain(store, "NIFTY", "2025-03-27", "20:=new-member");
        delete_text(store, MARKET_CHAINS, "NIFTY/2025-01-30", 20, 20, 1);
        delete_text(store, MARKET_CHAINS, "NIFTY/2025-02-27", 20, 20, 1);
    }
}

static void a_page_goes_on_though_rows_come_and_go(void **state)
{
    struct fixture *fixture = *state;
    assert_group_pages(fixture->store, true, 2, change_between,
                       "10:2025-01-30=a1 20:2025-01-30=a2 20:2025-02-06=b2 "
                       "20:2025-03-27=new-member 30:2025-02-06=b3 35:2025-01-30=behind "
                       "40:2025-01-30=a4 ");
}

static void a_place_where_no_chain_is_divides_a_group(void **state)
{
    struct fixture *fixture = *state;
    struct market_scan scan = scan_group("NIFTY", true);
    scan.has_after = true;
    scan.after = position_of(20, "2025-02-10");
    assert_scan(fixture->store, &scan, "20:2025-02-27=c2 30:2025-02-06=b3 40:2025-01-30=a4 end");
    scan.ascending = false;
    assert_scan(fixture->store, &scan, "20:2025-02-06=b2 20:2025-01-30=a2 10:2025-01-30=a1 end");
}

static void a_chain_that_is_replaced_is_read_by_group_as_the_new_one(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(put_series(fixture->store, MARKET_CHAINS, "NIFTY", "NIFTY/2025-02-27",
                                   "20:=longer-than-before", MARKET_CONFLICT_LAST),
                        "A");
    assert_string_equal(put_series(fixture->store, MARKET_CHAINS, "NIFTY", "NIFTY/2025-02-27",
                                   "20:=other", MARKET_CONFLICT_ERROR),
                        "C");
    struct market_scan scan = scan_group("NIFTY", false);
    scan.end_us = 20;
    scan.row_max = 1;
    assert_scan(fixture->store, &scan, "20:2025-02-27=longer-than-before more");
}

static void groups_are_there_after_the_store_was_opened_again(void **state)
{
    struct fixture *fixture = *state;
    if (!engine_under_test.keeps_rows) {
        return;
    }
    fixture_reopen(fixture);
    struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(fixture->store, &scan, ASCENDING "end");
    assert_string_equal(put_chain(fixture->store, "NIFTY", "2025-01-30", "35:=late 41:=new"), "LA");
    assert_string_equal(put_chain(fixture->store, "BANKNIFTY", "2025-01-30", "1:=other"), "A");
    scan.start_us = 31;
    assert_scan(fixture->store, &scan, "35:2025-01-30=late 40:2025-01-30=a4 41:2025-01-30=new end");
}

static void series_of_a_group_are_listed_in_byte_order(void **state)
{
    struct fixture *fixture = *state;
    struct market_series_query query = {
        .kind = MARKET_CHAINS,
        .group = ds_bytes_of_text("NIFTY"),
        .series_max = 10,
    };
    assert_list(fixture->store, &query,
                "NIFTY/2025-01-30@NIFTY NIFTY/2025-02-06@NIFTY NIFTY/2025-02-27@NIFTY end");
    query.group = ds_bytes_of_text("NIFT");
    assert_list(fixture->store, &query, "NIFT/2025-01-30@NIFT end");
    query.group = ds_bytes_of_text("NIFTYB");
    assert_list(fixture->store, &query, "end");
    query.group = (struct ds_bytes){0};
    assert_list(fixture->store, &query,
                "NIFT/2025-01-30@NIFT NIFTY/2025-01-30@NIFTY NIFTY/2025-02-06@NIFTY "
                "NIFTY/2025-02-27@NIFTY NIFTYA/2025-01-30@NIFTYA end");
}

static void kinds_keep_series_of_one_name_apart(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY/2025-01-30", "7:t=tick", MARKET_CONFLICT_ERROR);
    put_series(fixture->store, MARKET_QUOTES, "Q", "NIFTY/2025-01-30", "7:=quote 8:=q2",
               MARKET_CONFLICT_ERROR);
    struct market_scan scan = scan_kind(MARKET_TICKS, "NIFTY/2025-01-30", true);
    assert_scan(fixture->store, &scan, "7:t=tick end");
    scan.kind = MARKET_QUOTES;
    assert_scan(fixture->store, &scan, "7:=quote 8:=q2 end");
    struct market_series_query query = {.kind = MARKET_QUOTES, .series_max = 10};
    assert_list(fixture->store, &query, "NIFTY/2025-01-30@Q end");
    query.group = ds_bytes_of_text("NIFTY");
    assert_list(fixture->store, &query, "end");
    query.kind = MARKET_TICKS;
    assert_list(fixture->store, &query, "end");
}

static void a_series_stays_in_the_group_of_its_first_row(void **state)
{
    struct fixture *fixture = *state;
    put_series(fixture->store, MARKET_QUOTES, "FIRST", "SYMBOL", "1:=a", MARKET_CONFLICT_ERROR);
    put_series(fixture->store, MARKET_QUOTES, "OTHER", "SYMBOL", "2:=b", MARKET_CONFLICT_ERROR);
    struct market_series_query query = {.kind = MARKET_QUOTES, .series_max = 10};
    assert_list(fixture->store, &query, "SYMBOL@FIRST end");
    query.group = ds_bytes_of_text("OTHER");
    assert_list(fixture->store, &query, "end");
    delete_all(fixture->store, MARKET_QUOTES, "SYMBOL");
    put_series(fixture->store, MARKET_QUOTES, "OTHER", "SYMBOL", "3:=c", MARKET_CONFLICT_ERROR);
    assert_list(fixture->store, &query, "SYMBOL@OTHER end");
}

/* Whose names continue one another, with the byte that joins a chain's name. */
static void groups_whose_names_continue_one_another_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    put_series(fixture->store, MARKET_QUOTES, "A", "B/C", "1:=1", MARKET_CONFLICT_ERROR);
    put_series(fixture->store, MARKET_QUOTES, "A/B", "C", "1:=2", MARKET_CONFLICT_ERROR);
    struct market_series_query query = {
        .kind = MARKET_QUOTES, .group = ds_bytes_of_text("A"), .series_max = 10};
    assert_list(fixture->store, &query, "B/C@A end");
    query.group = ds_bytes_of_text("A/B");
    assert_list(fixture->store, &query, "C@A/B end");
}

static void names_of_the_largest_size_are_taken(void **state)
{
    struct fixture *fixture = *state;
    char group[MARKET_PRODUCT_BYTES_MAX + 1];
    char expected[512];
    memset(group, 'g', MARKET_PRODUCT_BYTES_MAX);
    group[MARKET_PRODUCT_BYTES_MAX] = '\0';
    assert_string_equal(put_chain(fixture->store, group, "2025-01-30-long", "1:=x"), "A");
    const struct market_scan scan = scan_group(group, true);
    assert_scan(fixture->store, &scan, "1:2025-01-30-long=x end");
    const struct market_series_query query = {
        .kind = MARKET_CHAINS, .group = ds_bytes_of_text(group), .series_max = 10};
    snprintf(expected, sizeof(expected), "%s/2025-01-30-long@%s end", group, group);
    assert_list(fixture->store, &query, expected);
}

int run_grouped_tests(void)
{
#define CHAINS_TEST(name) cmocka_unit_test_setup_teardown(name, chains_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CHAINS_TEST(chains_of_a_group_come_in_the_order_of_their_times),
        CHAINS_TEST(chains_of_one_series_are_read_without_the_others),
        CHAINS_TEST(a_group_nobody_wrote_has_no_chains),
        CHAINS_TEST(times_and_limits_hold_for_groups_too),
        CHAINS_TEST(a_row_read_by_group_names_its_series_its_group_and_its_member),
        CHAINS_TEST(pages_of_a_group_give_every_chain_once),
        CHAINS_TEST(a_page_goes_on_though_rows_come_and_go),
        CHAINS_TEST(a_place_where_no_chain_is_divides_a_group),
        CHAINS_TEST(a_chain_that_is_replaced_is_read_by_group_as_the_new_one),
        CHAINS_TEST(groups_are_there_after_the_store_was_opened_again),
        CHAINS_TEST(series_of_a_group_are_listed_in_byte_order),
        CHAINS_TEST(kinds_keep_series_of_one_name_apart),
        STORE_TEST(a_series_stays_in_the_group_of_its_first_row),
        STORE_TEST(groups_whose_names_continue_one_another_are_told_apart),
        STORE_TEST(names_of_the_largest_size_are_taken),
    };
    return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
