#include "clients/load/report.h"
#include "clients/load/report_markup.h"
#include "clients/load/report_values.h"
#include "ds/time.h"

#include <inttypes.h>
#include <math.h>

static void write_text(FILE *stream, const char *name, const char *text)
{
    fprintf(stream, "\"%s\":", name);
    report_json_string(stream, text);
}

/* A figure that could not be worked out is null: JSON has no word for infinity. */
static void write_number(FILE *stream, const char *name, double value)
{
    if (isfinite(value)) {
        fprintf(stream, "\"%s\":%.12g", name, value);
    } else {
        fprintf(stream, "\"%s\":null", name);
    }
}

static void write_flag(FILE *stream, const char *name, bool value)
{
    fprintf(stream, "\"%s\":%s", name, value ? "true" : "false");
}

static void write_times(FILE *stream, const char *name, const struct load_histogram *times)
{
    fprintf(stream, "\"%s\":{\"count\":%" PRIu64 ",\"min_ns\":%" PRId64 ",\"max_ns\":%" PRId64 ",",
            name, load_histogram_count(times), load_histogram_min_ns(times),
            load_histogram_max_ns(times));
    write_number(stream, "mean_ns", load_histogram_mean_ns(times));
    fputs(",", stream);
    write_number(stream, "deviation_ns", load_histogram_deviation_ns(times));
    fputs(",\"percentiles_ns\":{", stream);
    for (size_t i = 0; i < REPORT_PERCENTILE_COUNT; i++) {
        fprintf(stream, "%s\"%s\":%" PRId64, i == 0 ? "" : ",", report_percentiles[i].name,
                load_histogram_percentile_ns(times, report_percentiles[i].percentile));
    }
    fputs("},\"classes\":[", stream);
    struct load_histogram_class class;
    const char *separator = "";
    for (size_t cursor = 0; load_histogram_next(times, &cursor, &class); separator = ",") {
        fprintf(stream, "%s%" PRId64 ",%" PRIu64, separator, class.lowest_ns, class.count);
    }
    fputs("]}", stream);
}

static void write_seconds(FILE *stream, const struct load_second *seconds, size_t count)
{
    fputs("\"seconds\":[", stream);
    for (size_t i = 0; i < count; i++) {
        const struct load_second *at = &seconds[i];
        fprintf(stream,
                "%s\n{\"second\":%" PRIu32 ",\"planned\":%" PRIu64 ",\"ok\":%" PRIu64
                ",\"failed\":%" PRIu64 ",\"timed_out\":%" PRIu64 ",\"unsent\":%" PRIu64
                ",\"under_way\":%" PRIu64 ",\"latency_p50_ns\":%" PRId64
                ",\"latency_p99_ns\":%" PRId64 ",\"latency_max_ns\":%" PRId64 "}",
                i == 0 ? "" : ",", at->second, at->planned, at->ok, at->failed, at->timed_out,
                at->unsent, at->under_way, at->latency_p50_ns, at->latency_p99_ns,
                at->latency_max_ns);
    }
    fputs("]", stream);
}

static void write_codes(FILE *stream, const struct load_operation_result *operation)
{
    fputs("\"codes\":[", stream);
    for (size_t i = 0; i < operation->code_count; i++) {
        const struct load_code_result *code = &operation->codes[i];
        fputs(i == 0 ? "{" : ",\n{", stream);
        write_text(stream, "code", code->code);
        fprintf(stream, ",\"count\":%" PRIu64 ",", code->count);
        write_times(stream, "latency", code->latency);
        fputs("}", stream);
    }
    fputs("]", stream);
}

static void write_operation(FILE *stream, const struct load_result *result,
                            const struct load_operation_result *operation)
{
    const bool is_total = operation == &result->total;
    fputs("{", stream);
    write_text(stream, "name", is_total ? "*" : operation->name);
    fprintf(stream,
            ",\"planned\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"timed_out\":%" PRIu64 ",\"unsent\":%" PRIu64 ",\"under_way\":%" PRIu64
            ",\"bytes_sent\":%" PRIu64 ",\"bytes_received\":%" PRIu64 ",",
            operation->planned, operation->ok, operation->failed, operation->timed_out,
            operation->unsent, report_under_way(operation), operation->bytes_sent,
            operation->bytes_received);
    write_number(stream, "ok_per_second", report_rate(result, operation));
    fputs(",", stream);
    write_number(stream, "error_share", report_error_share(operation));
    fputs(",\n", stream);
    write_times(stream, "latency", operation->latency);
    fputs(",\n", stream);
    write_times(stream, "service", operation->service);
    fputs(",\n", stream);
    write_times(stream, "lag", operation->lag);
    fputs(",\n", stream);
    write_codes(stream, operation);
    fputs(",\n", stream);
    write_seconds(stream, is_total ? result->seconds : operation->seconds,
                  is_total ? result->second_count : operation->second_count);
    fputs("}", stream);
}

static const char *method_name(const struct load_step *step)
{
    if (step->protocol == LOAD_REST) {
        return step->http_method;
    }
    return step->method == NULL ? "" : step->method->full_name;
}

static void write_step(FILE *stream, const struct load_step *step)
{
    fprintf(stream, "{\"operation\":%zu,", step->operation);
    write_text(stream, "protocol", report_protocol_names[step->protocol]);
    fputs(",", stream);
    write_text(stream, "url", step->url);
    fputs(",", stream);
    write_text(stream, "method", method_name(step));
    fprintf(stream, ",\"timeout_ns\":%" PRId64 ",\"think_ns\":%" PRId64 "}", step->timeout_ns,
            step->think_ns);
}

static void write_flows(FILE *stream, const struct load_plan *plan)
{
    fputs("\"flows\":[", stream);
    for (size_t i = 0; i < plan->flow_count; i++) {
        const struct load_flow *flow = &plan->flows[i];
        fputs(i == 0 ? "{" : ",\n{", stream);
        write_text(stream, "name", flow->name);
        fputs(",", stream);
        write_number(stream, "weight", flow->weight);
        fputs(",\"steps\":[", stream);
        for (size_t k = 0; k < flow->step_count; k++) {
            fputs(k == 0 ? "" : ",", stream);
            write_step(stream, &flow->steps[k]);
        }
        fputs("]}", stream);
    }
    fputs("]", stream);
}

static void write_stages(FILE *stream, const struct load_plan *plan)
{
    fputs("\"stages\":[", stream);
    for (size_t i = 0; i < plan->stage_count; i++) {
        const struct load_stage *stage = &plan->stages[i];
        fprintf(stream, "%s{\"duration_ns\":%" PRId64 ",", i == 0 ? "" : ",", stage->duration_ns);
        write_number(stream, "from", stage->from);
        fputs(",", stream);
        write_number(stream, "to", stage->to);
        fputs("}", stream);
    }
    fputs("]", stream);
}

static void write_plan(FILE *stream, const struct load_plan *plan)
{
    fputs("\"plan\":{", stream);
    write_text(stream, "name", plan->name);
    /* As text: a number of 64 bits is not one that every reader of JSON keeps. */
    fprintf(stream, ",\"seed\":\"%" PRIu64 "\",", plan->seed);
    write_text(stream, "pace", report_pace_names[plan->pace]);
    fputs(",", stream);
    write_stages(stream, plan);
    fprintf(stream,
            ",\"warm_up_ns\":%" PRId64 ",\"thread_count\":%" PRIu32 ",\"connection_count\":%" PRIu32
            ",\"in_flight_max\":%" PRIu32 ",",
            plan->warm_up_ns, plan->thread_count, plan->connection_count, plan->in_flight_max);
    write_flag(stream, "aborts_on_miss", plan->aborts_on_miss);
    fputs(",", stream);
    write_flag(stream, "shares_messages", plan->shares_messages);
    fputs(",\n", stream);
    write_flows(stream, plan);
    fputs("}", stream);
}

static void write_samples(FILE *stream, const struct load_watched_result *watched)
{
    fputs("\"samples\":[", stream);
    for (size_t i = 0; i < watched->sample_count; i++) {
        const struct load_sample *sample = &watched->samples[i];
        fprintf(stream, "%s\n{\"second\":%" PRIu32 ",", i == 0 ? "" : ",", sample->second);
        write_number(stream, "cpu_seconds", sample->cpu_seconds);
        fprintf(stream,
                ",\"memory_bytes\":%" PRIu64 ",\"resident_bytes\":%" PRIu64
                ",\"open_files\":%" PRIu32 "}",
                sample->memory_bytes, sample->resident_bytes, sample->open_files);
    }
    fputs("]", stream);
}

static void write_watched(FILE *stream, const struct load_watched_result *watched)
{
    fputs("{", stream);
    write_text(stream, "name", watched->name);
    fputs(",", stream);
    write_number(stream, "cpu_seconds", watched->cpu_seconds);
    fputs(",", stream);
    write_number(stream, "calls_per_cpu_second", watched->calls_per_cpu_second);
    fprintf(stream, ",\"memory_bytes_max\":%" PRIu64 ",", watched->memory_bytes_max);
    write_flag(stream, "has_ended", watched->has_ended);
    fputs(",", stream);
    write_samples(stream, watched);
    fputs("}", stream);
}

static void write_objective(FILE *stream, const struct load_objective_result *result)
{
    const struct load_objective *objective = result->objective;
    fputs("{", stream);
    write_text(stream, "text", objective->text);
    fputs(",", stream);
    write_text(stream, "operation", objective->operation == NULL ? "*" : objective->operation);
    fputs(",", stream);
    write_text(stream, "measure", report_measure_names[objective->measure]);
    fputs(",", stream);
    write_number(stream, "percentile", objective->percentile);
    fputs(",", stream);
    write_flag(stream, "is_below", objective->is_below);
    fputs(",", stream);
    write_number(stream, "limit", objective->limit);
    fputs(",", stream);
    write_number(stream, "value", result->value);
    fputs(",", stream);
    write_flag(stream, "is_met", result->is_met);
    fputs("}", stream);
}

static void write_client(FILE *stream, const struct load_result *result)
{
    fputs("\"client\":{", stream);
    write_number(stream, "cpu_seconds", result->client_cpu_seconds);
    fputs(",", stream);
    write_number(stream, "busiest_thread_share", result->client_cpu_share);
    fputs(",", stream);
    write_flag(stream, "is_bound", result->is_client_bound);
    fputs(",", stream);
    write_text(stream, "why", result->client_bound_why);
    fputs("},\n", stream);
}

static void write_head(FILE *stream, const struct load_result *result)
{
    char started_at[DS_TIME_TEXT_MAX];
    const size_t size =
        ds_time_format(result->started_at_us / DS_MICROSECONDS,
                       (int32_t)(result->started_at_us % DS_MICROSECONDS) * 1000, started_at);
    fprintf(stream,
            "\"schema\":\"" LOAD_REPORT_SCHEMA "\",\"program\":\"deltastream-load/" DS_VERSION
            "\",\"started_at\":\"%.*s\",\"measured_ns\":%" PRId64 ",\"end\":\"%s\",\n",
            (int)size, started_at, result->measured_ns, report_end_names[result->end]);
    write_client(stream, result);
    fputs("\"objectives\":[", stream);
    for (size_t i = 0; i < result->plan->objective_count; i++) {
        fputs(i == 0 ? "" : ",\n", stream);
        write_objective(stream, &result->objectives[i]);
    }
    fputs("],\n", stream);
}

void load_report_json(const struct load_result *result, FILE *stream)
{
    fputs("{", stream);
    write_head(stream, result);
    write_plan(stream, result->plan);
    fputs(",\n\"total\":", stream);
    write_operation(stream, result, &result->total);
    fputs(",\n\"operations\":[", stream);
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        fputs(i == 0 ? "" : ",\n", stream);
        write_operation(stream, result, &result->operations[i]);
    }
    fputs("],\n\"watched\":[", stream);
    for (size_t i = 0; i < result->plan->watched_count; i++) {
        fputs(i == 0 ? "" : ",\n", stream);
        write_watched(stream, &result->watched[i]);
    }
    fputs("]}\n", stream);
}
