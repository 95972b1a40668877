#include "clients/load/report_values.h"
#include "support/http_stub.h"
#include "support/load_fixture.h"

static struct http_stub *stub;

static struct load_step *step_set(size_t place, const char *path)
{
    return load_fixture_step(place,
                             &(struct load_step){.protocol = LOAD_REST,
                                                 .url = stub->url,
                                                 .http_method = "GET",
                                                 .path = load_fixture_text(path, LOAD_FORM_PATH)});
}

static int setup(void **state)
{
    (void)state;
    stub = http_stub_start();
    load_fixture_open();
    step_set(0, "/ok");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    load_fixture_close();
    http_stub_stop(stub);
    return 0;
}

static void every_planned_flow_reaches_the_server_once(void **state)
{
    (void)state;
    fixture.plan.thread_count = 2;
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.planned, 200);
    assert_int_equal(result->total.ok, 200);
    assert_int_equal(load_fixture_count(&result->total, "200"), 200);
    assert_int_equal(atomic_load(&stub->request_count), 200);
    assert_int_equal(load_histogram_count(result->total.lag), 200);
    assert_int_equal(result->end, LOAD_END_DONE);
    assert_int_equal(result->measured_ns, SECOND);
    assert_true(result->total.bytes_sent > 200 * 20);
    assert_true(result->total.bytes_received > 200 * 20);
    assert_true(result->started_at_us > 0);
}

static void poisson_flows_are_as_many_as_the_seed_says(void **state)
{
    (void)state;
    fixture.plan.pace = LOAD_POISSON;
    load_fixture_start();
    const uint64_t planned = load_fixture_finish()->total.planned;
    load_fixture_end();
    load_fixture_start();
    assert_int_equal(load_fixture_finish()->total.planned, planned);
    assert_int_equal(atomic_load(&stub->request_count), 2 * planned);
}

static void the_warm_up_is_made_and_not_counted(void **state)
{
    (void)state;
    fixture.stages[0].duration_ns = 1500 * MS;
    fixture.plan.warm_up_ns = SECOND;
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.planned, 100);
    assert_int_equal(atomic_load(&stub->request_count), 300);
    assert_int_equal(result->measured_ns, 500 * MS);
    assert_int_equal(result->seconds[0].second, 1);
}

static void users_of_the_closed_model_begin_anew_when_their_flow_has_ended(void **state)
{
    (void)state;
    fixture.plan.pace = LOAD_CLOSED;
    fixture.plan.thread_count = 2;
    fixture.stages[0] = (struct load_stage){3600 * SECOND, 3, 3};
    load_fixture_start();
    while (load_run_look(fixture.run)->total.ok < 50) {
        assert_false(load_run_wait(fixture.run, MS));
    }
    load_run_stop(fixture.run, LOAD_END_INTERRUPTED);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.ok, result->total.planned);
    assert_int_equal(result->total.ok_in_window, result->total.ok);
    assert_int_equal(result->total.planned, atomic_load(&stub->request_count));
}

static void think_time_is_what_a_user_waits_between_flows(void **state)
{
    (void)state;
    fixture.plan.pace = LOAD_CLOSED;
    fixture.stages[0] = (struct load_stage){100 * MS, 2, 2};
    fixture.steps[0].think_ns = 100 * MS;
    load_fixture_start();
    /* Each user begins once; the next flows would be due when the run is over. */
    assert_int_equal(load_fixture_finish()->total.planned, 2);
}

static void steps_behind_the_end_of_the_plan_are_not_begun(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){100 * MS, 40, 40};
    step_set(1, "/ok");
    fixture.steps[1].think_ns = 100 * MS;
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->operations[0].ok, 4);
    assert_int_equal(result->operations[1].planned, 0);
}

static void failures_have_their_codes(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *code;
    } cases[] = {{"/status/503", "503"}, {"/rude", "closed"}, {"/garbage", "protocol"}};
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        step_set(0, cases[i].path);
        load_fixture_start();
        const struct load_result *result = load_fixture_finish();
        assert_int_equal(result->total.planned, 10);
        assert_int_equal(result->total.failed, 10);
        assert_int_equal(result->total.refused, 0);
        assert_int_equal(load_fixture_count(&result->total, cases[i].code), 10);
        load_fixture_end();
    }
}

static void an_expected_status_is_well(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    step_set(0, "/status/404");
    fixture.steps[0].expected_status = 404;
    load_fixture_start();
    assert_int_equal(load_fixture_finish()->total.ok, 10);
}

static void what_gets_no_answer_in_time_has_timed_out(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){100 * MS, 40, 40};
    step_set(0, "/hold");
    fixture.steps[0].timeout_ns = 50 * MS;
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.planned, 4);
    assert_int_equal(result->total.timed_out, 4);
    assert_int_equal(load_fixture_count(&result->total, "timeout"), 4);
}

static void flows_beyond_the_most_in_flight_are_unsent(void **state)
{
    (void)state;
    step_set(0, "/hold");
    fixture.plan.in_flight_max = 3;
    load_fixture_start();
    http_stub_await_held(stub, 3);
    /* The gate opens when all that was planned has been decided on. */
    while (load_run_look(fixture.run)->total.planned < 200) {
        assert_false(load_run_wait(fixture.run, 10 * MS));
    }
    const struct load_result *look = load_run_look(fixture.run);
    assert_int_equal(look->total.unsent, 197);
    assert_int_equal(look->total.planned - look->total.unsent, 3); /* under way */
    assert_int_equal(look->seconds[look->second_count - 1].under_way, 3);
    http_stub_open_gate(stub);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.ok, 3);
    assert_int_equal(result->total.unsent, 197);
    assert_int_equal(atomic_load(&stub->request_count), 3);
}

static void a_stop_lets_end_what_is_under_way_and_begins_nothing_more(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){3600 * SECOND, 100, 100};
    step_set(0, "/hold");
    load_fixture_start();
    http_stub_await_held(stub, 4); /* All connections; others wait for one. */
    load_run_stop(fixture.run, LOAD_END_INTERRUPTED);
    load_run_stop(fixture.run, LOAD_END_ABORTED);
    assert_false(load_run_wait(fixture.run, 10 * MS));
    http_stub_open_gate(stub);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->end, LOAD_END_INTERRUPTED);
    assert_int_equal(result->total.ok, 4);
    assert_int_equal(result->total.planned, 4 + result->total.unsent);
    assert_int_equal(atomic_load(&stub->request_count), 4);
    assert_true(result->measured_ns < 3600 * SECOND);
}

static void a_call_planned_in_time_is_sent_though_the_plan_is_over(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    fixture.plan.connection_count = 1;
    step_set(0, "/hold");
    load_fixture_start();
    while (load_run_look(fixture.run)->total.planned < 10) {
        assert_false(load_run_wait(fixture.run, 10 * MS));
    }
    http_stub_open_gate(stub);
    assert_int_equal(load_fixture_finish()->total.ok, 10);
}

/* What waits for an answer when the plan is over is answered well, and is no part of the rate. */
static void answers_behind_the_end_of_the_plan_are_no_throughput(void **state)
{
    (void)state;
    const struct load_objective objective = {
        .text = "*:rate>0", .measure = LOAD_RATE, .is_below = false, .limit = 0};
    fixture.plan.objectives = &objective;
    fixture.plan.objective_count = 1;
    fixture.stages[0] = (struct load_stage){100 * MS, 40, 40};
    step_set(0, "/hold");
    load_fixture_start();
    http_stub_await_held(stub, 4);
    while (load_run_look(fixture.run)->measured_ns < 100 * MS) {
        assert_false(load_run_wait(fixture.run, MS));
    }
    http_stub_open_gate(stub);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.ok, 4);
    assert_int_equal(result->total.ok_in_window, 0);
    assert_int_equal(result->measured_ns, 100 * MS);
    assert_true(report_rate(result, &result->total) == 0);
    assert_false(result->objectives[0].is_met);
}

static void refusals_are_counted_apart_from_other_failures(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    step_set(0, "/status/429");
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.failed, 10);
    assert_int_equal(result->total.refused, 10);
    assert_int_equal(load_fixture_count(&result->total, "429"), 10);
}

static void an_unreachable_target_is_named(void **state)
{
    (void)state;
    char reason[LOAD_RUN_REASON_BYTES_MAX] = "";
    struct load_run *run = NULL;
    http_stub_refuse(stub);
    assert_int_equal(load_run_start(&fixture.plan, &run, reason), DS_UNAVAILABLE);
    assert_null(run);
    assert_non_null(strstr(reason, stub->url));
    assert_non_null(strstr(reason, "nobody listens"));
    fixture.steps[0].url = "gopher://nowhere";
    assert_int_equal(load_run_start(&fixture.plan, &run, reason), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(reason, "gopher://nowhere"));
}

static void a_target_that_goes_away_fails_calls_by_its_code(void **state)
{
    (void)state;
    fixture.plan.pace = LOAD_CLOSED;
    fixture.stages[0] = (struct load_stage){3600 * SECOND, 2, 2};
    load_fixture_start();
    while (load_run_look(fixture.run)->total.ok < 2) {
        assert_false(load_run_wait(fixture.run, MS));
    }
    http_stub_refuse(stub);
    http_stub_hang_up(stub);
    while (load_fixture_count(&load_run_look(fixture.run)->total, "connect") < 2) {
        assert_false(load_run_wait(fixture.run, MS));
    }
    load_run_stop(fixture.run, LOAD_END_INTERRUPTED);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.ok + load_fixture_count(&result->total, "closed") +
                         load_fixture_count(&result->total, "connect") + result->total.unsent,
                     result->total.planned);
}

static void what_a_reply_said_goes_into_the_next_step(void **state)
{
    (void)state;
    static const struct load_capture deep = {.pointer = "/login/tokens/1", .variable = 0};
    static const struct load_capture flat = {.pointer = "/token", .variable = 0};
    load_fixture_burst();
    struct load_step *step = step_set(0, "/echo");
    step->http_method = "POST";
    step->body = load_fixture_json("{\"login\": {\"tokens\": [\"a\", \"s3cret/\\\"x\"]}}");
    step->captures = &deep;
    step->capture_count = 1;
    step = step_set(1, "/echo/${token}");
    step->http_method = "POST";
    step->body = load_fixture_json("{\"token\": \"${token}\"}");
    step->captures = &flat;
    step->capture_count = 1;
    step = step_set(2, "/head/${token}");
    step->captures = &flat; /* Of a reply that is no JSON. */
    step->capture_count = 1;
    step_set(3, "/ok");
    load_fixture_start();
    load_fixture_stop_after(30);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->operations[0].ok, 10);
    assert_int_equal(result->operations[1].ok, 10);
    assert_int_equal(result->operations[2].failed, 10);
    assert_int_equal(load_fixture_count(&result->operations[2], "capture"), 10);
    assert_int_equal(result->operations[3].planned, 0); /* The flow has ended. */
    assert_int_equal(result->total.planned, 30);
    assert_int_equal(atomic_load(&stub->request_count), 30);
}

static void a_run_that_misses_an_objective_for_good_is_aborted(void **state)
{
    (void)state;
    const struct load_objective objective = {
        .text = "*:errors<0.1%", .measure = LOAD_ERROR_SHARE, .is_below = true, .limit = 0.001};
    fixture.plan.objectives = &objective;
    fixture.plan.objective_count = 1;
    fixture.plan.aborts_on_miss = true;
    fixture.plan.pace = LOAD_CLOSED;
    fixture.stages[0] = (struct load_stage){3600 * SECOND, 4, 4};
    step_set(0, "/status/500");
    load_fixture_start();
    while (!load_run_wait(fixture.run, MS)) { /* Short waits look, too. */
    }
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->end, LOAD_END_ABORTED);
    assert_int_equal(result->total.ok, 0);
    assert_false(result->objectives[0].is_met);
}

static void a_watched_server_is_sampled(void **state)
{
    (void)state;
    const struct load_watched watched[] = {{.name = "self", .process_id = getpid()},
                                           {.name = "gone", .process_id = INT32_MAX}};
    fixture.plan.watched = watched;
    fixture.plan.watched_count = 2;
    fixture.stages[0] = (struct load_stage){1200 * MS, 100, 100};
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_string_equal(result->watched[0].name, "self");
    assert_true(result->watched[0].sample_count >= 1);
    assert_true(result->watched[0].memory_bytes_max > 0);
    assert_true(result->watched[0].samples[0].open_files > 3);
    assert_false(result->watched[0].has_ended);
    assert_true(result->watched[1].has_ended);
    assert_int_equal(result->watched[1].sample_count, 0);
    assert_true(result->client_cpu_seconds >= 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_planned_flow_reaches_the_server_once),
        TEST(poisson_flows_are_as_many_as_the_seed_says),
        TEST(the_warm_up_is_made_and_not_counted),
        TEST(users_of_the_closed_model_begin_anew_when_their_flow_has_ended),
        TEST(think_time_is_what_a_user_waits_between_flows),
        TEST(steps_behind_the_end_of_the_plan_are_not_begun),
        TEST(failures_have_their_codes),
        TEST(an_expected_status_is_well),
        TEST(what_gets_no_answer_in_time_has_timed_out),
        TEST(flows_beyond_the_most_in_flight_are_unsent),
        TEST(a_stop_lets_end_what_is_under_way_and_begins_nothing_more),
        TEST(a_call_planned_in_time_is_sent_though_the_plan_is_over),
        TEST(answers_behind_the_end_of_the_plan_are_no_throughput),
        TEST(refusals_are_counted_apart_from_other_failures),
        TEST(an_unreachable_target_is_named),
        TEST(a_target_that_goes_away_fails_calls_by_its_code),
        TEST(what_a_reply_said_goes_into_the_next_step),
        TEST(a_run_that_misses_an_objective_for_good_is_aborted),
        TEST(a_watched_server_is_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
