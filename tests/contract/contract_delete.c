/* Deleting rows: exactly those of the range, the oldest first, with all that names them. */
#include "store_fixture.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ROWS "10:a=1 20:a=2 20:b=3 30:a=4 40:a=5"

static int rows_setup(void **state)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    /* Neighbours, whose rows must stay. */
    put_text(fixture->store, "NIFT", "20:a=stays", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "NIFTY", ROWS, MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "NIFTYA", "20:a=stays", MARKET_CONFLICT_ERROR);
    return 0;
}

static void assert_rows(struct market_store *store, const char *expected)
{
    const char *const neighbours[] = {"NIFT", "NIFTYA"};
    struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(store, &scan, expected);
    for (size_t i = 0; i < 2; i++) {
        scan = scan_all(neighbours[i], true);
        assert_scan(store, &scan, "20:a=stays end");
    }
}

static void rows_of_the_range_go_with_both_its_ends(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 20, 30, 100), "3 end");
    assert_rows(store, "10:a=1 40:a=5 end");
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 40, 40, 100), "1 end");
    assert_rows(store, "10:a=1 end");
}

static void rows_outside_of_the_range_stay(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    const int64_t ranges[][2] = {{21, 29}, {41, INT64_MAX}, {INT64_MIN, 9}, {30, 20}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        assert_string_equal(
            delete_text(store, MARKET_TICKS, "NIFTY", ranges[i][0], ranges[i][1], 100), "0 end");
    }
    assert_rows(store, "10:a=1 20:a=2 20:b=3 30:a=4 40:a=5 end");
}

static void the_oldest_go_first_and_what_is_left_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 15, 35, 2), "2 more");
    assert_rows(store, "10:a=1 30:a=4 40:a=5 end");
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 15, 35, 2), "1 end");
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 15, 35, 2), "0 end");
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 0, 99, 2), "2 end");
}

static void the_first_and_the_last_moment_can_be_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    const struct market_row rows[] = {row_of("EDGE", INT64_MIN, "", "first"),
                                      row_of("EDGE", INT64_MAX, "z", "last")};
    put_rows(store, rows, 2, NULL);
    assert_string_equal(delete_text(store, MARKET_TICKS, "EDGE", INT64_MAX, INT64_MAX, 9), "1 end");
    assert_string_equal(delete_text(store, MARKET_TICKS, "EDGE", INT64_MIN, INT64_MIN, 9), "1 end");
    const struct market_scan scan = scan_all("EDGE", true);
    assert_scan(store, &scan, "end");
}

static void an_unknown_series_has_nothing_to_delete(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    const uint64_t commits = stats_of(store).commit_count;
    const char *const names[] = {"NIF", "NIFTYB", "", "NIFTY/2025-01-30"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_string_equal(delete_all(store, MARKET_TICKS, names[i]), "0 end");
    }
    assert_string_equal(delete_all(store, MARKET_QUOTES, "NIFTY"), "0 end");
    assert_string_equal(delete_all(store, MARKET_CHAINS, "NIFTY"), "0 end");
    assert_int_equal(stats_of(store).commit_count, commits);
    assert_rows(store, "10:a=1 20:a=2 20:b=3 30:a=4 40:a=5 end");
}

static void a_series_whose_last_row_goes_is_no_longer_listed(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", INT64_MIN, 30, 100), "4 end");
    char *series = series_text(store);
    assert_string_equal(series, "NIFT,NIFTY,NIFTYA");
    free(series);
    assert_string_equal(delete_all(store, MARKET_TICKS, "NIFTY"), "1 end");
    series = series_text(store);
    assert_string_equal(series, "NIFT,NIFTYA");
    free(series);
    assert_int_equal(stats_of(store).kinds[MARKET_TICKS].series_count, 2);
    /* And is a new one with its next row. */
    assert_string_equal(put_text(store, "NIFTY", "1:a=new", MARKET_CONFLICT_ERROR), "A");
    assert_rows(store, "1:a=new end");
    if (engine_under_test.keeps_rows) {
        fixture_reopen(fixture);
        assert_rows(fixture->store, "1:a=new end");
    }
}

static void late_is_judged_against_what_is_stored_after_a_delete(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 30, 40, 100), "2 end");
    assert_string_equal(put_text(store, "NIFTY", "19:a=x 20:c=x 25:a=x", MARKET_CONFLICT_ERROR),
                        "LAA");
    assert_string_equal(delete_all(store, MARKET_TICKS, "NIFTY"), "6 end");
    assert_string_equal(put_text(store, "NIFTY", "5:a=x 4:a=x", MARKET_CONFLICT_ERROR), "AL");
}

static void a_deleted_row_can_be_written_again(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 20, 20, 1), "1 more");
    assert_string_equal(put_text(store, "NIFTY", "20:a=other 20:b=3", MARKET_CONFLICT_ERROR), "LD");
    assert_rows(store, "10:a=1 20:a=other 20:b=3 30:a=4 40:a=5 end");
}

static void deleted_chains_are_gone_from_their_group(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    put_chain(store, "NIFTY", "2025-01-30", "10:=a1 20:=a2 30:=a3");
    put_chain(store, "NIFTY", "2025-02-06", "20:=b2");
    put_chain(store, "BANK", "2025-01-30", "20:=bank");
    assert_string_equal(delete_text(store, MARKET_CHAINS, "NIFTY/2025-01-30", 20, 99, 100),
                        "2 end");
    struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(store, &scan, "10:2025-01-30=a1 20:2025-02-06=b2 end");
    assert_string_equal(delete_all(store, MARKET_CHAINS, "NIFTY/2025-01-30"), "1 end");
    assert_scan(store, &scan, "20:2025-02-06=b2 end");
    struct market_series_query query = {
        .kind = MARKET_CHAINS, .group = ds_bytes_of_text("NIFTY"), .series_max = 10};
    assert_list(store, &query, "NIFTY/2025-02-06@NIFTY end");
    assert_string_equal(delete_all(store, MARKET_CHAINS, "NIFTY/2025-02-06"), "1 end");
    assert_scan(store, &scan, "end");
    assert_list(store, &query, "end");
    query.group = (struct ds_bytes){0};
    assert_list(store, &query, "BANK/2025-01-30@BANK end");
    /* The group begins anew. */
    assert_string_equal(put_chain(store, "NIFTY", "2025-02-06", "7:=again"), "A");
    assert_scan(store, &scan, "7:2025-02-06=again end");
}

static void deleted_rows_stay_deleted_when_the_store_is_opened_again(void **state)
{
    struct fixture *fixture = *state;
    if (!engine_under_test.keeps_rows) {
        return;
    }
    assert_string_equal(delete_text(fixture->store, MARKET_TICKS, "NIFTY", 20, 40, 100), "4 end");
    fixture_reopen(fixture);
    assert_rows(fixture->store, "10:a=1 end");
    assert_string_equal(put_text(fixture->store, "NIFTY", "9:a=x 11:a=x", MARKET_CONFLICT_ERROR),
                        "LA");
}

static void a_large_delete_takes_the_most_rows_that_one_may(void **state)
{
    struct fixture *fixture = *state;
    struct market_row *rows = calloc(MARKET_BATCH_ROWS_MAX, sizeof(*rows));
    assert_non_null(rows);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < MARKET_BATCH_ROWS_MAX; i++) {
            rows[i] = row_of("LARGE", (int64_t)(round * MARKET_BATCH_ROWS_MAX + i), "t", "a value");
        }
        put_rows(fixture->store, rows, MARKET_BATCH_ROWS_MAX, NULL);
    }
    free(rows);
    char expected[32];
    snprintf(expected, sizeof(expected), "%d more", MARKET_DELETE_ROWS_MAX);
    assert_string_equal(delete_all(fixture->store, MARKET_TICKS, "LARGE"), expected);
    struct market_scan scan = scan_all("LARGE", true);
    scan.row_max = 1;
    assert_scan(fixture->store, &scan, "10000:t=a value more");
    snprintf(expected, sizeof(expected), "%d end", MARKET_DELETE_ROWS_MAX);
    assert_string_equal(delete_all(fixture->store, MARKET_TICKS, "LARGE"), expected);
}

#define MANY_SERIES 2000

/* Every third series is deleted; what is late stays right for all of them. */
static void many_series_are_deleted_beside_others(void **state)
{
    struct fixture *fixture = *state;
    static char names[MANY_SERIES][16];
    static struct market_row rows[MANY_SERIES];
    static enum market_outcome outcomes[MANY_SERIES];
    for (size_t i = 0; i < MANY_SERIES; i++) {
        snprintf(names[i], sizeof(names[i]), "S%zu", i);
        rows[i] = row_of(names[i], 100, "t", names[i]);
    }
    put_rows(fixture->store, rows, MANY_SERIES, NULL);
    for (int64_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY_SERIES; i += 3) {
            assert_string_equal(delete_all(fixture->store, MARKET_TICKS, names[i]), "1 end");
        }
        for (size_t i = 0; i < MANY_SERIES; i++) {
            rows[i].timestamp_us = 50 - round;
        }
        put_rows(fixture->store, rows, MANY_SERIES, outcomes);
        for (size_t i = 0; i < MANY_SERIES; i++) {
            assert_int_equal(outcomes[i], i % 3 == 0 ? MARKET_ACCEPTED : MARKET_ACCEPTED_LATE);
        }
    }
    assert_int_equal(stats_of(fixture->store).series_count, MANY_SERIES);
}

#define WRITERS 3
#define ROUNDS 60

struct scene {
    struct market_store *store;
    size_t number;
    atomic_size_t *faults;
};

/* Writes a series of its own, deletes its older half, and knows what must be there. */
static void *write_and_delete(void *argument)
{
    struct scene *scene = argument;
    char name[32];
    snprintf(name, sizeof(name), "GROUP/%zu", scene->number);
    for (int64_t i = 0; i < ROUNDS; i++) {
        struct market_row rows[2];
        enum market_outcome outcomes[2];
        for (int64_t j = 0; j < 2; j++) {
            rows[j] = row_of(name, 2 * i + j, "", name);
            rows[j].group = ds_bytes_of_text("GROUP");
        }
        struct market_batch batch = {
            .kind = MARKET_CHAINS, .rows = rows, .row_count = 2, .outcomes = outcomes};
        struct market_delete order = {
            .kind = MARKET_CHAINS,
            .series = ds_bytes_of_text(name),
            .start_us = INT64_MIN,
            .end_us = 2 * i,
            .row_max = MARKET_DELETE_ROWS_MAX,
        };
        const bool is_good = market_put_wait(scene->store, &batch) == DS_OK &&
                             outcomes[0] == MARKET_ACCEPTED && outcomes[1] == MARKET_ACCEPTED &&
                             market_delete_wait(scene->store, &order) == DS_OK && !order.more &&
                             order.deleted_count == (i == 0 ? 1 : 2);
        atomic_fetch_add(scene->faults, is_good ? 0 : 1);
    }
    return NULL;
}

static void deletes_among_puts_of_others_take_their_own_rows_only(void **state)
{
    struct fixture *fixture = *state;
    atomic_size_t faults = 0;
    pthread_t threads[WRITERS];
    struct scene scenes[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        scenes[i] = (struct scene){.store = fixture->store, .number = i, .faults = &faults};
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_delete, &scenes[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&faults), 0);
    const struct market_scan scan = scan_group("GROUP", true);
    assert_scan(fixture->store, &scan, "119:0=GROUP/0 119:1=GROUP/1 119:2=GROUP/2 end");
}

int run_delete_tests(void)
{
#define ROWS_TEST(name) cmocka_unit_test_setup_teardown(name, rows_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        ROWS_TEST(rows_of_the_range_go_with_both_its_ends),
        ROWS_TEST(rows_outside_of_the_range_stay),
        ROWS_TEST(the_oldest_go_first_and_what_is_left_is_told),
        STORE_TEST(the_first_and_the_last_moment_can_be_deleted),
        ROWS_TEST(an_unknown_series_has_nothing_to_delete),
        ROWS_TEST(a_series_whose_last_row_goes_is_no_longer_listed),
        ROWS_TEST(late_is_judged_against_what_is_stored_after_a_delete),
        ROWS_TEST(a_deleted_row_can_be_written_again),
        STORE_TEST(deleted_chains_are_gone_from_their_group),
        ROWS_TEST(deleted_rows_stay_deleted_when_the_store_is_opened_again),
        STORE_TEST(a_large_delete_takes_the_most_rows_that_one_may),
        STORE_TEST(many_series_are_deleted_beside_others),
        STORE_TEST(deletes_among_puts_of_others_take_their_own_rows_only),
    };
    return cmocka_run_group_tests_name("delete", tests, NULL, NULL);
}
