#include "clients/feed/walk.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

#define STEPS 20000
#define DAY_US (86400LL * 1000000)

static void the_same_seed_walks_the_same_way(void **state)
{
    (void)state;
    struct walk a;
    struct walk b;
    walk_init(&a, &walk_products[0], 42);
    walk_init(&b, &walk_products[0], 42);
    for (int64_t i = 0; i < STEPS; i++) {
        const struct walk_tick left = walk_next(&a, i * 250000);
        const struct walk_tick right = walk_next(&b, i * 250000);
        assert_true(left.price == right.price && left.volume == right.volume);
    }
}

static void products_and_seeds_walk_differently(void **state)
{
    (void)state;
    struct walk walks[3];
    walk_init(&walks[0], &walk_products[0], 1);
    walk_init(&walks[1], &walk_products[0], 2);
    walk_init(&walks[2], &walk_products[1], 1);
    int equal = 0;
    for (int64_t i = 0; i < 100; i++) {
        const double base = walk_next(&walks[0], i).price;
        equal += base == walk_next(&walks[1], i).price;
        equal +=
            base / walk_products[0].price == walk_next(&walks[2], i).price / walk_products[1].price;
    }
    assert_true(equal < 50);
}

static void every_tick_is_coherent(void **state)
{
    (void)state;
    for (int product = 0; product < WALK_PRODUCT_COUNT; product++) {
        struct walk walk;
        walk_init(&walk, &walk_products[product], 7);
        for (int64_t i = 0; i < STEPS; i++) {
            const struct walk_tick tick = walk_next(&walk, i * 250000);
            assert_int_equal(tick.tick_id, i + 1);
            assert_true(tick.low <= tick.price && tick.price <= tick.high);
            assert_true(tick.low <= tick.open && tick.open <= tick.high);
            assert_true(tick.close == tick.price);
            assert_true(tick.volume > 0);
            assert_true(fabs(tick.price * 20 - round(tick.price * 20)) < 1e-6);
            assert_true(fabs(tick.change - (tick.price - walk_products[product].price)) < 1e-6);
        }
        assert_true(fabs(walk.price / walk_products[product].price - 1) < 0.2);
    }
}

static void a_new_day_begins_at_the_close_of_the_day_before(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk, &walk_products[0], 7);
    struct walk_tick last = {0};
    for (int64_t i = 0; i < 100; i++) {
        last = walk_next(&walk, i);
    }
    const struct walk_tick first = walk_next(&walk, DAY_US);
    assert_true(first.open == last.close);
    assert_true(fabs(first.change - (first.price - last.close)) < 1e-6);
}

static void a_walk_goes_on_from_a_known_price(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk, &walk_products[0], 7);
    walk_resume(&walk, 23000.0);
    assert_true(fabs(walk_next(&walk, 0).price / 23000.0 - 1) < 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_walks_the_same_way),
        cmocka_unit_test(products_and_seeds_walk_differently),
        cmocka_unit_test(every_tick_is_coherent),
        cmocka_unit_test(a_new_day_begins_at_the_close_of_the_day_before),
        cmocka_unit_test(a_walk_goes_on_from_a_known_price),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
