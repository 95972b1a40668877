#include "clients/load/report.h"
#include "clients/load/report_values.h"
#include "support/load_result_fixture.h"
#include "support/test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text {
    char *data;
    size_t size;
};

static struct text text_of(const struct load_result *result,
                           void (*write)(const struct load_result *result, FILE *stream))
{
    struct text text = {0};
    FILE *stream = open_memstream(&text.data, &text.size);
    assert_non_null(stream);
    write(result, stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void write_summary(const struct load_result *result, FILE *stream)
{
    const struct load_report_style style = {0};
    load_report_summary(result, &style, stream);
}

static void write_readers_hgrm(const struct load_result *result, FILE *stream)
{
    load_report_hgrm(load_report_operation(result, "list_ticks"), stream);
}

static int setup(void **state)
{
    *state = load_fixture_create(1, 1);
    return 0;
}

static int teardown(void **state)
{
    load_fixture_destroy(*state);
    return 0;
}

static json_t *parsed(const struct text *text)
{
    json_error_t error;
    json_t *root = json_loadb(text->data, text->size, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    return root;
}

static json_int_t integer(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void a_saved_run_is_told_as_the_run_was(void **state)
{
    struct load_fixture *fixture = *state;
    void (*const forms[])(const struct load_result *result, FILE *stream) = {
        load_report_json, load_report_csv, load_report_html, write_readers_hgrm, write_summary};
    char reason[LOAD_REPORT_REASON_BYTES_MAX];
    struct load_saved *saved = NULL;
    struct text json = text_of(&fixture->result, load_report_json);
    assert_int_equal(load_saved_read(ds_bytes_of(json.data, json.size), &saved, reason), DS_OK);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct text first = text_of(&fixture->result, forms[i]);
        struct text again = text_of(load_saved_result(saved), forms[i]);
        assert_string_equal(again.data, first.data);
        free(first.data);
        free(again.data);
    }
    load_saved_close(saved);
    free(json.data);
}

static void the_total_is_the_sum_of_the_operations(void **state)
{
    static const char *const names[] = {"planned", "ok",        "failed",     "timed_out",
                                        "unsent",  "under_way", "bytes_sent", "bytes_received"};
    struct load_fixture *fixture = *state;
    struct text text = text_of(&fixture->result, load_report_json);
    json_t *root = parsed(&text);
    const json_t *total = json_object_get(root, "total");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_int_t sum = 0;
        size_t k;
        json_t *operation;
        json_array_foreach(json_object_get(root, "operations"), k, operation)
        {
            sum += integer(operation, names[i]);
        }
        assert_int_equal(integer(total, names[i]), sum);
    }
    assert_int_equal(integer(total, "planned"),
                     integer(total, "ok") + integer(total, "failed") + integer(total, "timed_out") +
                         integer(total, "unsent") + integer(total, "under_way"));
    json_decref(root);
    free(text.data);
}

static void texts_of_others_are_escaped(void **state)
{
    struct load_fixture *fixture = *state;
    fixture->plan.name = "</title><script>\"'&\x01\xFF\xC3\xA9";
    struct text html = text_of(&fixture->result, load_report_html);
    assert_null(strstr(html.data, "<script"));
    assert_non_null(
        strstr(html.data, "&lt;/title&gt;&lt;script&gt;&quot;&#39;&amp; \xEF\xBF\xBD\xC3\xA9"));
    struct text json = text_of(&fixture->result, load_report_json);
    json_t *root = parsed(&json);
    assert_string_equal(json_string_value(json_object_get(json_object_get(root, "plan"), "name")),
                        "</title><script>\"'&\x01\xEF\xBF\xBD\xC3\xA9");
    json_decref(root);
    free(html.data);
    free(json.data);
}

static void the_page_needs_nothing_but_itself(void **state)
{
    struct load_fixture *fixture = *state;
    struct text html = text_of(&fixture->result, load_report_html);
    static const char *const outside[] = {"src=", "href=", "url(", "@import", "<script", "<link"};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        assert_null(strstr(html.data, outside[i]));
    }
    assert_non_null(strstr(html.data, "1 of 2 objectives missed"));
    assert_non_null(strstr(html.data, "Latency by percentile"));
    assert_non_null(strstr(html.data, "CPU of gateway"));
    assert_non_null(strstr(html.data, "33,000"));
    free(html.data);
}

/* Where there is one operation, a row of all together says the same again. */
static void a_page_of_one_operation_has_no_sum(void **state)
{
    struct load_fixture *fixture = *state;
    struct text html = text_of(&fixture->result, load_report_html);
    assert_non_null(strstr(html.data, "<td>all"));
    free(html.data);
    fixture->plan.operation_count = 1;
    fixture->plan.flow_count = 1;
    html = text_of(&fixture->result, load_report_html);
    assert_null(strstr(html.data, "<td>all"));
    free(html.data);
}

static void a_page_says_when_all_objectives_are_met_or_there_are_none(void **state)
{
    struct load_fixture *fixture = *state;
    fixture->objective_results[1].is_met = true;
    struct text html = text_of(&fixture->result, load_report_html);
    assert_non_null(strstr(html.data, "All objectives are met"));
    free(html.data);
    fixture->plan.objective_count = 0;
    html = text_of(&fixture->result, load_report_html);
    assert_non_null(strstr(html.data, "No objectives"));
    free(html.data);
}

static void a_long_run_has_charts_of_a_bounded_size(void **state)
{
    struct load_fixture *fixture = *state;
    const size_t count = 100000;
    struct load_second *seconds = calloc(count, sizeof(seconds[0]));
    for (size_t i = 0; i < count; i++) {
        seconds[i] = (struct load_second){.second = (uint32_t)i, .ok = 10, .latency_p99_ns = 100};
    }
    fixture->result.seconds = seconds;
    fixture->result.second_count = count;
    struct text html = text_of(&fixture->result, load_report_html);
    assert_true(html.size < 400000);
    assert_non_null(strstr(html.data, "each point is the largest of 250 seconds"));
    free(html.data);
    free(seconds);
}

static void note_few(void *context, const char *text)
{
    if (strstr(text, "to chance") != NULL) {
        snprintf(context, 256, "%s|", text);
    }
}

static void operations_with_few_answers_are_one_warning(void **state)
{
    struct load_fixture *fixture = *state;
    char told[256] = "";
    char awaited[256];
    fixture->operations[0].ok = 999;
    fixture->operations[1].ok = 7;
    report_warnings(&fixture->result, note_few, told);
    snprintf(awaited, sizeof awaited,
             "2 of 2 operations were answered fewer than 1000 times, which leaves their p99 to "
             "chance: %s only 7 times.|",
             fixture->operations[1].name);
    assert_string_equal(told, awaited);
    told[0] = '\0';
    fixture->operations[0].ok = 1000;
    fixture->operations[1].ok = 1000;
    report_warnings(&fixture->result, note_few, told);
    assert_string_equal(told, "");
}

static void a_run_without_any_answer_is_told(void **state)
{
    struct load_fixture *fixture = *state;
    struct load_result *result = &fixture->result;
    result->measured_ns = 0;
    result->second_count = 0;
    result->plan = &fixture->plan;
    for (size_t i = 0; i <= LOAD_FIXTURE_OPERATIONS; i++) {
        struct load_operation_result *operation =
            i == 0 ? &result->total : &fixture->operations[i - 1];
        load_histogram_clear(operation->latency);
        load_histogram_clear(operation->service);
        load_histogram_clear(operation->lag);
        operation->planned = operation->ok = operation->failed = 0;
        operation->timed_out = operation->unsent = 0;
    }
    struct text html = text_of(result, load_report_html);
    assert_null(strstr(html.data, "nan"));
    assert_null(strstr(html.data, "inf"));
    struct text summary = text_of(result, write_summary);
    assert_non_null(strstr(summary.data, "0 ok (0/s), 0 errors (0 %)"));
    struct text hgrm = text_of(result, write_readers_hgrm);
    assert_non_null(strstr(hgrm.data, "Total count    =            0"));
    free(html.data);
    free(summary.data);
    free(hgrm.data);
}

static void the_series_has_a_line_a_second(void **state)
{
    struct load_fixture *fixture = *state;
    struct text csv = text_of(&fixture->result, load_report_csv);
    assert_int_equal(strncmp(csv.data, "second,planned,ok,failed,timed_out,unsent,", 42), 0);
    size_t lines = 0;
    for (const char *at = csv.data; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, LOAD_FIXTURE_SECONDS + 1);
    assert_non_null(strstr(csv.data, "\n20,1100,1090,0,20,0,5,15000000,29700000,900000000\n"));
    free(csv.data);
}

static void the_percentile_text_counts_every_value(void **state)
{
    struct load_fixture *fixture = *state;
    struct text hgrm = text_of(&fixture->result, write_readers_hgrm);
    assert_non_null(
        strstr(hgrm.data, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"));
    assert_non_null(strstr(hgrm.data, " 1.000000000000      30000\n#[Mean"));
    assert_non_null(strstr(hgrm.data, "Total count    =        30000]"));
    free(hgrm.data);
}

static void a_client_that_is_the_limit_is_told(void **state)
{
    struct load_fixture *fixture = *state;
    fixture->result.is_client_bound = true;
    fixture->result.client_bound_why = "a thread was busy for 99 % of the time";
    struct text summary = text_of(&fixture->result, write_summary);
    struct text html = text_of(&fixture->result, load_report_html);
    assert_non_null(strstr(summary.data, "note: The figures are the client's"));
    assert_non_null(strstr(summary.data, "a thread was busy for 99 % of the time"));
    assert_non_null(strstr(html.data, "a thread was busy for 99 % of the time"));
    free(summary.data);
    free(html.data);
}

static void the_summary_shows_errors_servers_and_objectives(void **state)
{
    struct load_fixture *fixture = *state;
    struct text summary = text_of(&fixture->result, write_summary);
    assert_non_null(strstr(summary.data, "33,000 ok (1.10k/s), 130 errors (0.392 %)"));
    assert_non_null(strstr(summary.data, "list_ticks   503"));
    assert_non_null(strstr(summary.data, "(never sent)"));
    assert_non_null(strstr(summary.data, "gateway"));
    assert_non_null(strstr(summary.data, "MISSED"));
    assert_null(strchr(summary.data, '\x1B'));
    free(summary.data);
}

/* Replaces the first `from` in a report's text and reads it. */
static void assert_refused(const struct text *json, const char *from, const char *to,
                           const char *expected)
{
    char reason[LOAD_REPORT_REASON_BYTES_MAX] = "";
    struct load_saved *saved = NULL;
    const char *at = strstr(json->data, from);
    assert_non_null(at);
    struct text broken = {0};
    FILE *stream = open_memstream(&broken.data, &broken.size);
    fprintf(stream, "%.*s%s%s", (int)(at - json->data), json->data, to, at + strlen(from));
    fclose(stream);
    assert_int_equal(load_saved_read(ds_bytes_of(broken.data, broken.size), &saved, reason),
                     DS_INVALID_ARGUMENT);
    assert_null(saved);
    if (strstr(reason, expected) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", reason, expected);
    }
    free(broken.data);
}

static void a_report_that_is_wrong_is_refused_by_name(void **state)
{
    struct load_fixture *fixture = *state;
    struct text json = text_of(&fixture->result, load_report_json);
    assert_refused(&json, "deltastream-load/1", "deltastream-load/2", "is deltastream-load/2");
    assert_refused(&json, "\"schema\":", "\"scheme\":", "missing");
    assert_refused(&json, "{\"schema\"", "{{\"schema\"", "no JSON: line 1");
    assert_refused(&json, "\"end\":\"done\"", "\"end\":\"bored\"",
                   "end must be one of done, interrupted, aborted");
    assert_refused(&json, "\"measured_ns\":3", "\"measured_ns\":-3",
                   "measured_ns must be a whole number from 0");
    assert_refused(&json, "\"pace\":\"poisson\"", "\"pace\":7", "plan.pace must be a text");
    assert_refused(&json, "\"flows\":[{", "\"flows\":[7,{", "plan.flows must be a list of at most");
    assert_refused(&json, "\"steps\":[{\"operation\":1", "\"steps\":[{\"operation\":2",
                   "plan.flows[1].steps[0].operation must be a whole number from 0 to 1");
    assert_refused(&json, "\"classes\":[", "\"classes\":[5,", "total.latency must be pairs");
    assert_refused(&json, "\"classes\":[", "\"classes\":[5,-1,", "total.latency must be pairs");
    assert_refused(&json, "\n{\"second\":0", "\n{\"second\":9",
                   "total.seconds must be in the order");
    assert_refused(&json, "\"is_bound\":false", "\"is_bound\":0",
                   "client.is_bound must be true or");
    assert_refused(&json, "\"busiest_thread_share\":0.16", "\"busiest_thread_share\":1e99",
                   "client.busiest_thread_share must be a number");
    assert_refused(&json, "\"seed\":\"1", "\"seed\":\"x", "plan.seed must be a whole number");
    assert_refused(&json, "\"started_at\":\"2", "\"started_at\":\"x", "started_at must be a time");
    assert_refused(&json, "\"schema\"", "\"end\":\"done\",\"schema\"", "duplicate object key");
    free(json.data);
}

static void files_appear_whole_or_not_at_all(void **state)
{
    struct load_fixture *fixture = *state;
    char folder[] = "/tmp/load_report.XXXXXX";
    char path[64];
    char reason[LOAD_REPORT_REASON_BYTES_MAX];
    struct load_saved *saved = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/run.json", folder);
    struct load_report_files files = {.json = path};
    assert_int_equal(load_saved_open(path, &saved, reason), DS_NOT_FOUND);
    assert_non_null(strstr(reason, path));
    assert_int_equal(load_report_files_write(&files, &fixture->result, reason), DS_OK);
    assert_int_equal(load_saved_open(path, &saved, reason), DS_OK);
    load_saved_close(saved);
    files.operation = "list_quotes";
    assert_int_equal(load_report_files_write(&files, &fixture->result, reason), DS_NOT_FOUND);
    assert_string_equal(reason,
                        "the run has no operation list_quotes; it has list_ticks, create_tick");
    files = (struct load_report_files){.html = "/dev/full"};
    assert_int_not_equal(load_report_files_write(&files, &fixture->result, reason), DS_OK);
    assert_string_equal(reason, "can't write /dev/full: No space left on device");
    assert_int_equal(unlink(path), 0);
    /* Nothing else lies in it. */
    assert_int_equal(rmdir(folder), 0);
}

static void figures_are_written_in_three_digits(void **state)
{
    (void)state;
    char text[REPORT_TEXT_BYTES_MAX];
    assert_string_equal(report_duration_text(0, text), "0 ns");
    assert_string_equal(report_duration_text(999.6, text), "1.00 \xC2\xB5s");
    assert_string_equal(report_duration_text(12345678, text), "12.3 ms");
    assert_string_equal(report_duration_text(119e9, text), "119 s");
    assert_string_equal(report_duration_text(200e9, text), "3 min 20 s");
    assert_string_equal(report_count_text(999, text), "999");
    assert_string_equal(report_count_text(999.7, text), "1.00k");
    assert_string_equal(report_whole_text(1234567, text), "1,234,567");
    assert_string_equal(report_whole_text(123, text), "123");
    assert_string_equal(report_share_text(0.1234, text), "12.3 %");
    assert_string_equal(report_share_text(1e-9, text), "< 0.001 %");
    assert_string_equal(report_bytes_text(1536, text), "1.50 KiB");
    assert_string_equal(report_duration_text(NAN, text), "-");
    assert_string_equal(report_duration_text(INFINITY, text), "-");
    assert_string_equal(report_count_text(NAN, text), "-");
    assert_string_equal(report_share_text(NAN, text), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_saved_run_is_told_as_the_run_was, setup, teardown),
        cmocka_unit_test_setup_teardown(the_total_is_the_sum_of_the_operations, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_of_others_are_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_page_needs_nothing_but_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_of_one_operation_has_no_sum, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_says_when_all_objectives_are_met_or_there_are_none,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_run_has_charts_of_a_bounded_size, setup, teardown),
        cmocka_unit_test_setup_teardown(operations_with_few_answers_are_one_warning, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_run_without_any_answer_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_series_has_a_line_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(the_percentile_text_counts_every_value, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_is_the_limit_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_summary_shows_errors_servers_and_objectives, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_report_that_is_wrong_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(files_appear_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test(figures_are_written_in_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
