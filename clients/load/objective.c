#include "clients/load/objective.h"

#include "clients/load/plan_read_units.h"
#include "ds/number.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MEASURE_BYTES_MAX 32

static ds_code refuse(char *reason, const char *text, const char *what)
{
    snprintf(reason, LOAD_OBJECTIVE_REASON_BYTES_MAX,
             "\"%.80s\": %s; an objective is OPERATION:MEASURE<LIMIT or >LIMIT, such as "
             "list_ticks:p99<5ms, *:errors<0.1%% or *:rate>1000",
             text, what);
    return DS_INVALID_ARGUMENT;
}

static bool measure_parse(const char *name, struct load_objective *objective)
{
    static const struct {
        const char *name;
        enum load_measure measure;
    } measures[] = {
        {"mean", LOAD_MEAN}, {"max", LOAD_MAX}, {"errors", LOAD_ERROR_SHARE}, {"rate", LOAD_RATE}};
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
        if (strcmp(measures[i].name, name) == 0) {
            objective->measure = measures[i].measure;
            return true;
        }
    }
    objective->measure = LOAD_PERCENTILE;
    return name[0] == 'p' && ds_double_parse(ds_bytes_of_text(name + 1), &objective->percentile) &&
           objective->percentile > 0 && objective->percentile <= 100;
}

static bool limit_parse(const char *text, struct load_objective *objective)
{
    int64_t ns = 0;
    switch (objective->measure) {
    case LOAD_ERROR_SHARE:
        return load_share_parse(text, &objective->limit);
    case LOAD_RATE:
        return load_rate_parse(text, &objective->limit);
    case LOAD_PERCENTILE:
    case LOAD_MEAN:
    case LOAD_MAX:
        break;
    }
    if (!load_duration_parse(text, &ns)) {
        return false;
    }
    objective->limit = (double)ns;
    return true;
}

ds_code load_objective_parse(struct ds_arena *arena, const char *text,
                             struct load_objective *ret_objective,
                             char ret_reason[LOAD_OBJECTIVE_REASON_BYTES_MAX])
{
    const char *sign = strpbrk(text, "<>");
    const char *colon = sign == NULL ? NULL : memrchr(text, ':', (size_t)(sign - text));
    if (colon == NULL) {
        return refuse(ret_reason, text, "has no \":\" with a \"<\" or \">\" behind it");
    }
    const size_t measure_bytes = (size_t)(sign - colon - 1);
    char measure[MEASURE_BYTES_MAX] = "";
    if (measure_bytes < sizeof(measure)) {
        memcpy(measure, colon + 1, measure_bytes);
    }
    struct load_objective objective = {.is_below = *sign == '<'};
    if (!measure_parse(measure, &objective)) {
        return refuse(ret_reason, text, "measures are p50 to p100, mean, max, errors and rate");
    }
    if (!limit_parse(sign + 1, &objective)) {
        return refuse(ret_reason, text,
                      "the limit is a duration (5ms), for errors a share (0.1%), for a rate a "
                      "number a second");
    }
    objective.text = ds_arena_copy_text(arena, text, strlen(text));
    const bool is_of_all = colon - text == 1 && text[0] == '*';
    objective.operation =
        is_of_all ? NULL : ds_arena_copy_text(arena, text, (size_t)(colon - text));
    *ret_objective = objective;
    return DS_OK;
}

static const struct load_operation_result *operation_of(const struct load_objective *objective,
                                                        const struct load_result *result)
{
    if (objective->operation == NULL) {
        return &result->total;
    }
    /* The plan's reader has checked the names. */
    size_t i = 0;
    while (strcmp(result->operations[i].name, objective->operation) != 0) {
        i++;
        assert(i < result->plan->operation_count);
    }
    return &result->operations[i];
}

/* Those of which it is known what has become of them. */
static uint64_t ended_count(const struct load_operation_result *operation)
{
    return operation->ok + operation->failed + operation->timed_out + operation->unsent;
}

static double error_share(const struct load_operation_result *operation)
{
    const uint64_t ended = ended_count(operation);
    return ended == 0 ? 1 : (double)(ended - operation->ok) / (double)ended;
}

static double value_of(const struct load_objective *objective,
                       const struct load_operation_result *operation, int64_t measured_ns)
{
    switch (objective->measure) {
    case LOAD_PERCENTILE:
        return (double)load_histogram_percentile_ns(operation->latency, objective->percentile);
    case LOAD_MEAN:
        return load_histogram_mean_ns(operation->latency);
    case LOAD_MAX:
        return (double)load_histogram_max_ns(operation->latency);
    case LOAD_ERROR_SHARE:
        return error_share(operation);
    case LOAD_RATE:
        return measured_ns <= 0 ? 0 : (double)operation->ok_in_window * 1e9 / (double)measured_ns;
    }
    return 0;
}

static bool is_of_latency(const struct load_objective *objective)
{
    return objective->measure == LOAD_PERCENTILE || objective->measure == LOAD_MEAN ||
           objective->measure == LOAD_MAX;
}

struct load_objective_result load_objective_measure(const struct load_objective *objective,
                                                    const struct load_result *result)
{
    const struct load_operation_result *operation = operation_of(objective, result);
    const double value = value_of(objective, operation, result->measured_ns);
    const bool holds = objective->is_below ? value < objective->limit : value > objective->limit;
    /* Where nothing was answered, there is nothing that could be fast or free of errors. */
    const bool has_basis =
        is_of_latency(objective) ? operation->ok > 0 : ended_count(operation) > 0;
    return (struct load_objective_result){
        .objective = objective, .value = value, .is_met = has_basis && holds};
}

void load_objectives_measure(const struct load_result *result,
                             struct load_objective_result *ret_results)
{
    for (size_t i = 0; i < result->plan->objective_count; i++) {
        ret_results[i] = load_objective_measure(&result->plan->objectives[i], result);
    }
}

const struct load_objective *load_objectives_missed(const struct load_result *result)
{
    for (size_t i = 0; i < result->plan->objective_count; i++) {
        const struct load_objective *objective = &result->plan->objectives[i];
        const bool is_known =
            ended_count(operation_of(objective, result)) >= LOAD_OBJECTIVE_SAMPLES_MIN;
        if (is_known && objective->measure != LOAD_RATE &&
            !load_objective_measure(objective, result).is_met) {
            return objective;
        }
    }
    return NULL;
}
