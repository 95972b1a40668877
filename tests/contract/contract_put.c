/* What becomes of rows that are put: outcomes, duplicates, conflicts, late rows, sizes. */
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

static void new_rows_are_accepted_and_read_back(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(put_text(fixture->store, "NIFTY", "10:a=x 20:a=y", MARKET_CONFLICT_ERROR),
                        "AA");
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, "10:a=x 20:a=y end");
}

static void the_same_row_again_is_a_duplicate_under_every_policy(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY", "10:a=x", MARKET_CONFLICT_ERROR);
    assert_string_equal(put_text(fixture->store, "NIFTY", "10:a=x", MARKET_CONFLICT_ERROR), "D");
    assert_string_equal(put_text(fixture->store, "NIFTY", "10:a=x", MARKET_CONFLICT_FIRST), "D");
    assert_string_equal(put_text(fixture->store, "NIFTY", "10:a=x", MARKET_CONFLICT_LAST), "D");
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, "10:a=x end");
}

static void rows_of_one_batch_are_compared_with_each_other(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(
        put_text(fixture->store, "NIFTY", "10:a=x 10:a=x 10:a=y 10:b=y", MARKET_CONFLICT_ERROR),
        "ADCA");
}

static void with_policy_error_a_conflict_leaves_the_stored_row(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY", "10:a=old", MARKET_CONFLICT_ERROR);
    assert_string_equal(put_text(fixture->store, "NIFTY", "10:a=new 20:a=z", MARKET_CONFLICT_ERROR),
                        "CA");
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, "10:a=old 20:a=z end");
}

static void with_policy_first_a_conflict_is_a_duplicate(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY", "10:a=old", MARKET_CONFLICT_ERROR);
    assert_string_equal(put_text(fixture->store, "NIFTY", "10:a=new", MARKET_CONFLICT_FIRST), "D");
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, "10:a=old end");
}

static void with_policy_last_a_conflict_replaces_the_stored_row(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY", "10:a=old 20:a=z", MARKET_CONFLICT_ERROR);
    assert_string_equal(
        put_text(fixture->store, "NIFTY", "20:a=longer-than-before 10:a=n", MARKET_CONFLICT_LAST),
        "AL");
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, "10:a=n 20:a=longer-than-before end");
}

static void a_row_older_than_the_newest_of_its_series_is_late(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY", "100:a=x", MARKET_CONFLICT_ERROR);
    assert_string_equal(put_text(fixture->store, "NIFTY", "50:a=x 100:b=x 99:a=x 101:a=x 100:c=x",
                                 MARKET_CONFLICT_ERROR),
                        "LALAL");
    assert_string_equal(put_text(fixture->store, "OTHER", "50:a=x", MARKET_CONFLICT_ERROR), "A");
}

static void a_duplicate_or_conflict_in_a_batch_does_not_change_what_is_late(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY", "10:a=x 20:a=x", MARKET_CONFLICT_ERROR);
    assert_string_equal(
        put_text(fixture->store, "NIFTY", "10:a=x 10:a=y 20:b=x 15:a=x", MARKET_CONFLICT_ERROR),
        "DCAL");
}

static void late_is_known_after_the_store_was_opened_again(void **state)
{
    struct fixture *fixture = *state;
    if (!engine_under_test.keeps_rows) {
        return;
    }
    put_text(fixture->store, "AAA", "500:a=x", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "NIFTY", "100:a=x", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "ZZZ", "900:a=x", MARKET_CONFLICT_ERROR);
    fixture_reopen(fixture);
    assert_string_equal(put_text(fixture->store, "NIFTY", "99:a=x 100:b=x", MARKET_CONFLICT_ERROR),
                        "LA");
    assert_string_equal(put_text(fixture->store, "ZZZ", "899:a=x 900:b=x", MARKET_CONFLICT_ERROR),
                        "LA");
    assert_string_equal(put_text(fixture->store, "AAA", "500:b=x 1:b=x", MARKET_CONFLICT_ERROR),
                        "AL");
}

static void rows_are_there_after_the_store_was_opened_again(void **state)
{
    struct fixture *fixture = *state;
    if (!engine_under_test.keeps_rows) {
        return;
    }
    put_text(fixture->store, "NIFTY", "10:a=x 20:b=y", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "BANKNIFTY", "15:a=z", MARKET_CONFLICT_ERROR);
    fixture_reopen(fixture);
    const struct market_scan scan = scan_all("NIFTY", false);
    assert_scan(fixture->store, &scan, "20:b=y 10:a=x end");
    assert_string_equal(put_text(fixture->store, "NIFTY", "10:a=x", MARKET_CONFLICT_ERROR), "D");
    assert_string_equal(put_text(fixture->store, "FINNIFTY", "1:a=x", MARKET_CONFLICT_ERROR), "A");
    const struct market_scan other = scan_all("FINNIFTY", false);
    assert_scan(fixture->store, &other, "1:a=x end");
}

/* Field 5 (bytes) and field 1 (varint), in both orders of content. */
#define FIELD_1_IS_7 "\x08\x07"
#define FIELD_1_IS_8 "\x08\x08"
#define FIELD_5_IS_AA "\x2a\x02\x41\x41"
#define FIELD_5_IS_B "\x2a\x01\x42"

static enum market_outcome put_assigned(struct market_store *store, const char *value,
                                        uint32_t assigned_field)
{
    struct market_row row = row_of("NIFTY", 10, "a", value);
    row.assigned_field = assigned_field;
    enum market_outcome outcome = MARKET_CONFLICT;
    put_rows(store, &row, 1, &outcome);
    return outcome;
}

static void a_retry_is_a_duplicate_though_the_service_filled_in_a_field_anew(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put_assigned(fixture->store, FIELD_1_IS_7 FIELD_5_IS_AA, 5), MARKET_ACCEPTED);
    assert_int_equal(put_assigned(fixture->store, FIELD_1_IS_7 FIELD_5_IS_B, 5), MARKET_DUPLICATE);
    assert_int_equal(put_assigned(fixture->store, FIELD_1_IS_7, 5), MARKET_DUPLICATE);
    assert_int_equal(put_assigned(fixture->store, FIELD_1_IS_8 FIELD_5_IS_AA, 5), MARKET_CONFLICT);
}

static void a_field_that_the_writer_filled_in_is_compared(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put_assigned(fixture->store, FIELD_1_IS_7 FIELD_5_IS_AA, 0), MARKET_ACCEPTED);
    assert_int_equal(put_assigned(fixture->store, FIELD_1_IS_7 FIELD_5_IS_B, 0), MARKET_CONFLICT);
    assert_int_equal(put_assigned(fixture->store, FIELD_1_IS_7 FIELD_5_IS_AA, 0), MARKET_DUPLICATE);
}

static void values_that_are_no_messages_are_compared_as_a_whole(void **state)
{
    (void)state;
    const struct ds_bytes cut_off = ds_bytes_of_text("\x2a\x7f\x41");
    const struct ds_bytes other = ds_bytes_of_text("\x2a\x7f\x42");
    assert_true(market_values_equal(cut_off, cut_off, 5));
    assert_false(market_values_equal(cut_off, other, 5));
    assert_true(market_values_equal(ds_bytes_of(NULL, 0), ds_bytes_of(NULL, 0), 0));
    assert_true(market_values_equal(ds_bytes_of(NULL, 0), ds_bytes_of_text(FIELD_5_IS_B), 5));
    assert_false(market_values_equal(ds_bytes_of(NULL, 0), ds_bytes_of_text(FIELD_5_IS_B), 0));
    assert_false(market_values_equal(ds_bytes_of_text(FIELD_1_IS_7 FIELD_5_IS_B),
                                     ds_bytes_of_text(FIELD_1_IS_7 FIELD_1_IS_7), 5));
}

static void a_value_of_the_largest_size_and_an_empty_one_come_back(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *large = malloc(MARKET_VALUE_BYTES_MAX);
    assert_non_null(large);
    for (size_t i = 0; i < MARKET_VALUE_BYTES_MAX; i++) {
        large[i] = (uint8_t)('A' + i % 26);
    }
    struct market_row rows[3] = {
        row_of("NIFTY", 10, "a", "x"),
        row_of("NIFTY", 20, "a", ""),
        row_of("NIFTY", 30, "a", ""),
    };
    rows[0].value = ds_bytes_of(large, MARKET_VALUE_BYTES_MAX);
    rows[1].value = ds_bytes_of(NULL, 0);
    enum market_outcome outcomes[3];
    put_rows(fixture->store, rows, 3, outcomes);
    put_rows(fixture->store, rows, 3, outcomes);
    assert_int_equal(outcomes[0], MARKET_DUPLICATE);
    large[MARKET_VALUE_BYTES_MAX - 1] = '!';
    put_rows(fixture->store, rows, 3, outcomes);
    assert_int_equal(outcomes[0], MARKET_CONFLICT);
    assert_int_equal(outcomes[1], MARKET_DUPLICATE);
    free(large);
    struct market_scan scan = scan_all("NIFTY", true);
    scan.start_us = 11;
    assert_scan(fixture->store, &scan, "20:a= 30:a= end");
}

static void a_batch_of_the_largest_count_is_stored_whole(void **state)
{
    struct fixture *fixture = *state;
    struct market_row *rows = calloc(MARKET_BATCH_ROWS_MAX, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < MARKET_BATCH_ROWS_MAX; i++) {
        rows[i] = row_of(i % 2 == 0 ? "EVEN" : "ODD", (int64_t)i, "t", "value");
    }
    put_rows(fixture->store, rows, MARKET_BATCH_ROWS_MAX, NULL);
    free(rows);
    struct market_stats stats;
    assert_int_equal(fixture->store->ops->stats(fixture->store, &stats), DS_OK);
    assert_int_equal(stats.row_count, MARKET_BATCH_ROWS_MAX);
    assert_int_equal(stats.series_count, 2);
}

int run_put_tests(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(new_rows_are_accepted_and_read_back),
        STORE_TEST(the_same_row_again_is_a_duplicate_under_every_policy),
        STORE_TEST(rows_of_one_batch_are_compared_with_each_other),
        STORE_TEST(with_policy_error_a_conflict_leaves_the_stored_row),
        STORE_TEST(with_policy_first_a_conflict_is_a_duplicate),
        STORE_TEST(with_policy_last_a_conflict_replaces_the_stored_row),
        STORE_TEST(a_row_older_than_the_newest_of_its_series_is_late),
        STORE_TEST(a_duplicate_or_conflict_in_a_batch_does_not_change_what_is_late),
        STORE_TEST(late_is_known_after_the_store_was_opened_again),
        STORE_TEST(rows_are_there_after_the_store_was_opened_again),
        STORE_TEST(a_retry_is_a_duplicate_though_the_service_filled_in_a_field_anew),
        STORE_TEST(a_field_that_the_writer_filled_in_is_compared),
        cmocka_unit_test(values_that_are_no_messages_are_compared_as_a_whole),
        STORE_TEST(a_value_of_the_largest_size_and_an_empty_one_come_back),
        STORE_TEST(a_batch_of_the_largest_count_is_stored_whole),
    };
    return cmocka_run_group_tests_name("put", tests, NULL, NULL);
}
