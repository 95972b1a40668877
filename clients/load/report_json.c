#include "clients/load/report.h"
#include "clients/load/report_values.h"
#include "ds/json_build.h"
#include "ds/time.h"

#include <inttypes.h>

/* Figures by their names. */
struct figure {
    const char *name;
    uint64_t value;
};

static void put_figures(struct ds_buffer *json, const struct figure *figures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ds_json_put_number(json, figures[i].name, (int64_t)figures[i].value);
    }
}

static void put_times(struct ds_buffer *json, const char *name, const struct load_histogram *times)
{
    ds_json_put_open(json, name, '{');
    ds_json_put_number(json, "count", (int64_t)load_histogram_count(times));
    ds_json_put_number(json, "min_ns", load_histogram_min_ns(times));
    ds_json_put_number(json, "max_ns", load_histogram_max_ns(times));
    ds_json_put_real(json, "mean_ns", load_histogram_mean_ns(times));
    ds_json_put_real(json, "deviation_ns", load_histogram_deviation_ns(times));
    ds_json_put_open(json, "percentiles_ns", '{');
    for (size_t i = 0; i < REPORT_PERCENTILE_COUNT; i++) {
        ds_json_put_number(json, report_percentiles[i].name,
                           load_histogram_percentile_ns(times, report_percentiles[i].percentile));
    }
    ds_json_put_close(json, '}');
    ds_json_put_open(json, "classes", '[');
    struct load_histogram_class class;
    for (size_t cursor = 0; load_histogram_next(times, &cursor, &class);) {
        ds_json_put_number(json, NULL, class.lowest_ns);
        ds_json_put_number(json, NULL, (int64_t) class.count);
    }
    ds_json_put_close(json, ']');
    ds_json_put_close(json, '}');
}

static void put_seconds(struct ds_buffer *json, const struct load_second *seconds, size_t count)
{
    ds_json_put_open(json, "seconds", '[');
    for (size_t i = 0; i < count; i++) {
        const struct load_second *at = &seconds[i];
        const struct figure figures[] = {{"second", at->second},
                                         {"planned", at->planned},
                                         {"ok", at->ok},
                                         {"failed", at->failed},
                                         {"timed_out", at->timed_out},
                                         {"unsent", at->unsent},
                                         {"under_way", at->under_way},
                                         {"latency_p50_ns", (uint64_t)at->latency_p50_ns},
                                         {"latency_p99_ns", (uint64_t)at->latency_p99_ns},
                                         {"latency_max_ns", (uint64_t)at->latency_max_ns}};
        ds_json_put_line(json);
        ds_json_put_open(json, NULL, '{');
        put_figures(json, figures, sizeof(figures) / sizeof(figures[0]));
        ds_json_put_close(json, '}');
    }
    ds_json_put_close(json, ']');
}

/* Elements of a list stand on lines of their own, but for the first one. */
static void put_element(struct ds_buffer *json, size_t place)
{
    if (place > 0) {
        ds_json_put_line(json);
    }
    ds_json_put_open(json, NULL, '{');
}

static void put_codes(struct ds_buffer *json, const struct load_operation_result *operation)
{
    ds_json_put_open(json, "codes", '[');
    for (size_t i = 0; i < operation->code_count; i++) {
        const struct load_code_result *code = &operation->codes[i];
        put_element(json, i);
        ds_json_put_text(json, "code", code->code);
        ds_json_put_number(json, "count", (int64_t)code->count);
        put_times(json, "latency", code->latency);
        ds_json_put_close(json, '}');
    }
    ds_json_put_close(json, ']');
}

static void put_operation(struct ds_buffer *json, const struct load_result *result,
                          const struct load_operation_result *operation)
{
    const bool is_total = operation == &result->total;
    const struct figure figures[] = {{"planned", operation->planned},
                                     {"ok", operation->ok},
                                     {"ok_in_window", operation->ok_in_window},
                                     {"failed", operation->failed},
                                     {"refused", operation->refused},
                                     {"timed_out", operation->timed_out},
                                     {"unsent", operation->unsent},
                                     {"under_way", report_under_way(operation)},
                                     {"bytes_sent", operation->bytes_sent},
                                     {"bytes_received", operation->bytes_received}};
    ds_json_put_text(json, "name", is_total ? "*" : operation->name);
    put_figures(json, figures, sizeof(figures) / sizeof(figures[0]));
    ds_json_put_real(json, "ok_per_second", report_rate(result, operation));
    ds_json_put_real(json, "error_share", report_error_share(operation));
    ds_json_put_line(json);
    put_times(json, "latency", operation->latency);
    ds_json_put_line(json);
    put_times(json, "service", operation->service);
    ds_json_put_line(json);
    put_times(json, "lag", operation->lag);
    ds_json_put_line(json);
    put_codes(json, operation);
    ds_json_put_line(json);
    put_seconds(json, is_total ? result->seconds : operation->seconds,
                is_total ? result->second_count : operation->second_count);
    ds_json_put_close(json, '}');
}

static const char *method_name(const struct load_step *step)
{
    if (step->protocol == LOAD_REST) {
        return step->http_method;
    }
    return step->method == NULL ? "" : step->method->full_name;
}

static void put_step(struct ds_buffer *json, const struct load_step *step)
{
    ds_json_put_open(json, NULL, '{');
    ds_json_put_number(json, "operation", (int64_t)step->operation);
    ds_json_put_text(json, "protocol", report_protocol_names[step->protocol]);
    ds_json_put_text(json, "url", step->url);
    ds_json_put_text(json, "method", method_name(step));
    ds_json_put_number(json, "timeout_ns", step->timeout_ns);
    ds_json_put_number(json, "think_ns", step->think_ns);
    ds_json_put_close(json, '}');
}

static void put_flows(struct ds_buffer *json, const struct load_plan *plan)
{
    ds_json_put_open(json, "flows", '[');
    for (size_t i = 0; i < plan->flow_count; i++) {
        const struct load_flow *flow = &plan->flows[i];
        put_element(json, i);
        ds_json_put_text(json, "name", flow->name);
        ds_json_put_real(json, "weight", flow->weight);
        ds_json_put_open(json, "steps", '[');
        for (size_t k = 0; k < flow->step_count; k++) {
            put_step(json, &flow->steps[k]);
        }
        ds_json_put_close(json, ']');
        ds_json_put_close(json, '}');
    }
    ds_json_put_close(json, ']');
}

static void put_stages(struct ds_buffer *json, const struct load_plan *plan)
{
    ds_json_put_open(json, "stages", '[');
    for (size_t i = 0; i < plan->stage_count; i++) {
        ds_json_put_open(json, NULL, '{');
        ds_json_put_number(json, "duration_ns", plan->stages[i].duration_ns);
        ds_json_put_real(json, "from", plan->stages[i].from);
        ds_json_put_real(json, "to", plan->stages[i].to);
        ds_json_put_close(json, '}');
    }
    ds_json_put_close(json, ']');
}

static void put_plan(struct ds_buffer *json, const struct load_plan *plan)
{
    /* As text: a number of 64 bits is not one that every reader of JSON keeps. */
    char seed[24];
    (void)snprintf(seed, sizeof(seed), "%" PRIu64, plan->seed);
    const struct figure figures[] = {{"warm_up_ns", (uint64_t)plan->warm_up_ns},
                                     {"thread_count", plan->thread_count},
                                     {"connection_count", plan->connection_count},
                                     {"in_flight_max", plan->in_flight_max}};
    ds_json_put_open(json, "plan", '{');
    ds_json_put_text(json, "name", plan->name);
    ds_json_put_text(json, "seed", seed);
    ds_json_put_text(json, "pace", report_pace_names[plan->pace]);
    put_stages(json, plan);
    put_figures(json, figures, sizeof(figures) / sizeof(figures[0]));
    ds_json_put_boolean(json, "aborts_on_miss", plan->aborts_on_miss);
    ds_json_put_boolean(json, "shares_messages", plan->shares_messages);
    ds_json_put_line(json);
    put_flows(json, plan);
    ds_json_put_close(json, '}');
}

static void put_samples(struct ds_buffer *json, const struct load_watched_result *watched)
{
    ds_json_put_open(json, "samples", '[');
    for (size_t i = 0; i < watched->sample_count; i++) {
        const struct load_sample *sample = &watched->samples[i];
        ds_json_put_line(json);
        ds_json_put_open(json, NULL, '{');
        ds_json_put_number(json, "second", sample->second);
        ds_json_put_real(json, "cpu_seconds", sample->cpu_seconds);
        ds_json_put_number(json, "memory_bytes", (int64_t)sample->memory_bytes);
        ds_json_put_number(json, "resident_bytes", (int64_t)sample->resident_bytes);
        ds_json_put_number(json, "open_files", sample->open_files);
        ds_json_put_close(json, '}');
    }
    ds_json_put_close(json, ']');
}

static void put_watched(struct ds_buffer *json, const struct load_watched_result *watched)
{
    ds_json_put_text(json, "name", watched->name);
    ds_json_put_real(json, "cpu_seconds", watched->cpu_seconds);
    ds_json_put_real(json, "calls_per_cpu_second", watched->calls_per_cpu_second);
    ds_json_put_number(json, "memory_bytes_max", (int64_t)watched->memory_bytes_max);
    ds_json_put_boolean(json, "has_ended", watched->has_ended);
    put_samples(json, watched);
    ds_json_put_close(json, '}');
}

static void put_objective(struct ds_buffer *json, const struct load_objective_result *result)
{
    const struct load_objective *objective = result->objective;
    ds_json_put_text(json, "text", objective->text);
    ds_json_put_text(json, "operation", objective->operation == NULL ? "*" : objective->operation);
    ds_json_put_text(json, "measure", report_measure_names[objective->measure]);
    ds_json_put_real(json, "percentile", objective->percentile);
    ds_json_put_boolean(json, "is_below", objective->is_below);
    ds_json_put_real(json, "limit", objective->limit);
    ds_json_put_real(json, "value", result->value);
    ds_json_put_boolean(json, "is_met", result->is_met);
    ds_json_put_close(json, '}');
}

static void put_client(struct ds_buffer *json, const struct load_result *result)
{
    ds_json_put_open(json, "client", '{');
    ds_json_put_real(json, "cpu_seconds", result->client_cpu_seconds);
    ds_json_put_real(json, "busiest_thread_share", result->client_cpu_share);
    ds_json_put_boolean(json, "is_bound", result->is_client_bound);
    ds_json_put_text(json, "why", result->client_bound_why);
    ds_json_put_close(json, '}');
}

static void put_head(struct ds_buffer *json, const struct load_result *result)
{
    ds_json_put_text(json, "schema", LOAD_REPORT_SCHEMA);
    ds_json_put_text(json, "program", "deltastream-load/" DS_VERSION);
    ds_json_put_time(json, "started_at", result->started_at_us);
    ds_json_put_number(json, "measured_ns", result->measured_ns);
    ds_json_put_text(json, "end", report_end_names[result->end]);
    ds_json_put_line(json);
    put_client(json, result);
    ds_json_put_line(json);
    ds_json_put_open(json, "objectives", '[');
    for (size_t i = 0; i < result->plan->objective_count; i++) {
        put_element(json, i);
        put_objective(json, &result->objectives[i]);
    }
    ds_json_put_close(json, ']');
}

static void put_operations(struct ds_buffer *json, const struct load_result *result)
{
    ds_json_put_open(json, "total", '{');
    put_operation(json, result, &result->total);
    ds_json_put_line(json);
    ds_json_put_open(json, "operations", '[');
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        put_element(json, i);
        put_operation(json, result, &result->operations[i]);
    }
    ds_json_put_close(json, ']');
}

void load_report_json(const struct load_result *result, FILE *stream)
{
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX / 2);
    ds_json_put_open(&json, NULL, '{');
    put_head(&json, result);
    ds_json_put_line(&json);
    put_plan(&json, result->plan);
    ds_json_put_line(&json);
    put_operations(&json, result);
    ds_json_put_line(&json);
    ds_json_put_open(&json, "watched", '[');
    for (size_t i = 0; i < result->plan->watched_count; i++) {
        put_element(&json, i);
        put_watched(&json, &result->watched[i]);
    }
    ds_json_put_close(&json, ']');
    ds_json_put_close(&json, '}');
    ds_buffer_append_text(&json, "\n");
    fwrite(json.data, 1, json.size, stream);
    ds_buffer_deinit(&json);
}
