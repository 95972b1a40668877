/*
 * What is done to a store while a call fails, and what must hold afterwards: rows of three kinds
 * come, late ones among them, some are deleted, backups are taken.
 */
#ifndef TESTS_CRASH_FAULT_WORKLOAD_H
#define TESTS_CRASH_FAULT_WORKLOAD_H

#include "storage/store/market_store.h"

#define WORKLOAD_STEPS 14

enum step_state {
    STEP_NOT_DONE,
    STEP_DONE,    /* acknowledged */
    STEP_REFUSED, /* with a code: all of it or nothing may be there */
};

/* What the store said to each step. */
struct workload {
    enum step_state steps[WORKLOAD_STEPS];
    ds_code codes[WORKLOAD_STEPS];
    size_t first_refused; /* WORKLOAD_STEPS: none */
};

/* Runs all steps, also behind one that is refused. */
void workload_run(struct workload *workload, struct market_store *store);

/*
 * NULL where the store holds every row that was acknowledged, no part of a step that was refused,
 * and is sound; else what is wrong, in static memory. Refused steps that were nevertheless done
 * count as done.
 */
const char *workload_check(struct workload *workload, struct market_store *store);

/* Whether a step stores or deletes rows, which fails with the disk; a backup fails alone. */
bool workload_step_writes(size_t step);

#endif
