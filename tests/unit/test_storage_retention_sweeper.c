/* When the sweeper works: at intervals of a clock that the test turns, when asked, one at a time.
 */
#include "ds/log.h"
#include "storage/retention_sweeper.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define NOW_US INT64_C(1737799200000000)
#define HOUR_US (INT64_C(3600) * 1000000)
#define KEEP_US (INT64_C(60) * 1000000)

struct turned_clock {
    struct ds_clock base;
    atomic_llong turned_us;
};

static int64_t turned_wall_us(const struct ds_clock *clock)
{
    return NOW_US + atomic_load(&((const struct turned_clock *)clock)->turned_us);
}

static int64_t turned_monotonic_us(const struct ds_clock *clock)
{
    return atomic_load(&((const struct turned_clock *)clock)->turned_us);
}

struct fixture {
    struct turned_clock clock;
    struct market_store *store;
    struct retention_sweeper *sweeper;
    struct retention_job job;
    uint64_t counts[1];

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    int done_count;
    int asked_count;
    bool held; /* should_stop waits as long as it is so */
    bool stop;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->clock.base = (struct ds_clock){turned_wall_us, turned_monotonic_us};
    const struct market_store_options options = {.clock = NULL};
    fixture->store = market_memory_open(&options);
    fixture->sweeper = retention_sweeper_create(fixture->store, &fixture->clock.base);
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    retention_sweeper_destroy(fixture->sweeper);
    fixture->store->ops->close(fixture->store);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

static const struct retention_rule one_minute = {.kind = MARKET_TICKS, .keep_us = KEEP_US};

static void put_tick(struct fixture *fixture, int64_t timestamp_us)
{
    const struct market_row row = {.series = ds_bytes_of_text("NIFTY"),
                                   .timestamp_us = timestamp_us};
    enum market_outcome outcome;
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = &row, .row_count = 1, .outcomes = &outcome};
    assert_int_equal(market_put_wait(fixture->store, &batch), DS_OK);
}

static uint64_t rows_of(struct fixture *fixture)
{
    struct market_stats stats;
    assert_int_equal(fixture->store->ops->stats(fixture->store, &stats), DS_OK);
    return stats.row_count;
}

static bool should_stop(void *context)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    fixture->asked_count++;
    pthread_cond_broadcast(&fixture->changed);
    while (fixture->held) {
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    }
    const bool stop = fixture->stop;
    pthread_mutex_unlock(&fixture->lock);
    return stop;
}

static void job_done(struct retention_job *job)
{
    struct fixture *fixture = job->context;
    pthread_mutex_lock(&fixture->lock);
    fixture->done_count++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static ds_code submit(struct fixture *fixture, bool dry_run)
{
    fixture->job = (struct retention_job){
        .rules = &one_minute,
        .rule_count = 1,
        .dry_run = dry_run,
        .should_stop = should_stop,
        .done = job_done,
        .context = fixture,
        .counts = fixture->counts,
    };
    return retention_sweeper_submit(fixture->sweeper, &fixture->job);
}

static void wait_for(struct fixture *fixture, const int *count, int wanted)
{
    pthread_mutex_lock(&fixture->lock);
    while (*count < wanted) {
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    }
    pthread_mutex_unlock(&fixture->lock);
}

static void hold(struct fixture *fixture, bool held, bool stop)
{
    pthread_mutex_lock(&fixture->lock);
    fixture->held = held;
    fixture->stop = stop;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

/* A job goes behind the pass under way, so that its end tells of the end of that one. */
static void let_passes_end(struct fixture *fixture)
{
    const int before = fixture->done_count;
    assert_int_equal(submit(fixture, true), DS_OK);
    wait_for(fixture, &fixture->done_count, before + 1);
}

static void a_schedule_works_at_once_and_at_every_interval(void **state)
{
    struct fixture *fixture = *state;
    put_tick(fixture, NOW_US - KEEP_US - 1);
    put_tick(fixture, NOW_US - KEEP_US);
    retention_sweeper_schedule(fixture->sweeper, &one_minute, 1, HOUR_US);
    while (retention_sweeper_totals(fixture->sweeper).run_count < 1) {
        let_passes_end(fixture);
    }
    assert_int_equal(rows_of(fixture), 1);

    /* A microsecond before the hour is over nothing happens. */
    atomic_store(&fixture->clock.turned_us, HOUR_US - 1);
    retention_sweeper_wake(fixture->sweeper);
    let_passes_end(fixture);
    assert_int_equal(retention_sweeper_totals(fixture->sweeper).run_count, 1);

    atomic_store(&fixture->clock.turned_us, HOUR_US);
    retention_sweeper_wake(fixture->sweeper);
    while (retention_sweeper_totals(fixture->sweeper).run_count < 2) {
        let_passes_end(fixture);
    }
    assert_int_equal(rows_of(fixture), 0);
    assert_int_equal(retention_sweeper_totals(fixture->sweeper).deleted_count, 2);
    assert_int_equal(retention_sweeper_totals(fixture->sweeper).failed_count, 0);
}

static void a_job_has_its_counts_and_makes_room_for_the_next(void **state)
{
    struct fixture *fixture = *state;
    put_tick(fixture, NOW_US - KEEP_US - 1);
    assert_int_equal(submit(fixture, true), DS_OK);
    wait_for(fixture, &fixture->done_count, 1);
    assert_int_equal(fixture->job.code, DS_OK);
    assert_int_equal(fixture->counts[0], 1);
    assert_int_equal(rows_of(fixture), 1);
    assert_int_equal(retention_sweeper_totals(fixture->sweeper).run_count, 0);

    assert_int_equal(submit(fixture, false), DS_OK);
    wait_for(fixture, &fixture->done_count, 2);
    assert_int_equal(fixture->counts[0], 1);
    assert_int_equal(rows_of(fixture), 0);
    assert_int_equal(retention_sweeper_totals(fixture->sweeper).run_count, 1);
}

static void a_second_job_is_turned_away_while_one_runs(void **state)
{
    struct fixture *fixture = *state;
    put_tick(fixture, NOW_US - KEEP_US - 1);
    hold(fixture, true, false);
    assert_int_equal(submit(fixture, false), DS_OK);
    wait_for(fixture, &fixture->asked_count, 1);
    struct retention_job second = fixture->job;
    assert_int_equal(retention_sweeper_submit(fixture->sweeper, &second), DS_ABORTED);
    hold(fixture, false, false);
    wait_for(fixture, &fixture->done_count, 1);
    assert_int_equal(fixture->job.code, DS_OK);
}

static void a_job_whose_caller_is_gone_ends_between_chunks(void **state)
{
    struct fixture *fixture = *state;
    put_tick(fixture, NOW_US - KEEP_US - 1);
    hold(fixture, false, true);
    assert_int_equal(submit(fixture, false), DS_OK);
    wait_for(fixture, &fixture->done_count, 1);
    assert_int_equal(fixture->job.code, DS_CANCELLED);
    assert_int_equal(rows_of(fixture), 1);
}

static void a_stop_ends_the_job_and_refuses_more(void **state)
{
    struct fixture *fixture = *state;
    put_tick(fixture, NOW_US - KEEP_US - 1);
    hold(fixture, true, false);
    assert_int_equal(submit(fixture, false), DS_OK);
    wait_for(fixture, &fixture->asked_count, 1);
    retention_sweeper_stop(fixture->sweeper);
    struct retention_job late = fixture->job;
    assert_int_equal(retention_sweeper_submit(fixture->sweeper, &late), DS_UNAVAILABLE);
    hold(fixture, false, false);
    wait_for(fixture, &fixture->done_count, 1);
    assert_int_equal(fixture->job.code, DS_CANCELLED);
    assert_int_equal(rows_of(fixture), 1);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define SWEEPER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SWEEPER_TEST(a_schedule_works_at_once_and_at_every_interval),
        SWEEPER_TEST(a_job_has_its_counts_and_makes_room_for_the_next),
        SWEEPER_TEST(a_second_job_is_turned_away_while_one_runs),
        SWEEPER_TEST(a_job_whose_caller_is_gone_ends_between_chunks),
        SWEEPER_TEST(a_stop_ends_the_job_and_refuses_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
