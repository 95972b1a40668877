#include "clients/load/report_axis.h"
#include "support/test.h"

#include <math.h>

static void assert_ticks(const struct report_axis *axis, const double *expected, size_t count)
{
    assert_int_equal(axis->tick_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(fabs(axis->ticks[i] - expected[i]) <= expected[i] * 1e-9);
    }
}

static void a_linear_axis_begins_at_zero_and_has_round_ticks(void **state)
{
    (void)state;
    const struct report_axis axis = report_axis_linear(1100, REPORT_UNIT_COUNT);
    assert_ticks(&axis, (const double[]){0, 500, 1000, 1500}, 4);
    assert_true(report_axis_place(&axis, 750) == 0.5);
    const struct report_axis empty = report_axis_linear(0, REPORT_UNIT_COUNT);
    assert_true(empty.high >= 1);
}

static void bytes_have_ticks_that_are_round_in_their_unit(void **state)
{
    (void)state;
    const double mib = 1024 * 1024;
    const struct report_axis axis = report_axis_linear(8.9 * mib, REPORT_UNIT_BYTES);
    assert_ticks(&axis, (const double[]){0, 5 * mib, 10 * mib}, 3);
}

static void a_logarithmic_axis_has_powers_of_ten_or_steps_between_them(void **state)
{
    (void)state;
    const struct report_axis wide = report_axis_logarithmic(1e3, 1e9, REPORT_UNIT_NS);
    assert_ticks(&wide, (const double[]){1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}, 7);
    assert_true(fabs(report_axis_place(&wide, 1e6) - 0.5) < 1e-9);
    const struct report_axis narrow = report_axis_logarithmic(15e6, 9e8, REPORT_UNIT_NS);
    assert_ticks(&narrow, (const double[]){1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9}, 7);
    const struct report_axis one = report_axis_logarithmic(2e6, 2e6, REPORT_UNIT_NS);
    assert_true(one.low < one.high && one.tick_count >= 2);
}

static void what_lies_beyond_an_axis_is_at_its_end(void **state)
{
    (void)state;
    const struct report_axis axis = report_axis_logarithmic(10, 100, REPORT_UNIT_NS);
    assert_true(report_axis_place(&axis, 1) == 0);
    assert_true(report_axis_place(&axis, 0) == 0);
    assert_true(report_axis_place(&axis, 1e9) == 1);
}

static void ticks_are_written_in_their_unit(void **state)
{
    (void)state;
    char text[REPORT_AXIS_TEXT_BYTES_MAX];
    assert_string_equal(report_axis_text(2e7, REPORT_UNIT_NS, text), "20 ms");
    assert_string_equal(report_axis_text(1e9, REPORT_UNIT_NS, text), "1 s");
    assert_string_equal(report_axis_text(999999999.99, REPORT_UNIT_NS, text), "1 s");
    assert_string_equal(report_axis_text(1500, REPORT_UNIT_COUNT, text), "1.5k");
    assert_string_equal(report_axis_text(0, REPORT_UNIT_BYTES, text), "0");
    assert_string_equal(report_axis_text(0.6, REPORT_UNIT_PLAIN, text), "0.6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_axis_begins_at_zero_and_has_round_ticks),
        cmocka_unit_test(bytes_have_ticks_that_are_round_in_their_unit),
        cmocka_unit_test(a_logarithmic_axis_has_powers_of_ten_or_steps_between_them),
        cmocka_unit_test(what_lies_beyond_an_axis_is_at_its_end),
        cmocka_unit_test(ticks_are_written_in_their_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
