#include "ds/time.h"
#include "support/test.h"

#include <stdio.h>
#include <time.h>

static bool parses(const char *text, bool lenient, int64_t *ret_seconds, int32_t *ret_nanoseconds)
{
    return ds_time_parse(ds_bytes_of_text(text), lenient, ret_seconds, ret_nanoseconds);
}

static void parsed(const char *text, bool lenient, int64_t seconds, int32_t nanoseconds)
{
    int64_t actual;
    int32_t fraction;
    if (!parses(text, lenient, &actual, &fraction)) {
        fail_msg("%s is refused", text);
    }
    if (actual != seconds || fraction != nanoseconds) {
        fail_msg("%s is %lld.%09d", text, (long long)actual, (int)fraction);
    }
}

static void refused(const char *text, bool lenient)
{
    int64_t seconds = 42;
    int32_t nanoseconds = 43;
    if (parses(text, lenient, &seconds, &nanoseconds)) {
        fail_msg("%s is not refused", text);
    }
    assert_int_equal(seconds, 42);
    assert_int_equal(nanoseconds, 43);
}

/* Each at another time of the day; 13 days go through all dates of all months. */
static void days_of_all_years_are_what_libc_says(void **state)
{
    (void)state;
    int64_t clock = 0;
    for (int64_t day = DS_TIME_SECONDS_MIN; day <= DS_TIME_SECONDS_MAX; day += 13 * 86400) {
        const time_t moment = (time_t)(day + clock);
        clock = (clock + 7919) % 86400;
        struct tm utc;
        assert_non_null(gmtime_r(&moment, &utc));
        char expected[40];
        snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
        char text[DS_TIME_TEXT_MAX + 1];
        text[ds_time_format(moment, 0, text)] = '\0';
        assert_string_equal(text, expected);
        parsed(text, false, moment, 0);
    }
}

static void fractions_have_1_to_9_digits(void **state)
{
    (void)state;
    parsed("1970-01-01T00:00:00.1Z", false, 0, 100000000);
    parsed("1970-01-01T00:00:01.123456789Z", false, 1, 123456789);
    parsed("1969-12-31T23:59:59.5Z", false, -1, 500000000);
    refused("1970-01-01T00:00:00.Z", false);
    refused("1970-01-01T00:00:00.1234567890Z", false);
    refused("1970-01-01T00:00:00,5Z", false);
}

static void offsets_are_taken_off(void **state)
{
    (void)state;
    parsed("1970-01-01T05:30:00+05:30", false, 0, 0);
    parsed("1969-12-31T23:00:00-01:00", false, 0, 0);
    parsed("1970-01-01T00:00:00-00:00", false, 0, 0);
    parsed("1970-01-02T00:00:00+23:59", false, 60, 0);
    refused("1970-01-01T00:00:00+24:00", false);
    refused("1970-01-01T00:00:00+00:60", false);
    refused("1970-01-01T00:00:00+0530", false);
    refused("1970-01-01T00:00:00+05", false);
    refused("1970-01-01T00:00:00 +05:30", true);
    refused("1970-01-01T00:00:00 05:30", true);
}

static void the_range_holds_after_the_offset(void **state)
{
    (void)state;
    parsed("0001-01-01T00:00:00Z", false, DS_TIME_SECONDS_MIN, 0);
    parsed("9999-12-31T23:59:59.999999999Z", false, DS_TIME_SECONDS_MAX, 999999999);
    refused("0001-01-01T00:00:00+00:01", false);
    refused("9999-12-31T23:59:59-00:01", false);
    refused("0000-12-31T23:59:59Z", false);
    parsed("0001-01-01T00:00:00-00:01", false, DS_TIME_SECONDS_MIN + 60, 0);
}

static void days_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const dates[] = {"2025-02-29", "2100-02-29", "2024-02-30", "2025-04-31",
                                        "2025-00-01", "2025-13-01", "2025-01-00", "2025-01-32"};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        char text[40];
        refused(dates[i], true);
        snprintf(text, sizeof text, "%sT00:00:00Z", dates[i]);
        refused(text, false);
    }
    parsed("2000-02-29T00:00:00Z", false, 951782400, 0);
    parsed("2024-02-29", true, 1709164800, 0);
}

static void clock_times_that_are_none_are_refused(void **state)
{
    (void)state;
    refused("2025-01-25T24:00:00Z", true);
    refused("2025-01-25T10:60:00Z", true);
    refused("2016-12-31T23:59:60Z", true);
    refused("2025-01-25T10:00:00Zx", true);
    refused("2025-01-25T1:00:00Z", true);
    refused("2025-1-25T10:00:00Z", true);
    refused("+2025-01-25T10:00:00Z", true);
    refused("", true);
    refused("2025-01-25T", true);
    refused("2025-01-25Z", true);
    refused("2025-01-25T10", true);
    refused("2025-01-25T10:", true);
    refused("2025-01-25T10:00:", true);
    refused("1737799200", true);
    refused("2025-01-25T10:00:00.000000000000000000000000000000Z", false);
}

static void lenient_forms_need_the_option(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "2025-01-25",           "2025-01-25 10:00:00Z",       "2025-01-25t10:00:00Z",
        "2025-01-25T10:00:00z", "2025-01-25T10:00Z",          "2025-01-25T10:00:00",
        "2025-01-25 10:00",     "2025-01-25 10:00:00.123456", "2025-01-25T10:00:00.5",
    };
    static const int32_t nanoseconds[] = {0, 0, 0, 0, 0, 0, 0, 123456000, 500000000};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        refused(forms[i], false);
        parsed(forms[i], true, i == 0 ? 1737763200 : 1737799200, nanoseconds[i]);
    }
    parsed("2025-01-25T15:30+05:30", true, 1737799200, 0);
    parsed("2025-01-25T10:00:00.1234567Z", false, 1737799200, 123456700);
    refused("2025-01-25T10:00:00.1234567Z", true);
}

static void formatted(int32_t nanoseconds, const char *rfc3339, const char *isoformat)
{
    char text[DS_TIME_TEXT_MAX + 1];
    text[ds_time_format(1737799200, nanoseconds, text)] = '\0';
    assert_string_equal(text, rfc3339);
    text[ds_time_format_isoformat(1737799200, nanoseconds, text)] = '\0';
    assert_string_equal(text, isoformat);
}

static void fractions_are_written_with_0_3_6_or_9_digits(void **state)
{
    (void)state;
    formatted(0, "2025-01-25T10:00:00Z", "2025-01-25T10:00:00");
    formatted(500000000, "2025-01-25T10:00:00.500Z", "2025-01-25T10:00:00.500000");
    formatted(500001000, "2025-01-25T10:00:00.500001Z", "2025-01-25T10:00:00.500001");
    formatted(1, "2025-01-25T10:00:00.000000001Z", "2025-01-25T10:00:00");
    formatted(999999999, "2025-01-25T10:00:00.999999999Z", "2025-01-25T10:00:00.999999");
}

/* More days in turn than are remembered, some of them again and again. */
static void times_near_each_other_are_written_as_if_alone(void **state)
{
    (void)state;
    static const int64_t days[] = {0, 0, 1, 0, 1, 2, 0, 20000, 2, 2, 1, -719162, 0, 2932896};
    struct ds_time_days known = {0};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
            const int64_t seconds = days[i] * 86400 + (int64_t)(i * 6007 % 86400);
            char alone[DS_TIME_TEXT_MAX + 1];
            char near[DS_TIME_TEXT_MAX + 1];
            alone[ds_time_format(seconds, 5000, alone)] = '\0';
            near[ds_time_format_near(&known, seconds, 5000, near)] = '\0';
            assert_string_equal(near, alone);
            alone[ds_time_format_isoformat(seconds, 5000, alone)] = '\0';
            near[ds_time_format_isoformat_near(&known, seconds, 5000, near)] = '\0';
            assert_string_equal(near, alone);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_of_all_years_are_what_libc_says),
        cmocka_unit_test(fractions_have_1_to_9_digits),
        cmocka_unit_test(offsets_are_taken_off),
        cmocka_unit_test(the_range_holds_after_the_offset),
        cmocka_unit_test(days_that_are_none_are_refused),
        cmocka_unit_test(clock_times_that_are_none_are_refused),
        cmocka_unit_test(lenient_forms_need_the_option),
        cmocka_unit_test(fractions_are_written_with_0_3_6_or_9_digits),
        cmocka_unit_test(times_near_each_other_are_written_as_if_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
