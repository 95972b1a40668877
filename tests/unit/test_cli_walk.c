#include "clients/feed/walk.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define STEPS 20000
#define STEP_US 250000
#define DAY_US (86400LL * 1000000)

static void the_same_seed_walks_the_same_way(void **state)
{
    (void)state;
    struct walk a;
    struct walk b;
    walk_init(&a, &feed_products[0], 42);
    walk_init(&b, &feed_products[0], 42);
    for (int64_t i = 0; i < STEPS; i++) {
        const struct walk_tick left = walk_next(&a, i * STEP_US);
        const struct walk_tick right = walk_next(&b, i * STEP_US);
        assert_true(left.price == right.price && left.volume == right.volume);
    }
}

static void products_and_seeds_walk_differently(void **state)
{
    (void)state;
    struct walk walks[3];
    walk_init(&walks[0], &feed_products[0], 1);
    walk_init(&walks[1], &feed_products[0], 2);
    walk_init(&walks[2], &feed_products[1], 1);
    int equal = 0;
    for (int64_t i = 0; i < 100; i++) {
        const double base = walk_next(&walks[0], i * STEP_US).price;
        equal += base == walk_next(&walks[1], i * STEP_US).price;
        equal += base / feed_products[0].price ==
                 walk_next(&walks[2], i * STEP_US).price / feed_products[1].price;
    }
    assert_true(equal < 50);
}

static void every_tick_is_coherent(void **state)
{
    (void)state;
    for (int product = 0; product < PRODUCT_COUNT; product++) {
        struct walk walk;
        walk_init(&walk, &feed_products[product], 7);
        for (int64_t i = 0; i < STEPS; i++) {
            const struct walk_tick tick = walk_next(&walk, i * STEP_US);
            assert_int_equal(tick.tick_id, i);
            assert_true(tick.low <= tick.price && tick.price <= tick.high);
            assert_true(tick.low <= tick.open && tick.open <= tick.high);
            assert_true(tick.close == tick.price);
            assert_true(tick.volume > 0);
            assert_true(fabs(tick.price * 20 - round(tick.price * 20)) < 1e-6);
            assert_true(fabs(tick.change - (tick.price - feed_products[product].price)) < 1e-6);
        }
        assert_true(fabs(walk.price / feed_products[product].price - 1) < 0.2);
    }
}

static void a_new_day_begins_at_the_close_of_the_day_before(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk, &feed_products[0], 7);
    struct walk_tick last = {0};
    for (int64_t i = 0; i < 100; i++) {
        last = walk_next(&walk, i * STEP_US);
    }
    const struct walk_tick first = walk_next(&walk, DAY_US);
    assert_true(first.open == last.close);
    assert_true(fabs(first.change - (first.price - last.close)) < 1e-6);
}

static void a_walk_goes_on_behind_a_known_tick(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk, &feed_products[0], 7);
    const struct walk_tick known = {.price = 23000.0,
                                    .tick_id = 41,
                                    .open = 22900.0,
                                    .high = 23100.0,
                                    .low = 22800.0,
                                    .change = 50.0};
    walk_resume(&walk, &known, 5 * STEP_US);
    const struct walk_tick next = walk_next(&walk, 6 * STEP_US);
    assert_true(fabs(next.price / 23000.0 - 1) < 0.001);
    assert_int_equal(next.tick_id, 42);
    assert_true(next.open == 22900.0 && next.high == 23100.0 && next.low == 22800.0);
    assert_true(fabs(next.change - (next.price - 22950.0)) < 1e-6);
}

static void a_walk_that_goes_on_takes_another_way(void **state)
{
    (void)state;
    struct walk walks[2];
    const struct walk_tick known = {.price = 21500.0, .open = 21500, .high = 21500, .low = 21500};
    for (int i = 0; i < 2; i++) {
        walk_init(&walks[i], &feed_products[0], 7);
        walk_resume(&walks[i], &known, i * DAY_US);
    }
    int equal = 0;
    for (int64_t i = 1; i <= 100; i++) {
        equal += walk_next(&walks[0], i * STEP_US).price ==
                 walk_next(&walks[1], DAY_US + i * STEP_US).price;
    }
    assert_true(equal < 50);
}

/* The standard deviation of returns, for a year. */
static double realized_volatility(int64_t step_us, int64_t step_count)
{
    struct walk walk;
    double sum = 0;
    walk_init(&walk, &feed_products[0], 3);
    double before = walk_next(&walk, 0).price;
    for (int64_t i = 1; i <= step_count; i++) {
        const double price = walk_next(&walk, i * step_us).price;
        sum += pow(log(price / before), 2);
        before = price;
    }
    const double years = (double)(step_us * step_count) / 1e6 / (365.0 * 86400.0);
    return sqrt(sum / years);
}

static void any_interval_gives_the_same_volatility(void **state)
{
    (void)state;
    assert_true(fabs(realized_volatility(1000000, STEPS) / feed_products[0].volatility - 1) < 0.05);
    assert_true(fabs(realized_volatility(3600000000, STEPS) / feed_products[0].volatility - 1) <
                0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_walks_the_same_way),
        cmocka_unit_test(products_and_seeds_walk_differently),
        cmocka_unit_test(every_tick_is_coherent),
        cmocka_unit_test(a_new_day_begins_at_the_close_of_the_day_before),
        cmocka_unit_test(a_walk_goes_on_behind_a_known_tick),
        cmocka_unit_test(a_walk_that_goes_on_takes_another_way),
        cmocka_unit_test(any_interval_gives_the_same_volatility),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
