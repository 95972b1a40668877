/* The engine: threads that carry out a plan and count. One thread owns a run and calls these, but
 * for load_run_stop(). */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "clients/load/result.h"
#include "ds/code.h"

#include <stdbool.h>

#define LOAD_RUN_REASON_BYTES_MAX 512

struct load_run;

/*
 * Asks every target whether it is there, connects and starts the threads. `plan` outlives the run.
 * Raises this process's limit of open files as far as it may.
 * DS_UNAVAILABLE where a target can't be reached, DS_INVALID_ARGUMENT where its address is none;
 * ret_reason then says which target and why.
 */
DS_MUST_USE ds_code load_run_start(const struct load_plan *plan, struct load_run **ret_run,
                                   char ret_reason[LOAD_RUN_REASON_BYTES_MAX]);

/* Waits until the run is over, but at most so long; true when it is. Ends a run whose plan
 * aborts_on_miss as soon as an objective is missed for good. */
bool load_run_wait(struct load_run *run, int64_t timeout_ns);

/* Begins nothing more; what is under way has its time to end. Any thread, signal handlers not. The
 * first reason is the one that the result gives. */
void load_run_stop(struct load_run *run, enum load_end why);

/* What has been measured so far. The result is the run's and holds until the next look or wait, or
 * the end. */
const struct load_result *load_run_look(struct load_run *run);

/* Stops the run if it is not over, and waits for its end. Takes NULL. */
void load_run_destroy(struct load_run *run);

#endif
