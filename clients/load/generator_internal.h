/* What generators are made of; generator*.c's own. */
#ifndef LOAD_GENERATOR_INTERNAL_H
#define LOAD_GENERATOR_INTERNAL_H

#include "clients/load/generator.h"

#define LOAD_GENERATOR_PREFIX_BYTES_MAX 48
#define LOAD_GENERATOR_DECIMALS_MAX 9
/* Numbers beyond this lose digits as doubles. */
#define LOAD_GENERATOR_SCALED_MAX 9007199254740992.0

enum load_generator_kind {
    LOAD_GENERATOR_CHOICE,
    LOAD_GENERATOR_ZIPF,
    LOAD_GENERATOR_UNIFORM,
    LOAD_GENERATOR_SEQUENCE,
    LOAD_GENERATOR_CSV,
    LOAD_GENERATOR_NOW,
    LOAD_GENERATOR_TIME,
    LOAD_GENERATOR_RANDOM_PRICE,
};

enum load_time_form { LOAD_TIME_RFC3339, LOAD_TIME_MS, LOAD_TIME_US, LOAD_TIME_SECONDS };

struct load_generator {
    const char *name;
    uint64_t key; /* of the name */
    enum load_generator_kind kind;
    uint64_t row_count; /* that a flow takes at most */
    /* Choice, zipf: the values, or NULL where they are the prefix and a number. Csv: row by row. */
    const struct ds_bytes *values;
    uint64_t value_count; /* csv: rows */
    const char *prefix;   /* sequence, too; "" where there is none */
    const double *shares; /* zipf: of the values up to each, at the end 1 */
    const struct ds_bytes *columns;
    size_t column_count;
    bool is_random; /* csv: rows at random instead of in turn */
    int64_t start;  /* sequence; time: in us since 1970; now: offset in us */
    int64_t step;   /* of each value; now: of each row */
    enum load_time_form time_form;
    double minimum; /* uniform */
    double maximum;
    unsigned int decimals; /* uniform, random_price */
    double price;          /* random_price: that it goes about */
    double volatility;
};

#endif
