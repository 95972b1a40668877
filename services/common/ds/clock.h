/* The clock as a value, so that tests can turn it. */
#ifndef DS_CLOCK_H
#define DS_CLOCK_H

#include <stdint.h>

struct ds_clock {
    int64_t (*wall_us)(const struct ds_clock *clock); /* microseconds since 1970 */
    int64_t (*monotonic_us)(
        const struct ds_clock *clock); /* never goes back; counts from anywhere */
};

/* The machine's clock. Static storage; any thread. */
const struct ds_clock *ds_clock_system(void);

static inline int64_t ds_clock_wall_us(const struct ds_clock *clock)
{
    return clock->wall_us(clock);
}

static inline int64_t ds_clock_monotonic_us(const struct ds_clock *clock)
{
    return clock->monotonic_us(clock);
}

#endif
