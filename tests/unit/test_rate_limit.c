/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/rate_limit.h"

#include <stdio.h>
#include <string.h>

static struct ds_rate_limiter *limiter;
static int64_t wait_us;

static void make(uint32_t per_second, uint32_t burst, size_t buckets_max)
{
    limiter = ds_rate_limiter_create(per_second, burst, buckets_max);
}

static int destroy(void **state)
{
    (void)state;
    ds_rate_limiter_destroy(limiter);
    limiter = NULL;
    return 0;
}

static bool take(const char *key, int64_t now_us)
{
    wait_us = -1;
    return ds_rate_limiter_take(limiter, ds_bytes_of_text(key), now_us, &wait_us);
}

static void a_burst_is_taken_at_once_and_then_one_at_a_time(void **state)
{
    (void)state;
    make(10, 3, 8);
    for (int i = 0; i < 3; i++) {
        assert_true(take("a", 5));
    }
    assert_false(take("a", 5));
    assert_int_equal(wait_us, 100000);
    assert_false(take("a", 100004));
    assert_int_equal(wait_us, 1);
    assert_true(take("a", 100005));
    assert_false(take("a", 100005));
    assert_int_equal(wait_us, 100000);
}

static void nothing_is_lost_where_a_token_takes_no_whole_microseconds(void **state)
{
    (void)state;
    make(3, 1, 8);
    int64_t now_us = 0;
    assert_true(take("a", now_us));
    for (int i = 1; i <= 300; i++) {
        assert_false(take("a", now_us));
        now_us += wait_us;
        assert_true(take("a", now_us));
    }
    /* 300 tokens of a third of a second; no more than the one microsecond that was rounded up. */
    assert_true(now_us >= 100000000);
    assert_true(now_us <= 100000000 + 300);
    assert_false(take("a", now_us + 333332));
    assert_true(take("a", now_us + 333334));
}

static void a_bucket_holds_no_more_than_its_burst_however_long_nobody_comes(void **state)
{
    (void)state;
    make(DS_RATE_PER_SECOND_MAX, 2, 8);
    assert_true(take("a", 0));
    for (int i = 0; i < 2; i++) {
        assert_true(take("a", INT64_MAX - 1));
    }
    assert_false(take("a", INT64_MAX - 1));
}

static void each_caller_has_a_bucket(void **state)
{
    (void)state;
    make(1, 1, 8);
    assert_true(take("a", 0));
    assert_true(take("b", 0));
    assert_true(take("", 0));
    assert_false(take("a", 0));
    assert_false(take("b", 0));
    assert_false(take("", 0));
}

static void a_time_that_comes_late_gives_nothing(void **state)
{
    (void)state;
    make(1, 1, 8);
    assert_true(take("a", 2000000));
    assert_false(take("a", 1000000));
    assert_false(take("a", 2000000));
    assert_true(take("a", 3000000));
}

static void the_caller_that_has_not_come_for_longest_is_forgotten(void **state)
{
    (void)state;
    char key[16];
    make(1, 1, 3);
    assert_true(take("a", 0));
    assert_true(take("b", 0));
    assert_true(take("c", 0));
    assert_false(take("a", 0));
    assert_true(take("d", 0)); /* in the place of b */
    assert_false(take("a", 0));
    assert_false(take("c", 0));
    assert_false(take("d", 0));
    assert_true(take("b", 0)); /* in the place of a */
    assert_true(take("a", 0));
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(take(key, 0));
        assert_false(take(key, 0));
    }
}

static void long_keys_that_begin_alike_share_a_bucket(void **state)
{
    (void)state;
    char key[DS_RATE_KEY_BYTES_MAX + 2];
    make(1, 1, 8);
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    assert_true(take(key, 0));
    key[sizeof key - 2] = 'l';
    assert_false(take(key, 0));
    key[sizeof key - 3] = 'l';
    assert_true(take(key, 0));
}

int main(void)
{
#define WITH(test) cmocka_unit_test_teardown(test, destroy)
    const struct CMUnitTest tests[] = {
        WITH(a_burst_is_taken_at_once_and_then_one_at_a_time),
        WITH(nothing_is_lost_where_a_token_takes_no_whole_microseconds),
        WITH(a_bucket_holds_no_more_than_its_burst_however_long_nobody_comes),
        WITH(each_caller_has_a_bucket),
        WITH(a_time_that_comes_late_gives_nothing),
        WITH(the_caller_that_has_not_come_for_longest_is_forgotten),
        WITH(long_keys_that_begin_alike_share_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
