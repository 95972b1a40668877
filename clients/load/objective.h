/* What a run has to meet: "list_ticks:p99<5ms", "*:errors<0.1%", "*:rate>1000". Pure functions of
 * a result. */
#ifndef LOAD_OBJECTIVE_H
#define LOAD_OBJECTIVE_H

#include "clients/load/result.h"
#include "ds/arena.h"
#include "ds/code.h"

#define LOAD_OBJECTIVE_REASON_BYTES_MAX 384
/* Fewer answers than this say nothing about a percentile or a share while a run goes on. */
#define LOAD_OBJECTIVE_SAMPLES_MIN 100

/*
 * OPERATION:MEASURE<LIMIT or OPERATION:MEASURE>LIMIT. OPERATION: a step's name or * for all
 * together. MEASURE: p50 to p99.999 (any percentile), mean, max, errors, rate. LIMIT: a duration,
 * a share (0.1% or 0.001) or calls a second. DS_INVALID_ARGUMENT: ret_reason says what would do.
 * Texts are copied into the arena.
 */
DS_MUST_USE ds_code load_objective_parse(struct ds_arena *arena, const char *text,
                                         struct load_objective *ret_objective,
                                         char ret_reason[LOAD_OBJECTIVE_REASON_BYTES_MAX]);

/*
 * The measured value. Latencies are those from the planned time, of ok calls; errors are what
 * failed, timed out or was never sent, of all planned that are not under way any more; the rate is
 * that of ok calls. An objective of an operation that has no answer at all is not met.
 */
struct load_objective_result load_objective_measure(const struct load_objective *objective,
                                                    const struct load_result *result);

/* Those of the plan, in their order: `ret_results` has room for plan->objective_count. */
void load_objectives_measure(const struct load_result *result,
                             struct load_objective_result *ret_results);

/*
 * The first objective that is missed so clearly that the run need not go on; NULL where there is
 * none. Rates count only at the end, the others once LOAD_OBJECTIVE_SAMPLES_MIN calls have ended.
 */
const struct load_objective *load_objectives_missed(const struct load_result *result);

#endif
