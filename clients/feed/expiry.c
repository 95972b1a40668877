#include "clients/feed/expiry.h"

#include <stdbool.h>
#include <time.h>

#define SECONDS_PER_DAY 86400
#define EXPIRY_SECOND_OF_DAY (10 * 3600)
#define DAYS_PER_WEEK 7

static struct expiry expiry_of_day(int64_t day)
{
    const time_t moment = (time_t)(day * SECONDS_PER_DAY + EXPIRY_SECOND_OF_DAY);
    struct tm date;
    struct expiry expiry = {.moment_us = (int64_t)moment * 1000000};
    gmtime_r(&moment, &date);
    strftime(expiry.date, sizeof(expiry.date), "%Y-%m-%d", &date);
    return expiry;
}

static int month_of_day(int64_t day)
{
    const time_t moment = (time_t)(day * SECONDS_PER_DAY);
    struct tm date;
    gmtime_r(&moment, &date);
    return date.tm_mon;
}

/* Of days that are all of the expiry's weekday. */
static bool is_last_of_month(int64_t day)
{
    return month_of_day(day) != month_of_day(day + DAYS_PER_WEEK);
}

void expiry_list(int weekday, int64_t now_us, size_t count, struct expiry *ret_expiries)
{
    /* The first day whose expiry is still to come; 1970-01-01 was a Thursday. */
    const int64_t second = now_us / 1000000;
    int64_t day = (second - EXPIRY_SECOND_OF_DAY) / SECONDS_PER_DAY + 1;
    day += (weekday - (day + 4) % DAYS_PER_WEEK + DAYS_PER_WEEK) % DAYS_PER_WEEK;
    const size_t weekly_count = (count + 1) / 2;
    size_t listed = 0;
    while (listed < count) {
        if (listed < weekly_count || is_last_of_month(day)) {
            ret_expiries[listed++] = expiry_of_day(day);
        }
        day += DAYS_PER_WEEK;
    }
}
