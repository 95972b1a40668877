#include "storage/core/moment.h"

#include "ds/time.h"

#define NANOSECONDS_PER_US 1000
#define NANOSECONDS_MAX 999999999

bool moment_is_valid(const Google__Protobuf__Timestamp *moment)
{
    return moment->seconds >= DS_TIME_SECONDS_MIN && moment->seconds <= DS_TIME_SECONDS_MAX &&
           moment->nanos >= 0 && moment->nanos <= NANOSECONDS_MAX;
}

bool moment_is_whole_us(const Google__Protobuf__Timestamp *moment)
{
    return moment->nanos % NANOSECONDS_PER_US == 0;
}

int64_t moment_floor_us(const Google__Protobuf__Timestamp *moment)
{
    return moment->seconds * DS_MICROSECONDS + moment->nanos / NANOSECONDS_PER_US;
}

int64_t moment_ceil_us(const Google__Protobuf__Timestamp *moment)
{
    return moment_floor_us(moment) + (moment_is_whole_us(moment) ? 0 : 1);
}

void moment_set_us(Google__Protobuf__Timestamp *moment, int64_t moment_us)
{
    int64_t seconds = moment_us / DS_MICROSECONDS;
    int64_t rest = moment_us % DS_MICROSECONDS;
    if (rest < 0) {
        seconds--;
        rest += DS_MICROSECONDS;
    }
    moment->seconds = seconds;
    moment->nanos = (int32_t)(rest * NANOSECONDS_PER_US);
}
