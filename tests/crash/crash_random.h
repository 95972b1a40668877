/* Chance that can be repeated. */
#ifndef TESTS_CRASH_CRASH_RANDOM_H
#define TESTS_CRASH_CRASH_RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* The next number of a xorshift generator; its state is never 0. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* A number from 0 to below count, which is at least 1. */
static inline uint64_t random_below(uint64_t *state, uint64_t count)
{
    return (random_next(state) >> 33) % count;
}

/* A number that a person sets in the environment; where it is 0 or none the other one. */
static inline uint64_t number_of_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    const uint64_t number = text != NULL ? strtoull(text, NULL, 10) : 0;
    return number != 0 ? number : otherwise;
}

/* DS_SEED, or one of the clock. */
static inline uint64_t seed_of_environment(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return number_of_environment("DS_SEED", (uint64_t)now.tv_sec * UINT64_C(1000000007) +
                                                (uint64_t)now.tv_nsec);
}

#endif
