#include "clients/feed/pace.h"

/* So far ahead that it is never reached, and far enough from where sums overflow. */
#define DUE_US_MAX (INT64_MAX / 4)

static int64_t to_us(double microseconds)
{
    return microseconds < (double)DUE_US_MAX ? (int64_t)microseconds : DUE_US_MAX;
}

int64_t pace_due_us(const struct pace *pace, int64_t row_us, uint64_t rows_before)
{
    int64_t by_time_us = 0;
    int64_t by_rate_us = 0;
    if (pace->speed > 0 && row_us > pace->first_row_us) {
        by_time_us = to_us((double)(row_us - pace->first_row_us) / pace->speed);
    }
    if (pace->rows_a_second > 0) {
        by_rate_us = to_us((double)rows_before * 1e6 / (double)pace->rows_a_second);
    }
    return pace->begun_us + (by_time_us > by_rate_us ? by_time_us : by_rate_us);
}
