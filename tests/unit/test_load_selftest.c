#include "support/test.h"

#include "clients/load/pacing.h"
#include "clients/load/selftest_check.h"

#include <string.h>

#define SECOND_NS 1000000000LL
#define PERIOD_NS (10 * SECOND_NS)
#define WORK_NS 20000

/* A server that works on one call after the other and stands still in the last second of every ten.
 */
struct server {
    int64_t free_ns;
};

static int64_t server_answer_ns(struct server *server, int64_t arrival_ns)
{
    int64_t begin_ns = arrival_ns > server->free_ns ? arrival_ns : server->free_ns;
    if (begin_ns % PERIOD_NS >= PERIOD_NS - SECOND_NS) {
        begin_ns += PERIOD_NS - begin_ns % PERIOD_NS;
    }
    server->free_ns = begin_ns + WORK_NS;
    return server->free_ns;
}

static struct load_histogram *run_open(enum load_pace pace)
{
    const struct load_stage stage = {.duration_ns = 40 * SECOND_NS, .from = 1000, .to = 1000};
    const struct load_plan plan = {
        .pace = pace, .seed = 3, .stages = &stage, .stage_count = 1, .thread_count = 1};
    struct load_histogram *latency = load_histogram_create();
    struct server server = {0};
    struct load_arrivals arrivals;
    load_arrivals_init(&arrivals, &plan, 0);
    int64_t planned_ns = 0;
    while (load_arrivals_next(&arrivals, &planned_ns)) {
        load_histogram_record(latency, server_answer_ns(&server, planned_ns) - planned_ns);
    }
    return latency;
}

static void an_even_load_on_a_server_that_stalls_shows_how_long_its_callers_waited(void **state)
{
    (void)state;
    char reason[SELFTEST_REASON_BYTES_MAX] = "";
    struct load_histogram *latency = run_open(LOAD_CONSTANT);
    const bool is_right = selftest_stall_check(latency, reason);
    const uint64_t count = load_histogram_count(latency);
    load_histogram_destroy(latency);
    assert_string_equal(reason, "");
    assert_true(is_right);
    assert_in_range(count, 39999, 40001);
}

static void random_arrivals_show_it_too(void **state)
{
    (void)state;
    char reason[SELFTEST_REASON_BYTES_MAX] = "";
    struct load_histogram *latency = run_open(LOAD_POISSON);
    const bool is_right = selftest_stall_check(latency, reason);
    load_histogram_destroy(latency);
    assert_string_equal(reason, "");
    assert_true(is_right);
}

/* The fault that the open model is there for. */
static void a_user_who_waits_for_each_answer_hardly_notices_the_stall(void **state)
{
    (void)state;
    struct load_histogram *latency = load_histogram_create();
    struct server server = {0};
    for (int64_t now_ns = 0; now_ns < 40 * SECOND_NS;) {
        const int64_t answered_ns = server_answer_ns(&server, now_ns);
        load_histogram_record(latency, answered_ns - now_ns);
        now_ns = answered_ns + SECOND_NS / 1000;
    }
    char reason[SELFTEST_REASON_BYTES_MAX] = "";
    const bool is_right = selftest_stall_check(latency, reason);
    load_histogram_destroy(latency);
    assert_false(is_right);
    assert_string_equal(reason, "p95 is 0.0 ms and not about 500 ms");
}

/* A run whose counts are those of its server. */
struct counted {
    struct load_operation_result operations[3];
    struct load_plan plan;
    struct load_result result;
    struct selftest_counts counts;
};

static void counted_init(struct counted *counted)
{
    *counted = (struct counted){
        .operations = {{.name = "answered", .planned = 100, .ok = 95, .unsent = 5},
                       {.name = "refused", .planned = 10, .failed = 10},
                       {.name = "withheld", .planned = 7, .timed_out = 6, .unsent = 1}},
        .plan = {.operation_count = 3},
        .result = {.plan = &counted->plan,
                   .operations = counted->operations,
                   .total = {.planned = 117},
                   .measured_ns = 2 * SECOND_NS}};
    atomic_store(&counted->counts.answered, 95);
    atomic_store(&counted->counts.refused, 10);
    atomic_store(&counted->counts.withheld, 6);
}

static void a_run_that_agrees_with_its_server_is_right(void **state)
{
    (void)state;
    struct counted counted;
    counted_init(&counted);
    char reason[SELFTEST_REASON_BYTES_MAX] = "";
    assert_true(selftest_counts_check(&counted.result, &counted.counts, reason));
}

static void whatever_is_lost_is_told(void **state)
{
    (void)state;
    struct counted counted;
    char reason[SELFTEST_REASON_BYTES_MAX];
    counted_init(&counted);
    counted.operations[0].ok--;
    assert_false(selftest_counts_check(&counted.result, &counted.counts, reason));
    assert_string_equal(reason, "answered: planned and ended differ: 100 and 99");
    counted_init(&counted);
    atomic_store(&counted.counts.refused, 11);
    assert_false(selftest_counts_check(&counted.result, &counted.counts, reason));
    assert_string_equal(reason, "refused: sent and what the server counted differ: 10 and 11");
    counted_init(&counted);
    counted.operations[2].timed_out = 5;
    counted.operations[2].failed = 1;
    assert_false(selftest_counts_check(&counted.result, &counted.counts, reason));
    assert_string_equal(reason,
                        "withheld: sent and those with the outcome that was due differ: 6 and 5");
    counted_init(&counted);
    counted.result.total.planned = 118;
    assert_false(selftest_counts_check(&counted.result, &counted.counts, reason));
    assert_string_equal(reason, "planned: the sum and the total differ: 117 and 118");
    counted_init(&counted);
    counted.plan.operation_count = 0;
    assert_false(selftest_counts_check(&counted.result, &counted.counts, reason));
    assert_string_equal(reason, "all: nothing was planned: 0 and 0");
}

static void the_ceiling_is_what_a_second_of_our_processor_does(void **state)
{
    (void)state;
    struct counted counted;
    counted_init(&counted);
    counted.result.total.ok = 3000;
    counted.result.client_cpu_seconds = 0.5;
    const struct selftest_ceiling ceiling = selftest_ceiling_of(&counted.result);
    assert_true(ceiling.rate == 1500);
    assert_true(ceiling.rate_of_core == 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_load_on_a_server_that_stalls_shows_how_long_its_callers_waited),
        cmocka_unit_test(random_arrivals_show_it_too),
        cmocka_unit_test(a_user_who_waits_for_each_answer_hardly_notices_the_stall),
        cmocka_unit_test(a_run_that_agrees_with_its_server_is_right),
        cmocka_unit_test(whatever_is_lost_is_told),
        cmocka_unit_test(the_ceiling_is_what_a_second_of_our_processor_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
