#include "clients/feed/random.h"

#include <math.h>

uint64_t random_next(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t value = *state;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

double random_uniform(uint64_t *state)
{
    return ((double)(random_next(state) >> 11) + 0.5) / 9007199254740992.0;
}

double random_normal(uint64_t *state)
{
    const double radius = sqrt(-2.0 * log(random_uniform(state)));
    return radius * cos(2.0 * M_PI * random_uniform(state));
}

uint64_t random_key(uint64_t left, uint64_t right)
{
    uint64_t state = left * 31 + 17;
    state = random_next(&state) ^ right;
    return random_next(&state);
}

uint64_t random_key_of_text(uint64_t left, const char *right)
{
    uint64_t key = left;
    for (const char *next = right; *next != '\0'; next++) {
        key = random_key(key, (uint8_t)*next);
    }
    return key;
}

double random_of_key(uint64_t key)
{
    return random_uniform(&key);
}
