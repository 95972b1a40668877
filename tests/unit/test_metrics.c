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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_counted_by_method_code_and_time),
        cmocka_unit_test(calls_in_flight_go_up_and_down),
        cmocka_unit_test(a_watched_value_is_asked_for_when_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
