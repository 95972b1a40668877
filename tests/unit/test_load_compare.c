#include "clients/load/compare.h"
#include "support/load_result_fixture.h"
#include "support/test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct runs {
    struct load_fixture *before;
    struct load_fixture *after;
};

static void runs_begin(struct runs *runs, double slowness)
{
    runs->before = load_fixture_create(1, 1);
    runs->after = load_fixture_create(slowness, 2);
}

static void runs_end(struct runs *runs)
{
    load_fixture_destroy(runs->before);
    load_fixture_destroy(runs->after);
}

static struct load_comparison *compare(const struct runs *runs)
{
    return load_comparison_create(&runs->before->result, &runs->after->result);
}

static char *text_of(const struct load_comparison *comparison,
                     void (*write)(const struct load_comparison *comparison, FILE *stream))
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    write(comparison, stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void write_summary(const struct load_comparison *comparison, FILE *stream)
{
    const struct load_report_style style = {0};
    load_comparison_summary(comparison, &style, stream);
}

/* U = 0 of 10 against 10 without ties: z = 50 / sqrt(175), whose two tails are 0.000157. */
static void samples_that_do_not_overlap_have_the_known_probability(void **state)
{
    (void)state;
    const double low[] = {1, 7, 2, 9, 3, 8, 4, 10, 5, 6};
    const double high[] = {11, 17, 12, 19, 13, 18, 14, 20, 15, 16};
    const double probability = load_compare_probability(low, 10, high, 10);
    assert_true(fabs(probability - 0.000157) < 0.000002);
    assert_true(load_compare_probability(high, 10, low, 10) == probability);
}

/* The expected value is that of scipy.stats.mannwhitneyu(use_continuity=False,
 * method="asymptotic"). */
static void ties_share_their_ranks(void **state)
{
    (void)state;
    const double a[] = {3, 1, 2, 2, 3, 1, 2, 2};
    const double b[] = {2, 3, 2, 3, 2, 3, 2, 3};
    const double probability = load_compare_probability(a, 8, b, 8);
    assert_true(fabs(probability - 0.164914822553) < 1e-9);
    const double same[] = {5, 5, 5, 5, 5, 5, 5, 5};
    assert_true(load_compare_probability(same, 8, same, 8) == 1);
}

static void few_seconds_are_not_judged(void **state)
{
    (void)state;
    const double values[] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_true(isnan(load_compare_probability(values, 7, values, 8)));
    assert_true(isnan(load_compare_probability(values, 8, values, 7)));
    assert_true(load_compare_probability(values, 8, values, 8) > 0.99);
}

/* Two long waves of which one begins elsewhere: as independent seconds they would differ. */
static void neighbours_that_resemble_each_other_are_worth_less(void **state)
{
    (void)state;
    double wave[60];
    double shuffled[60];
    double higher_wave[60];
    double higher_shuffled[60];
    for (size_t i = 0; i < 60; i++) {
        wave[i] = (double)i;
        shuffled[i] = (double)((i * 37) % 60);
        higher_wave[i] = wave[i] + 14;
        higher_shuffled[i] = shuffled[i] + 14;
    }
    assert_true(load_compare_probability(shuffled, 60, higher_shuffled, 60) <
                LOAD_COMPARE_SIGNIFICANCE);
    assert_true(load_compare_probability(wave, 60, higher_wave, 60) > 0.05);
}

static void the_same_thing_twice_is_the_same(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1);
    struct load_comparison *comparison = compare(&runs);
    assert_false(comparison->has_worse);
    assert_false(comparison->has_better);
    assert_false(comparison->plans_differ);
    assert_int_equal(comparison->row_count, 3);
    for (size_t i = 0; i < LOAD_CHANGE_COUNT; i++) {
        assert_int_equal(comparison->rows[0].changes[i].verdict, LOAD_VERDICT_SAME);
    }
    assert_string_equal(load_comparison_text(comparison),
                        "No figure differs beyond the spread of the seconds.");
    load_comparison_destroy(comparison);
    load_comparison_destroy(NULL);
    runs_end(&runs);
}

static void a_slower_operation_is_worse_and_the_other_is_not(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1.2);
    struct load_comparison *comparison = compare(&runs);
    assert_true(comparison->has_worse);
    const struct load_comparison_row *readers = &comparison->rows[1];
    const struct load_comparison_row *writers = &comparison->rows[2];
    assert_string_equal(readers->name, "list_ticks");
    assert_int_equal(readers->changes[LOAD_CHANGE_P99].verdict, LOAD_VERDICT_WORSE);
    assert_true(fabs(readers->changes[LOAD_CHANGE_P99].relative - 0.2) < 0.002);
    assert_int_equal(readers->changes[LOAD_CHANGE_RATE].verdict, LOAD_VERDICT_SAME);
    assert_int_equal(writers->changes[LOAD_CHANGE_P99].verdict, LOAD_VERDICT_SAME);
    char *summary = text_of(comparison, write_summary);
    assert_non_null(strstr(summary, "worse: beyond the spread of the seconds"));
    assert_non_null(strstr(summary, "The second run is worse"));
    free(summary);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void a_faster_operation_is_better(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 0.5);
    struct load_comparison *comparison = compare(&runs);
    assert_true(comparison->has_better);
    assert_false(comparison->has_worse);
    assert_int_equal(comparison->rows[1].changes[LOAD_CHANGE_P50].verdict, LOAD_VERDICT_BETTER);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void fewer_answers_and_more_errors_are_worse(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1);
    for (size_t i = 0; i < LOAD_FIXTURE_SECONDS; i++) {
        runs.after->seconds[i].ok -= 200;
        runs.after->seconds[i].failed += 200;
    }
    runs.after->result.total.ok -= 6000;
    runs.after->result.total.ok_in_window -= 6000;
    runs.after->result.total.failed += 6000;
    struct load_comparison *comparison = compare(&runs);
    assert_int_equal(comparison->rows[0].changes[LOAD_CHANGE_RATE].verdict, LOAD_VERDICT_WORSE);
    assert_int_equal(comparison->rows[0].changes[LOAD_CHANGE_ERRORS].verdict, LOAD_VERDICT_WORSE);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void a_change_that_is_certain_and_tiny_does_not_matter(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1.004);
    for (size_t i = 0; i < LOAD_FIXTURE_SECONDS; i++) {
        runs.before->seconds[i].latency_p50_ns = 1000000;
        runs.after->seconds[i].latency_p50_ns = 1004000;
    }
    struct load_comparison *comparison = compare(&runs);
    const struct load_change *change = &comparison->rows[0].changes[LOAD_CHANGE_P50];
    char text[LOAD_VERDICT_TEXT_BYTES_MAX];
    assert_true(change->probability < LOAD_COMPARE_SIGNIFICANCE);
    assert_int_equal(change->verdict, LOAD_VERDICT_SAME);
    assert_string_equal(load_change_text(change, text), "same: too small a change to matter");
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void warm_up_and_the_last_second_do_not_count(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1);
    runs.before->result.second_count = 2 + LOAD_COMPARE_SECONDS_MIN;
    struct load_comparison *comparison = compare(&runs);
    assert_int_equal(comparison->rows[0].changes[LOAD_CHANGE_RATE].verdict, LOAD_VERDICT_UNJUDGED);
    assert_string_equal(load_comparison_text(comparison), "The runs are too short to tell.");
    load_comparison_destroy(comparison);
    runs.before->result.second_count++;
    comparison = compare(&runs);
    assert_int_not_equal(comparison->rows[0].changes[LOAD_CHANGE_RATE].verdict,
                         LOAD_VERDICT_UNJUDGED);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void operations_and_plans_that_differ_are_told(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1);
    runs.after->operations[1].name = "delete_tick";
    runs.after->flows[1].name = "delete_tick";
    runs.after->result.is_client_bound = true;
    runs.before->result.end = LOAD_END_INTERRUPTED;
    struct load_comparison *comparison = compare(&runs);
    assert_true(comparison->plans_differ);
    assert_int_equal(comparison->row_count, 2);
    char *summary = text_of(comparison, write_summary);
    assert_non_null(strstr(summary, "note: The plans differ"));
    assert_non_null(strstr(summary, "note: The second run's figures are the client's"));
    assert_non_null(strstr(summary, "note: The first run did not end as planned: interrupted."));
    free(summary);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void an_operation_without_seconds_is_not_judged(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1.2);
    runs.before->operations[0].second_count = 0;
    struct load_comparison *comparison = compare(&runs);
    char text[LOAD_VERDICT_TEXT_BYTES_MAX];
    const struct load_change *change = &comparison->rows[1].changes[LOAD_CHANGE_P99];
    assert_int_equal(change->verdict, LOAD_VERDICT_UNJUDGED);
    assert_string_equal(load_change_text(change, text), "not judged: fewer than 8 seconds known");
    assert_int_equal(comparison->rows[0].changes[LOAD_CHANGE_P99].verdict, LOAD_VERDICT_WORSE);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void other_stages_make_another_plan(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1);
    runs.after->stages[1].to = 1200;
    struct load_comparison *comparison = compare(&runs);
    assert_true(comparison->plans_differ);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

static void json_and_page_say_the_same(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1.2);
    runs.after->plan.name = "<script>\"&";
    struct load_comparison *comparison = compare(&runs);
    char *json = text_of(comparison, load_comparison_json);
    json_error_t error;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    const json_t *row = json_array_get(json_object_get(root, "operations"), 1);
    const json_t *change = json_object_get(row, "latency_p99_ns");
    assert_string_equal(json_string_value(json_object_get(row, "operation")), "list_ticks");
    assert_string_equal(json_string_value(json_object_get(change, "verdict")), "worse");
    assert_true(json_is_true(json_object_get(root, "has_worse")));
    json_decref(root);
    char *html = text_of(comparison, load_comparison_html);
    assert_null(strstr(html, "<script"));
    assert_non_null(strstr(html, "&lt;script&gt;"));
    assert_non_null(strstr(html, "The second run is worse"));
    assert_non_null(strstr(html, "Latency of list_ticks"));
    free(json);
    free(html);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

/* A first run without any answer has nothing to be a share of. */
static void a_run_of_nothing_is_compared(void **state)
{
    (void)state;
    struct runs runs;
    runs_begin(&runs, 1);
    runs.before->result.total.ok = 0;
    runs.before->result.total.ok_in_window = 0;
    load_histogram_clear(runs.before->result.total.latency);
    runs.before->result.second_count = 0;
    struct load_comparison *comparison = compare(&runs);
    assert_true(isnan(comparison->rows[0].changes[LOAD_CHANGE_RATE].relative));
    char *json = text_of(comparison, load_comparison_json);
    assert_non_null(strstr(json, "\"relative\":null"));
    char *html = text_of(comparison, load_comparison_html);
    assert_null(strstr(html, "nan"));
    free(json);
    free(html);
    load_comparison_destroy(comparison);
    runs_end(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_that_do_not_overlap_have_the_known_probability),
        cmocka_unit_test(ties_share_their_ranks),
        cmocka_unit_test(few_seconds_are_not_judged),
        cmocka_unit_test(neighbours_that_resemble_each_other_are_worth_less),
        cmocka_unit_test(the_same_thing_twice_is_the_same),
        cmocka_unit_test(a_slower_operation_is_worse_and_the_other_is_not),
        cmocka_unit_test(a_faster_operation_is_better),
        cmocka_unit_test(fewer_answers_and_more_errors_are_worse),
        cmocka_unit_test(a_change_that_is_certain_and_tiny_does_not_matter),
        cmocka_unit_test(warm_up_and_the_last_second_do_not_count),
        cmocka_unit_test(operations_and_plans_that_differ_are_told),
        cmocka_unit_test(an_operation_without_seconds_is_not_judged),
        cmocka_unit_test(other_stages_make_another_plan),
        cmocka_unit_test(json_and_page_say_the_same),
        cmocka_unit_test(a_run_of_nothing_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
