/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/timers.h"

#include <stdlib.h>

#define TIMERS 500

static size_t fired_count;
static int64_t last_at_us;

static void fire(struct ds_timer *timer)
{
    assert_int_equal(timer->place, 0);
    assert_true(timer->at >= last_at_us);
    last_at_us = timer->at;
    fired_count++;
}

static void fire_at(struct ds_timers *timers, int64_t now_us, size_t wanted)
{
    fired_count = 0;
    last_at_us = INT64_MIN;
    ds_timers_fire(timers, now_us);
    assert_int_equal(fired_count, wanted);
}

static void timers_fire_in_the_order_of_their_times(void **state)
{
    (void)state;
    struct ds_timers timers;
    struct ds_timer many[TIMERS] = {{0}};
    ds_timers_init(&timers);
    srand(1);
    for (size_t i = 0; i < TIMERS; i++) {
        many[i].fire = fire;
        ds_timers_set(&timers, &many[i], rand() % 100);
    }
    for (size_t i = 0; i < TIMERS; i++) {
        ds_timers_set(&timers, &many[i], (int64_t)i % 50); /* Each anew. */
    }
    for (size_t i = 0; i < TIMERS; i += 2) {
        ds_timers_stop(&timers, &many[i]);
        ds_timers_stop(&timers, &many[i]);
    }
    int64_t due_us = 0;
    assert_true(ds_timers_due(&timers, &due_us));
    assert_int_equal(due_us, 1); /* The odd ones are left. */
    fire_at(&timers, 0, 0);
    fire_at(&timers, 24, TIMERS / 2 / 25 * 12);
    fire_at(&timers, 1000, TIMERS / 2 - TIMERS / 2 / 25 * 12);
    assert_false(ds_timers_due(&timers, &due_us));
    ds_timers_deinit(&timers);
}

static struct ds_timers *own_timers;

static void fire_again(struct ds_timer *timer)
{
    fired_count++;
    ds_timers_set(own_timers, timer, timer->at);
}

static void a_timer_that_is_set_for_now_again_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct ds_timers timers;
    struct ds_timer timer = {.fire = fire_again};
    ds_timers_init(&timers);
    own_timers = &timers;
    ds_timers_set(&timers, &timer, 5);
    fire_at(&timers, 5, 1);
    fire_at(&timers, 5, 1);
    ds_timers_deinit(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_the_order_of_their_times),
        cmocka_unit_test(a_timer_that_is_set_for_now_again_waits_for_the_next_turn),
    };
    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
