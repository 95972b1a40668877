/* Damaged tables: what is read says so, what is deleted goes all the same, nothing crashes. */
#include "ds/log.h"
#include "lmdb_edit.h"
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

/* Keys as they are stored: the number of the first series, or group, of a kind is 1. */
#define NUMBER_1 "\0\0\0\1"
#define AT_10 "\x80\0\0\0\0\0\0\x0a"

static int damage_setup(void **state)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    put_chain(fixture->store, "NIFTY", "x", "10:=x1 20:=x2");
    put_chain(fixture->store, "NIFTY", "y", "15:=y1");
    put_text(fixture->store, "TICKS", "1:a=x", MARKET_CONFLICT_ERROR);
    return 0;
}

static void damage(struct fixture *fixture, const char *table, struct ds_bytes key,
                   struct ds_bytes value)
{
    fixture_close(fixture);
    lmdb_entry_put(fixture->folder, table, key, value);
    fixture_reopen(fixture);
}

static void lose(struct fixture *fixture, const char *table, struct ds_bytes key)
{
    fixture_close(fixture);
    lmdb_entry_delete(fixture->folder, table, key);
    fixture_reopen(fixture);
}

static void take_none(void *context, struct ds_bytes series, struct ds_bytes group)
{
    (void)context;
    (void)series;
    (void)group;
}

static void assert_list_fails(struct market_store *store, const char *group)
{
    const struct market_series_query query = {
        .kind = MARKET_CHAINS, .group = ds_bytes_of_text(group), .series_max = 10};
    bool more;
    assert_int_equal(store->ops->list_series(store, &query, take_none, NULL, &more), DS_DATA_LOSS);
}

static void an_index_entry_without_its_row_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    lose(fixture, "chains", BYTES(NUMBER_1 AT_10));
    struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(fixture->store, &scan, "DATA_LOSS");
    scan = scan_kind(MARKET_CHAINS, "NIFTY/x", true);
    assert_scan(fixture->store, &scan, "20:=x2 end");
}

static void an_index_entry_of_the_wrong_size_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "chains.by_group", BYTES(NUMBER_1 AT_10 "x"), BYTES("\0\0\1"));
    const struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(fixture->store, &scan, "DATA_LOSS");
}

static void a_row_without_its_index_entry_can_be_deleted(void **state)
{
    struct fixture *fixture = *state;
    lose(fixture, "chains.by_group", BYTES(NUMBER_1 AT_10 "x"));
    assert_string_equal(delete_all(fixture->store, MARKET_CHAINS, "NIFTY/x"), "2 end");
    const struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(fixture->store, &scan, "15:y=y1 end");
}

static void a_series_without_its_member_entry_can_be_deleted(void **state)
{
    struct fixture *fixture = *state;
    lose(fixture, "chains.members", BYTES(NUMBER_1 "NIFTY/x"));
    assert_string_equal(delete_all(fixture->store, MARKET_CHAINS, "NIFTY/x"), "2 end");
    assert_string_equal(delete_all(fixture->store, MARKET_CHAINS, "NIFTY/y"), "1 end");
    assert_int_equal(stats_of(fixture->store).kinds[MARKET_CHAINS].series_count, 0);
}

static void a_series_entry_of_the_wrong_size_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "chains.series", BYTES("NIFTY/x"), BYTES(NUMBER_1 NUMBER_1));
    const struct market_scan scan = scan_kind(MARKET_CHAINS, "NIFTY/x", true);
    assert_scan(fixture->store, &scan, "DATA_LOSS");
    assert_list_fails(fixture->store, "");
    assert_string_equal(delete_all(fixture->store, MARKET_CHAINS, "NIFTY/x"), "DATA_LOSS");
    /* Damage that the writer meets leaves open what else is damaged. */
    assert_int_equal(stats_of(fixture->store).writes, MARKET_WRITES_STOPPED);
}

static void a_group_that_does_not_fit_its_series_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "chains.series", BYTES("NIFTY/x"), BYTES(NUMBER_1 NUMBER_1 "NIFTY/xyz"));
    assert_string_equal(delete_all(fixture->store, MARKET_CHAINS, "NIFTY/x"), "DATA_LOSS");
    fixture_reopen(fixture);
    assert_string_equal(put_chain(fixture->store, "NIFTY", "x", "30:=x3"), "DATA_LOSS");
}

static void a_group_entry_of_the_wrong_size_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "chains.groups", BYTES("NIFTY"), BYTES("\1"));
    const struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(fixture->store, &scan, "DATA_LOSS");
    assert_list_fails(fixture->store, "NIFTY");
    assert_string_equal(put_chain(fixture->store, "NIFTY", "new", "1:=x"), "DATA_LOSS");
}

static void a_series_whose_name_is_too_long_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    char name[MARKET_SERIES_BYTES_MAX + 1];
    memset(name, 'N', sizeof(name));
    damage(fixture, "chains.series", ds_bytes_of(name, sizeof(name)),
           BYTES(NUMBER_1 NUMBER_1 "NIFTY"));
    assert_list_fails(fixture->store, "");
}

/* Nobody could go on behind it. */
static void a_member_without_a_name_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "chains.members", BYTES(NUMBER_1), BYTES(""));
    assert_list_fails(fixture->store, "NIFTY");
}

static void a_member_whose_name_is_too_long_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    char key[4 + MARKET_SERIES_BYTES_MAX + 1] = NUMBER_1;
    memset(key + 4, 'N', sizeof(key) - 4);
    damage(fixture, "chains.members", ds_bytes_of(key, sizeof(key)), BYTES(""));
    assert_list_fails(fixture->store, "NIFTY");
}

static void a_counter_of_the_wrong_size_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "meta", BYTES("series_id.ticks"), BYTES("\1"));
    assert_string_equal(put_text(fixture->store, "NEW", "1:a=x", MARKET_CONFLICT_ERROR),
                        "DATA_LOSS");
}

/* There is no number left that was never used. */
static void numbers_that_are_used_up_are_a_full_store(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "meta", BYTES("series_id.ticks"), BYTES("\xff\xff\xff\xfe"));
    assert_string_equal(put_text(fixture->store, "NEW", "1:a=x", MARKET_CONFLICT_ERROR),
                        "RESOURCE_EXHAUSTED");
    assert_string_equal(put_text(fixture->store, "TICKS", "2:a=x", MARKET_CONFLICT_ERROR), "A");
}

static void a_key_of_the_wrong_size_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    damage(fixture, "ticks", BYTES(NUMBER_1 "short"), BYTES("x"));
    const struct market_scan scan = scan_all("TICKS", true);
    assert_scan(fixture->store, &scan, "DATA_LOSS");
    assert_string_equal(delete_all(fixture->store, MARKET_TICKS, "TICKS"), "DATA_LOSS");
}

static void an_id_of_the_wrong_size_keeps_the_store_closed(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    lmdb_entry_put(fixture->folder, "meta", BYTES("uuid"), BYTES("abc"));
    struct market_store *store = NULL;
    char reason[256];
    const struct market_store_options options = {.map_bytes = 1 << 26};
    assert_int_equal(market_lmdb_open(fixture->folder, &options, &store, reason, sizeof(reason)),
                     DS_DATA_LOSS);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define DAMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, damage_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        DAMAGE_TEST(an_index_entry_without_its_row_is_data_loss),
        DAMAGE_TEST(an_index_entry_of_the_wrong_size_is_data_loss),
        DAMAGE_TEST(a_row_without_its_index_entry_can_be_deleted),
        DAMAGE_TEST(a_series_without_its_member_entry_can_be_deleted),
        DAMAGE_TEST(a_series_entry_of_the_wrong_size_is_data_loss),
        DAMAGE_TEST(a_group_that_does_not_fit_its_series_is_data_loss),
        DAMAGE_TEST(a_group_entry_of_the_wrong_size_is_data_loss),
        DAMAGE_TEST(a_series_whose_name_is_too_long_is_data_loss),
        DAMAGE_TEST(a_member_without_a_name_is_data_loss),
        DAMAGE_TEST(a_member_whose_name_is_too_long_is_data_loss),
        DAMAGE_TEST(a_counter_of_the_wrong_size_is_data_loss),
        DAMAGE_TEST(numbers_that_are_used_up_are_a_full_store),
        DAMAGE_TEST(a_key_of_the_wrong_size_is_data_loss),
        DAMAGE_TEST(an_id_of_the_wrong_size_keeps_the_store_closed),
    };
    return cmocka_run_group_tests_name("lmdb damage", tests, NULL, NULL);
}
