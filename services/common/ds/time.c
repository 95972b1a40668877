#include "ds/time.h"

#include "ds/digits.h"

#include <assert.h>

#define SECONDS_PER_DAY 86400
#define NANOSECONDS_DIGITS 9
#define LENIENT_DIGITS 6

/* The calendar repeats every 400 years, which are so many days. */
#define DAYS_PER_ERA 146097
/* From 0000-03-01, where the count of eras begins, to 1970-01-01. */
#define DAYS_BEFORE_EPOCH 719468

struct cursor {
    const uint8_t *next;
    const uint8_t *end;
};

static bool at_end(const struct cursor *cursor)
{
    return cursor->next == cursor->end;
}

static bool take_character(struct cursor *cursor, char wanted)
{
    if (at_end(cursor) || *cursor->next != (uint8_t)wanted) {
        return false;
    }
    cursor->next++;
    return true;
}

static inline bool take_two_digits(struct cursor *cursor, int *ret_value)
{
    if (cursor->end - cursor->next < 2) {
        return false;
    }
    const unsigned int tens = cursor->next[0] - (unsigned int)'0';
    const unsigned int ones = cursor->next[1] - (unsigned int)'0';
    if (tens > 9 || ones > 9) {
        return false;
    }
    cursor->next += 2;
    *ret_value = (int)(tens * 10 + ones);
    return true;
}

static bool take_year(struct cursor *cursor, int *ret_year)
{
    int century;
    int year;
    if (!take_two_digits(cursor, &century) || !take_two_digits(cursor, &year)) {
        return false;
    }
    *ret_year = century * 100 + year;
    return true;
}

static bool is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* Years are counted from March, so that the leap day is a year's last day and the months before it
 * have a regular pattern of 153 days in five. */
static int64_t days_since_epoch(int year, int month, int day)
{
    const int march_year = month <= 2 ? year - 1 : year;
    const int march_month = month <= 2 ? month + 9 : month - 3;
    const int day_of_year = (153 * march_month + 2) / 5 + day - 1;
    return (int64_t)march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 +
           day_of_year - DAYS_BEFORE_EPOCH;
}

static bool take_date(struct cursor *cursor, int64_t *ret_days)
{
    int year;
    int month;
    int day;
    if (!take_year(cursor, &year) || !take_character(cursor, '-') ||
        !take_two_digits(cursor, &month) || !take_character(cursor, '-') ||
        !take_two_digits(cursor, &day)) {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    *ret_days = days_since_epoch(year, month, day);
    return true;
}

static bool take_fraction(struct cursor *cursor, int digits_max, int32_t *ret_nanoseconds)
{
    int32_t nanoseconds = 0;
    int digits = 0;
    while (digits < digits_max && !at_end(cursor) && (uint8_t)(*cursor->next - '0') <= 9) {
        nanoseconds = nanoseconds * 10 + (*cursor->next - '0');
        cursor->next++;
        digits++;
    }
    if (digits == 0) {
        return false;
    }
    for (; digits < NANOSECONDS_DIGITS; digits++) {
        nanoseconds *= 10;
    }
    *ret_nanoseconds = nanoseconds;
    return true;
}

static bool take_clock(struct cursor *cursor, bool lenient, int64_t *ret_seconds,
                       int32_t *ret_nanoseconds)
{
    int hour;
    int minute;
    int second = 0;
    *ret_nanoseconds = 0;
    if (!take_two_digits(cursor, &hour) || !take_character(cursor, ':') ||
        !take_two_digits(cursor, &minute)) {
        return false;
    }
    if (take_character(cursor, ':')) {
        const int digits_max = lenient ? LENIENT_DIGITS : NANOSECONDS_DIGITS;
        if (!take_two_digits(cursor, &second) ||
            (take_character(cursor, '.') && !take_fraction(cursor, digits_max, ret_nanoseconds))) {
            return false;
        }
    } else if (!lenient) {
        return false;
    }
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 59;
}

/* How far the zone's clocks are ahead of UTC's. */
static bool take_zone(struct cursor *cursor, bool lenient, int64_t *ret_seconds)
{
    *ret_seconds = 0;
    if ((lenient && at_end(cursor)) || take_character(cursor, 'Z') ||
        (lenient && take_character(cursor, 'z'))) {
        return true;
    }
    const bool west = take_character(cursor, '-');
    int hour;
    int minute;
    if ((!west && !take_character(cursor, '+')) || !take_two_digits(cursor, &hour) ||
        !take_character(cursor, ':') || !take_two_digits(cursor, &minute)) {
        return false;
    }
    const int64_t ahead = hour * 3600 + minute * 60;
    *ret_seconds = west ? -ahead : ahead;
    return hour <= 23 && minute <= 59;
}

bool ds_time_parse(struct ds_bytes text, bool lenient, int64_t *ret_seconds,
                   int32_t *ret_nanoseconds)
{
    if (text.size > DS_TIME_TEXT_MAX) {
        return false;
    }
    struct cursor cursor = {.next = text.data, .end = text.data + text.size};
    int64_t days;
    int64_t clock_seconds = 0;
    int64_t zone_seconds = 0;
    int32_t nanoseconds = 0;
    if (!take_date(&cursor, &days)) {
        return false;
    }
    if (!(lenient && at_end(&cursor))) {
        const bool separated =
            take_character(&cursor, 'T') ||
            (lenient && (take_character(&cursor, ' ') || take_character(&cursor, 't')));
        if (!separated || !take_clock(&cursor, lenient, &clock_seconds, &nanoseconds) ||
            !take_zone(&cursor, lenient, &zone_seconds)) {
            return false;
        }
    }
    const int64_t seconds = days * SECONDS_PER_DAY + clock_seconds - zone_seconds;
    if (!at_end(&cursor) || seconds < DS_TIME_SECONDS_MIN || seconds > DS_TIME_SECONDS_MAX) {
        return false;
    }
    *ret_seconds = seconds;
    *ret_nanoseconds = nanoseconds;
    return true;
}

/* The inverse of days_since_epoch(); `days` counts from 0000-03-01. */
static void put_date(char target[DS_TIME_DATE_BYTES], uint32_t days)
{
    const uint32_t era = days / DAYS_PER_ERA;
    const uint32_t day_of_era = days % DAYS_PER_ERA;
    /* A leap day ends every 4 years but not every 100, and again every 400. */
    const uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const uint32_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint32_t march_month = (5 * day_of_year + 2) / 153;
    const uint32_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    const uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    const uint32_t year = era * 400 + year_of_era + (month <= 2);
    ds_put_two_digits(target, year / 100);
    ds_put_two_digits(target + 2, year % 100);
    target[4] = '-';
    ds_put_two_digits(target + 5, month);
    target[7] = '-';
    ds_put_two_digits(target + 8, day);
}

/* The text of a day's date, DS_TIME_DATE_BYTES long. */
static const char *find_date(struct ds_time_days *days, uint32_t number)
{
    for (size_t i = 0; i < sizeof days->known / sizeof *days->known; i++) {
        if (days->known[i].number == number) {
            return days->known[i].date;
        }
    }
    const size_t place = days->oldest;
    put_date(days->known[place].date, number);
    days->known[place].number = number;
    days->oldest ^= 1;
    return days->known[place].date;
}

/* "2025-01-25T10:00:00", 19 characters. */
static void put_date_and_clock(struct ds_time_days *days, char *target, int64_t seconds)
{
    assert(seconds >= DS_TIME_SECONDS_MIN && seconds <= DS_TIME_SECONDS_MAX);
    const uint64_t since_era = (uint64_t)(seconds + (int64_t)DAYS_BEFORE_EPOCH * SECONDS_PER_DAY);
    const uint32_t clock = (uint32_t)(since_era % SECONDS_PER_DAY);
    const uint32_t number = (uint32_t)(since_era / SECONDS_PER_DAY);
    memcpy(target, find_date(days, number), DS_TIME_DATE_BYTES);
    target[10] = 'T';
    ds_put_two_digits(target + 11, clock / 3600);
    target[13] = ':';
    ds_put_two_digits(target + 14, clock / 60 % 60);
    target[16] = ':';
    ds_put_two_digits(target + 17, clock % 60);
}

/* '.' and the first `digits` of the nine digits of a second; `target` takes all ten characters. */
static size_t put_fraction(char *target, int32_t nanoseconds, int digits)
{
    const uint32_t value = (uint32_t)nanoseconds;
    target[0] = '.';
    ds_put_two_digits(target + 1, value / 10000000);
    ds_put_two_digits(target + 3, value / 100000 % 100);
    ds_put_two_digits(target + 5, value / 1000 % 100);
    ds_put_two_digits(target + 7, value / 10 % 100);
    target[9] = (char)('0' + value % 10);
    return (size_t)digits + 1;
}

size_t ds_time_format_near(struct ds_time_days *days, int64_t seconds, int32_t nanoseconds,
                           char target[DS_TIME_TEXT_MAX])
{
    assert(nanoseconds >= 0 && nanoseconds <= 999999999);
    put_date_and_clock(days, target, seconds);
    size_t length = 19;
    if (nanoseconds != 0) {
        const int digits = nanoseconds % 1000000 == 0 ? 3 : nanoseconds % 1000 == 0 ? 6 : 9;
        length += put_fraction(target + length, nanoseconds, digits);
    }
    target[length++] = 'Z';
    return length;
}

size_t ds_time_format_isoformat_near(struct ds_time_days *days, int64_t seconds,
                                     int32_t nanoseconds, char target[DS_TIME_TEXT_MAX])
{
    assert(nanoseconds >= 0 && nanoseconds <= 999999999);
    put_date_and_clock(days, target, seconds);
    if (nanoseconds / 1000 == 0) {
        return 19;
    }
    return 19 + put_fraction(target + 19, nanoseconds, 6);
}

size_t ds_time_format(int64_t seconds, int32_t nanoseconds, char target[DS_TIME_TEXT_MAX])
{
    struct ds_time_days days = {0};
    return ds_time_format_near(&days, seconds, nanoseconds, target);
}

size_t ds_time_format_isoformat(int64_t seconds, int32_t nanoseconds, char target[DS_TIME_TEXT_MAX])
{
    struct ds_time_days days = {0};
    return ds_time_format_isoformat_near(&days, seconds, nanoseconds, target);
}
