/* The clock as a value, so that tests can turn it. */
#ifndef DS_CLOCK_H
#define DS_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
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

/*
 * Waits for `condition`, whose mutex the caller holds, until the machine's monotonic clock shows
 * `until_us`; whatever clock the condition was made with, a step of the wall clock changes nothing.
 * False when the time is over, true when woken, which may also be for no reason: wait in a loop.
 */
bool ds_clock_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us);

#endif
