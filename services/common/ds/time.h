/* Points in time: microseconds since 1970-01-01T00:00:00Z inside, text at the borders. */
#ifndef DS_TIME_H
#define DS_TIME_H

#include "ds/bytes.h"

#define DS_TIME_TEXT_MAX 36
#define DS_TIME_DATE_BYTES 10
#define DS_MICROSECONDS 1000000LL

/* The range of google.protobuf.Timestamp: years 1 to 9999. */
#define DS_TIME_SECONDS_MIN (-62135596800LL)
#define DS_TIME_SECONDS_MAX 253402300799LL

/*
 * RFC 3339: date, T, time, 0 to 9 digits of a second, Z or an offset. With `lenient` also: a date
 * alone, a blank for the T, lower-case t and z, no seconds, no zone (UTC); then 0 to 6 digits.
 * False where `text` is anything else or out of range.
 */
bool ds_time_parse(struct ds_bytes text, bool lenient, int64_t *ret_seconds,
                   int32_t *ret_nanoseconds);

/* RFC 3339 in UTC with Z and 0, 3, 6 or 9 digits; returns the length, not terminated. */
size_t ds_time_format(int64_t seconds, int32_t nanoseconds, char target[DS_TIME_TEXT_MAX]);

/* As Python's datetime.isoformat() writes naive UTC: no zone; 6 digits, or none where they are all
 * 0. */
size_t ds_time_format_isoformat(int64_t seconds, int32_t nanoseconds,
                                char target[DS_TIME_TEXT_MAX]);

/* The days of times that were written before; zeros at first. Times that are written one after the
 * other are mostly of two days, as the columns of a table are, and the date is the larger part of
 * the work. */
struct ds_time_days {
    struct {
        uint32_t number; /* 0: none yet */
        char date[DS_TIME_DATE_BYTES];
    } known[2];
    uint8_t oldest;
};

/* The two above for many times. */
size_t ds_time_format_near(struct ds_time_days *days, int64_t seconds, int32_t nanoseconds,
                           char target[DS_TIME_TEXT_MAX]);
size_t ds_time_format_isoformat_near(struct ds_time_days *days, int64_t seconds,
                                     int32_t nanoseconds, char target[DS_TIME_TEXT_MAX]);

#endif
