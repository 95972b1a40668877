/* The engine: threads that carry out a plan and count. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "result.h"

struct load_run;

/* Connects and starts the threads; returns at once. `plan` outlives the run. DS_UNAVAILABLE where a
 * target can't be reached; `ret_reason` says which and why, static or the plan's. */
DS_MUST_USE ds_code load_run_start(const struct load_plan *plan, struct load_run **ret_run,
                                   const char **ret_reason);

/* Waits until the run is over, but at most so long; true when it is. */
bool load_run_wait(struct load_run *run, int64_t timeout_ns);

/* Begins nothing more; what is under way has its time to end. Any thread, signal handlers not. */
void load_run_stop(struct load_run *run, enum load_end why);

/* What has been measured so far. The result is the run's and holds until the next look or the end.
 */
const struct load_result *load_run_look(struct load_run *run);

void load_run_destroy(struct load_run *run);

#endif
