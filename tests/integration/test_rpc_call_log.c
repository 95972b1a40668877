/* Which calls the log tells of, what their lines hold, and which calls a server remembers. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/introspection.h"
#include "ds/log.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"
#include "support/log_capture.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define PARENT_ID "b7ad6b7169203331"
#define TRACEPARENT "00-" TRACE_ID "-" PARENT_ID "-01"

static struct rpc_fixture fixture;
static struct log_capture capture;
static atomic_int_fast64_t now_us;
static atomic_int_fast64_t step_us; /* that the clock goes on each time somebody looks at it */

static int64_t wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return 1000000000000000 + now_us;
}

static int64_t monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return atomic_fetch_add(&now_us, step_us);
}

static const struct ds_clock test_clock = {wall_us, monotonic_us};

/* The server of one test, with a clock that stands until the test turns it. */
static void open_logging(enum ds_call_log_extent extent)
{
    now_us = 5000000;
    step_us = 0;
    rpc_fixture_open(
        &fixture, FIXTURE_DIRECT,
        &(struct ds_rpc_server_options){.clock = &test_clock, .call_log = {.extent = extent}});
}

static int close_fixture(void **state)
{
    (void)state;
    step_us = 0;
    rpc_fixture_close(&fixture);
    return 0;
}

static struct ds_bytes pack_list(const char *product)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    return rpc_fixture_pack(&request.base);
}

/* LatestTick fails as its product says, with NOT_FOUND by default. */
static struct ds_bytes pack_latest(const char *product)
{
    Storage__LatestTickRequest request = STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    return rpc_fixture_pack(&request.base);
}

static void make(struct ds_client_call call)
{
    (void)ds_channel_call_wait(fixture.channel, &call);
    ds_client_call_release(&call);
}

static void make_list(void)
{
    const struct ds_bytes payload = pack_list("NIFTY");
    make((struct ds_client_call){.method = ds_method_storage_list_ticks,
                                 .payload = payload,
                                 .principal = &rpc_fixture_reader});
    free((void *)(uintptr_t)payload.data);
}

static void make_latest(void)
{
    const struct ds_bytes payload = pack_latest("NIFTY");
    make((struct ds_client_call){.method = ds_method_storage_latest_tick,
                                 .payload = payload,
                                 .principal = &rpc_fixture_reader});
    free((void *)(uintptr_t)payload.data);
}

static void make_write(void)
{
    rpc_fixture_open_gate(&fixture);
    make((struct ds_client_call){.method = ds_method_storage_ingest_ticks,
                                 .principal = &rpc_fixture_writer});
}

/* A good read, a refused one, a good write and a slow read. */
static const char *log_of_four_calls(enum ds_call_log_extent extent)
{
    open_logging(extent);
    log_capture_begin(&capture);
    make_list();
    make_latest();
    make_write();
    step_us = 250000;
    make_list();
    step_us = 0;
    ds_rpc_server_drain(fixture.server, 60000); /* A line may come after the call's end. */
    return log_capture_end(&capture);
}

static size_t line_count(const char *text)
{
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    return count;
}

static void by_default_a_server_tells_of_no_calls(void **state)
{
    (void)state;
    assert_string_equal(log_of_four_calls(DS_CALL_LOG_NONE), "");
}

static void slow_calls_are_told_as_warnings(void **state)
{
    (void)state;
    const char *text = log_of_four_calls(DS_CALL_LOG_SLOW);
    assert_int_equal(line_count(text), 1);
    assert_non_null(strstr(text, "\"level\":\"warning\",\"event\":\"call\",\"method\":"
                                 "\"deltastream.storage.v1.Storage/ListTicks\",\"code\":\"OK\""));
}

static void errors_come_with_slow_calls(void **state)
{
    (void)state;
    const char *text = log_of_four_calls(DS_CALL_LOG_ERRORS);
    assert_int_equal(line_count(text), 2);
    assert_non_null(strstr(text, "\"level\":\"info\",\"event\":\"call\",\"method\":"
                                 "\"deltastream.storage.v1.Storage/LatestTick\","
                                 "\"code\":\"NOT_FOUND\""));
}

static void writes_come_with_errors(void **state)
{
    (void)state;
    const char *text = log_of_four_calls(DS_CALL_LOG_WRITES);
    assert_int_equal(line_count(text), 3);
    assert_non_null(strstr(text, "Storage/IngestTicks\",\"code\":\"OK\""));
}

static void all_is_all(void **state)
{
    (void)state;
    assert_int_equal(line_count(log_of_four_calls(DS_CALL_LOG_ALL)), 4);
}

static void a_line_holds_what_is_known_of_a_call(void **state)
{
    (void)state;
    const struct ds_bytes payload = pack_list("NIFTY");
    open_logging(DS_CALL_LOG_ALL);
    log_capture_begin(&capture);
    step_us = 1000;
    make((struct ds_client_call){.method = ds_method_storage_list_ticks,
                                 .payload = payload,
                                 .principal = &rpc_fixture_reader,
                                 .peer = "192.0.2.7",
                                 .traceparent = TRACEPARENT});
    step_us = 0;
    const char *text = log_capture_end(&capture);
    char sizes[64];
    snprintf(sizes, sizeof sizes, "\"request_bytes\":%zu,\"response_bytes\":%zu,", payload.size,
             payload.size);
    assert_non_null(strstr(text, "\"reason\":\"\",\"subject\":\"user:7\",\"peer\":\"192.0.2.7\","
                                 "\"queue_us\":0,\"execution_us\":3000,"));
    assert_non_null(strstr(text, sizes));
    assert_non_null(strstr(text, "\"attempt\":0,\"trace_id\":\"" TRACE_ID "\",\"span_id\":\""));
    assert_null(strstr(text, "\"span_id\":\"" PARENT_ID));
    assert_non_null(strstr(text, "\"parent_id\":\"" PARENT_ID "\"}\n"));
    free((void *)(uintptr_t)payload.data);
}

static void a_line_holds_nothing_that_may_be_secret(void **state)
{
    (void)state;
    const struct ds_bytes payload = pack_latest("secret-product");
    const struct ds_metadata_entry entry = {.key = "token",
                                            .value = ds_bytes_of("secret-meta", 11)};
    open_logging(DS_CALL_LOG_ALL);
    log_capture_begin(&capture);
    make((struct ds_client_call){.method = ds_method_storage_latest_tick,
                                 .payload = payload,
                                 .principal = &rpc_fixture_reader,
                                 .authorization = "Bearer secret-token",
                                 .idempotency_key = ds_bytes_of("secret-key", 10),
                                 .metadata = &entry,
                                 .metadata_count = 1});
    const char *text = log_capture_end(&capture);
    assert_int_equal(line_count(text), 1);
    assert_null(strstr(text, "secret"));
    /* Nobody's span is none, not one of zeros. */
    assert_non_null(strstr(text, "\"parent_id\":\"\"}\n"));
    free((void *)(uintptr_t)payload.data);
}

static void long_texts_are_cut_and_strange_ones_escaped(void **state)
{
    (void)state;
    char subject[300];
    char wanted[300];
    memset(subject, 'x', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    memcpy(subject, "a\"\n", 3);
    memcpy(subject + 126, "\xc3\xa9", 2); /* across the cut */
    const struct ds_principal principal = {.subject = subject,
                                           .authentication_method = "jwt",
                                           .permissions = rpc_fixture_reader.permissions,
                                           .permission_count = 1};
    open_logging(DS_CALL_LOG_ALL);
    log_capture_begin(&capture);
    make((struct ds_client_call){.method = ds_method_storage_list_ticks, .principal = &principal});
    const char *text = log_capture_end(&capture);
    snprintf(wanted, sizeof wanted, "\"subject\":\"a\\\"\\n%.123s\",\"peer\"", subject + 3);
    assert_non_null(strstr(text, wanted));
}

static void a_failure_of_the_server_itself_is_always_told_with_its_text(void **state)
{
    (void)state;
    const struct ds_bytes payload = pack_latest("bug");
    open_logging(DS_CALL_LOG_NONE);
    log_capture_begin(&capture);
    make((struct ds_client_call){.method = ds_method_storage_latest_tick,
                                 .payload = payload,
                                 .principal = &rpc_fixture_reader});
    free((void *)(uintptr_t)payload.data);
    const char *text = log_capture_end(&capture);
    assert_int_equal(line_count(text), 1);
    assert_non_null(strstr(text, "\"level\":\"error\",\"event\":\"call\""));
    assert_non_null(strstr(text, "\"code\":\"INTERNAL\""));
    assert_non_null(strstr(text, "\"message\":\"a bug\"}\n"));
}

static struct ds_call_view views[DS_SLOW_CALLS_MAX + 1];
static size_t view_count;

static void take(void *context, const struct ds_call_view *view)
{
    assert_ptr_equal(context, &view_count);
    assert_true(view_count < sizeof views / sizeof *views);
    views[view_count++] = *view;
}

static void list_slow(void)
{
    view_count = 0;
    ds_rpc_server_slow_calls(fixture.server, take, &view_count);
}

static void the_newest_64_slow_calls_are_remembered(void **state)
{
    (void)state;
    char product[128] = "";
    open_logging(DS_CALL_LOG_NONE);
    make_list();
    list_slow();
    assert_int_equal(view_count, 0);
    step_us = 250000;
    for (int i = 0; i < DS_SLOW_CALLS_MAX + 6; i++) {
        product[i] = 'x';
        const struct ds_bytes payload = pack_list(product);
        make((struct ds_client_call){.method = ds_method_storage_list_ticks,
                                     .payload = payload,
                                     .principal = &rpc_fixture_reader,
                                     .peer = "192.0.2.7",
                                     .traceparent = TRACEPARENT});
        free((void *)(uintptr_t)payload.data);
    }
    step_us = 0;
    list_slow();
    assert_int_equal(view_count, DS_SLOW_CALLS_MAX);
    for (size_t i = 1; i < view_count; i++) {
        assert_int_equal(views[i - 1].request_bytes, views[i].request_bytes + 1);
        assert_true(views[i - 1].began_at_us > views[i].began_at_us);
    }
    assert_string_equal(views[0].method, "deltastream.storage.v1.Storage/ListTicks");
    assert_string_equal(views[0].subject, "user:7");
    assert_string_equal(views[0].peer, "192.0.2.7");
    assert_memory_equal(views[0].traceparent, TRACEPARENT, 36);
    assert_int_equal(views[0].execution_us, 750000);
    assert_int_equal(views[0].code, DS_OK);
    assert_true(views[0].is_executing);
    assert_int_equal(views[0].response_bytes, views[0].request_bytes);
}

static void a_slow_call_that_was_refused_is_told_so(void **state)
{
    (void)state;
    open_logging(DS_CALL_LOG_NONE);
    step_us = 600000;
    make((struct ds_client_call){.method = ds_method_storage_list_ticks, .timeout_ms = 10});
    step_us = 0;
    list_slow();
    assert_int_equal(view_count, 1);
    assert_int_equal(views[0].code, DS_DEADLINE_EXCEEDED);
    assert_false(views[0].is_executing);
    assert_string_equal(views[0].subject, "");
}

static void list_in_flight(size_t max)
{
    view_count = 0;
    ds_rpc_server_calls_in_flight(fixture.server, max, take, &view_count);
}

static void count_done(struct ds_client_call *done)
{
    atomic_fetch_add((atomic_int *)done->context, 1);
}

/* One thread works on the first write, the second one waits for it. */
static void expect_two_in_flight(enum fixture_transport transport)
{
    struct ds_client_call calls[2];
    atomic_int done_count = 0;
    rpc_fixture_open(&fixture, transport, &(struct ds_rpc_server_options){.write_threads = 1});
    list_in_flight(16);
    assert_int_equal(view_count, 0);
    for (int i = 0; i < 2; i++) {
        calls[i] = (struct ds_client_call){.method = ds_method_storage_ingest_ticks,
                                           .principal = &rpc_fixture_writer,
                                           .traceparent = TRACEPARENT,
                                           .done = count_done,
                                           .context = &done_count};
        ds_channel_call(fixture.channel, &calls[i]);
        ds_channel_flush(fixture.channel);
        while (view_count < (size_t)i + 1 || views[i].subject[0] == '\0') {
            list_in_flight(16);
        }
        rpc_fixture_await_waiting(&fixture, 1);
    }
    list_in_flight(16);
    assert_int_equal(view_count, 2);
    assert_true(views[0].is_executing);
    assert_false(views[1].is_executing);
    assert_int_equal(views[1].execution_us, 0);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(views[i].method, "deltastream.storage.v1.Storage/IngestTicks");
        assert_string_equal(views[i].subject, "user:8");
        assert_string_equal(views[i].traceparent, TRACEPARENT);
        assert_int_equal(views[i].code, DS_OK);
    }
    list_in_flight(1);
    assert_int_equal(view_count, 1);
    assert_true(views[0].is_executing);
    list_in_flight(0);
    assert_int_equal(view_count, 0);
    rpc_fixture_open_gate(&fixture);
    ds_rpc_server_drain(fixture.server, 60000);
    list_in_flight(16);
    assert_int_equal(view_count, 0);
    while (atomic_load(&done_count) < 2) {
        (void)sched_yield();
    }
    ds_client_call_release(&calls[0]);
    ds_client_call_release(&calls[1]);
}

static void direct_calls_in_flight_are_listed_oldest_first(void **state)
{
    (void)state;
    expect_two_in_flight(FIXTURE_DIRECT);
}

static void calls_in_flight_over_ipc_are_listed_oldest_first(void **state)
{
    (void)state;
    expect_two_in_flight(FIXTURE_IPC);
}

static void a_drain_tells_of_the_calls_that_outlast_it(void **state)
{
    atomic_int done_count = 0;
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                  .principal = &rpc_fixture_writer,
                                  .done = count_done,
                                  .context = &done_count};
    (void)state;
    rpc_fixture_open(&fixture, FIXTURE_DIRECT, NULL);
    ds_channel_call(fixture.channel, &call);
    ds_channel_flush(fixture.channel);
    rpc_fixture_await_waiting(&fixture, 1);
    log_capture_begin(&capture);
    ds_rpc_server_drain(fixture.server, 1);
    const char *text = log_capture_end(&capture);
    assert_non_null(strstr(text, "\"level\":\"warning\",\"event\":\"call_outlasts_drain\","
                                 "\"method\":\"deltastream.storage.v1.Storage/IngestTicks\","
                                 "\"subject\":\""));
    assert_int_equal(line_count(text), 1);
    rpc_fixture_open_gate(&fixture);
    while (atomic_load(&done_count) < 1) {
        sched_yield();
    }
    ds_client_call_release(&call);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_teardown(test, close_fixture)
    const struct CMUnitTest tests[] = {
        WITH(by_default_a_server_tells_of_no_calls),
        WITH(slow_calls_are_told_as_warnings),
        WITH(errors_come_with_slow_calls),
        WITH(writes_come_with_errors),
        WITH(all_is_all),
        WITH(a_line_holds_what_is_known_of_a_call),
        WITH(a_line_holds_nothing_that_may_be_secret),
        WITH(long_texts_are_cut_and_strange_ones_escaped),
        WITH(a_failure_of_the_server_itself_is_always_told_with_its_text),
        WITH(the_newest_64_slow_calls_are_remembered),
        WITH(a_slow_call_that_was_refused_is_told_so),
        WITH(direct_calls_in_flight_are_listed_oldest_first),
        WITH(calls_in_flight_over_ipc_are_listed_oldest_first),
        WITH(a_drain_tells_of_the_calls_that_outlast_it),
    };
    return cmocka_run_group_tests_name("rpc call log", tests, NULL, NULL);
}
