#include "clients/load/gathering.h"

#include "clients/load/memory.h"

#include <stdlib.h>

static void operations_name(struct load_operation_result *operations, const struct load_plan *plan)
{
    for (size_t i = 0; i < plan->flow_count; i++) {
        for (size_t k = 0; k < plan->flows[i].step_count; k++) {
            const struct load_step *step = &plan->flows[i].steps[k];
            operations[step->operation].name = step->name;
        }
    }
}

void load_gathering_init(struct load_gathering *gathering, const struct load_plan *plan,
                         uint32_t first_second)
{
    struct load_operation_result *operations =
        load_allocate(plan->operation_count, sizeof *operations);
    *gathering = (struct load_gathering){
        .result = {.plan = plan, .operations = operations, .client_bound_why = ""},
        .lateness = load_histogram_create(),
        .series = load_allocate(plan->operation_count, sizeof *gathering->series),
    };
    for (size_t i = 0; i < plan->operation_count; i++) {
        load_operation_init(&operations[i]);
        load_series_init(&gathering->series[i], first_second);
    }
    operations_name(operations, plan);
    load_operation_init(&gathering->result.total);
    load_series_init(&gathering->total, first_second);
    gathering->result.total.name = "*";
}

void load_gathering_deinit(struct load_gathering *gathering)
{
    for (size_t i = 0; i < gathering->result.plan->operation_count; i++) {
        load_operation_deinit(&gathering->result.operations[i]);
        load_series_deinit(&gathering->series[i]);
    }
    load_operation_deinit(&gathering->result.total);
    load_series_deinit(&gathering->total);
    load_histogram_destroy(gathering->lateness);
    free(gathering->result.operations);
    free(gathering->series);
}

void load_gathering_add(struct load_gathering *gathering, const struct load_counts *counts)
{
    for (size_t i = 0; i < counts->operation_count; i++) {
        load_operation_add(&gathering->result.operations[i], &counts->operations[i]);
        load_operation_add(&gathering->result.total, &counts->operations[i]);
        load_series_add(&gathering->series[i], &counts->windows[i]);
        load_series_add(&gathering->total, &counts->windows[i]);
    }
    if (load_histogram_count(counts->lateness) > 0) {
        load_histogram_add(gathering->lateness, counts->lateness);
    }
}

static void seconds_give(struct load_series *series, struct load_operation_result *operation)
{
    load_series_finish(series);
    operation->seconds = series->seconds;
    operation->second_count = series->second_count;
}

void load_gathering_finish(struct load_gathering *gathering)
{
    struct load_result *result = &gathering->result;
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        seconds_give(&gathering->series[i], &result->operations[i]);
    }
    seconds_give(&gathering->total, &result->total);
    result->seconds = result->total.seconds;
    result->second_count = result->total.second_count;
}
