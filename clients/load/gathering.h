/* The result that grows out of the counts of all threads. One thread. */
#ifndef LOAD_GATHERING_H
#define LOAD_GATHERING_H

#include "clients/load/counts.h"

struct load_gathering {
    struct load_result result; /* its seconds are of load_gathering_finish() */
    struct load_histogram *lateness;
    struct load_series *series; /* by operation */
    struct load_series total;
};

/* `first_second` is the first of the measured part. */
void load_gathering_init(struct load_gathering *gathering, const struct load_plan *plan,
                         uint32_t first_second);
void load_gathering_deinit(struct load_gathering *gathering);

void load_gathering_add(struct load_gathering *gathering, const struct load_counts *counts);

/* Makes the result whole. */
void load_gathering_finish(struct load_gathering *gathering);

#endif
