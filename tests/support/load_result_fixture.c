#include "support/load_result_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK_COUNT 30000
#define CREATED_COUNT 3000
/* Answered behind the end of the plan. */
#define LATE_COUNT 60

static void fill_plan(struct load_fixture *fixture)
{
    static const char *const names[] = {"list_ticks", "create_tick"};
    for (size_t i = 0; i < LOAD_FIXTURE_OPERATIONS; i++) {
        fixture->steps[i] = (struct load_step){.name = names[i],
                                               .operation = i,
                                               .protocol = LOAD_REST,
                                               .url = "http://127.0.0.1:8080",
                                               .timeout_ns = 1000000000,
                                               .http_method = i == 0 ? "GET" : "POST"};
        fixture->flows[i] = (struct load_flow){.name = names[i],
                                               .weight = i == 0 ? 10 : 1,
                                               .steps = &fixture->steps[i],
                                               .step_count = 1};
    }
    fixture->stages[0] = (struct load_stage){.duration_ns = 2000000000, .from = 0, .to = 1100};
    fixture->stages[1] = (struct load_stage){.duration_ns = 30000000000, .from = 1100, .to = 1100};
    fixture->objectives[0] = (struct load_objective){.text = "list_ticks:p99<50ms",
                                                     .operation = "list_ticks",
                                                     .measure = LOAD_PERCENTILE,
                                                     .percentile = 99,
                                                     .is_below = true,
                                                     .limit = 50e6};
    fixture->objectives[1] = (struct load_objective){
        .text = "*:errors<0.1%", .measure = LOAD_ERROR_SHARE, .is_below = true, .limit = 0.001};
    fixture->watched[0] = (struct load_watched){.name = "gateway", .process_id = 1};
    fixture->plan = (struct load_plan){.name = "readers <b>&",
                                       .seed = UINT64_MAX,
                                       .pace = LOAD_POISSON,
                                       .stages = fixture->stages,
                                       .stage_count = 2,
                                       .warm_up_ns = 2000000000,
                                       .thread_count = 2,
                                       .connection_count = 4,
                                       .in_flight_max = 100,
                                       .flows = fixture->flows,
                                       .flow_count = 2,
                                       .operation_count = LOAD_FIXTURE_OPERATIONS,
                                       .objectives = fixture->objectives,
                                       .objective_count = 2,
                                       .watched = fixture->watched,
                                       .watched_count = 1};
}

static void code_add(struct load_operation_result *operation, const char *code, uint64_t count,
                     int64_t latency_ns)
{
    struct load_code_result *result = &operation->codes[operation->code_count++];
    snprintf(result->code, sizeof(result->code), "%s", code);
    result->count = count;
    result->latency = load_histogram_create();
    load_histogram_record_many(result->latency, latency_ns, count);
}

static void operation_init(struct load_operation_result *operation, const char *name)
{
    operation->name = name;
    operation->latency = load_histogram_create();
    operation->service = load_histogram_create();
    operation->lag = load_histogram_create();
}

static void operation_deinit(struct load_operation_result *operation)
{
    load_histogram_destroy(operation->latency);
    load_histogram_destroy(operation->service);
    load_histogram_destroy(operation->lag);
    for (size_t i = 0; i < operation->code_count; i++) {
        load_histogram_destroy(operation->codes[i].latency);
    }
}

static void fill_readers(struct load_operation_result *operation, double slowness)
{
    for (int64_t i = 1; i <= OK_COUNT; i++) {
        load_histogram_record(operation->latency, (int64_t)((double)i * 1000 * slowness));
        load_histogram_record(operation->service, (int64_t)((double)i * 900 * slowness));
        load_histogram_record(operation->lag, i * 10);
    }
    operation->planned = OK_COUNT + 135;
    operation->ok = OK_COUNT;
    operation->ok_in_window = OK_COUNT - LATE_COUNT;
    operation->failed = 100;
    operation->refused = 30;
    operation->timed_out = 20;
    operation->unsent = 10;
    operation->bytes_sent = 3000000;
    operation->bytes_received = 90000000;
    code_add(operation, "200", OK_COUNT, 15000000);
    code_add(operation, "503", 70, 500000);
    code_add(operation, "429", 30, 500000);
    code_add(operation, "timeout", 20, 1000000000);
}

static void fill_writers(struct load_operation_result *operation)
{
    load_histogram_record_many(operation->latency, 2000000, CREATED_COUNT);
    load_histogram_record_many(operation->service, 1900000, CREATED_COUNT);
    load_histogram_record_many(operation->lag, 100000, CREATED_COUNT);
    operation->planned = CREATED_COUNT;
    operation->ok = CREATED_COUNT;
    operation->ok_in_window = CREATED_COUNT;
    code_add(operation, "201", CREATED_COUNT, 2000000);
}

static void fill_total(struct load_fixture *fixture)
{
    struct load_operation_result *total = &fixture->result.total;
    operation_init(total, "*");
    for (size_t i = 0; i < LOAD_FIXTURE_OPERATIONS; i++) {
        const struct load_operation_result *operation = &fixture->operations[i];
        total->planned += operation->planned;
        total->ok += operation->ok;
        total->ok_in_window += operation->ok_in_window;
        total->failed += operation->failed;
        total->refused += operation->refused;
        total->timed_out += operation->timed_out;
        total->unsent += operation->unsent;
        total->bytes_sent += operation->bytes_sent;
        total->bytes_received += operation->bytes_received;
        load_histogram_add(total->latency, operation->latency);
        load_histogram_add(total->service, operation->service);
        load_histogram_add(total->lag, operation->lag);
        for (size_t k = 0; k < operation->code_count; k++) {
            code_add(total, operation->codes[k].code, operation->codes[k].count,
                     load_histogram_max_ns(operation->codes[k].latency));
        }
    }
}

static void fill_seconds(struct load_fixture *fixture, double slowness, unsigned int seed)
{
    for (uint32_t i = 0; i < LOAD_FIXTURE_SECONDS; i++) {
        const uint64_t extra = (i * 7 + seed * 3) % 11;
        const struct load_second readers = {
            .second = i,
            .planned = 1000 + extra,
            .ok = 990 + extra,
            .failed = i % 10 == 5 ? 10 : 0,
            .timed_out = i == 20 ? 20 : 0,
            .under_way = 5,
            .latency_p50_ns = (int64_t)((double)(15000000 + extra * 1000) * slowness),
            .latency_p99_ns = (int64_t)((double)(29700000 + extra * 9000) * slowness),
            .latency_max_ns = (int64_t)(i == 20 ? 9e8 : 3e7 * slowness)};
        fixture->operation_seconds[0][i] = readers;
        fixture->operation_seconds[1][i] = (struct load_second){.second = i,
                                                                .planned = 100,
                                                                .ok = 100,
                                                                .latency_p50_ns = 2000000,
                                                                .latency_p99_ns = 2000000,
                                                                .latency_max_ns = 2000000};
        fixture->seconds[i] = readers;
        fixture->seconds[i].planned += 100;
        fixture->seconds[i].ok += 100;
        fixture->samples[i] = (struct load_sample){.second = i,
                                                   .cpu_seconds = 0.4 + (double)extra / 100,
                                                   .memory_bytes = 9000000 + i * 10000,
                                                   .resident_bytes = 20000000,
                                                   .open_files = 20};
    }
}

struct load_fixture *load_fixture_create(double slowness, unsigned int seed)
{
    struct load_fixture *fixture = calloc(1, sizeof(*fixture));
    fill_plan(fixture);
    fill_seconds(fixture, slowness, seed);
    for (size_t i = 0; i < LOAD_FIXTURE_OPERATIONS; i++) {
        operation_init(&fixture->operations[i], fixture->steps[i].name);
        fixture->operations[i].seconds = fixture->operation_seconds[i];
        fixture->operations[i].second_count = LOAD_FIXTURE_SECONDS;
    }
    fill_readers(&fixture->operations[0], slowness);
    fill_writers(&fixture->operations[1]);
    fixture->objective_results[0] = (struct load_objective_result){
        .objective = &fixture->objectives[0], .value = 29700000 * slowness, .is_met = true};
    fixture->objective_results[1] = (struct load_objective_result){
        .objective = &fixture->objectives[1], .value = 130.0 / 33130, .is_met = false};
    fixture->watched_results[0] =
        (struct load_watched_result){.name = "gateway",
                                     .cpu_seconds = 15,
                                     .calls_per_cpu_second = 2200,
                                     .memory_bytes_max = 9320000,
                                     .samples = fixture->samples,
                                     .sample_count = LOAD_FIXTURE_SECONDS};
    fixture->result.plan = &fixture->plan;
    fixture->result.started_at_us = 1795394507123456;
    fixture->result.measured_ns = 30000000000;
    fixture->result.operations = fixture->operations;
    fill_total(fixture);
    fixture->result.seconds = fixture->seconds;
    fixture->result.second_count = LOAD_FIXTURE_SECONDS;
    fixture->result.watched = fixture->watched_results;
    fixture->result.objectives = fixture->objective_results;
    fixture->result.client_cpu_seconds = 4.5;
    fixture->result.client_cpu_share = 0.16;
    fixture->result.client_bound_why = "";
    return fixture;
}

void load_fixture_destroy(struct load_fixture *fixture)
{
    for (size_t i = 0; i < LOAD_FIXTURE_OPERATIONS; i++) {
        operation_deinit(&fixture->operations[i]);
    }
    operation_deinit(&fixture->result.total);
    free(fixture);
}
