#include "clients/load/memory.h"
#include "clients/load/report.h"
#include "clients/load/report_reader.h"
#include "clients/load/report_values.h"
#include "ds/buffer.h"
#include "ds/number.h"
#include "ds/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Every item read takes its place in the text: more can't come from LOAD_REPORT_BYTES_MAX. */
#define SECONDS_MAX (LOAD_REPORT_BYTES_MAX / 16)
/* Three histograms and those of the codes, of each operation and the total. */
#define HISTOGRAMS_MAX ((LOAD_OPERATIONS_MAX + 1) * (3 + LOAD_CODES_MAX))

struct load_saved {
    struct ds_arena *arena;
    struct load_result result;
    struct load_plan plan;
    struct load_histogram *histograms[HISTOGRAMS_MAX];
    size_t histogram_count;
};

static const char whole_classes[] = "pairs of a time in ns and a count";

static struct load_histogram *read_times(struct report_reader *reader, struct load_saved *saved,
                                         const json_t *object, const char *name)
{
    struct load_histogram *times = load_histogram_create();
    saved->histograms[saved->histogram_count++] = times;
    const json_t *classes = json_object_get(report_read_object(reader, object, name), "classes");
    if (!json_is_array(classes) || json_array_size(classes) % 2 != 0) {
        report_reader_fail(reader, name, whole_classes);
        return times;
    }
    for (size_t i = 0; i < json_array_size(classes); i += 2) {
        const json_t *lowest = json_array_get(classes, i);
        const json_t *count = json_array_get(classes, i + 1);
        if (!json_is_integer(lowest) || !json_is_integer(count) || json_integer_value(count) < 0 ||
            json_integer_value(count) > REPORT_INTEGER_MAX) {
            report_reader_fail(reader, name, whole_classes);
            return times;
        }
        load_histogram_record_many(times, json_integer_value(lowest),
                                   (uint64_t)json_integer_value(count));
    }
    return times;
}

static uint64_t read_count(struct report_reader *reader, const json_t *object, const char *name)
{
    return (uint64_t)report_read_integer(reader, object, name, REPORT_INTEGER_MAX);
}

static struct load_second *read_seconds(struct report_reader *reader, const json_t *object,
                                        size_t *ret_count)
{
    const json_t *list = report_read_objects(reader, object, "seconds", SECONDS_MAX);
    const size_t count = json_array_size(list);
    struct load_second *seconds = reader_memory(&reader->members, count, sizeof(seconds[0]));
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct load_second *at = &seconds[i];
        at->second = (uint32_t)report_read_integer(reader, item, "second", UINT32_MAX);
        at->planned = read_count(reader, item, "planned");
        at->ok = read_count(reader, item, "ok");
        at->failed = read_count(reader, item, "failed");
        at->timed_out = read_count(reader, item, "timed_out");
        at->unsent = read_count(reader, item, "unsent");
        at->under_way = read_count(reader, item, "under_way");
        at->latency_p50_ns = (int64_t)read_count(reader, item, "latency_p50_ns");
        at->latency_p99_ns = (int64_t)read_count(reader, item, "latency_p99_ns");
        at->latency_max_ns = (int64_t)read_count(reader, item, "latency_max_ns");
        if (i > 0 && at->second <= at[-1].second) {
            report_reader_fail(reader, "seconds", "in the order of time");
        }
    }
    *ret_count = count;
    return seconds;
}

static void read_codes(struct report_reader *reader, struct load_saved *saved, const json_t *object,
                       struct load_operation_result *operation)
{
    const json_t *list = report_read_objects(reader, object, "codes", LOAD_CODES_MAX);
    operation->code_count = json_array_size(list);
    for (size_t i = 0; i < operation->code_count; i++) {
        const json_t *item = json_array_get(list, i);
        struct load_code_result *code = &operation->codes[i];
        snprintf(code->code, sizeof(code->code), "%s", report_read_text(reader, item, "code"));
        code->count = read_count(reader, item, "count");
        code->latency = read_times(reader, saved, item, "latency");
    }
}

static void read_operation(struct report_reader *reader, struct load_saved *saved,
                           const json_t *object, struct load_operation_result *operation)
{
    operation->name = report_read_text(reader, object, "name");
    operation->planned = read_count(reader, object, "planned");
    operation->ok = read_count(reader, object, "ok");
    operation->ok_in_window = read_count(reader, object, "ok_in_window");
    operation->failed = read_count(reader, object, "failed");
    operation->refused = read_count(reader, object, "refused");
    operation->timed_out = read_count(reader, object, "timed_out");
    operation->unsent = read_count(reader, object, "unsent");
    operation->bytes_sent = read_count(reader, object, "bytes_sent");
    operation->bytes_received = read_count(reader, object, "bytes_received");
    operation->latency = read_times(reader, saved, object, "latency");
    operation->service = read_times(reader, saved, object, "service");
    operation->lag = read_times(reader, saved, object, "lag");
    read_codes(reader, saved, object, operation);
    operation->seconds = read_seconds(reader, object, &operation->second_count);
}

static void read_operations(struct report_reader *reader, struct load_saved *saved,
                            const json_t *root)
{
    struct load_result *result = &saved->result;
    const json_t *list = report_read_objects(reader, root, "operations", LOAD_OPERATIONS_MAX);
    saved->plan.operation_count = json_array_size(list);
    result->operations =
        reader_memory(&reader->members, saved->plan.operation_count, sizeof(result->operations[0]));
    for (size_t i = 0; i < saved->plan.operation_count; i++) {
        report_reader_at(reader, "operations[%zu]", i);
        read_operation(reader, saved, json_array_get(list, i), &result->operations[i]);
    }
    report_reader_at(reader, "total");
    const json_t *total = json_object_get(root, "total");
    read_operation(reader, saved, total, &result->total);
    result->seconds = result->total.seconds;
    result->second_count = result->total.second_count;
}

static void read_step(struct report_reader *reader, struct load_saved *saved, const json_t *object,
                      struct load_step *step)
{
    const size_t operation_count = saved->plan.operation_count;
    step->operation = (size_t)report_read_integer(
        reader, object, "operation", operation_count == 0 ? 0 : (int64_t)operation_count - 1);
    if (operation_count == 0) {
        report_reader_fail(reader, "operation", "one of operations");
        return;
    }
    step->name = saved->result.operations[step->operation].name;
    step->protocol = report_read_name(reader, object, "protocol", report_protocol_names);
    step->url = report_read_text(reader, object, "url");
    step->http_method = report_read_text(reader, object, "method");
    step->method = ds_method_find(step->http_method, strlen(step->http_method));
    step->timeout_ns = (int64_t)read_count(reader, object, "timeout_ns");
    step->think_ns = (int64_t)read_count(reader, object, "think_ns");
}

static void read_flows(struct report_reader *reader, struct load_saved *saved, const json_t *plan)
{
    const json_t *list = report_read_objects(reader, plan, "flows", LOAD_OPERATIONS_MAX);
    const size_t count = json_array_size(list);
    struct load_flow *flows = reader_memory(&reader->members, count, sizeof(flows[0]));
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        report_reader_at(reader, "plan.flows[%zu]", i);
        flows[i].name = report_read_text(reader, item, "name");
        flows[i].weight = report_read_number(reader, item, "weight");
        const json_t *steps = report_read_objects(reader, item, "steps", LOAD_OPERATIONS_MAX);
        flows[i].step_count = json_array_size(steps);
        struct load_step *target =
            reader_memory(&reader->members, flows[i].step_count, sizeof(target[0]));
        for (size_t k = 0; k < flows[i].step_count; k++) {
            report_reader_at(reader, "plan.flows[%zu].steps[%zu]", i, k);
            read_step(reader, saved, json_array_get(steps, k), &target[k]);
        }
        flows[i].steps = target;
    }
    saved->plan.flows = flows;
    saved->plan.flow_count = count;
}

static void read_stages(struct report_reader *reader, struct load_plan *plan, const json_t *object)
{
    const json_t *list = report_read_objects(reader, object, "stages", LOAD_STAGES_MAX);
    plan->stage_count = json_array_size(list);
    struct load_stage *stages =
        reader_memory(&reader->members, plan->stage_count, sizeof(stages[0]));
    for (size_t i = 0; i < plan->stage_count; i++) {
        const json_t *item = json_array_get(list, i);
        report_reader_at(reader, "plan.stages[%zu]", i);
        stages[i] =
            (struct load_stage){.duration_ns = (int64_t)read_count(reader, item, "duration_ns"),
                                .from = report_read_number(reader, item, "from"),
                                .to = report_read_number(reader, item, "to")};
    }
    plan->stages = stages;
}

static void read_plan(struct report_reader *reader, struct load_saved *saved, const json_t *root)
{
    struct load_plan *plan = &saved->plan;
    report_reader_at(reader, "%s", "");
    const json_t *object = report_read_object(reader, root, "plan");
    report_reader_at(reader, "plan");
    plan->name = report_read_text(reader, object, "name");
    const char *seed = report_read_text(reader, object, "seed");
    if (!ds_uint64_parse(ds_bytes_of_text(seed), &plan->seed)) {
        report_reader_fail(reader, "seed", "a whole number as text");
    }
    plan->pace = report_read_name(reader, object, "pace", report_pace_names);
    plan->warm_up_ns = (int64_t)read_count(reader, object, "warm_up_ns");
    plan->thread_count = (uint32_t)report_read_integer(reader, object, "thread_count", UINT32_MAX);
    plan->connection_count =
        (uint32_t)report_read_integer(reader, object, "connection_count", UINT32_MAX);
    plan->in_flight_max =
        (uint32_t)report_read_integer(reader, object, "in_flight_max", UINT32_MAX);
    plan->aborts_on_miss = report_read_flag(reader, object, "aborts_on_miss");
    plan->shares_messages = report_read_flag(reader, object, "shares_messages");
    read_stages(reader, plan, object);
    report_reader_at(reader, "plan");
    read_flows(reader, saved, object);
}

static void read_samples(struct report_reader *reader, const json_t *object,
                         struct load_watched_result *watched)
{
    const json_t *list = report_read_objects(reader, object, "samples", SECONDS_MAX);
    watched->sample_count = json_array_size(list);
    struct load_sample *samples =
        reader_memory(&reader->members, watched->sample_count, sizeof(samples[0]));
    for (size_t i = 0; i < watched->sample_count; i++) {
        const json_t *item = json_array_get(list, i);
        struct load_sample *sample = &samples[i];
        sample->second = (uint32_t)report_read_integer(reader, item, "second", UINT32_MAX);
        sample->cpu_seconds = report_read_number(reader, item, "cpu_seconds");
        sample->memory_bytes = read_count(reader, item, "memory_bytes");
        sample->resident_bytes = read_count(reader, item, "resident_bytes");
        sample->open_files = (uint32_t)report_read_integer(reader, item, "open_files", UINT32_MAX);
        if (i > 0 && sample->second < sample[-1].second) {
            report_reader_fail(reader, "samples", "in the order of time");
        }
    }
    watched->samples = samples;
}

#define WATCHED_MAX 64

static void read_watched(struct report_reader *reader, struct load_saved *saved, const json_t *root)
{
    report_reader_at(reader, "%s", "");
    const json_t *list = report_read_objects(reader, root, "watched", WATCHED_MAX);
    const size_t count = json_array_size(list);
    struct load_watched_result *results =
        reader_memory(&reader->members, count, sizeof(results[0]));
    struct load_watched *watched = reader_memory(&reader->members, count, sizeof(watched[0]));
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        report_reader_at(reader, "watched[%zu]", i);
        results[i].name = report_read_text(reader, item, "name");
        results[i].cpu_seconds = report_read_number(reader, item, "cpu_seconds");
        results[i].calls_per_cpu_second = report_read_number(reader, item, "calls_per_cpu_second");
        results[i].memory_bytes_max = read_count(reader, item, "memory_bytes_max");
        results[i].has_ended = report_read_flag(reader, item, "has_ended");
        read_samples(reader, item, &results[i]);
        watched[i].name = results[i].name;
    }
    saved->result.watched = results;
    saved->plan.watched = watched;
    saved->plan.watched_count = count;
}

#define OBJECTIVES_MAX 1024

static void read_objectives(struct report_reader *reader, struct load_saved *saved,
                            const json_t *root)
{
    report_reader_at(reader, "%s", "");
    const json_t *list = report_read_objects(reader, root, "objectives", OBJECTIVES_MAX);
    const size_t count = json_array_size(list);
    struct load_objective_result *results =
        reader_memory(&reader->members, count, sizeof(results[0]));
    struct load_objective *objectives =
        reader_memory(&reader->members, count, sizeof(objectives[0]));
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct load_objective *objective = &objectives[i];
        report_reader_at(reader, "objectives[%zu]", i);
        const char *operation = report_read_text(reader, item, "operation");
        objective->text = report_read_text(reader, item, "text");
        objective->operation = strcmp(operation, "*") == 0 ? NULL : operation;
        objective->measure = report_read_name(reader, item, "measure", report_measure_names);
        objective->percentile = report_read_number(reader, item, "percentile");
        objective->is_below = report_read_flag(reader, item, "is_below");
        objective->limit = report_read_number(reader, item, "limit");
        results[i] =
            (struct load_objective_result){.objective = objective,
                                           .value = report_read_number(reader, item, "value"),
                                           .is_met = report_read_flag(reader, item, "is_met")};
    }
    saved->result.objectives = results;
    saved->plan.objectives = objectives;
    saved->plan.objective_count = count;
}

static void read_head(struct report_reader *reader, struct load_saved *saved, const json_t *root)
{
    struct load_result *result = &saved->result;
    int64_t seconds = 0;
    int32_t nanoseconds = 0;
    const char *started_at = report_read_text(reader, root, "started_at");
    if (!ds_time_parse(ds_bytes_of_text(started_at), false, &seconds, &nanoseconds)) {
        report_reader_fail(reader, "started_at", "a time such as 2026-11-23T10:00:00Z");
    }
    result->started_at_us = seconds * DS_MICROSECONDS + nanoseconds / 1000;
    result->measured_ns = (int64_t)read_count(reader, root, "measured_ns");
    result->end = report_read_name(reader, root, "end", report_end_names);
    const json_t *client = report_read_object(reader, root, "client");
    report_reader_at(reader, "client");
    result->client_cpu_seconds = report_read_number(reader, client, "cpu_seconds");
    result->client_cpu_share = report_read_number(reader, client, "busiest_thread_share");
    result->is_client_bound = report_read_flag(reader, client, "is_bound");
    result->client_bound_why = report_read_text(reader, client, "why");
}

static bool schema_is_known(const json_t *root, char reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    if (schema != NULL && strcmp(schema, LOAD_REPORT_SCHEMA) == 0) {
        return true;
    }
    snprintf(reason, LOAD_REPORT_REASON_BYTES_MAX,
             "no report that this program reads: \"schema\" must be \"" LOAD_REPORT_SCHEMA
             "\" and is %s%.64s",
             schema == NULL ? "missing" : "", schema == NULL ? "" : schema);
    return false;
}

static ds_code read_root(const json_t *root, struct load_saved **ret_saved,
                         char ret_reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    if (!schema_is_known(root, ret_reason)) {
        return DS_INVALID_ARGUMENT;
    }
    struct load_saved *saved = load_allocate(1, sizeof(*saved));
    saved->arena = ds_arena_create(SIZE_MAX);
    saved->result.plan = &saved->plan;
    struct report_reader reader;
    report_reader_init(&reader, saved->arena);
    read_head(&reader, saved, root);
    report_reader_at(&reader, "%s", "");
    read_operations(&reader, saved, root);
    read_plan(&reader, saved, root);
    read_watched(&reader, saved, root);
    read_objectives(&reader, saved, root);
    if (reader.members.has_failed) {
        memcpy(ret_reason, reader.reason, sizeof(reader.reason));
        load_saved_close(saved);
        return DS_INVALID_ARGUMENT;
    }
    *ret_saved = saved;
    return DS_OK;
}

ds_code load_saved_read(struct ds_bytes json, struct load_saved **ret_saved,
                        char ret_reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    json_error_t error;
    json_t *root = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        snprintf(ret_reason, LOAD_REPORT_REASON_BYTES_MAX, "no JSON: line %d, column %d: %s",
                 error.line, error.column, error.text);
        return DS_INVALID_ARGUMENT;
    }
    const ds_code code = read_root(root, ret_saved, ret_reason);
    json_decref(root);
    return code;
}

static ds_code fail_with_errno(const char *path, char reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    const int error = errno;
    snprintf(reason, LOAD_REPORT_REASON_BYTES_MAX, "%s: %s", path, strerror(error));
    return error == ENOENT ? DS_NOT_FOUND : ds_code_of_errno(error);
}

static ds_code read_text(const char *path, struct ds_buffer *text,
                         char reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return fail_with_errno(path, reason);
    }
    uint8_t chunk[16384];
    size_t size;
    ds_code code = DS_OK;
    while (!text->overflow && (size = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        ds_buffer_append(text, chunk, size);
    }
    if (text->overflow) {
        snprintf(reason, LOAD_REPORT_REASON_BYTES_MAX, "%s: longer than a report's %d MiB", path,
                 LOAD_REPORT_BYTES_MAX / 1024 / 1024);
        code = DS_RESOURCE_EXHAUSTED;
    } else if (ferror(file)) {
        code = fail_with_errno(path, reason);
    }
    fclose(file);
    return code;
}

ds_code load_saved_open(const char *path, struct load_saved **ret_saved,
                        char ret_reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    struct ds_buffer text;
    ds_buffer_init(&text, LOAD_REPORT_BYTES_MAX);
    ds_code code = read_text(path, &text, ret_reason);
    if (code == DS_OK) {
        char reason[LOAD_REPORT_REASON_BYTES_MAX];
        code = load_saved_read(ds_buffer_bytes(&text), ret_saved, reason);
        if (code != DS_OK) {
            snprintf(ret_reason, LOAD_REPORT_REASON_BYTES_MAX, "%.200s: %.300s", path, reason);
        }
    }
    ds_buffer_deinit(&text);
    return code;
}

void load_saved_close(struct load_saved *saved)
{
    if (saved == NULL) {
        return;
    }
    for (size_t i = 0; i < saved->histogram_count; i++) {
        load_histogram_destroy(saved->histograms[i]);
    }
    ds_arena_destroy(saved->arena);
    free(saved);
}

const struct load_result *load_saved_result(const struct load_saved *saved)
{
    return &saved->result;
}
