#include "clients/load/pacing.h"

#include "clients/feed/random.h"

#include <assert.h>
#include <math.h>

#define NS_PER_SECOND 1e9
/* What tells the draws of one purpose from those of another. */
#define SALT_OF_FLOWS 0x666c6f77
#define SALT_OF_ARRIVALS 0x61727276

int64_t load_plan_duration_ns(const struct load_plan *plan)
{
    int64_t duration_ns = 0;
    for (size_t i = 0; i < plan->stage_count; i++) {
        duration_ns += plan->stages[i].duration_ns;
    }
    return duration_ns;
}

uint64_t load_flow_number(const struct load_plan *plan, uint32_t thread, uint64_t nth)
{
    return nth * plan->thread_count + thread;
}

const struct load_flow *load_flow_choose(const struct load_plan *plan, uint64_t number)
{
    assert(plan->flow_count > 0);
    if (plan->flow_count == 1) {
        return &plan->flows[0];
    }
    double sum = 0;
    for (size_t i = 0; i < plan->flow_count; i++) {
        sum += plan->flows[i].weight;
    }
    const uint64_t key = random_key(random_key(plan->seed, SALT_OF_FLOWS), number);
    double left = random_of_key(key) * sum;
    for (size_t i = 0; i + 1 < plan->flow_count; i++) {
        left -= plan->flows[i].weight;
        if (left < 0) {
            return &plan->flows[i];
        }
    }
    return &plan->flows[plan->flow_count - 1];
}

void load_arrivals_init(struct load_arrivals *arrivals, const struct load_plan *plan,
                        uint32_t thread)
{
    assert(plan->pace != LOAD_CLOSED && thread < plan->thread_count);
    *arrivals = (struct load_arrivals){
        .plan = plan,
        .thread = thread,
        .random = random_key(random_key(plan->seed, SALT_OF_ARRIVALS), thread),
    };
}

/* Moves on to the next arrival's place in the sequence of all. */
static void advance(struct load_arrivals *arrivals)
{
    const struct load_plan *plan = arrivals->plan;
    if (plan->pace == LOAD_POISSON) {
        arrivals->position -= log(random_uniform(&arrivals->random)) * plan->thread_count;
    } else {
        arrivals->position = (double)load_flow_number(plan, arrivals->thread, arrivals->count);
    }
}

/* How many arrivals a stage has. */
static double stage_total(const struct load_stage *stage)
{
    return (stage->from + stage->to) / 2 * ((double)stage->duration_ns / NS_PER_SECOND);
}

/*
 * The seconds into the stage after which `count` arrivals are due, of less than its total: where
 * from * x + slope / 2 * x * x == count. In this form of the solution nothing cancels out.
 */
static double stage_seconds_at(const struct load_stage *stage, double count)
{
    const double slope = (stage->to - stage->from) / ((double)stage->duration_ns / NS_PER_SECOND);
    const double root = stage->from * stage->from + 2 * slope * count;
    const double divisor = stage->from + sqrt(fmax(root, 0));
    return divisor > 0 ? 2 * count / divisor : 0;
}

bool load_arrivals_next(struct load_arrivals *arrivals, int64_t *ret_planned_ns)
{
    const struct load_plan *plan = arrivals->plan;
    advance(arrivals);
    while (arrivals->stage < plan->stage_count) {
        const struct load_stage *stage = &plan->stages[arrivals->stage];
        const double total = stage_total(stage);
        const double count = arrivals->position - arrivals->stage_position;
        if (count < total) {
            const int64_t into_ns =
                (int64_t)llround(stage_seconds_at(stage, count) * NS_PER_SECOND);
            const int64_t last_ns = stage->duration_ns - 1;
            *ret_planned_ns = arrivals->stage_begun_ns + (into_ns < last_ns ? into_ns : last_ns);
            arrivals->count++;
            return true;
        }
        arrivals->stage_position += total;
        arrivals->stage_begun_ns += stage->duration_ns;
        arrivals->stage++;
    }
    return false;
}

uint32_t load_users_max(const struct load_plan *plan)
{
    double most = 0;
    for (size_t i = 0; i < plan->stage_count; i++) {
        most = fmax(most, fmax(plan->stages[i].from, plan->stages[i].to));
    }
    return (uint32_t)ceil(most);
}

static double users_at(const struct load_stage *stage, int64_t into_ns)
{
    return stage->from + (stage->to - stage->from) * ((double)into_ns / (double)stage->duration_ns);
}

bool load_user_is_there(const struct load_plan *plan, uint32_t user, int64_t at_ns)
{
    int64_t begun_ns = 0;
    for (size_t i = 0; i < plan->stage_count; i++) {
        const struct load_stage *stage = &plan->stages[i];
        if (at_ns >= begun_ns && at_ns < begun_ns + stage->duration_ns) {
            return users_at(stage, at_ns - begun_ns) > user;
        }
        begun_ns += stage->duration_ns;
    }
    return false;
}

/* The same within one stage, `from_ns` and the answer counted from its start. */
static bool user_comes_in_stage(const struct load_stage *stage, uint32_t user, int64_t from_ns,
                                int64_t *ret_into_ns)
{
    if (users_at(stage, from_ns) > user) {
        *ret_into_ns = from_ns;
        return true;
    }
    if (stage->to <= user || stage->to <= stage->from) {
        return false;
    }
    const double share = (user - stage->from) / (stage->to - stage->from);
    const int64_t crossing_ns = (int64_t)(share * (double)stage->duration_ns);
    int64_t into_ns = crossing_ns > from_ns ? crossing_ns : from_ns;
    /* Doubles may put the crossing a few nanoseconds too early. */
    for (int64_t step_ns = 1; into_ns < stage->duration_ns; step_ns *= 2) {
        if (users_at(stage, into_ns) > user) {
            *ret_into_ns = into_ns;
            return true;
        }
        into_ns += step_ns;
    }
    return false;
}

bool load_user_comes(const struct load_plan *plan, uint32_t user, int64_t from_ns,
                     int64_t *ret_at_ns)
{
    int64_t begun_ns = 0;
    for (size_t i = 0; i < plan->stage_count; i++) {
        const struct load_stage *stage = &plan->stages[i];
        const int64_t ended_ns = begun_ns + stage->duration_ns;
        const int64_t first_ns = from_ns > begun_ns ? from_ns : begun_ns;
        int64_t into_ns = 0;
        if (first_ns < ended_ns &&
            user_comes_in_stage(stage, user, first_ns - begun_ns, &into_ns)) {
            *ret_at_ns = begun_ns + into_ns;
            return true;
        }
        begun_ns = ended_ns;
    }
    return false;
}
