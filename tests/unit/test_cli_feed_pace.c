#include "clients/feed/pace.h"
#include "support/test.h"

#define BEGUN_US 5000000
#define FIRST_US (1737517500LL * 1000000)
#define SECOND_US 1000000

static void rows_are_due_when_their_time_comes_at_the_speed(void **state)
{
    (void)state;
    struct pace pace = {.begun_us = BEGUN_US, .first_row_us = FIRST_US, .speed = 1};
    assert_int_equal(pace_due_us(&pace, FIRST_US, 0), BEGUN_US);
    assert_int_equal(pace_due_us(&pace, FIRST_US + 3 * SECOND_US, 9), BEGUN_US + 3 * SECOND_US);
    pace.speed = 60;
    assert_int_equal(pace_due_us(&pace, FIRST_US + 60 * SECOND_US, 9), BEGUN_US + SECOND_US);
    pace.speed = 0.5;
    assert_int_equal(pace_due_us(&pace, FIRST_US + SECOND_US, 9), BEGUN_US + 2 * SECOND_US);
}

static void nothing_is_waited_for_at_full_speed(void **state)
{
    (void)state;
    const struct pace pace = {.begun_us = BEGUN_US, .first_row_us = FIRST_US};
    assert_int_equal(pace_due_us(&pace, FIRST_US + 86400LL * SECOND_US, 1000000), BEGUN_US);
}

static void a_row_from_before_the_first_is_due_at_once(void **state)
{
    (void)state;
    const struct pace pace = {.begun_us = BEGUN_US, .first_row_us = FIRST_US, .speed = 1};
    assert_int_equal(pace_due_us(&pace, FIRST_US - 9 * SECOND_US, 1), BEGUN_US);
}

static void the_rate_caps_rows_at_any_speed(void **state)
{
    (void)state;
    struct pace pace = {.begun_us = BEGUN_US, .first_row_us = FIRST_US, .rows_a_second = 500};
    assert_int_equal(pace_due_us(&pace, FIRST_US, 0), BEGUN_US);
    assert_int_equal(pace_due_us(&pace, FIRST_US, 1000), BEGUN_US + 2 * SECOND_US);
    /* Of the two the one that waits longer counts. */
    pace.speed = 1;
    assert_int_equal(pace_due_us(&pace, FIRST_US + SECOND_US, 1000), BEGUN_US + 2 * SECOND_US);
    assert_int_equal(pace_due_us(&pace, FIRST_US + 9 * SECOND_US, 1000), BEGUN_US + 9 * SECOND_US);
}

static void a_time_that_never_comes_is_no_overflow(void **state)
{
    (void)state;
    const struct pace pace = {
        .begun_us = BEGUN_US, .first_row_us = 0, .speed = 0.001, .rows_a_second = 1};
    assert_true(pace_due_us(&pace, 253402300799LL * SECOND_US, 0) > BEGUN_US);
    assert_true(pace_due_us(&pace, 0, UINT64_MAX) > BEGUN_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_due_when_their_time_comes_at_the_speed),
        cmocka_unit_test(nothing_is_waited_for_at_full_speed),
        cmocka_unit_test(a_row_from_before_the_first_is_due_at_once),
        cmocka_unit_test(the_rate_caps_rows_at_any_speed),
        cmocka_unit_test(a_time_that_never_comes_is_no_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
