#include "clients/load/pacing.h"
#include "ds/timers.h"
#include "support/test.h"

#include <math.h>

#define SECOND 1000000000LL

static const struct load_step step = {.name = "get"};
static const struct load_flow one_flow = {
    .name = "get", .weight = 1, .steps = &step, .step_count = 1};

static struct load_plan plan_of(enum load_pace pace, const struct load_stage *stages,
                                size_t stage_count)
{
    return (struct load_plan){.seed = 7,
                              .pace = pace,
                              .stages = stages,
                              .stage_count = stage_count,
                              .thread_count = 1,
                              .flows = &one_flow,
                              .flow_count = 1};
}

static void constant_arrivals_have_equal_distances(void **state)
{
    (void)state;
    const struct load_stage stage = {.duration_ns = 10 * SECOND, .from = 1000, .to = 1000};
    const struct load_plan plan = plan_of(LOAD_CONSTANT, &stage, 1);
    struct load_arrivals arrivals;
    load_arrivals_init(&arrivals, &plan, 0);
    int64_t planned_ns = -1;
    for (int64_t i = 0; i < 10000; i++) {
        assert_true(load_arrivals_next(&arrivals, &planned_ns));
        assert_int_equal(planned_ns, i * 1000000);
    }
    assert_false(load_arrivals_next(&arrivals, &planned_ns));
}

static void threads_share_the_constant_arrivals_in_turn(void **state)
{
    (void)state;
    const struct load_stage stage = {.duration_ns = SECOND, .from = 100, .to = 100};
    struct load_plan plan = plan_of(LOAD_CONSTANT, &stage, 1);
    plan.thread_count = 3;
    int count = 0;
    for (uint32_t thread = 0; thread < 3; thread++) {
        struct load_arrivals arrivals;
        load_arrivals_init(&arrivals, &plan, thread);
        int64_t planned_ns = 0;
        for (int64_t i = 0; load_arrivals_next(&arrivals, &planned_ns); i++) {
            assert_int_equal(planned_ns, (i * 3 + thread) * 10000000);
            count++;
        }
    }
    assert_int_equal(count, 100);
}

static int count_until(const struct load_plan *plan, int64_t end_ns)
{
    struct load_arrivals arrivals;
    load_arrivals_init(&arrivals, plan, 0);
    int64_t planned_ns = 0;
    int64_t before_ns = 0;
    int count = 0;
    while (load_arrivals_next(&arrivals, &planned_ns) && planned_ns < end_ns) {
        assert_true(planned_ns >= before_ns);
        before_ns = planned_ns;
        count++;
    }
    return count;
}

static void a_ramp_has_the_arrivals_of_its_area(void **state)
{
    (void)state;
    /* 0 to 100 a second in 10 s: 500 arrivals, a quarter of them in the first half; then 10 s of
     * 100 a second; then down to 0: 500 more. */
    const struct load_stage stages[] = {
        {10 * SECOND, 0, 100}, {10 * SECOND, 100, 100}, {10 * SECOND, 100, 0}};
    const struct load_plan plan = plan_of(LOAD_CONSTANT, stages, 3);
    assert_int_equal(count_until(&plan, 5 * SECOND), 125);
    assert_int_equal(count_until(&plan, 10 * SECOND), 500);
    assert_int_equal(count_until(&plan, 20 * SECOND), 1500);
    assert_int_equal(count_until(&plan, 25 * SECOND), 1875);
    assert_int_equal(count_until(&plan, 30 * SECOND), 2000);
    assert_int_equal(count_until(&plan, INT64_MAX), 2000);
    assert_int_equal(load_plan_duration_ns(&plan), 30 * SECOND);
}

static void a_stage_without_flows_is_a_pause(void **state)
{
    (void)state;
    const struct load_stage stages[] = {{SECOND, 10, 10}, {SECOND, 0, 0}, {SECOND, 10, 10}};
    const struct load_plan plan = plan_of(LOAD_CONSTANT, stages, 3);
    assert_int_equal(count_until(&plan, SECOND), 10);
    assert_int_equal(count_until(&plan, 2 * SECOND), 10);
    assert_int_equal(count_until(&plan, INT64_MAX), 20);
}

static void poisson_arrivals_have_exponential_distances(void **state)
{
    (void)state;
    const struct load_stage stage = {.duration_ns = 100 * SECOND, .from = 1000, .to = 1000};
    const struct load_plan plan = plan_of(LOAD_POISSON, &stage, 1);
    struct load_arrivals arrivals;
    load_arrivals_init(&arrivals, &plan, 0);
    int64_t before_ns = 0;
    int64_t planned_ns = 0;
    double sum = 0;
    double squares = 0;
    int long_ones = 0;
    int count = 0;
    while (load_arrivals_next(&arrivals, &planned_ns)) {
        const double distance_ms = (double)(planned_ns - before_ns) / 1e6;
        sum += distance_ms;
        squares += distance_ms * distance_ms;
        long_ones += distance_ms > 1;
        before_ns = planned_ns;
        count++;
    }
    /* The seed is fixed, so the bounds hold each time: 100,000 expected with a deviation of 316. */
    assert_in_range(count, 99000, 101000);
    const double mean = sum / count;
    const double deviation = sqrt(squares / count - mean * mean);
    assert_true(deviation / mean > 0.98 && deviation / mean < 1.02);
    assert_true(fabs((double)long_ones / count - exp(-1)) < 0.01);
}

static void poisson_threads_add_up_to_the_rate_and_differ(void **state)
{
    (void)state;
    const struct load_stage stage = {.duration_ns = 10 * SECOND, .from = 0, .to = 2000};
    struct load_plan plan = plan_of(LOAD_POISSON, &stage, 1);
    plan.thread_count = 4;
    int count = 0;
    int64_t firsts[4];
    for (uint32_t thread = 0; thread < 4; thread++) {
        struct load_arrivals arrivals;
        load_arrivals_init(&arrivals, &plan, thread);
        assert_true(load_arrivals_next(&arrivals, &firsts[thread]));
        int64_t planned_ns = 0;
        for (count++; load_arrivals_next(&arrivals, &planned_ns);) {
            count++;
        }
    }
    assert_in_range(count, 9700, 10300);
    assert_int_not_equal(firsts[0], firsts[1]);
    assert_int_not_equal(firsts[1], firsts[2]);
}

static void the_same_seed_gives_the_same_arrivals(void **state)
{
    (void)state;
    const struct load_stage stage = {.duration_ns = SECOND, .from = 500, .to = 500};
    struct load_plan plan = plan_of(LOAD_POISSON, &stage, 1);
    struct load_arrivals one;
    struct load_arrivals same;
    struct load_arrivals other;
    load_arrivals_init(&one, &plan, 0);
    load_arrivals_init(&same, &plan, 0);
    struct load_plan other_plan = plan;
    other_plan.seed = 8;
    load_arrivals_init(&other, &other_plan, 0);
    int64_t one_ns = 0;
    int64_t same_ns = 0;
    int64_t other_ns = 0;
    int different = 0;
    while (load_arrivals_next(&one, &one_ns)) {
        assert_true(load_arrivals_next(&same, &same_ns));
        assert_int_equal(one_ns, same_ns);
        different += !load_arrivals_next(&other, &other_ns) || other_ns != one_ns;
    }
    assert_false(load_arrivals_next(&same, &same_ns));
    assert_true(different > 400);
}

static void flows_are_chosen_by_weight_and_number(void **state)
{
    (void)state;
    const struct load_flow flows[] = {{.name = "a", .weight = 7, .steps = &step, .step_count = 1},
                                      {.name = "b", .weight = 2, .steps = &step, .step_count = 1},
                                      {.name = "c", .weight = 1, .steps = &step, .step_count = 1}};
    const struct load_plan plan = {.seed = 3, .thread_count = 1, .flows = flows, .flow_count = 3};
    int counts[3] = {0};
    for (uint64_t number = 0; number < 10000; number++) {
        const struct load_flow *flow = load_flow_choose(&plan, number);
        assert_ptr_equal(flow, load_flow_choose(&plan, number));
        counts[flow - flows]++;
    }
    assert_in_range(counts[0], 6850, 7150);
    assert_in_range(counts[1], 1850, 2150);
    assert_in_range(counts[2], 900, 1100);
}

static void users_come_and_go_with_the_ramps(void **state)
{
    (void)state;
    const struct load_stage stages[] = {
        {10 * SECOND, 0, 10}, {10 * SECOND, 10, 10}, {10 * SECOND, 10, 0}};
    const struct load_plan plan = plan_of(LOAD_CLOSED, stages, 3);
    assert_int_equal(load_users_max(&plan), 10);
    assert_false(load_user_is_there(&plan, 0, 0));
    assert_true(load_user_is_there(&plan, 0, 1));
    for (uint32_t user = 0; user < 10; user++) {
        int64_t at_ns = -1;
        assert_true(load_user_comes(&plan, user, 0, &at_ns));
        assert_true(load_user_is_there(&plan, user, at_ns));
        assert_in_range(at_ns, user * SECOND, user * SECOND + 1000);
        assert_false(load_user_is_there(&plan, user, user * SECOND));
        assert_true(load_user_is_there(&plan, user, 15 * SECOND));
        const int64_t leaves_ns = 30 * SECOND - user * SECOND;
        assert_true(load_user_is_there(&plan, user, leaves_ns - 1000));
        assert_false(load_user_is_there(&plan, user, leaves_ns));
        assert_false(load_user_comes(&plan, user, leaves_ns, &at_ns));
    }
}

static void a_user_comes_again_with_a_later_stage(void **state)
{
    (void)state;
    const struct load_stage stages[] = {{SECOND, 4, 4}, {SECOND, 1, 1}, {SECOND, 4, 4}};
    const struct load_plan plan = plan_of(LOAD_CLOSED, stages, 3);
    int64_t at_ns = -1;
    assert_true(load_user_comes(&plan, 3, 0, &at_ns));
    assert_int_equal(at_ns, 0);
    assert_true(load_user_comes(&plan, 3, SECOND, &at_ns));
    assert_int_equal(at_ns, 2 * SECOND);
    assert_true(load_user_comes(&plan, 0, SECOND, &at_ns));
    assert_int_equal(at_ns, SECOND);
    assert_false(load_user_comes(&plan, 4, 0, &at_ns));
    assert_false(load_user_comes(&plan, 0, 3 * SECOND, &at_ns));
}

struct noted_timer {
    struct ds_timer timer;
    struct ds_timers *timers;
    int fired;
    int64_t set_again_for_ns; /* 0: not */
};

static int64_t fired_at_ns;

static void note_fire(struct ds_timer *timer)
{
    struct noted_timer *noted = (struct noted_timer *)timer;
    assert_true(timer->at >= fired_at_ns);
    fired_at_ns = timer->at;
    noted->fired++;
    if (noted->set_again_for_ns > 0) {
        ds_timers_set(noted->timers, timer, noted->set_again_for_ns);
    }
}

#define TIMERS 500

static void timers_fire_in_order_and_once(void **state)
{
    (void)state;
    static struct noted_timer noted[TIMERS];
    struct ds_timers timers;
    ds_timers_init(&timers);
    fired_at_ns = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        noted[i] = (struct noted_timer){.timer = {.fire = note_fire}, .timers = &timers};
        ds_timers_set(&timers, &noted[i].timer, (int64_t)(i * 7919 % 1000));
    }
    for (size_t i = 0; i < TIMERS; i += 3) {
        ds_timers_stop(&timers, &noted[i].timer);
        ds_timers_stop(&timers, &noted[i].timer);
    }
    for (size_t i = 1; i < TIMERS; i += 3) {
        ds_timers_set(&timers, &noted[i].timer, (int64_t)(i * 104729 % 2000));
    }
    ds_timers_fire(&timers, 999);
    int64_t due_ns = 0;
    assert_true(ds_timers_due(&timers, &due_ns));
    assert_true(due_ns > 999);
    ds_timers_fire(&timers, 2000);
    assert_false(ds_timers_due(&timers, &due_ns));
    for (size_t i = 0; i < TIMERS; i++) {
        assert_int_equal(noted[i].fired, i % 3 != 0);
    }
    ds_timers_deinit(&timers);
}

static void a_timer_that_sets_itself_for_now_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct ds_timers timers;
    ds_timers_init(&timers);
    fired_at_ns = 0;
    struct noted_timer noted = {
        .timer = {.fire = note_fire}, .timers = &timers, .set_again_for_ns = 5};
    ds_timers_set(&timers, &noted.timer, 5);
    ds_timers_fire(&timers, 10);
    assert_int_equal(noted.fired, 1);
    ds_timers_fire(&timers, 10);
    assert_int_equal(noted.fired, 2);
    ds_timers_deinit(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_arrivals_have_equal_distances),
        cmocka_unit_test(threads_share_the_constant_arrivals_in_turn),
        cmocka_unit_test(a_ramp_has_the_arrivals_of_its_area),
        cmocka_unit_test(a_stage_without_flows_is_a_pause),
        cmocka_unit_test(poisson_arrivals_have_exponential_distances),
        cmocka_unit_test(poisson_threads_add_up_to_the_rate_and_differ),
        cmocka_unit_test(the_same_seed_gives_the_same_arrivals),
        cmocka_unit_test(flows_are_chosen_by_weight_and_number),
        cmocka_unit_test(users_come_and_go_with_the_ramps),
        cmocka_unit_test(a_user_comes_again_with_a_later_stage),
        cmocka_unit_test(timers_fire_in_order_and_once),
        cmocka_unit_test(a_timer_that_sets_itself_for_now_waits_for_the_next_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
