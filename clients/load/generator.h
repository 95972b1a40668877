/*
 * Values that requests are filled with, by the `data` of a scenario. A value hangs on the seed, the
 * generator's name, the number of the flow and the row within a repetition, and on nothing else:
 * the same seed gives the same requests whatever the threads' turns, threads need no state and no
 * lock, and what is unique is unique over all of them.
 *
 * Generators never change once the templates are made and live in the plan's arena.
 */
#ifndef LOAD_GENERATOR_H
#define LOAD_GENERATOR_H

#include "ds/arena.h"
#include "ds/bytes.h"
#include "ds/code.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_GENERATORS_MAX 64
#define LOAD_GENERATOR_VALUES_MAX 1000000                /* of zipf and choice, rows of csv */
#define LOAD_GENERATOR_FILE_BYTES_MAX (16 * 1024 * 1024) /* of csv */
#define LOAD_GENERATOR_TEXT_BYTES_MAX 96 /* of a value that is made and not stored */

struct load_generator;

struct load_generators {
    struct load_generator *const *items;
    size_t count;
};

/* For which the value is. */
struct load_moment {
    uint64_t seed;
    uint64_t flow;   /* of the whole run, from 0 */
    uint64_t row;    /* in a repetition, from 0; else 0 */
    int64_t wall_us; /* since 1970 */
};

const char *load_generator_name(const struct load_generator *generator);

/* NULL where there is none of that name. */
struct load_generator *load_generator_find(const struct load_generators *generators,
                                           const char *name, size_t name_bytes);

/* While templates are made: one of them asks for a value in each of so many rows of a flow. What
 * comes in turn takes them into account, so that no two flows get the same. */
void load_generator_expect_rows(struct load_generator *generator, uint64_t row_count);

/* Whether its values are numbers, which JSON writes without quotes. */
bool load_generator_is_number(const struct load_generator *generator);

/* Of a csv generator: the column of that name, for load_generator_value(); false where there is
 * none. The others have column 0 by the name "". */
bool load_generator_column(const struct load_generator *generator, const char *name,
                           size_t name_bytes, size_t *ret_column);

/* The value, stored or in `scratch`. */
struct ds_bytes load_generator_value(const struct load_generator *generator, size_t column,
                                     const struct load_moment *moment,
                                     char scratch[LOAD_GENERATOR_TEXT_BYTES_MAX]);

#endif
