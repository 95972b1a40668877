#include "clients/feed/expiry.h"
#include "support/test.h"

#define THURSDAY 4
#define HOUR_US (3600LL * 1000000)
/* 2025-01-22T00:00:00Z, a Wednesday. */
#define WEDNESDAY_US (1737504000LL * 1000000)

static void assert_dates(int64_t now_us, size_t count, const char *const *expected)
{
    struct expiry expiries[EXPIRY_COUNT_MAX];
    expiry_list(THURSDAY, now_us, count, expiries);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(expiries[i].date, expected[i]);
        assert_true(expiries[i].moment_us > now_us);
    }
}

static void the_soonest_are_weekly_and_the_others_monthly(void **state)
{
    (void)state;
    static const char *const one[] = {"2025-01-23"};
    static const char *const two[] = {"2025-01-23", "2025-01-30"};
    static const char *const four[] = {"2025-01-23", "2025-01-30", "2025-02-27", "2025-03-27"};
    static const char *const five[] = {"2025-01-23", "2025-01-30", "2025-02-06", "2025-02-27",
                                       "2025-03-27"};
    assert_dates(WEDNESDAY_US, 1, one);
    assert_dates(WEDNESDAY_US, 2, two);
    assert_dates(WEDNESDAY_US, 4, four);
    assert_dates(WEDNESDAY_US, 5, five);
}

static void an_expiry_is_listed_until_its_moment(void **state)
{
    (void)state;
    static const char *const today[] = {"2025-01-23"};
    static const char *const next_week[] = {"2025-01-30"};
    assert_dates(WEDNESDAY_US + 34 * HOUR_US - 1000000, 1, today);
    assert_dates(WEDNESDAY_US + 34 * HOUR_US, 1, next_week);
}

static void every_product_weekday_and_the_turn_of_the_year_work(void **state)
{
    (void)state;
    /* 2024-12-30, a Monday; each weekday's next one. */
    static const char *const expected[] = {"2025-01-05", "2024-12-30", "2024-12-31", "2025-01-01",
                                           "2025-01-02", "2025-01-03", "2025-01-04"};
    struct expiry expiry;
    for (int weekday = 0; weekday < 7; weekday++) {
        expiry_list(weekday, 1735516800LL * 1000000, 1, &expiry);
        assert_string_equal(expiry.date, expected[weekday]);
        assert_int_equal(expiry.moment_us % (24 * HOUR_US), 10 * HOUR_US);
    }
}

static void a_monthly_expiry_is_the_last_of_its_weekday_to_the_last_day(void **state)
{
    (void)state;
    /* From 2025-01-01: the month ends with a Friday. */
    static const char *const fridays[] = {"2025-01-03", "2025-01-10", "2025-01-31", "2025-02-28"};
    struct expiry expiries[4];
    expiry_list(5, 1735689600LL * 1000000, 4, expiries);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(expiries[i].date, fridays[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_soonest_are_weekly_and_the_others_monthly),
        cmocka_unit_test(an_expiry_is_listed_until_its_moment),
        cmocka_unit_test(every_product_weekday_and_the_turn_of_the_year_work),
        cmocka_unit_test(a_monthly_expiry_is_the_last_of_its_weekday_to_the_last_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
