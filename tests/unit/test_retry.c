/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/rpc_retry.h"

#define MIDDLE (UINT32_MAX / 2)

static const struct ds_retry_policy policy = {
    .attempts_max = 4,
    .initial_backoff_ms = 100,
    .backoff_ms_max = 1000,
    .backoff_multiplier = 2.5,
    .jitter = 0.2,
};

static void a_backoff_grows_by_its_multiplier_up_to_its_limit(void **state)
{
    (void)state;
    assert_int_equal(ds_retry_backoff_ms(&policy, 1, MIDDLE), 100);
    assert_int_equal(ds_retry_backoff_ms(&policy, 2, MIDDLE), 250);
    assert_int_equal(ds_retry_backoff_ms(&policy, 3, MIDDLE), 625);
    assert_int_equal(ds_retry_backoff_ms(&policy, 4, MIDDLE), 1000);
    assert_int_equal(ds_retry_backoff_ms(&policy, UINT32_MAX, MIDDLE), 1000);
}

static void jitter_spreads_a_backoff_to_both_sides(void **state)
{
    (void)state;
    assert_int_equal(ds_retry_backoff_ms(&policy, 1, 0), 80);
    assert_int_equal(ds_retry_backoff_ms(&policy, 1, UINT32_MAX), 120);
    assert_int_equal(ds_retry_backoff_ms(&policy, 4, UINT32_MAX), 1200);
}

static void a_backoff_doubles_where_no_multiplier_is_said(void **state)
{
    (void)state;
    const struct ds_retry_policy plain = {.initial_backoff_ms = 10, .backoff_ms_max = 100};
    assert_int_equal(ds_retry_backoff_ms(&plain, 3, 0), 40);
}

static void retries_stop_when_half_of_the_tokens_are_gone(void **state)
{
    (void)state;
    struct ds_retry_bucket bucket;
    ds_retry_bucket_init(&bucket, &(struct ds_retry_policy){.tokens_max = 4, .token_ratio = 0.5});
    assert_true(ds_retry_bucket_take(&bucket));
    assert_false(ds_retry_bucket_take(&bucket)); /* Two of four are left: not more than half. */
    assert_false(ds_retry_bucket_take(&bucket));
}

static void successes_fill_the_bucket_again_by_their_ratio(void **state)
{
    (void)state;
    struct ds_retry_bucket bucket;
    ds_retry_bucket_init(&bucket, &(struct ds_retry_policy){.tokens_max = 4, .token_ratio = 0.5});
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ds_retry_bucket_take(&bucket), i == 0);
    }
    for (int i = 0; i < 6; i++) {
        ds_retry_bucket_give(&bucket); /* From none to three. */
    }
    assert_false(ds_retry_bucket_take(&bucket));
    for (int i = 0; i < 100; i++) {
        ds_retry_bucket_give(&bucket); /* No more than four. */
    }
    assert_true(ds_retry_bucket_take(&bucket));
    assert_false(ds_retry_bucket_take(&bucket));
}

static void without_a_bucket_there_are_always_tokens(void **state)
{
    (void)state;
    struct ds_retry_bucket bucket;
    ds_retry_bucket_init(&bucket, &(struct ds_retry_policy){.tokens_max = 0});
    for (int i = 0; i < 100; i++) {
        assert_true(ds_retry_bucket_take(&bucket));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backoff_grows_by_its_multiplier_up_to_its_limit),
        cmocka_unit_test(jitter_spreads_a_backoff_to_both_sides),
        cmocka_unit_test(a_backoff_doubles_where_no_multiplier_is_said),
        cmocka_unit_test(retries_stop_when_half_of_the_tokens_are_gone),
        cmocka_unit_test(successes_fill_the_bucket_again_by_their_ratio),
        cmocka_unit_test(without_a_bucket_there_are_always_tokens),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
