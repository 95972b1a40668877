/*
 * What one thread counts, and how the counts of all become a result. A thread writes into one
 * load_counts while the other of its two is read and cleared, so that a look at the result holds no
 * thread up.
 */
#ifndef LOAD_COUNTS_H
#define LOAD_COUNTS_H

#include "clients/load/series.h"

enum load_outcome {
    LOAD_OUTCOME_OK,
    LOAD_OUTCOME_FAILED,
    LOAD_OUTCOME_REFUSED, /* counts as failed, too */
    LOAD_OUTCOME_TIMED_OUT,
};

/* A step that was sent, or could not be, and its end. Times since the start of the run. */
struct load_ending {
    enum load_outcome outcome;
    const char *code; /* the first LOAD_CODE_BYTES_MAX - 1 bytes of it count */
    int64_t planned_ns;
    int64_t sent_ns; /* negative: it never was */
    int64_t ended_ns;
    bool is_in_window; /* ended before the plan's end */
    uint64_t bytes_sent;
    uint64_t bytes_received;
};

struct load_counts {
    size_t operation_count;
    struct load_operation_result *operations; /* their names are NULL */
    struct load_window *windows;              /* by operation */
    struct load_histogram *lateness; /* of our own hands: from the planned time to the first try */
};

struct load_counts *load_counts_create(size_t operation_count);
void load_counts_destroy(struct load_counts *counts); /* takes NULL */
void load_counts_clear(struct load_counts *counts);

void load_counts_plan(struct load_counts *counts, size_t operation, int64_t planned_ns);
void load_counts_unsend(struct load_counts *counts, size_t operation, int64_t at_ns);
void load_counts_end(struct load_counts *counts, size_t operation,
                     const struct load_ending *ending);
void load_counts_note_lateness(struct load_counts *counts, int64_t late_ns);

/* Adds what an operation has to that of another of the same kind; names stay. */
void load_operation_add(struct load_operation_result *target,
                        const struct load_operation_result *source);
void load_operation_init(struct load_operation_result *operation);
void load_operation_deinit(struct load_operation_result *operation);

#endif
