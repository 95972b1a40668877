#include "ds/clock.h"

#include <time.h>

static int64_t read_clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return read_clock_us(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return read_clock_us(CLOCK_MONOTONIC);
}

const struct ds_clock *ds_clock_system(void)
{
    static const struct ds_clock system_clock = {
        .wall_us = system_wall_us,
        .monotonic_us = system_monotonic_us,
    };
    return &system_clock;
}

bool ds_clock_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us)
{
    const struct timespec until = {.tv_sec = until_us / 1000000,
                                   .tv_nsec = until_us % 1000000 * 1000};
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &until) == 0;
}
