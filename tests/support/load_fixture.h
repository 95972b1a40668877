/* A plan of one flow, whose parts tests change before they start it, and what holds of the result
 * of every run. */
#ifndef TESTS_SUPPORT_LOAD_FIXTURE_H
#define TESTS_SUPPORT_LOAD_FIXTURE_H

#include "clients/load/run.h"
#include "clients/load/template.h"
#include "clients/load/template_read.h"
#include "support/test.h"

#include <string.h>

#define SECOND 1000000000LL
#define MS 1000000LL
/* Where no time limit is under test. */
#define LOAD_FIXTURE_PATIENCE_NS (600 * SECOND)
#define LOAD_FIXTURE_STEPS_MAX 4

struct load_fixture {
    struct ds_arena *arena;
    struct load_stage stages[3];
    struct load_step steps[LOAD_FIXTURE_STEPS_MAX];
    struct load_flow flow;
    struct load_plan plan;
    struct load_run *run;
};

static struct load_fixture fixture;

static const char *const load_fixture_variables[] = {"token"};
static const struct load_names load_fixture_names = {.variables = load_fixture_variables,
                                                     .variable_count = 1};

static inline const struct load_template *load_fixture_text(const char *text,
                                                            enum load_template_form form)
{
    char reason[LOAD_TEMPLATE_REASON_BYTES_MAX];
    const struct load_template *template =
        load_template_of_text(fixture.arena, form, text, &load_fixture_names, reason);
    assert_non_null(template);
    return template;
}

/* A body of JSON with places. */
static inline const struct load_template *load_fixture_json(const char *text)
{
    char reason[LOAD_TEMPLATE_REASON_BYTES_MAX];
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    const struct load_template *template =
        load_template_of_json(fixture.arena, json, &load_fixture_names, reason);
    assert_non_null(template);
    json_decref(json);
    return template;
}

/* The step of that place; those before it are there already. */
static inline struct load_step *load_fixture_step(size_t place, const struct load_step *step)
{
    static const char *const names[LOAD_FIXTURE_STEPS_MAX] = {"first", "second", "third", "fourth"};
    fixture.steps[place] = *step;
    fixture.steps[place].name = names[place];
    fixture.steps[place].operation = place;
    fixture.steps[place].timeout_ns = LOAD_FIXTURE_PATIENCE_NS;
    fixture.flow.step_count = place + 1;
    fixture.plan.operation_count = place + 1;
    return &fixture.steps[place];
}

/* 200 flows in a second. */
static inline void load_fixture_open(void)
{
    fixture = (struct load_fixture){.arena = ds_arena_create(1 << 20)};
    fixture.flow = (struct load_flow){.name = "flow", .weight = 1, .steps = fixture.steps};
    fixture.plan = (struct load_plan){.name = "test",
                                      .seed = 1,
                                      .pace = LOAD_CONSTANT,
                                      .stages = fixture.stages,
                                      .stage_count = 1,
                                      .thread_count = 1,
                                      .connection_count = 4,
                                      .in_flight_max = 100000,
                                      .flows = &fixture.flow,
                                      .flow_count = 1,
                                      .variable_count = 1};
    fixture.stages[0] = (struct load_stage){SECOND, 200, 200};
}

static inline void load_fixture_end(void)
{
    load_run_destroy(fixture.run);
    fixture.run = NULL;
}

static inline void load_fixture_close(void)
{
    load_fixture_end();
    ds_arena_destroy(fixture.arena);
}

static inline void load_fixture_start(void)
{
    char reason[LOAD_RUN_REASON_BYTES_MAX] = "";
    if (load_run_start(&fixture.plan, &fixture.run, reason) != DS_OK) {
        fail_msg("%s", reason);
    }
}

/* Ten flows at once, and then time for their later steps however slow the machine is. */
static inline void load_fixture_burst(void)
{
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    fixture.stages[1] = (struct load_stage){3600 * SECOND, 0, 0};
    fixture.plan.stage_count = 2;
}

/* Stops the run when so many steps have ended. */
static inline void load_fixture_stop_after(uint64_t step_count)
{
    const struct load_operation_result *total = &load_run_look(fixture.run)->total;
    while (total->ok + total->failed + total->timed_out < step_count) {
        assert_false(load_run_wait(fixture.run, MS));
        total = &load_run_look(fixture.run)->total;
    }
    load_run_stop(fixture.run, LOAD_END_INTERRUPTED);
}

static inline void load_fixture_conserved(const struct load_operation_result *operation)
{
    assert_int_equal(operation->planned,
                     operation->ok + operation->failed + operation->timed_out + operation->unsent);
    uint64_t coded = 0;
    for (size_t i = 0; i < operation->code_count; i++) {
        assert_int_equal(operation->codes[i].count,
                         load_histogram_count(operation->codes[i].latency));
        coded += operation->codes[i].count;
    }
    assert_int_equal(coded, operation->ok + operation->failed + operation->timed_out);
    assert_int_equal(load_histogram_count(operation->latency), operation->ok);
    assert_int_equal(load_histogram_count(operation->service), operation->ok);
}

/* The result of a run that is over; what holds of every one is checked. */
static inline const struct load_result *load_fixture_finish(void)
{
    assert_true(load_run_wait(fixture.run, LOAD_FIXTURE_PATIENCE_NS));
    const struct load_result *result = load_run_look(fixture.run);
    uint64_t planned = 0;
    uint64_t ok = 0;
    for (size_t i = 0; i < fixture.plan.operation_count; i++) {
        load_fixture_conserved(&result->operations[i]);
        planned += result->operations[i].planned;
        ok += result->operations[i].ok;
    }
    load_fixture_conserved(&result->total);
    assert_int_equal(result->total.planned, planned);
    assert_int_equal(result->total.ok, ok);
    struct load_second sums = {0};
    for (size_t i = 0; i < result->second_count; i++) {
        sums.planned += result->seconds[i].planned;
        sums.ok += result->seconds[i].ok;
        sums.failed += result->seconds[i].failed;
        sums.timed_out += result->seconds[i].timed_out;
        sums.unsent += result->seconds[i].unsent;
    }
    assert_int_equal(sums.planned, result->total.planned);
    assert_int_equal(sums.ok, result->total.ok);
    assert_int_equal(sums.failed, result->total.failed);
    assert_int_equal(sums.timed_out, result->total.timed_out);
    assert_int_equal(sums.unsent, result->total.unsent);
    if (result->second_count > 0) {
        assert_int_equal(result->seconds[result->second_count - 1].under_way, 0);
    }
    return result;
}

static inline uint64_t load_fixture_count(const struct load_operation_result *operation,
                                          const char *code)
{
    for (size_t i = 0; i < operation->code_count; i++) {
        if (strcmp(operation->codes[i].code, code) == 0) {
            return operation->codes[i].count;
        }
    }
    return 0;
}

#endif
