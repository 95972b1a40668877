/*
 * The verification of the embedded store finds what is wrong and names it. The damage is done
 * through LMDB, to a closed store.
 */
#include "ds/log.h"
#include "lmdb_edit.h"
#include "sample_store.h"
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

#define SOUND "9 rows, 6 series"

/* Numbers and times as they are stored. */
#define ONE "\0\0\0\1"
#define TWO "\0\0\0\2"
#define NINE "\0\0\0\11"
#define AT_1 "\x80\0\0\0\0\0\0\1"
#define AT_2 "\x80\0\0\0\0\0\0\2"

/* One change to a table: puts the value, or deletes the key where it has none. */
struct change {
    const char *table;
    struct ds_bytes key;
    struct ds_bytes value;
    bool is_deletion;
};

#define PUT(table, key, value)                                                                     \
    (struct change)                                                                                \
    {                                                                                              \
        (table), BYTES(key), BYTES(value), false                                                   \
    }
#define DELETE(table, key)                                                                         \
    (struct change)                                                                                \
    {                                                                                              \
        (table), BYTES(key), {NULL, 0}, true                                                       \
    }

static void damage(const char *folder, const struct change *changes, size_t change_count)
{
    for (size_t i = 0; i < change_count; i++) {
        const struct change *change = &changes[i];
        if (change->is_deletion) {
            lmdb_entry_delete(folder, change->table, change->key);
        } else {
            lmdb_entry_put(folder, change->table, change->key, change->value);
        }
    }
}

static int sample_setup(void **state)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    sample_put(fixture->store);
    return 0;
}

static void assert_verified(struct fixture *fixture, const char *expected)
{
    char *text = verify_text(fixture->store);
    assert_string_equal(text, expected);
    free(text);
}

/* Damages the sample and asserts all that is found. */
static void assert_found(struct fixture *fixture, const struct change *changes, size_t change_count,
                         const char *expected)
{
    const struct market_store_options options = {.map_bytes = UINT64_C(1) << 30,
                                                 .free_bytes_min = 1};
    fixture->store->ops->close(fixture->store);
    damage(fixture->folder, changes, change_count);
    fixture->store = engine_under_test.open(fixture->folder, &options);
    assert_verified(fixture, expected);
}

#define ASSERT_FOUND(state, expected, ...)                                                         \
    do {                                                                                           \
        const struct change changes[] = {__VA_ARGS__};                                             \
        assert_found(*(state), changes, sizeof(changes) / sizeof(changes[0]), (expected));         \
    } while (0)

static void a_sound_store_has_no_fault(void **state)
{
    assert_verified(*state, SOUND);
}

static void an_empty_store_has_no_fault(void **state)
{
    assert_verified(*state, "0 rows, 0 series");
}

static void a_store_is_sound_after_deletions(void **state)
{
    struct fixture *fixture = *state;
    struct market_delete order = {.kind = MARKET_CHAINS,
                                  .series = ds_bytes_of_text("NIFTY/2025-02-01"),
                                  .start_us = INT64_MIN,
                                  .end_us = INT64_MAX,
                                  .row_max = 10};
    assert_int_equal(market_delete_wait(fixture->store, &order), DS_OK);
    assert_int_equal(order.deleted_count, 1);
    assert_verified(fixture, "8 rows, 5 series");
}

static void a_row_that_is_no_message_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nticks \"NIFTY\": the row at 2 us is damaged: tick_id: the number is "
                       "cut or too long",
                 PUT("ticks", ONE AT_2, "\x20"));
}

static void a_malformed_key_of_a_row_is_told(void **state)
{
    ASSERT_FOUND(state, SOUND "\ntable ticks: a key of 6 bytes is malformed",
                 PUT("ticks", ONE "xy", ""));
}

static void a_key_too_short_for_a_number_is_told(void **state)
{
    ASSERT_FOUND(state, SOUND "\ntable quotes: a key of 2 bytes is malformed",
                 PUT("quotes", "\0\1", ""));
}

static void a_quote_with_a_tie_is_malformed(void **state)
{
    ASSERT_FOUND(state, SOUND "\ntable quotes: a key of 13 bytes is malformed",
                 PUT("quotes", ONE AT_1 "x", ""));
}

static void rows_without_a_series_are_told(void **state)
{
    ASSERT_FOUND(state, SOUND "\nticks: there are rows of the series number 9, which is not listed",
                 PUT("ticks", NINE AT_1, ""), PUT("ticks", NINE AT_2, ""));
}

static void a_series_that_is_not_listed_leaves_lost_rows(void **state)
{
    ASSERT_FOUND(state,
                 "6 rows, 5 series\nticks: there are rows of the series number 1, which is not "
                 "listed",
                 DELETE("ticks.series", "NIFTY"));
}

static void a_series_without_rows_is_named(void **state)
{
    ASSERT_FOUND(state, "8 rows, 6 series\nticks \"SENSEX\": is listed and has no rows",
                 DELETE("ticks", TWO AT_1));
}

static void a_malformed_entry_of_a_series_is_named(void **state)
{
    ASSERT_FOUND(state,
                 "6 rows, 5 series\ntable ticks.series: the entry of \"NIFTY\" is malformed\n"
                 "ticks: there are rows of the series number 1, which is not listed",
                 PUT("ticks.series", "NIFTY", "\0\1"));
}

static void a_number_that_was_never_given_is_told(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nticks \"SENSEX\": has number 2, and series_id.ticks says 1 is the newest",
                 PUT("meta", "series_id.ticks", ONE));
}

static void two_series_with_one_number_are_told(void **state)
{
    ASSERT_FOUND(state, "12 rows, 7 series\nticks: two series have the number 1",
                 PUT("ticks.series", "OTHER", ONE));
}

static void a_chain_that_is_missing_by_group_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nchains \"NIFTY/2025-01-25\": the row at 2 us is missing in "
                       "chains.by_group",
                 DELETE("chains.by_group", ONE AT_2 "2025-01-25"));
}

static void an_entry_by_group_of_another_series_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nchains \"NIFTY/2025-01-25\": the row at 1 us is missing in "
                       "chains.by_group"
                       "\nchains.by_group: the entry at 1 us of member \"2025-01-25\" is not of "
                       "the series with number 2",
                 PUT("chains.by_group", ONE AT_1 "2025-01-25", TWO));
}

/* A reader by group would see the row twice. */
static void a_second_entry_of_a_row_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nchains.by_group: the entry at 1 us of member \"2025-01-26\" is not of "
                       "the series with number 1",
                 PUT("chains.by_group", ONE AT_1 "2025-01-26", ONE));
}

/* A reader by group would see the row in another group too. */
static void an_entry_in_a_group_that_is_not_there_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nchains.by_group: the entry at 1 us of member \"2025-01-25\" is not of "
                       "the series with number 1",
                 PUT("chains.by_group", NINE AT_1 "2025-01-25", ONE));
}

static void an_entry_by_group_without_a_row_is_named(void **state)
{
    ASSERT_FOUND(state,
                 "8 rows, 6 series\nchains.by_group: the entry at 2 us of member \"2025-01-25\" "
                 "has no row",
                 DELETE("chains", ONE AT_2));
}

static void a_malformed_entry_by_group_is_told(void **state)
{
    ASSERT_FOUND(state, SOUND "\ntable chains.by_group: a key of 4 bytes is malformed",
                 PUT("chains.by_group", NINE, ONE));
}

static void a_series_whose_group_is_not_listed_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nquotes \"NIFTY20250125C21500\": its group \"NIFTY\" is not listed with "
                       "number 1"
                       "\nquotes \"NIFTY20250125P21500\": its group \"NIFTY\" is not listed with "
                       "number 1",
                 DELETE("quotes.groups", "NIFTY"));
}

static void a_series_that_is_no_member_of_its_group_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nquotes \"NIFTY20250125C21500\": is no member of its group \"NIFTY\"",
                 DELETE("quotes.members", ONE "NIFTY20250125C21500"));
}

static void a_member_that_is_no_series_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\ntable quotes.members: \"GONE\" is no series of the group with number 1",
                 PUT("quotes.members", ONE "GONE", ""));
}

static void a_malformed_member_is_told(void **state)
{
    ASSERT_FOUND(state, SOUND "\ntable quotes.members: an entry of 3 bytes is malformed",
                 PUT("quotes.members", "\0\0\1", ""));
}

static void a_group_without_members_is_named(void **state)
{
    ASSERT_FOUND(state,
                 SOUND "\nquotes \"EMPTY\": has number 9, and group_id.quotes says 1 is the newest"
                       "\ntable quotes.groups: \"EMPTY\" has no members",
                 PUT("quotes.groups", "EMPTY", NINE));
}

static void a_malformed_group_is_named(void **state)
{
    ASSERT_FOUND(state, SOUND "\ntable quotes.groups: the entry of \"EMPTY\" is malformed",
                 PUT("quotes.groups", "EMPTY", "\1"));
}

static void a_chain_named_as_of_another_group_is_told(void **state)
{
    ASSERT_FOUND(state,
                 "10 rows, 7 series"
                 "\nchains \"X\": is named as if of another group than \"NIFTY\""
                 "\nchains \"X\": is no member of its group \"NIFTY\"",
                 PUT("chains.series", "X", "\0\0\0\3" ONE "NIFTY"),
                 PUT("chains", "\0\0\0\3" AT_1, ""), PUT("meta", "series_id.chains", "\0\0\0\3"));
}

static void a_fault_is_text_whatever_the_tables_hold(void **state)
{
    ASSERT_FOUND(state, SOUND "\ntable quotes.groups: the entry of \"?[31m?\" is malformed",
                 PUT("quotes.groups", "\x1b[31m\xff", "\1"));
}

static bool stop_always(void *context)
{
    (void)context;
    return true;
}

static void no_fault(void *context, const char *text)
{
    (void)context;
    fail_msg("%s", text);
}

static void a_verification_ends_when_nobody_waits(void **state)
{
    struct fixture *fixture = *state;
    struct market_verify verify = {.fault = no_fault, .should_stop = stop_always};
    assert_int_equal(fixture->store->ops->verify(fixture->store, &verify), DS_CANCELLED);
}

/* More than a page has: the walk goes on where it was, also within a series. */
static void every_page_of_a_large_store_is_looked_at(void **state)
{
    enum { ROWS = 40000, BATCH = 10000 };
    struct fixture *fixture = *state;
    struct market_row *rows = calloc(BATCH, sizeof(*rows));
    char(*names)[16] = calloc(BATCH, sizeof(*names));
    assert_true(rows != NULL && names != NULL);
    for (size_t first = 0; first < ROWS; first += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            snprintf(names[i], sizeof(names[i]), "S%zu", i % 2 == 0 ? 0 : i % 1000);
            rows[i] = row_of(names[i], (int64_t)(first + i), "", "");
        }
        put_rows(fixture->store, rows, BATCH, NULL);
    }
    assert_verified(fixture, "40000 rows, 501 series");
    free(rows);
    free(names);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define SAMPLE_TEST(name) cmocka_unit_test_setup_teardown(name, sample_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        SAMPLE_TEST(a_sound_store_has_no_fault),
        STORE_TEST(an_empty_store_has_no_fault),
        SAMPLE_TEST(a_store_is_sound_after_deletions),
        SAMPLE_TEST(a_row_that_is_no_message_is_named),
        SAMPLE_TEST(a_malformed_key_of_a_row_is_told),
        SAMPLE_TEST(a_key_too_short_for_a_number_is_told),
        SAMPLE_TEST(a_quote_with_a_tie_is_malformed),
        SAMPLE_TEST(rows_without_a_series_are_told),
        SAMPLE_TEST(a_series_that_is_not_listed_leaves_lost_rows),
        SAMPLE_TEST(a_series_without_rows_is_named),
        SAMPLE_TEST(a_malformed_entry_of_a_series_is_named),
        SAMPLE_TEST(a_number_that_was_never_given_is_told),
        SAMPLE_TEST(two_series_with_one_number_are_told),
        SAMPLE_TEST(a_chain_that_is_missing_by_group_is_named),
        SAMPLE_TEST(an_entry_by_group_of_another_series_is_named),
        SAMPLE_TEST(a_second_entry_of_a_row_is_named),
        SAMPLE_TEST(an_entry_in_a_group_that_is_not_there_is_named),
        SAMPLE_TEST(an_entry_by_group_without_a_row_is_named),
        SAMPLE_TEST(a_malformed_entry_by_group_is_told),
        SAMPLE_TEST(a_series_whose_group_is_not_listed_is_named),
        SAMPLE_TEST(a_series_that_is_no_member_of_its_group_is_named),
        SAMPLE_TEST(a_member_that_is_no_series_is_named),
        SAMPLE_TEST(a_malformed_member_is_told),
        SAMPLE_TEST(a_group_without_members_is_named),
        SAMPLE_TEST(a_malformed_group_is_named),
        SAMPLE_TEST(a_chain_named_as_of_another_group_is_told),
        SAMPLE_TEST(a_fault_is_text_whatever_the_tables_hold),
        SAMPLE_TEST(a_verification_ends_when_nobody_waits),
        STORE_TEST(every_page_of_a_large_store_is_looked_at),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
