#include "clients/load/compare.h"

#include "clients/load/memory.h"
#include "clients/load/report_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The seconds of one run that are held against those of the other. */
struct sample {
    double *values;
    size_t count;
};

static double second_value(const struct load_second *at, enum load_change_measure measure)
{
    const uint64_t errors = at->failed + at->timed_out + at->unsent;
    switch (measure) {
    case LOAD_CHANGE_RATE:
        return (double)at->ok;
    case LOAD_CHANGE_P50:
        return at->ok == 0 ? NAN : (double)at->latency_p50_ns;
    case LOAD_CHANGE_P99:
        return at->ok == 0 ? NAN : (double)at->latency_p99_ns;
    default:
        return at->ok + errors == 0 ? NAN : (double)errors / (double)(at->ok + errors);
    }
}

static struct sample sample_of(const struct load_result *result,
                               const struct load_operation_result *operation,
                               enum load_change_measure measure)
{
    const bool is_total = operation == &result->total;
    const struct load_second *seconds = is_total ? result->seconds : operation->seconds;
    const struct report_span span = report_measured_span(
        result->plan, seconds, is_total ? result->second_count : operation->second_count);
    struct sample sample = {.values = load_allocate(span.count, sizeof(double))};
    for (size_t i = 0; i < span.count; i++) {
        const double value = second_value(&seconds[span.first + i], measure);
        if (isfinite(value)) {
            sample.values[sample.count++] = value;
        }
    }
    return sample;
}

static double whole_value(const struct load_result *result,
                          const struct load_operation_result *operation,
                          enum load_change_measure measure)
{
    switch (measure) {
    case LOAD_CHANGE_RATE:
        return report_rate(result, operation);
    case LOAD_CHANGE_P50:
        return (double)load_histogram_percentile_ns(operation->latency, 50);
    case LOAD_CHANGE_P99:
        return (double)load_histogram_percentile_ns(operation->latency, 99);
    default:
        return report_error_share(operation);
    }
}

static double relative_change(double before, double after, enum load_change_measure measure)
{
    if (measure == LOAD_CHANGE_ERRORS) {
        return after - before;
    }
    return before == 0 ? NAN : after / before - 1;
}

/* The whole run's figures say how large a change is, the seconds whether it is one. Both have to
 * point the same way: a single stall moves a run's p99 and none of its seconds. */
static enum load_verdict judge(const struct load_change *change, enum load_change_measure measure)
{
    if (isnan(change->probability)) {
        return LOAD_VERDICT_UNJUDGED;
    }
    const double least = measure == LOAD_CHANGE_ERRORS ? 0 : LOAD_COMPARE_CHANGE_MIN;
    const bool is_small = !(fabs(change->relative) > least) && !isnan(change->relative);
    if (is_small || change->probability >= LOAD_COMPARE_SIGNIFICANCE ||
        change->after == change->before) {
        return LOAD_VERDICT_SAME;
    }
    const bool has_grown = change->after > change->before;
    return has_grown == (measure == LOAD_CHANGE_RATE) ? LOAD_VERDICT_BETTER : LOAD_VERDICT_WORSE;
}

static struct load_change change_of(const struct load_comparison *comparison,
                                    const struct load_operation_result *before,
                                    const struct load_operation_result *after,
                                    enum load_change_measure measure)
{
    struct load_change change = {.before = whole_value(comparison->before, before, measure),
                                 .after = whole_value(comparison->after, after, measure)};
    const struct sample first = sample_of(comparison->before, before, measure);
    const struct sample second = sample_of(comparison->after, after, measure);
    change.relative = relative_change(change.before, change.after, measure);
    change.probability =
        load_compare_probability(first.values, first.count, second.values, second.count);
    change.verdict = judge(&change, measure);
    free(first.values);
    free(second.values);
    return change;
}

static void add_row(struct load_comparison *comparison, const char *name,
                    const struct load_operation_result *before,
                    const struct load_operation_result *after)
{
    struct load_comparison_row *row = &comparison->rows[comparison->row_count++];
    row->name = name;
    for (unsigned int i = 0; i < LOAD_CHANGE_COUNT; i++) {
        row->changes[i] = change_of(comparison, before, after, i);
        comparison->has_worse |= row->changes[i].verdict == LOAD_VERDICT_WORSE;
        comparison->has_better |= row->changes[i].verdict == LOAD_VERDICT_BETTER;
    }
}

static bool stages_are_equal(const struct load_plan *before, const struct load_plan *after)
{
    if (before->stage_count != after->stage_count) {
        return false;
    }
    for (size_t i = 0; i < before->stage_count; i++) {
        const struct load_stage *a = &before->stages[i];
        const struct load_stage *b = &after->stages[i];
        if (a->duration_ns != b->duration_ns || a->from != b->from || a->to != b->to) {
            return false;
        }
    }
    return true;
}

static bool flows_are_equal(const struct load_plan *before, const struct load_plan *after)
{
    if (before->flow_count != after->flow_count) {
        return false;
    }
    for (size_t i = 0; i < before->flow_count; i++) {
        const struct load_flow *a = &before->flows[i];
        const struct load_flow *b = &after->flows[i];
        if (strcmp(a->name, b->name) != 0 || a->weight != b->weight ||
            a->step_count != b->step_count) {
            return false;
        }
    }
    return true;
}

static bool plans_are_equal(const struct load_plan *before, const struct load_plan *after)
{
    return before->pace == after->pace && before->warm_up_ns == after->warm_up_ns &&
           stages_are_equal(before, after) && flows_are_equal(before, after);
}

struct load_comparison *load_comparison_create(const struct load_result *before,
                                               const struct load_result *after)
{
    struct load_comparison *comparison = load_allocate(1, sizeof(*comparison));
    comparison->before = before;
    comparison->after = after;
    comparison->rows =
        load_allocate(before->plan->operation_count + 1, sizeof(comparison->rows[0]));
    comparison->plans_differ = !plans_are_equal(before->plan, after->plan);
    add_row(comparison, "*", &before->total, &after->total);
    for (size_t i = 0; i < before->plan->operation_count; i++) {
        const struct load_operation_result *operation = &before->operations[i];
        const struct load_operation_result *other =
            strcmp(operation->name, "*") == 0 ? NULL
                                              : load_report_operation(after, operation->name);
        if (other != NULL) {
            add_row(comparison, operation->name, operation, other);
        }
    }
    return comparison;
}

void load_comparison_destroy(struct load_comparison *comparison)
{
    if (comparison == NULL) {
        return;
    }
    free(comparison->rows);
    free(comparison);
}
