#include "clients/load/objective.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

#define OPERATIONS 2
#define MS 1000000LL

/* "slow" answered 900 of 1,000 calls in 1 to 900 ms, "quiet" has nothing. */
struct fixture {
    struct ds_arena *arena;
    struct load_operation_result operations[OPERATIONS];
    struct load_plan plan;
    struct load_result result;
    struct load_objective objective;
    char reason[LOAD_OBJECTIVE_REASON_BYTES_MAX];
};

static struct fixture fixture;

static int setup(void **state)
{
    (void)state;
    fixture = (struct fixture){.arena = ds_arena_create(65536)};
    fixture.operations[0] = (struct load_operation_result){.name = "slow",
                                                           .planned = 1010,
                                                           .ok = 900,
                                                           .ok_in_window = 800,
                                                           .failed = 50,
                                                           .timed_out = 30,
                                                           .unsent = 20,
                                                           .latency = load_histogram_create()};
    fixture.operations[1] =
        (struct load_operation_result){.name = "quiet", .latency = load_histogram_create()};
    for (int64_t i = 1; i <= 900; i++) {
        load_histogram_record(fixture.operations[0].latency, i * MS);
    }
    fixture.plan = (struct load_plan){.operation_count = OPERATIONS};
    fixture.result = (struct load_result){.plan = &fixture.plan,
                                          .operations = fixture.operations,
                                          .total = fixture.operations[0],
                                          .measured_ns = 10 * 1000 * MS};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    load_histogram_destroy(fixture.operations[0].latency);
    load_histogram_destroy(fixture.operations[1].latency);
    ds_arena_destroy(fixture.arena);
    return 0;
}

static struct load_objective_result measured(const char *text)
{
    assert_int_equal(load_objective_parse(fixture.arena, text, &fixture.objective, fixture.reason),
                     DS_OK);
    assert_string_equal(fixture.objective.text, text);
    return load_objective_measure(&fixture.objective, &fixture.result);
}

static void is_about(double value, double wanted)
{
    assert_true(fabs(value - wanted) <= wanted * 0.002);
}

static void latencies_are_compared_with_durations(void **state)
{
    (void)state;
    is_about(measured("slow:p50<500ms").value, 450e6);
    assert_true(measured("slow:p50<500ms").is_met);
    assert_false(measured("slow:p99<500ms").is_met);
    is_about(measured("slow:p99.9<1s").value, 900e6);
    is_about(measured("slow:mean<1s").value, 450.5e6);
    is_about(measured("slow:max<1s").value, 900e6);
    assert_false(measured("*:max<0.9s").is_met);
    assert_true(measured("*:p1>1ms").is_met);
}

static void errors_are_a_share_of_what_has_ended(void **state)
{
    (void)state;
    is_about(measured("slow:errors<10.1%").value, 0.1);
    assert_true(measured("slow:errors<10.1%").is_met);
    assert_false(measured("slow:errors<0.1").is_met);
}

static void the_rate_is_that_of_calls_answered_well_within_the_measured_time(void **state)
{
    (void)state;
    is_about(measured("*:rate>79/s").value, 80);
    assert_true(measured("*:rate>79").is_met);
    assert_false(measured("*:rate>4800/m").is_met);
}

static void an_operation_without_an_answer_meets_nothing(void **state)
{
    (void)state;
    assert_false(measured("quiet:p99<1h").is_met);
    assert_false(measured("quiet:errors<100%").is_met);
    assert_false(measured("quiet:rate>0").is_met);
    fixture.operations[1].failed = 5;
    assert_false(measured("quiet:p99<1h").is_met);
}

static void all_objectives_of_a_plan_are_measured_in_their_order(void **state)
{
    (void)state;
    struct load_objective objectives[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(load_objective_parse(fixture.arena,
                                              i == 0 ? "slow:p50<500ms" : "slow:p50<400ms",
                                              &objectives[i], fixture.reason),
                         DS_OK);
    }
    fixture.plan.objectives = objectives;
    fixture.plan.objective_count = 2;
    struct load_objective_result results[2];
    load_objectives_measure(&fixture.result, results);
    assert_ptr_equal(results[0].objective, &objectives[0]);
    assert_true(results[0].is_met);
    assert_ptr_equal(results[1].objective, &objectives[1]);
    assert_false(results[1].is_met);
}

static const struct load_objective *missed(const char *text)
{
    assert_int_equal(load_objective_parse(fixture.arena, text, &fixture.objective, fixture.reason),
                     DS_OK);
    fixture.plan.objectives = &fixture.objective;
    fixture.plan.objective_count = 1;
    return load_objectives_missed(&fixture.result);
}

static void a_run_is_given_up_for_what_is_missed_but_for_a_rate(void **state)
{
    (void)state;
    assert_ptr_equal(missed("slow:p99<500ms"), &fixture.objective);
    assert_ptr_equal(missed("slow:errors<1%"), &fixture.objective);
    assert_null(missed("slow:p99<1s"));
    assert_null(missed("*:rate>100000"));
}

static void a_run_is_not_given_up_for_a_few_calls(void **state)
{
    (void)state;
    fixture.operations[0].ok = 0;
    fixture.operations[0].failed = LOAD_OBJECTIVE_SAMPLES_MIN - 51;
    assert_null(missed("slow:errors<1%"));
    fixture.operations[0].failed++;
    assert_non_null(missed("slow:errors<1%"));
}

static void what_is_no_objective_is_refused_with_what_would_do(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"p99", "\"p99\": has no \":\" with a \"<\""},
        {"a<5ms", "has no \":\""},
        {"a:p99=5ms", "has no \":\""},
        {"a:p0<5ms", "measures are p50 to p100, mean, max, errors and rate"},
        {"a:p101<5ms", "measures are"},
        {"a:median<5ms", "measures are"},
        {"a:p99<5", "the limit is a duration (5ms)"},
        {"a:errors<101%", "the limit is"},
        {"a:rate>fast", "the limit is"},
        {"a:aVeryLongNameOfAMeasureThatIsNone<5ms", "measures are"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            load_objective_parse(fixture.arena, cases[i].text, &fixture.objective, fixture.reason),
            DS_INVALID_ARGUMENT);
        assert_non_null(strstr(fixture.reason, cases[i].part));
        assert_non_null(strstr(fixture.reason, "list_ticks:p99<5ms"));
    }
}

static void the_name_of_an_operation_may_have_colons(void **state)
{
    (void)state;
    assert_int_equal(
        load_objective_parse(fixture.arena, "GET /a:b:p99<1s", &fixture.objective, fixture.reason),
        DS_OK);
    assert_string_equal(fixture.objective.operation, "GET /a:b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(latencies_are_compared_with_durations, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_are_a_share_of_what_has_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_rate_is_that_of_calls_answered_well_within_the_measured_time, setup, teardown),
        cmocka_unit_test_setup_teardown(an_operation_without_an_answer_meets_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(all_objectives_of_a_plan_are_measured_in_their_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_run_is_given_up_for_what_is_missed_but_for_a_rate, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_run_is_not_given_up_for_a_few_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_objective_is_refused_with_what_would_do, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_name_of_an_operation_may_have_colons, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
