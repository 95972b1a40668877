/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/metrics.h"
#include "schema.gen.h"

#define PREFIX "test"
#define LIST_TICKS "deltastream.storage.v1.Storage/ListTicks"

static const char *write_text(struct ds_metrics *metrics, struct ds_buffer *text)
{
    ds_buffer_init(text, 1 << 20);
    ds_metrics_write(metrics, text);
    ds_buffer_append_byte(text, '\0');
    return (const char *)text->data;
}

static void calls_are_counted_by_method_code_and_time(void **state)
{
    (void)state;
    struct ds_metrics *metrics = ds_metrics_create(PREFIX);
    struct ds_buffer text;
    ds_metrics_call_done(metrics, ds_method_storage_list_ticks, DS_OK, 60);
    ds_metrics_call_done(metrics, ds_method_storage_list_ticks, DS_OK, 100);
    ds_metrics_call_done(metrics, ds_method_storage_list_ticks, DS_NOT_FOUND, 20000000);
    ds_metrics_call_done(metrics, NULL, DS_UNIMPLEMENTED, 1);
    const char *written = write_text(metrics, &text);
    static const char *const lines[] = {
        "# TYPE test_calls_total counter\n",
        "test_calls_total{method=\"" LIST_TICKS "\",code=\"OK\"} 2\n",
        "test_calls_total{method=\"" LIST_TICKS "\",code=\"NOT_FOUND\"} 1\n",
        "test_calls_total{method=\"unknown\",code=\"UNIMPLEMENTED\"} 1\n",
        "test_call_seconds_bucket{method=\"" LIST_TICKS "\",le=\"5e-05\"} 0\n",
        "test_call_seconds_bucket{method=\"" LIST_TICKS "\",le=\"0.0001\"} 2\n",
        "test_call_seconds_bucket{method=\"" LIST_TICKS "\",le=\"10\"} 2\n",
        "test_call_seconds_bucket{method=\"" LIST_TICKS "\",le=\"+Inf\"} 3\n",
        "test_call_seconds_sum{method=\"" LIST_TICKS "\"} 20.000160\n",
        "test_call_seconds_count{method=\"" LIST_TICKS "\"} 3\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_non_null(strstr(written, lines[i]));
    }
    assert_null(strstr(written, "LatestTick"));
    ds_buffer_deinit(&text);
    ds_metrics_destroy(metrics);
}

static void calls_in_flight_go_up_and_down(void **state)
{
    (void)state;
    struct ds_metrics *metrics = ds_metrics_create(PREFIX);
    struct ds_buffer text;
    ds_metrics_call_begin(metrics);
    ds_metrics_call_begin(metrics);
    ds_metrics_call_end(metrics);
    assert_non_null(strstr(write_text(metrics, &text), "\ntest_calls_in_flight 1\n"));
    ds_buffer_deinit(&text);
    ds_metrics_destroy(metrics);
    ds_metrics_destroy(NULL);
}

static uint64_t read_value(void *context)
{
    return *(uint64_t *)context;
}

static void a_watched_value_is_asked_for_when_it_is_written(void **state)
{
    (void)state;
    uint64_t value = 1;
    struct ds_metrics *metrics = ds_metrics_create(PREFIX);
    struct ds_buffer text;
    ds_metrics_watch(metrics, &(struct ds_metrics_watched){.name = "things_total",
                                                           .help = "Things.",
                                                           .type = "counter",
                                                           .read = read_value,
                                                           .context = &value});
    value = 7;
    assert_non_null(strstr(write_text(metrics, &text), "# HELP things_total Things.\n"
                                                       "# TYPE things_total counter\n"
                                                       "things_total 7\n"));
    ds_buffer_deinit(&text);
    ds_metrics_destroy(metrics);
}

static void collect_rooms(void *context, struct ds_metrics_samples *samples)
{
    (void)context;
    const struct ds_metrics_label labels[] = {{"house", "a"}, {"room", "1"}};
    const struct ds_metrics_label odd = {"house", "quote \" slash \\ line\n"};
    ds_metrics_sample(samples, labels, 2, 5);
    ds_metrics_sample(samples, &odd, 1, 6);
}

static void a_family_has_a_sample_for_each_of_its_labels(void **state)
{
    (void)state;
    struct ds_metrics *metrics = ds_metrics_create(PREFIX);
    struct ds_buffer text;
    ds_metrics_watch_family(
        metrics, &(struct ds_metrics_family){
                     .name = "rooms", .help = "Rooms.", .type = "gauge", .collect = collect_rooms});
    assert_non_null(strstr(write_text(metrics, &text),
                           "# HELP rooms Rooms.\n"
                           "# TYPE rooms gauge\n"
                           "rooms{house=\"a\",room=\"1\"} 5\n"
                           "rooms{house=\"quote \\\" slash \\\\ line\\n\"} 6\n"));
    ds_buffer_deinit(&text);
    ds_metrics_destroy(metrics);
}

static void a_registry_without_a_prefix_has_only_what_is_watched(void **state)
{
    (void)state;
    uint64_t value = 3;
    struct ds_metrics *metrics = ds_metrics_create(NULL);
    struct ds_buffer text;
    ds_metrics_watch(
        metrics, &(struct ds_metrics_watched){"things", "Things.", "gauge", read_value, &value});
    assert_string_equal(write_text(metrics, &text), "# HELP things Things.\n"
                                                    "# TYPE things gauge\n"
                                                    "things 3\n");
    ds_buffer_deinit(&text);
    ds_metrics_destroy(metrics);
}

static void durations_are_counted_up_to_the_bound_of_their_bucket(void **state)
{
    (void)state;
    struct ds_histogram histogram = {.sum_us = 0};
    struct ds_metrics *metrics = ds_metrics_create(NULL);
    struct ds_buffer text;
    assert_true(ds_histogram_is_empty(&histogram));
    ds_histogram_add(&histogram, -5);
    ds_histogram_add(&histogram, 50);
    ds_histogram_add(&histogram, 51);
    ds_histogram_add(&histogram, 10000001);
    assert_false(ds_histogram_is_empty(&histogram));
    ds_metrics_watch_histogram(metrics, "waits_seconds", "Waits.", &histogram);
    const char *written = write_text(metrics, &text);
    static const char *const lines[] = {
        "# TYPE waits_seconds histogram\nwaits_seconds_bucket{le=\"5e-05\"} 2\n",
        "\nwaits_seconds_bucket{le=\"0.0001\"} 3\n",
        "\nwaits_seconds_bucket{le=\"10\"} 3\n",
        "\nwaits_seconds_bucket{le=\"+Inf\"} 4\n",
        "\nwaits_seconds_sum 10.000102\n",
        "\nwaits_seconds_count 4\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_non_null(strstr(written, lines[i]));
    }
    ds_buffer_deinit(&text);
    ds_metrics_destroy(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_counted_by_method_code_and_time),
        cmocka_unit_test(calls_in_flight_go_up_and_down),
        cmocka_unit_test(a_watched_value_is_asked_for_when_it_is_written),
        cmocka_unit_test(a_family_has_a_sample_for_each_of_its_labels),
        cmocka_unit_test(a_registry_without_a_prefix_has_only_what_is_watched),
        cmocka_unit_test(durations_are_counted_up_to_the_bound_of_their_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
