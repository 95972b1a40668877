/* Repeatable randomness: a small generator, and numbers that hang on a key alone. Not for secrets.
 */
#ifndef FEED_RANDOM_H
#define FEED_RANDOM_H

#include <stdint.h>

/* The next number of a generator (splitmix64) whose state is any number. */
uint64_t random_next(uint64_t *state);

/* In (0, 1). */
double random_uniform(uint64_t *state);

/* Mean 0, standard deviation 1. */
double random_normal(uint64_t *state);

/* A key made of two; in another order it is another key. */
uint64_t random_key(uint64_t left, uint64_t right);
uint64_t random_key_of_text(uint64_t left, const char *right);

/* In (0, 1), always the same for a key. */
double random_of_key(uint64_t key);

#endif
