/*
 * When flows begin. Pure arithmetic of the plan: no clock is read and no reply changes it, so that
 * a slow server finds as many calls planned as a fast one. Times are nanoseconds since the start of
 * the run.
 */
#ifndef LOAD_PACING_H
#define LOAD_PACING_H

#include "clients/load/plan.h"

/* All stages together. */
int64_t load_plan_duration_ns(const struct load_plan *plan);

/* The n-th flow that thread t of T begins has the number n * T + t. */
uint64_t load_flow_number(const struct load_plan *plan, uint32_t thread, uint64_t nth);

/* Which flow of the plan the one of that number is: drawn by weight from the seed and the number.
 */
const struct load_flow *load_flow_choose(const struct load_plan *plan, uint64_t number);

/*
 * Open models: the flows that one thread has to begin. The threads of LOAD_CONSTANT take turns;
 * those of LOAD_POISSON draw independently of one another, which together is Poisson again.
 */
struct load_arrivals {
    const struct load_plan *plan;
    uint32_t thread;
    uint64_t count;  /* so far */
    double position; /* of the last one: arrivals of all threads that are expected before it */
    uint64_t random;
    size_t stage;
    double stage_position; /* at the stage's start */
    int64_t stage_begun_ns;
};

void load_arrivals_init(struct load_arrivals *arrivals, const struct load_plan *plan,
                        uint32_t thread);

/* The next one, never before the one before it; false where there is none any more. */
bool load_arrivals_next(struct load_arrivals *arrivals, int64_t *ret_planned_ns);

/*
 * The closed model: user u (from 0) is there while the stage asks for more than u users; thread t
 * of T has those with u % T == t.
 */
uint32_t load_users_max(const struct load_plan *plan);
bool load_user_is_there(const struct load_plan *plan, uint32_t user, int64_t at_ns);

/* The first moment from `from_ns` on at which the user is there; false where it never is. */
bool load_user_comes(const struct load_plan *plan, uint32_t user, int64_t from_ns,
                     int64_t *ret_at_ns);

#endif
