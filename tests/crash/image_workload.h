/*
 * Seeded changes to a store, each marked in the log of record_calls.h, and what the store must hold
 * after each: the store that keeps its rows in memory is changed with it, and a digest of all of
 * its rows is kept. Changes are counted from 1; state 0 is before the first.
 */
#ifndef TESTS_CRASH_IMAGE_WORKLOAD_H
#define TESTS_CRASH_IMAGE_WORKLOAD_H

#include "storage/store/market_store.h"

#define CHANGES_MAX 512
#define PROBLEM_BYTES_MAX 512

struct image_workload {
    uint64_t random;
    struct market_store *model;
    uint64_t digests[CHANGES_MAX + 1]; /* of each state */
    size_t change_count;
    char problem[PROBLEM_BYTES_MAX]; /* "" where store and model said the same */
};

/* An empty model: state 0. */
void image_workload_init(struct image_workload *workload, uint64_t seed);
void image_workload_deinit(struct image_workload *workload);

/* State 0 is what the store holds. */
void image_workload_load(struct image_workload *workload, struct market_store *store);

/* What was before is forgotten: state 0 is before anything was, state 1 is what there is now. */
void image_workload_forget(struct image_workload *workload);

/*
 * Steps on the store in `folder`, that is open in *store and may be another one afterwards: rows of
 * all kinds, new, late, known and changed ones, one batch after the other and several at once;
 * ranges and old rows are deleted; backups are taken; the store is closed and opened again.
 */
void image_workload_run(struct image_workload *workload, const char *folder,
                        struct market_store **store, size_t step_count);

#endif
