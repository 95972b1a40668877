/* What a call passes beside its handler, and in which order. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

#include <stdio.h>
#include <stdlib.h>

static struct rpc_fixture fixture;
static struct ds_client_call call;
static struct ds_bytes payload;
static atomic_int_fast64_t now_us;
static atomic_int_fast64_t step_us; /* that the clock goes on each time somebody looks at it */
static int authenticated_count;

static int64_t wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return now_us;
}

static int64_t monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return atomic_fetch_add(&now_us, step_us);
}

static const struct ds_clock test_clock = {wall_us, monotonic_us};

/* What the interceptors of the test have seen. */
static struct {
    char text[256];
    ds_code refusal;
    struct ds_call_outcome outcome;
    char subject[64];
    int told_count;
} seen;

static void note(const char *text)
{
    strncat(seen.text, text, sizeof seen.text - strlen(seen.text) - 1);
}

static ds_code before_first(void *context, struct ds_call *server_call)
{
    note("first ");
    assert_ptr_equal(context, &seen);
    return seen.refusal == DS_OK ? DS_OK : ds_fail(server_call, seen.refusal, "not today");
}

static ds_code before_second(void *context, struct ds_call *server_call)
{
    (void)context;
    (void)server_call;
    note("second ");
    return DS_OK;
}

static void after_second(void *context, struct ds_call *server_call,
                         const struct ds_call_outcome *outcome)
{
    (void)context;
    seen.outcome = *outcome;
    seen.told_count++;
    snprintf(seen.subject, sizeof seen.subject, "%s", ds_call_principal(server_call)->subject);
    note(ds_call_method(server_call)->name);
    note(" ");
}

static const struct ds_interceptor first = {
    .name = "first", .before = before_first, .context = &seen};
static const struct ds_interceptor second = {
    .name = "second", .before = before_second, .after = after_second};

static ds_code count_and_admit(void *context, struct ds_call *server_call,
                               struct ds_principal *ret_principal)
{
    (void)context;
    (void)server_call;
    authenticated_count++;
    *ret_principal = rpc_fixture_reader;
    return DS_OK;
}

static void open_with(const struct ds_rpc_rate_limit *limit)
{
    struct ds_rpc_server_options options = {.clock = &test_clock,
                                            .authenticator = {.authenticate = count_and_admit}};
    if (limit != NULL) {
        options.rate_limit = *limit;
    }
    memset(&seen, 0, sizeof seen);
    now_us = 1000000;
    step_us = 0;
    authenticated_count = 0;
    rpc_fixture_open(&fixture, FIXTURE_DIRECT, &options);
    ds_rpc_server_add_interceptor(fixture.server, &first);
    ds_rpc_server_add_interceptor(fixture.server, &second);
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "NIFTY";
    payload = rpc_fixture_pack(&request.base);
}

static int open_plain(void **state)
{
    (void)state;
    open_with(NULL);
    return 0;
}

static int open_limited(void **state)
{
    (void)state;
    open_with(&(struct ds_rpc_rate_limit){.calls_per_second = 10, .burst = 2});
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    step_us = 0;
    rpc_fixture_close(&fixture);
    free((void *)(uintptr_t)payload.data);
    return 0;
}

/* ListTicks, which runs on this thread, unless `wanted` says otherwise. */
static ds_code make(struct ds_client_call wanted)
{
    call = wanted;
    if (call.method == NULL) {
        call.method = ds_method_storage_list_ticks;
    }
    if (call.payload.data == NULL) {
        call.payload = payload;
    }
    const ds_code code = ds_channel_call_wait(fixture.channel, &call);
    return code;
}

static ds_code make_and_release(struct ds_client_call wanted)
{
    const ds_code code = make(wanted);
    ds_client_call_release(&call);
    return code;
}

static void a_service_adds_interceptors_that_run_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(make_and_release((struct ds_client_call){.principal = &rpc_fixture_reader}),
                     DS_OK);
    assert_string_equal(seen.text, "first second ListTicks ");
    assert_int_equal(seen.outcome.code, DS_OK);
    assert_true(seen.outcome.was_executed);
    assert_false(seen.outcome.is_replay);
    assert_int_equal(seen.outcome.request_bytes, payload.size);
    assert_true(seen.outcome.response_bytes > 0);
    assert_string_equal(seen.subject, "user:7");
}

static void an_interceptor_can_refuse_a_call_and_the_others_are_told(void **state)
{
    (void)state;
    seen.refusal = DS_FAILED_PRECONDITION;
    assert_int_equal(make((struct ds_client_call){.principal = &rpc_fixture_reader}),
                     DS_FAILED_PRECONDITION);
    assert_string_equal(call.message, "not today");
    ds_client_call_release(&call);
    assert_string_equal(seen.text, "first ListTicks ");
    assert_int_equal(atomic_load(&fixture.executed), 0);
    assert_int_equal(seen.outcome.code, DS_FAILED_PRECONDITION);
    assert_false(seen.outcome.was_executed);
    assert_int_equal(seen.outcome.response_bytes, 0);
}

static void what_runs_in_a_pool_and_is_answered_later_is_told_once(void **state)
{
    (void)state;
    Storage__IngestTicksRequest request = STORAGE__INGEST_TICKS_REQUEST__INIT;
    Storage__Tick tick = STORAGE__TICK__INIT;
    Storage__Tick *ticks[] = {&tick};
    request.ticks = ticks;
    request.n_ticks = 1;
    const struct ds_bytes packed = rpc_fixture_pack(&request.base);
    assert_int_equal(
        make_and_release((struct ds_client_call){.method = ds_method_storage_ingest_ticks,
                                                 .payload = packed,
                                                 .principal = &rpc_fixture_writer}),
        DS_OK);
    assert_int_equal(seen.told_count, 1);
    assert_true(seen.outcome.was_executed);
    free((void *)(uintptr_t)packed.data);
}

static void a_request_past_its_size_is_refused_before_its_deadline_is_looked_at(void **state)
{
    (void)state;
    const size_t size = (size_t)ds_method_storage_list_ticks->request_bytes_max + 1;
    uint8_t *large = calloc(1, size);
    assert_non_null(large);
    step_us = 1000000;
    assert_int_equal(make_and_release((struct ds_client_call){.payload = ds_bytes_of(large, size),
                                                              .timeout_ms = 1}),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(authenticated_count, 0);
    free(large);
}

static void a_call_past_its_deadline_is_refused_before_its_caller_is_looked_at(void **state)
{
    (void)state;
    step_us = 1000000;
    assert_int_equal(make_and_release((struct ds_client_call){.timeout_ms = 1}),
                     DS_DEADLINE_EXCEEDED);
    assert_int_equal(authenticated_count, 0);
    assert_string_equal(seen.text, "ListTicks ");
}

static void what_expires_after_it_was_let_in_is_not_unpacked(void **state)
{
    (void)state;
    step_us = 200000; /* It looks when it comes, when it is let in, and before it unpacks. */
    assert_int_equal(make_and_release((struct ds_client_call){.payload = ds_bytes_of("\xff\xff", 2),
                                                              .timeout_ms = 300,
                                                              .principal = &rpc_fixture_reader}),
                     DS_DEADLINE_EXCEEDED);
    assert_string_equal(seen.text, "first second ListTicks ");
    assert_false(seen.outcome.was_executed);
    step_us = 0;
    assert_int_equal(make_and_release((struct ds_client_call){.payload = ds_bytes_of("\xff\xff", 2),
                                                              .principal = &rpc_fixture_reader}),
                     DS_INVALID_ARGUMENT);
}

static void who_may_not_call_takes_no_token(void **state)
{
    (void)state;
    const struct ds_principal stranger = {.subject = "user:9", .authentication_method = "jwt"};
    const struct ds_principal guest = {.subject = "user:9",
                                       .authentication_method = "jwt",
                                       .permissions = rpc_fixture_reader.permissions,
                                       .permission_count = 1};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(make_and_release((struct ds_client_call){.principal = &stranger}),
                         DS_PERMISSION_DENIED);
    }
    assert_int_equal(make_and_release((struct ds_client_call){.principal = &guest}), DS_OK);
}

static void a_caller_past_its_rate_is_told_when_to_come_again(void **state)
{
    (void)state;
    const struct ds_client_call wanted = {.principal = &rpc_fixture_reader};
    assert_int_equal(make_and_release(wanted), DS_OK);
    assert_int_equal(make_and_release(wanted), DS_OK);
    seen.text[0] = '\0';
    assert_int_equal(make(wanted), DS_RESOURCE_EXHAUSTED);
    assert_int_equal(ds_status_reason(call.status_details), DS_REASON(RATE_LIMITED));
    assert_int_equal(call.retry_pushback_ms, 100);
    ds_client_call_release(&call);
    assert_string_equal(seen.text, "ListTicks "); /* Nobody behind the limit was asked. */
    assert_int_equal(make_and_release((struct ds_client_call){.principal = &rpc_fixture_writer}),
                     DS_OK);
    now_us += 99999;
    assert_int_equal(make_and_release(wanted), DS_RESOURCE_EXHAUSTED);
    now_us += 1;
    assert_int_equal(make_and_release(wanted), DS_OK);
}

static void callers_without_credentials_count_by_their_address_without_its_port(void **state)
{
    (void)state;
    const struct ds_principal nobody = {.subject = "anonymous",
                                        .authentication_method = "none",
                                        .permissions = rpc_fixture_reader.permissions,
                                        .permission_count = 1};
    static const char *const same[] = {"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1"};
    static const char *const other[] = {"10.0.0.2:1", "[::1]:1", "2001:db8::1", ""};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            make_and_release((struct ds_client_call){.principal = &nobody, .peer = same[i]}),
            i < 2 ? DS_OK : DS_RESOURCE_EXHAUSTED);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            make_and_release((struct ds_client_call){.principal = &nobody, .peer = other[i]}),
            DS_OK);
    }
}

static void health_is_answered_past_the_rate(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(make_and_release((struct ds_client_call){.method = ds_method_health_check,
                                                                  .payload = ds_bytes_of("", 0)}),
                         DS_OK);
    }
}

static void a_call_that_is_refused_claims_no_idempotency_key(void **state)
{
    (void)state;
    const struct ds_client_call wanted = {.method = ds_method_storage_ingest_ticks,
                                          .payload = ds_bytes_of("", 0),
                                          .principal = &rpc_fixture_writer,
                                          .idempotency_key = ds_bytes_of("key", 3)};
    rpc_fixture_open_gate(&fixture);
    seen.refusal = DS_FAILED_PRECONDITION;
    assert_int_equal(make_and_release(wanted), DS_FAILED_PRECONDITION);
    seen.refusal = DS_OK;
    assert_int_equal(make_and_release(wanted), DS_OK);
    assert_false(seen.outcome.is_replay);
    assert_true(seen.outcome.was_executed);
    assert_int_equal(make_and_release(wanted), DS_OK);
    assert_true(seen.outcome.is_replay);
    assert_false(seen.outcome.was_executed);
    assert_int_equal(atomic_load(&fixture.executed), 1);
}

int main(void)
{
#define WITH(open, test) cmocka_unit_test_setup_teardown(test, open, close_all)
    const struct CMUnitTest tests[] = {
        WITH(open_plain, a_service_adds_interceptors_that_run_in_their_order),
        WITH(open_plain, an_interceptor_can_refuse_a_call_and_the_others_are_told),
        WITH(open_plain, what_runs_in_a_pool_and_is_answered_later_is_told_once),
        WITH(open_plain, a_request_past_its_size_is_refused_before_its_deadline_is_looked_at),
        WITH(open_plain, a_call_past_its_deadline_is_refused_before_its_caller_is_looked_at),
        WITH(open_plain, what_expires_after_it_was_let_in_is_not_unpacked),
        WITH(open_limited, who_may_not_call_takes_no_token),
        WITH(open_limited, a_caller_past_its_rate_is_told_when_to_come_again),
        WITH(open_limited, callers_without_credentials_count_by_their_address_without_its_port),
        WITH(open_limited, health_is_answered_past_the_rate),
        WITH(open_plain, a_call_that_is_refused_claims_no_idempotency_key),
    };
    return cmocka_run_group_tests_name("rpc interceptors", tests, NULL, NULL);
}
