#include "clients/feed/feed.h"
#include "support/ingest_fixture.h"
#include "support/test.h"

#include <math.h>

#define HOUR_US (3600LL * 1000000)
#define MINUTE_US (60LL * 1000000)
#define PRODUCTS 4
#define EXPIRIES 2
#define QUOTES_OF_A_CHAIN 42

static struct ingest_fixture fixture;

/* The rows' times come from here. */
static int64_t wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return 1737517500LL * 1000000;
}

static int64_t monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return ds_clock_monotonic_us(ds_clock_system());
}

static const struct ds_clock fixed_clock = {.wall_us = wall_us, .monotonic_us = monotonic_us};

static int setup(void **state)
{
    (void)state;
    ingest_fixture_open(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ingest_fixture_close(&fixture);
    return 0;
}

/* Far enough apart that no live moment comes during a test, or as fast as possible. */
static ds_code start(uint32_t interval_ms, uint32_t option_interval_ms, struct feed **ret_feed)
{
    const struct feed_options options = {.channel = fixture.channel,
                                         .clock = &fixed_clock,
                                         .seed = 1,
                                         .interval_ms = interval_ms,
                                         .option_interval_ms = option_interval_ms};
    return feed_start(&options, ret_feed);
}

static void an_empty_store_gets_a_past(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    assert_int_equal(start(1000000, 1000000, &feed), DS_OK);
    feed_stop(feed);
    assert_int_equal(fixture.rows[INGEST_FIXTURE_TICKS], PRODUCTS * 720);
    assert_int_equal(fixture.rows[INGEST_FIXTURE_CHAINS], PRODUCTS * EXPIRIES * 10);
    assert_int_equal(fixture.rows[INGEST_FIXTURE_QUOTES],
                     PRODUCTS * EXPIRIES * 10 * QUOTES_OF_A_CHAIN);
    assert_int_equal(fixture.oldest_us[INGEST_FIXTURE_TICKS], wall_us(NULL) - 2 * HOUR_US);
    assert_int_equal(fixture.oldest_us[INGEST_FIXTURE_CHAINS], wall_us(NULL) - 5 * MINUTE_US);
}

static void stored_ticks_are_gone_on_from(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    timestamp.seconds = 1737517000;
    fixture.has_tick = true;
    fixture.tick.product = (char *)(uintptr_t) "NIFTY";
    fixture.tick.timestamp = &timestamp;
    fixture.tick._price_case = STORAGE__TICK___PRICE_PRICE;
    fixture.tick.price = 22000;
    assert_int_equal(start(1000000, 1000000, &feed), DS_OK);
    feed_stop(feed);
    assert_int_equal(fixture.calls[INGEST_FIXTURE_TICKS], 0);
    assert_int_equal(fixture.calls[INGEST_FIXTURE_CHAINS], 0);
}

/* Of the same day: its number, price and day go on. */
static void a_live_tick_continues_the_stored_one(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    timestamp.seconds = 1737517499;
    Storage__Tick *stored = &fixture.tick;
    fixture.has_tick = true;
    stored->product = (char *)(uintptr_t) "NIFTY";
    stored->timestamp = &timestamp;
    stored->_price_case = STORAGE__TICK___PRICE_PRICE;
    stored->price = 22000;
    stored->_tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    stored->tick_id = 41;
    stored->_open_case = STORAGE__TICK___OPEN_OPEN;
    stored->open = 21900;
    stored->_high_case = STORAGE__TICK___HIGH_HIGH;
    stored->high = 22200;
    stored->_low_case = STORAGE__TICK___LOW_LOW;
    stored->low = 21800;
    stored->_change_case = STORAGE__TICK___CHANGE_CHANGE;
    stored->change = 150;
    assert_int_equal(start(1, 1000000, &feed), DS_OK);
    ingest_fixture_await(&fixture, INGEST_FIXTURE_TICKS, 1);
    feed_stop(feed);
    const Storage__Tick *first = &fixture.first_tick;
    assert_int_equal(first->tick_id, 42);
    assert_true(fabs(first->price - 22000) < 100);
    assert_true(first->open == 21900 && first->high == 22200 && first->low == 21800);
    assert_true(fabs(first->change - (first->price - 21850)) < 1e-6);
}

static void a_stored_tick_without_a_price_stops_the_start(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    fixture.has_tick = true;
    fixture.tick.product = (char *)(uintptr_t) "NIFTY";
    fixture.tick.timestamp = &timestamp;
    assert_int_equal(start(1000000, 1000000, &feed), DS_DATA_LOSS);
    /* Nobody walks on from 0. */
    fixture.tick._price_case = STORAGE__TICK___PRICE_PRICE;
    fixture.tick.price = 0;
    assert_int_equal(start(1000000, 1000000, &feed), DS_DATA_LOSS);
    assert_null(feed);
}

static void a_start_that_can_not_write_says_so(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    fixture.failures_left = 1;
    assert_int_equal(start(1000000, 1000000, &feed), DS_UNAVAILABLE);
    assert_null(feed);
}

static void live_rows_follow_with_quotes_and_chains_now_and_then(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    assert_int_equal(start(1, 3, &feed), DS_OK);
    /* Each moment is one call of a kind; the past was four of ticks and as many of chains. */
    ingest_fixture_await(&fixture, INGEST_FIXTURE_CHAINS, 4 + 3);
    feed_stop(feed);
    const int moments = fixture.calls[INGEST_FIXTURE_TICKS] - 4;
    const int option_moments = fixture.calls[INGEST_FIXTURE_CHAINS] - 4;
    assert_int_equal(option_moments, (moments + 2) / 3);
    assert_int_equal(fixture.rows[INGEST_FIXTURE_TICKS], PRODUCTS * (720 + (size_t)moments));
}

static void an_outage_is_outlived(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    assert_int_equal(start(1, 1000, &feed), DS_OK);
    pthread_mutex_lock(&fixture.mutex);
    fixture.failures_left = 3;
    const int calls = fixture.calls[INGEST_FIXTURE_TICKS];
    pthread_mutex_unlock(&fixture.mutex);
    ingest_fixture_await(&fixture, INGEST_FIXTURE_TICKS, calls + 6);
    feed_stop(feed);
    assert_int_equal(fixture.failures_left, 0);
    assert_true(fixture.rows[INGEST_FIXTURE_TICKS] > (size_t)PRODUCTS * 720);
}

static void a_feed_that_was_not_started_is_stopped_too(void **state)
{
    (void)state;
    feed_stop(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_store_gets_a_past),
        TEST(stored_ticks_are_gone_on_from),
        TEST(a_live_tick_continues_the_stored_one),
        TEST(a_stored_tick_without_a_price_stops_the_start),
        TEST(a_start_that_can_not_write_says_so),
        TEST(live_rows_follow_with_quotes_and_chains_now_and_then),
        TEST(an_outage_is_outlived),
        TEST(a_feed_that_was_not_started_is_stopped_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
