/* A clock whose monotonic time stands still: no deadline that goes by it ever passes, however long
 * the machine stalls. */
#ifndef TESTS_SUPPORT_STANDING_CLOCK_H
#define TESTS_SUPPORT_STANDING_CLOCK_H

#include "ds/clock.h"

static inline int64_t standing_wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return ds_clock_wall_us(ds_clock_system());
}

static inline int64_t standing_monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return 1;
}

static const struct ds_clock standing_clock = {standing_wall_us, standing_monotonic_us};

#endif
