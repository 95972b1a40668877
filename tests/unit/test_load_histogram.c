#include "clients/load/histogram.h"
#include "support/test.h"

#include <stdlib.h>

/* Within what the three digits promise. */
static void assert_close(int64_t actual, int64_t expected)
{
    assert_true(actual >= expected);
    assert_true((double)(actual - expected) <= (double)expected / 1000);
}

static void an_empty_one_says_zero(void **state)
{
    (void)state;
    struct load_histogram *histogram = load_histogram_create();
    struct load_histogram_class class;
    size_t cursor = 0;
    assert_int_equal(load_histogram_count(histogram), 0);
    assert_int_equal(load_histogram_min_ns(histogram), 0);
    assert_int_equal(load_histogram_max_ns(histogram), 0);
    assert_int_equal(load_histogram_percentile_ns(histogram, 99), 0);
    assert_true(load_histogram_mean_ns(histogram) == 0);
    assert_true(load_histogram_deviation_ns(histogram) == 0);
    assert_false(load_histogram_next(histogram, &cursor, &class));
    load_histogram_destroy(histogram);
    load_histogram_destroy(NULL);
}

static void every_value_is_read_back_to_three_digits(void **state)
{
    (void)state;
    for (int64_t value = 1; value < LOAD_HISTOGRAM_NS_MAX; value += value / 37 + 1) {
        struct load_histogram *histogram = load_histogram_create();
        load_histogram_record(histogram, value);
        struct load_histogram_class class;
        size_t cursor = 0;
        assert_true(load_histogram_next(histogram, &cursor, &class));
        assert_true(class.lowest_ns <= value && value <= class.highest_ns);
        assert_true((double)(class.highest_ns - class.lowest_ns) <= (double)value / 1000);
        assert_int_equal(class.count, 1);
        assert_false(load_histogram_next(histogram, &cursor, &class));
        assert_int_equal(load_histogram_percentile_ns(histogram, 50), class.highest_ns);
        load_histogram_destroy(histogram);
    }
}

static void values_beyond_the_range_count_at_its_ends(void **state)
{
    (void)state;
    struct load_histogram *histogram = load_histogram_create();
    load_histogram_record(histogram, -5);
    load_histogram_record(histogram, 0);
    assert_int_equal(load_histogram_max_ns(histogram), 1);
    load_histogram_record(histogram, INT64_MAX);
    assert_close(load_histogram_max_ns(histogram), LOAD_HISTOGRAM_NS_MAX);
    assert_int_equal(load_histogram_count(histogram), 3);
    load_histogram_destroy(histogram);
}

static void percentiles_are_those_of_the_sorted_values(void **state)
{
    (void)state;
    struct load_histogram *histogram = load_histogram_create();
    for (int64_t i = 100000; i >= 1; i--) {
        load_histogram_record(histogram, i * 1000);
    }
    assert_close(load_histogram_percentile_ns(histogram, 0), 1000);
    assert_close(load_histogram_percentile_ns(histogram, 50), 50000000);
    assert_close(load_histogram_percentile_ns(histogram, 99), 99000000);
    assert_close(load_histogram_percentile_ns(histogram, 99.99), 99990000);
    assert_close(load_histogram_percentile_ns(histogram, 100), 100000000);
    assert_int_equal(load_histogram_percentile_ns(histogram, 100),
                     load_histogram_max_ns(histogram));
    assert_true(load_histogram_mean_ns(histogram) > 49.9e6 &&
                load_histogram_mean_ns(histogram) < 50.1e6);
    /* Of an even spread: its width divided by the root of 12. */
    assert_true(load_histogram_deviation_ns(histogram) > 28.8e6 &&
                load_histogram_deviation_ns(histogram) < 28.95e6);
    load_histogram_destroy(histogram);
}

/* 99.99 percent of 10,000 is 9,999: the one slow value is none of them. */
static void a_percentile_that_is_a_whole_rank_is_that_rank(void **state)
{
    (void)state;
    struct load_histogram *histogram = load_histogram_create();
    load_histogram_record_many(histogram, 10, 9999);
    load_histogram_record(histogram, 1000);
    assert_int_equal(load_histogram_percentile_ns(histogram, 99.99), 10);
    assert_int_equal(load_histogram_percentile_ns(histogram, 99.995), 1000);
    load_histogram_destroy(histogram);
}

static void adding_is_recording_both(void **state)
{
    (void)state;
    struct load_histogram *both = load_histogram_create();
    struct load_histogram *one = load_histogram_create();
    struct load_histogram *other = load_histogram_create();
    uint64_t random = 1;
    for (int i = 0; i < 10000; i++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        const int64_t value = (int64_t)(random >> 22);
        load_histogram_record(both, value);
        load_histogram_record(i % 3 == 0 ? one : other, value);
    }
    load_histogram_add(one, other);
    struct load_histogram_class expected;
    struct load_histogram_class actual;
    size_t expected_cursor = 0;
    size_t actual_cursor = 0;
    while (load_histogram_next(both, &expected_cursor, &expected)) {
        assert_true(load_histogram_next(one, &actual_cursor, &actual));
        assert_int_equal(actual.lowest_ns, expected.lowest_ns);
        assert_int_equal(actual.count, expected.count);
    }
    assert_false(load_histogram_next(one, &actual_cursor, &actual));
    assert_int_equal(load_histogram_count(one), 10000);
    load_histogram_destroy(both);
    load_histogram_destroy(one);
    load_histogram_destroy(other);
}

static void a_cleared_one_is_empty(void **state)
{
    (void)state;
    struct load_histogram *histogram = load_histogram_create();
    load_histogram_record(histogram, 77);
    load_histogram_clear(histogram);
    assert_int_equal(load_histogram_count(histogram), 0);
    assert_int_equal(load_histogram_max_ns(histogram), 0);
    load_histogram_record(histogram, 5);
    assert_int_equal(load_histogram_percentile_ns(histogram, 100), 5);
    load_histogram_destroy(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_says_zero),
        cmocka_unit_test(every_value_is_read_back_to_three_digits),
        cmocka_unit_test(values_beyond_the_range_count_at_its_ends),
        cmocka_unit_test(percentiles_are_those_of_the_sorted_values),
        cmocka_unit_test(a_percentile_that_is_a_whole_rank_is_that_rank),
        cmocka_unit_test(adding_is_recording_both),
        cmocka_unit_test(a_cleared_one_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
