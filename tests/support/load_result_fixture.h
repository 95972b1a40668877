/* A run of the load-testing harness as it might have been, made by hand: no engine is needed to
 * test what it is told as. */
#ifndef TESTS_SUPPORT_LOAD_RESULT_FIXTURE_H
#define TESTS_SUPPORT_LOAD_RESULT_FIXTURE_H

#include "clients/load/result.h"

#define LOAD_FIXTURE_SECONDS 32 /* two of them warm-up, the last one cut short */
#define LOAD_FIXTURE_OPERATIONS 2

struct load_fixture {
    struct load_plan plan;
    struct load_flow flows[2];
    struct load_step steps[LOAD_FIXTURE_OPERATIONS];
    struct load_stage stages[2];
    struct load_objective objectives[2];
    struct load_watched watched[1];
    struct load_result result;
    struct load_operation_result operations[LOAD_FIXTURE_OPERATIONS];
    struct load_second seconds[LOAD_FIXTURE_SECONDS];
    struct load_second operation_seconds[LOAD_FIXTURE_OPERATIONS][LOAD_FIXTURE_SECONDS];
    struct load_objective_result objective_results[2];
    struct load_watched_result watched_results[1];
    struct load_sample samples[LOAD_FIXTURE_SECONDS];
};

/*
 * list_ticks: 30,000 ok, 100 failed ("503"), 20 timed out ("timeout"), 10 unsent, 5 under way;
 * create_tick: 3,000 ok. Latencies of list_ticks go evenly from 1 us to 30 ms, times `slowness`;
 * those of create_tick are all 2 ms. The first objective is met, the second is missed. `seed` moves
 * the seconds about a little.
 */
struct load_fixture *load_fixture_create(double slowness, unsigned int seed);
void load_fixture_destroy(struct load_fixture *fixture);

#endif
