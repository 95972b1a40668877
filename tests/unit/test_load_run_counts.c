#include "clients/load/counts.h"
#include "clients/load/gathering.h"
#include "support/test.h"

#include <stdio.h>

#define SECOND 1000000000LL
#define MS 1000000LL

static const struct load_step steps[] = {{.name = "read", .operation = 0},
                                         {.name = "write", .operation = 1}};
static const struct load_flow flow = {.name = "f", .weight = 1, .steps = steps, .step_count = 2};
static const struct load_plan plan = {
    .flows = &flow, .flow_count = 1, .operation_count = 2, .thread_count = 1};

static struct load_counts *counts;
static struct load_gathering gathering;

static int setup(void **state)
{
    (void)state;
    counts = load_counts_create(2);
    load_gathering_init(&gathering, &plan, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    load_counts_destroy(counts);
    load_gathering_deinit(&gathering);
    return 0;
}

static void end(size_t operation, enum load_outcome outcome, const char *code, int64_t planned_ns,
                int64_t sent_ns, int64_t ended_ns)
{
    load_counts_plan(counts, operation, planned_ns);
    load_counts_end(counts, operation,
                    &(struct load_ending){.outcome = outcome,
                                          .code = code,
                                          .planned_ns = planned_ns,
                                          .sent_ns = sent_ns,
                                          .ended_ns = ended_ns,
                                          .bytes_sent = 10,
                                          .bytes_received = 20});
}

/* As a look does it. */
static const struct load_result *gather(void)
{
    load_gathering_add(&gathering, counts);
    load_counts_clear(counts);
    load_gathering_finish(&gathering);
    return &gathering.result;
}

static void latency_service_and_lag_are_told_apart(void **state)
{
    (void)state;
    end(0, LOAD_OUTCOME_OK, "200", 100, 150, 400);
    const struct load_operation_result *read = &gather()->operations[0];
    assert_int_equal(load_histogram_max_ns(read->latency), 300);
    assert_int_equal(load_histogram_max_ns(read->service), 250);
    assert_int_equal(load_histogram_max_ns(read->lag), 50);
    assert_int_equal(read->bytes_sent, 10);
    assert_int_equal(read->bytes_received, 20);
}

static void outcomes_are_counted_by_operation_and_code(void **state)
{
    (void)state;
    end(0, LOAD_OUTCOME_OK, "200", 0, 0, 1);
    end(0, LOAD_OUTCOME_FAILED, "503", 0, 0, 1);
    end(1, LOAD_OUTCOME_FAILED, "503", 0, 0, 1);
    end(1, LOAD_OUTCOME_TIMED_OUT, "timeout", 0, 0, 1);
    end(1, LOAD_OUTCOME_FAILED, "connect", 0, -1, 1);
    load_counts_plan(counts, 1, 0);
    load_counts_unsend(counts, 1, 0);
    const struct load_result *result = gather();
    assert_string_equal(result->operations[0].name, "read");
    assert_string_equal(result->operations[1].name, "write");
    assert_string_equal(result->total.name, "*");
    assert_int_equal(result->operations[0].ok, 1);
    assert_int_equal(result->operations[0].failed, 1);
    assert_int_equal(result->operations[1].failed, 2);
    assert_int_equal(result->operations[1].timed_out, 1);
    assert_int_equal(result->operations[1].unsent, 1);
    assert_int_equal(result->operations[1].planned, 4);
    assert_int_equal(load_histogram_count(result->operations[1].lag), 2); /* of those sent */
    assert_int_equal(load_histogram_count(result->operations[1].latency), 0);
    assert_int_equal(result->total.planned, 6);
    assert_int_equal(result->total.code_count, 4);
    for (size_t i = 0; i < result->total.code_count; i++) {
        const bool is_twice = strcmp(result->total.codes[i].code, "503") == 0;
        assert_int_equal(result->total.codes[i].count, is_twice ? 2 : 1);
    }
}

static void codes_past_the_most_are_counted_with_the_last(void **state)
{
    (void)state;
    for (int i = 0; i < LOAD_CODES_MAX + 10; i++) {
        char code[16];
        snprintf(code, sizeof code, "%d", 100 + i);
        end(0, LOAD_OUTCOME_FAILED, code, 0, 0, 1);
    }
    const struct load_operation_result *read = &gather()->operations[0];
    assert_int_equal(read->code_count, LOAD_CODES_MAX);
    assert_int_equal(read->codes[LOAD_CODES_MAX - 1].count, 11);
    assert_int_equal(read->failed, LOAD_CODES_MAX + 10);
}

static void a_long_code_is_cut(void **state)
{
    (void)state;
    end(0, LOAD_OUTCOME_FAILED, "a code that is longer than any code may be", 0, 0, 1);
    end(0, LOAD_OUTCOME_FAILED, "a code that is longer than any code may be", 0, 0, 1);
    const struct load_operation_result *read = &gather()->operations[0];
    assert_int_equal(read->code_count, 1);
    assert_int_equal(strlen(read->codes[0].code), LOAD_CODE_BYTES_MAX - 1);
}

static void seconds_have_what_was_planned_and_ended_in_them(void **state)
{
    (void)state;
    end(0, LOAD_OUTCOME_OK, "200", 100 * MS, 100 * MS, 200 * MS);
    end(0, LOAD_OUTCOME_OK, "200", 900 * MS, 900 * MS, 1400 * MS);
    end(0, LOAD_OUTCOME_FAILED, "503", 1100 * MS, 1100 * MS, 3100 * MS);
    const struct load_result *result = gather();
    assert_int_equal(result->second_count, 4);
    assert_int_equal(result->seconds[0].planned, 2);
    assert_int_equal(result->seconds[0].ok, 1);
    assert_int_equal(result->seconds[0].under_way, 1);
    assert_int_equal(result->seconds[1].planned, 1);
    assert_int_equal(result->seconds[1].ok, 1);
    assert_int_equal(result->seconds[1].under_way, 1);
    assert_int_equal(result->seconds[2].under_way, 1);
    assert_int_equal(result->seconds[3].failed, 1);
    assert_int_equal(result->seconds[3].under_way, 0);
    assert_in_range(result->seconds[0].latency_max_ns, 100 * MS, 101 * MS);
    assert_in_range(result->seconds[1].latency_p99_ns, 500 * MS, 501 * MS);
    assert_int_equal(result->seconds[2].latency_p50_ns, 0);
}

static void each_operation_has_its_own_seconds(void **state)
{
    (void)state;
    end(0, LOAD_OUTCOME_OK, "200", 0, 0, 3 * MS);
    end(1, LOAD_OUTCOME_OK, "200", SECOND, SECOND, SECOND + 7 * MS);
    end(1, LOAD_OUTCOME_FAILED, "503", 0, 0, 5 * MS);
    const struct load_result *result = gather();
    assert_int_equal(result->operations[0].second_count, 1);
    assert_int_equal(result->operations[0].seconds[0].ok, 1);
    assert_in_range(result->operations[0].seconds[0].latency_max_ns, 3 * MS, 3 * MS + MS / 100);
    assert_int_equal(result->operations[1].second_count, 2);
    assert_int_equal(result->operations[1].seconds[0].failed, 1);
    assert_int_equal(result->operations[1].seconds[1].ok, 1);
    assert_int_equal(result->second_count, 2);
    assert_int_equal(result->seconds[0].planned, 2);
    assert_ptr_equal(result->total.seconds, result->seconds);
}

static void looks_add_up_to_the_whole(void **state)
{
    (void)state;
    const int64_t latencies_ms[] = {1, 2, 3, 4};
    for (size_t i = 0; i < 4; i++) {
        end(0, LOAD_OUTCOME_OK, "200", 0, 0, latencies_ms[i] * MS);
        (void)gather();
    }
    const struct load_result *result = gather();
    assert_int_equal(result->total.ok, 4);
    assert_int_equal(load_histogram_count(result->operations[0].latency), 4);
    assert_int_equal(result->second_count, 1);
    assert_int_equal(result->seconds[0].ok, 4);
    assert_in_range(result->seconds[0].latency_p50_ns, 2 * MS, 2 * MS + MS / 100);
    assert_in_range(result->seconds[0].latency_max_ns, 4 * MS, 4 * MS + MS / 100);
}

static void a_long_run_keeps_every_second(void **state)
{
    (void)state;
    const int64_t count = 3 * LOAD_SERIES_OPEN_MAX;
    for (int64_t second = 0; second < count; second++) {
        end(0, LOAD_OUTCOME_OK, "200", second * SECOND, second * SECOND,
            second * SECOND + (second + 1) * MS);
        (void)gather();
    }
    const struct load_result *result = gather();
    assert_int_equal(result->second_count, count);
    for (int64_t second = 0; second < count; second++) {
        const int64_t latency_ns = (second + 1) * MS;
        assert_int_equal(result->seconds[second].second, second);
        assert_int_equal(result->seconds[second].ok, 1);
        assert_in_range(result->seconds[second].latency_max_ns, latency_ns,
                        latency_ns + latency_ns / 500);
    }
}

static void nothing_is_lost_where_nobody_looks_for_long(void **state)
{
    (void)state;
    for (int64_t second = 0; second < 3 * LOAD_WINDOW_SECONDS_MAX; second++) {
        end(0, LOAD_OUTCOME_OK, "200", second * SECOND, second * SECOND, second * SECOND);
    }
    const struct load_result *result = gather();
    uint64_t ok = 0;
    for (size_t i = 0; i < result->second_count; i++) {
        ok += result->seconds[i].ok;
    }
    assert_int_equal(ok, 3 * LOAD_WINDOW_SECONDS_MAX);
    assert_int_equal(result->total.ok, 3 * LOAD_WINDOW_SECONDS_MAX);
}

static void a_late_count_goes_to_its_second_though_that_is_closed(void **state)
{
    (void)state;
    const int64_t late_ns = 2 * LOAD_SERIES_OPEN_MAX * SECOND;
    end(0, LOAD_OUTCOME_OK, "200", 0, 0, MS);
    end(0, LOAD_OUTCOME_OK, "200", late_ns, late_ns, late_ns);
    (void)gather();
    end(0, LOAD_OUTCOME_OK, "200", 0, 0, 9 * MS);
    const struct load_result *result = gather();
    assert_int_equal(result->seconds[0].ok, 2);
    assert_in_range(result->seconds[0].latency_max_ns, MS, 2 * MS); /* As it was closed. */
}

static void the_seconds_of_the_warm_up_are_left_out(void **state)
{
    (void)state;
    load_gathering_deinit(&gathering);
    load_gathering_init(&gathering, &plan, 5);
    end(0, LOAD_OUTCOME_OK, "200", 5 * SECOND, 5 * SECOND, 6 * SECOND);
    const struct load_result *result = gather();
    assert_int_equal(result->second_count, 2);
    assert_int_equal(result->seconds[0].second, 5);
    assert_int_equal(result->seconds[1].second, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(latency_service_and_lag_are_told_apart),
        TEST(outcomes_are_counted_by_operation_and_code),
        TEST(codes_past_the_most_are_counted_with_the_last),
        TEST(a_long_code_is_cut),
        TEST(seconds_have_what_was_planned_and_ended_in_them),
        TEST(each_operation_has_its_own_seconds),
        TEST(looks_add_up_to_the_whole),
        TEST(a_long_run_keeps_every_second),
        TEST(nothing_is_lost_where_nobody_looks_for_long),
        TEST(a_late_count_goes_to_its_second_though_that_is_closed),
        TEST(the_seconds_of_the_warm_up_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
