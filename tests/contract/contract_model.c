/*
 * A random history, the same on the engine and on the reference model, compared step by step. A
 * failure prints the seed; DS_SEED repeats it.
 */
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

#define STEPS 400
#define BATCH_ROWS_MAX 20
#define TIMESTAMPS 12
#define SERIES_COUNT 5

static const char *const series_names[SERIES_COUNT] = {"A", "AA", "B", "NIFTY", "\xc3\xa9"};
static const char *const ties[] = {"", "a", "ab", "b"};
static const char *const values[] = {"", "\x08\x01", "\x08\x01\x2a\x01x", "\x08\x02\x2a\x01x",
                                     "\x08\x02\x2a\x01y"};

static size_t pick(uint64_t *random, size_t count)
{
    return (size_t)(random_next(random) >> 33) % count;
}

static struct market_row row_random(uint64_t *random)
{
    struct market_row row =
        row_of(series_names[pick(random, SERIES_COUNT)], (int64_t)pick(random, TIMESTAMPS),
               ties[pick(random, 4)], values[pick(random, 5)]);
    row.assigned_field = pick(random, 2) == 0 ? 5 : 0;
    return row;
}

static void compare_put(struct market_store *store, struct market_store *model, uint64_t *random)
{
    struct market_row rows[BATCH_ROWS_MAX];
    enum market_outcome outcomes[BATCH_ROWS_MAX];
    enum market_outcome expected[BATCH_ROWS_MAX];
    struct market_batch batch = {
        .kind = MARKET_TICKS,
        .conflict = (enum market_conflict)pick(random, 3),
        .rows = rows,
        .row_count = 1 + pick(random, BATCH_ROWS_MAX),
    };
    for (size_t i = 0; i < batch.row_count; i++) {
        rows[i] = row_random(random);
    }
    batch.outcomes = outcomes;
    assert_int_equal(market_put_wait(store, &batch), DS_OK);
    batch.outcomes = expected;
    assert_int_equal(market_put_wait(model, &batch), DS_OK);
    for (size_t i = 0; i < batch.row_count; i++) {
        assert_int_equal(outcomes[i], expected[i]);
    }
}

static void compare_scan(struct market_store *store, struct market_store *model, uint64_t *random)
{
    struct market_scan scan =
        scan_all(series_names[pick(random, SERIES_COUNT)], pick(random, 2) == 0);
    if (pick(random, 2) == 0) {
        scan.start_us = (int64_t)pick(random, TIMESTAMPS);
    }
    if (pick(random, 2) == 0) {
        scan.end_us = (int64_t)pick(random, TIMESTAMPS);
    }
    if (pick(random, 2) == 0) {
        scan.has_after = true;
        scan.after = position_of((int64_t)pick(random, TIMESTAMPS), ties[pick(random, 4)]);
    }
    if (pick(random, 2) == 0) {
        scan.row_max = 1 + pick(random, 10);
    }
    if (pick(random, 2) == 0) {
        scan.bytes_max = pick(random, 30);
    }
    char *expected = scan_text(model, &scan);
    assert_scan(store, &scan, expected);
    free(expected);
}

static void compare_rest(struct market_store *store, struct market_store *model)
{
    char *expected = series_text(model);
    char *series = series_text(store);
    assert_string_equal(series, expected);
    free(series);
    free(expected);
    struct market_stats stats;
    struct market_stats model_stats;
    assert_int_equal(store->ops->stats(store, &stats), DS_OK);
    assert_int_equal(model->ops->stats(model, &model_stats), DS_OK);
    assert_int_equal(stats.row_count, model_stats.row_count);
    assert_int_equal(stats.series_count, model_stats.series_count);
}

static void a_random_history_gives_what_the_reference_model_gives(void **state)
{
    struct fixture *fixture = *state;
    const struct market_store_options options = {.clock = NULL};
    struct market_store *model = market_memory_open(&options);
    uint64_t random = seed_of_environment();
    for (size_t step = 0; step < STEPS; step++) {
        switch (pick(&random, 8)) {
        case 0:
        case 1:
        case 2:
            compare_put(fixture->store, model, &random);
            break;
        case 3:
            compare_rest(fixture->store, model);
            break;
        case 4:
            if (engine_under_test.keeps_rows && pick(&random, 4) == 0) {
                fixture_reopen(fixture);
            }
            break;
        default:
            compare_scan(fixture->store, model, &random);
            break;
        }
    }
    compare_rest(fixture->store, model);
    model->ops->close(model);
}

int run_model_tests(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_random_history_gives_what_the_reference_model_gives),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
