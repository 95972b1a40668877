/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/wire.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

#include <stdio.h>
#include <stdlib.h>

/* Every test runs once for each transport, which is the group's state. */
static struct rpc_fixture fixture;
static enum fixture_transport transport;

static int open_fixture(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, transport, NULL);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    rpc_fixture_close(&fixture);
    return 0;
}

static bool carries_trust(void)
{
    return transport != FIXTURE_TCP && transport != FIXTURE_TLS;
}

static struct ds_bytes list_ticks_request(const char *product, int32_t limit)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = limit;
    return rpc_fixture_pack(&request.base);
}

static struct ds_bytes latest_request(const char *product)
{
    Storage__LatestTickRequest request = STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    return rpc_fixture_pack(&request.base);
}

static struct ds_bytes ingest_request(size_t row_count)
{
    Storage__Tick tick = STORAGE__TICK__INIT;
    Storage__Tick *ticks[8];
    Storage__IngestTicksRequest request = STORAGE__INGEST_TICKS_REQUEST__INIT;
    for (size_t i = 0; i < row_count; i++) {
        ticks[i] = &tick;
    }
    request.n_ticks = row_count;
    request.ticks = ticks;
    return rpc_fixture_pack(&request.base);
}

static int open_authenticated_fixture(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, transport,
                     &(struct ds_rpc_server_options){
                         .authenticator = {.authenticate = rpc_fixture_authenticate_writer},
                     });
    return 0;
}

static int open_narrow_authenticated_fixture(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, transport,
                     &(struct ds_rpc_server_options){
                         .authenticator = {.authenticate = rpc_fixture_authenticate_writer},
                         .write_threads = 1,
                         .queue_max = 2,
                     });
    return 0;
}

static void a_call_gets_its_answer(void **state)
{
    (void)state;
    const struct ds_bytes payload = list_ticks_request("NIFTY", 42);
    struct ds_client_call call = {.method = ds_method_storage_list_ticks, .payload = payload};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    Storage__ListTicksResponse *response =
        storage__list_ticks_response__unpack(NULL, call.response.size, call.response.data);
    assert_non_null(response);
    assert_string_equal(response->product, "NIFTY");
    assert_int_equal(response->count, 42);
    storage__list_ticks_response__free_unpacked(response, NULL);
    ds_client_call_release(&call);
    free((void *)(uintptr_t)payload.data);
}

static ds_code call_latest(const char *product, struct ds_client_call *call)
{
    const struct ds_bytes payload = latest_request(product);
    *call = (struct ds_client_call){.method = ds_method_storage_latest_tick, .payload = payload};
    const ds_code code = rpc_fixture_call(&fixture, call);
    free((void *)(uintptr_t)payload.data);
    return code;
}

static void a_failure_brings_its_code_and_text(void **state)
{
    (void)state;
    struct ds_client_call call;
    assert_int_equal(call_latest("SENSEX", &call), DS_NOT_FOUND);
    assert_string_equal(call.message, "no SENSEX");
    assert_int_equal(call.response.size, 0);
    ds_client_call_release(&call);
}

static void a_field_at_fault_travels_in_the_details(void **state)
{
    (void)state;
    struct ds_client_call call;
    assert_int_equal(call_latest("field", &call), DS_INVALID_ARGUMENT);
    assert_int_equal(ds_status_reason(call.status_details), DS_REASON(INVALID_REQUEST));
    assert_non_null(memmem(call.status_details.data, call.status_details.size, "product", 7));
    assert_non_null(
        memmem(call.status_details.data, call.status_details.size, "product field is no good", 24));
    ds_client_call_release(&call);
}

static void a_retry_time_and_a_reason_travel(void **state)
{
    (void)state;
    struct ds_client_call call;
    assert_int_equal(call_latest("retry", &call), DS_UNAVAILABLE);
    assert_int_equal(call.retry_pushback_ms, 1500);
    assert_int_equal(ds_status_reason(call.status_details), DS_REASON(STORE_UNAVAILABLE));
    ds_client_call_release(&call);
}

static void a_reply_over_16_mib_is_a_failure_of_the_call_alone(void **state)
{
    (void)state;
    struct ds_client_call call;
    assert_int_equal(call_latest("large", &call), DS_RESOURCE_EXHAUSTED);
    ds_client_call_release(&call);
    a_call_gets_its_answer(state);
}

static void a_deferred_reply_comes_from_another_thread(void **state)
{
    (void)state;
    const struct ds_bytes payload = ingest_request(3);
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks, .payload = payload};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    Storage__IngestTicksResponse *response =
        storage__ingest_ticks_response__unpack(NULL, call.response.size, call.response.data);
    assert_non_null(response);
    assert_int_equal(response->accepted, 3);
    storage__ingest_ticks_response__free_unpacked(response, NULL);
    ds_client_call_release(&call);
    free((void *)(uintptr_t)payload.data);
}

static void a_method_that_the_server_lacks_is_unimplemented(void **state)
{
    (void)state;
    struct ds_method method = *ds_method_storage_list_ticks;
    method.full_name = "deltastream.storage.v1.Storage/Nothing";
    struct ds_client_call call = {.method = &method};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_UNIMPLEMENTED);
    assert_non_null(strstr(call.message, "Storage/Nothing"));
    ds_client_call_release(&call);
}

static void a_request_over_the_methods_limit_is_refused(void **state)
{
    (void)state;
    uint8_t *payload = calloc(1, 16385);
    struct ds_client_call call = {.method = ds_method_storage_list_ticks,
                                  .payload = ds_bytes_of(payload, 16385)};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_INVALID_ARGUMENT);
    assert_int_equal(ds_status_reason(call.status_details), DS_REASON(REQUEST_TOO_LARGE));
    ds_client_call_release(&call);
    free(payload);
}

static void a_malformed_payload_is_refused_before_the_handler(void **state)
{
    (void)state;
    static const uint8_t cut[] = {0x0a, 0x05, 'N', 'I'};
    struct ds_client_call call = {.method = ds_method_storage_list_ticks,
                                  .payload = ds_bytes_of(cut, sizeof cut)};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_INVALID_ARGUMENT);
    assert_int_equal(atomic_load(&fixture.executed), 0);
    ds_client_call_release(&call);
}

static void a_caller_without_credentials_is_unauthenticated(void **state)
{
    (void)state;
    struct ds_client_call call = {.method = ds_method_storage_list_products};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_UNAUTHENTICATED);
    assert_non_null(strstr(call.message, "market:read"));
    ds_client_call_release(&call);
}

static void a_principal_without_the_permission_is_refused(void **state)
{
    (void)state;
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                  .principal = &rpc_fixture_reader};
    assert_int_equal(rpc_fixture_call(&fixture, &call),
                     carries_trust() ? DS_PERMISSION_DENIED : DS_UNAUTHENTICATED);
    ds_client_call_release(&call);
}

static void identity_and_peer_are_believed_from_trusted_listeners_only(void **state)
{
    (void)state;
    struct ds_client_call call = {.method = ds_method_storage_list_products,
                                  .principal = &rpc_fixture_reader,
                                  .peer = "192.0.2.7"};
    const ds_code code = rpc_fixture_call(&fixture, &call);
    if (!carries_trust()) {
        assert_int_equal(code, DS_UNAUTHENTICATED);
        ds_client_call_release(&call);
        return;
    }
    assert_int_equal(code, DS_OK);
    Storage__ListProductsResponse *response =
        storage__list_products_response__unpack(NULL, call.response.size, call.response.data);
    assert_non_null(response);
    assert_string_equal(response->products[0], "user:7");
    assert_string_equal(response->products[1], "192.0.2.7");
    storage__list_products_response__free_unpacked(response, NULL);
    ds_client_call_release(&call);
}

static void the_peer_of_an_untrusted_listener_is_its_own_address(void **state)
{
    (void)state;
    struct ds_client_call call = {.method = ds_method_storage_list_products, .peer = "192.0.2.7"};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    Storage__ListProductsResponse *response =
        storage__list_products_response__unpack(NULL, call.response.size, call.response.data);
    assert_non_null(response);
    if (carries_trust()) {
        assert_string_equal(response->products[1], "192.0.2.7");
    } else {
        assert_int_equal(strncmp(response->products[1], "127.0.0.1:", 10), 0);
    }
    storage__list_products_response__free_unpacked(response, NULL);
    ds_client_call_release(&call);
}

static void a_call_that_takes_too_long_ends_at_its_deadline(void **state)
{
    (void)state;
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                  .principal = &rpc_fixture_writer,
                                  .timeout_ms = 50};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_DEADLINE_EXCEEDED);
    ds_client_call_release(&call);
}

/* A call whose end a test waits for. */
struct pending {
    struct ds_client_call call;
    pthread_mutex_t mutex; /* guards is_done */
    pthread_cond_t done;
    bool is_done;
};

static void pending_done(struct ds_client_call *call)
{
    struct pending *pending = call->context;
    pthread_mutex_lock(&pending->mutex);
    pending->is_done = true;
    pthread_cond_broadcast(&pending->done);
    pthread_mutex_unlock(&pending->mutex);
}

static void pending_add(struct pending *pending, const struct ds_method *method,
                        struct ds_bytes payload)
{
    memset(pending, 0, sizeof *pending);
    pthread_mutex_init(&pending->mutex, NULL);
    pthread_cond_init(&pending->done, NULL);
    pending->call = (struct ds_client_call){
        .method = method,
        .payload = payload,
        .principal = &rpc_fixture_writer,
        .timeout_ms = RPC_FIXTURE_TIMEOUT_MS,
        .done = pending_done,
        .context = pending,
    };
    ds_channel_call(fixture.channel, &pending->call);
}

static ds_code pending_wait(struct pending *pending)
{
    pthread_mutex_lock(&pending->mutex);
    while (!pending->is_done) {
        pthread_cond_wait(&pending->done, &pending->mutex);
    }
    pthread_mutex_unlock(&pending->mutex);
    pthread_cond_destroy(&pending->done);
    pthread_mutex_destroy(&pending->mutex);
    const ds_code code = pending->call.code;
    ds_client_call_release(&pending->call);
    return code;
}

static void a_cancelled_call_ends_soon(void **state)
{
    (void)state;
    struct pending pending;
    pending_add(&pending, ds_method_storage_ingest_ticks, (struct ds_bytes){0});
    ds_channel_flush(fixture.channel);
    rpc_fixture_await_waiting(&fixture, 1);
    ds_channel_cancel(fixture.channel, &pending.call);
    assert_int_equal(pending_wait(&pending), DS_CANCELLED);
}

static void a_full_pool_turns_calls_away_at_once_and_health_still_answers(void **state)
{
    (void)state;
    struct pending pending[3];
    pending_add(&pending[0], ds_method_storage_ingest_ticks, (struct ds_bytes){0});
    ds_channel_flush(fixture.channel);
    rpc_fixture_await_waiting(&fixture, 1);
    pending_add(&pending[1], ds_method_storage_ingest_ticks, (struct ds_bytes){0});
    pending_add(&pending[2], ds_method_storage_ingest_ticks, (struct ds_bytes){0});
    ds_channel_flush(fixture.channel);
    ds_code code = DS_OK;
    int32_t pushback_ms = 0;
    for (uint32_t tries = 1; tries <= 100 && code != DS_RESOURCE_EXHAUSTED; tries++) {
        /* Over nng the two may still be on their way: their place in the queue is taken by calls
         * that time out. A slow machine's refusal takes longer to come than a fast one's. */
        struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                      .principal = &rpc_fixture_writer,
                                      .timeout_ms = 20 * tries};
        code = rpc_fixture_call(&fixture, &call);
        pushback_ms = call.retry_pushback_ms;
        ds_client_call_release(&call);
    }
    assert_int_equal(code, DS_RESOURCE_EXHAUSTED);
    assert_true(pushback_ms > 0);
    struct ds_client_call health = {.method = ds_method_health_check};
    assert_int_equal(rpc_fixture_call(&fixture, &health), DS_OK);
    ds_client_call_release(&health);
    rpc_fixture_open_gate(&fixture);
    for (int i = 0; i < 3; i++) {
        const ds_code late = pending_wait(&pending[i]);
        assert_true(late == DS_OK || late == DS_RESOURCE_EXHAUSTED);
    }
}

static void calls_flushed_together_are_all_answered(void **state)
{
    (void)state;
    enum { CALL_COUNT = 300 };
    static struct pending pending[CALL_COUNT];
    struct ds_bytes payloads[CALL_COUNT];
    for (int i = 0; i < CALL_COUNT; i++) {
        payloads[i] = list_ticks_request("NIFTY", i);
        pending_add(&pending[i], ds_method_storage_list_ticks, payloads[i]);
    }
    ds_channel_flush(fixture.channel);
    for (int i = 0; i < CALL_COUNT; i++) {
        assert_int_equal(pending_wait(&pending[i]), DS_OK);
        free((void *)(uintptr_t)payloads[i].data);
    }
    assert_int_equal(atomic_load(&fixture.executed), CALL_COUNT);
}

static void replies_that_do_not_fit_one_message_all_come(void **state)
{
    (void)state;
    static const int32_t sizes[] = {1024 * 1024, 16 * 1024 * 1024, 1};
    struct pending pending[3];
    struct ds_bytes payloads[3];
    for (size_t i = 0; i < 3; i++) {
        payloads[i] = list_ticks_request("bytes", sizes[i]);
        pending_add(&pending[i], ds_method_storage_list_ticks, payloads[i]);
    }
    ds_channel_flush(fixture.channel);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pending_wait(&pending[i]), DS_OK);
        free((void *)(uintptr_t)payloads[i].data);
    }
}

static void a_call_that_used_up_its_memory_still_gets_its_answer(void **state)
{
    (void)state;
    const struct ds_bytes payload = latest_request("greedy");
    struct ds_client_call call = {.method = ds_method_storage_latest_tick,
                                  .payload = payload,
                                  .principal = &rpc_fixture_reader};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_RESOURCE_EXHAUSTED);
    ds_client_call_release(&call);
    free((void *)(uintptr_t)payload.data);
}

/* Each occurrence of a number costs two bytes on the wire and some 40 while it is unpacked. */
static void a_request_that_unpacks_too_large_is_refused(void **state)
{
    (void)state;
    const size_t tick_bytes = ds_method_storage_ingest_ticks->request_bytes_max - 8;
    struct ds_buffer payload;
    ds_buffer_init(&payload, tick_bytes + 8);
    ds_wire_write_tag(&payload, 1, DS_WIRE_BYTES);
    ds_wire_write_varint(&payload, tick_bytes / 2 * 2);
    for (size_t i = 0; i < tick_bytes / 2; i++) {
        ds_wire_write_varint_field(&payload, 4, 1);
    }
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                  .payload = ds_buffer_bytes(&payload),
                                  .principal = &rpc_fixture_writer};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_RESOURCE_EXHAUSTED);
    assert_int_equal(ds_status_reason(call.status_details), DS_REASON(REQUEST_TOO_LARGE));
    assert_int_equal(atomic_load(&fixture.executed), 0);
    ds_client_call_release(&call);
    ds_buffer_deinit(&payload);
}

static void draining_refuses_new_calls_and_waits_for_old_ones(void **state)
{
    (void)state;
    struct pending pending;
    pending_add(&pending, ds_method_storage_ingest_ticks, (struct ds_bytes){0});
    ds_channel_flush(fixture.channel);
    rpc_fixture_await_waiting(&fixture, 1);
    ds_rpc_server_drain(fixture.server, 1);
    struct ds_client_call call = {.method = ds_method_storage_list_ticks,
                                  .principal = &rpc_fixture_reader};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_UNAVAILABLE);
    ds_client_call_release(&call);
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(pending_wait(&pending), DS_OK);
    ds_rpc_server_drain(fixture.server, RPC_FIXTURE_TIMEOUT_MS);
}

static void *call_many_times(void *argument)
{
    intptr_t failures = 0;
    (void)argument;
    for (int i = 0; i < 300; i++) {
        const struct ds_bytes payload = list_ticks_request("NIFTY", i);
        struct ds_client_call call = {.method = ds_method_storage_list_ticks,
                                      .payload = payload,
                                      .principal = &rpc_fixture_reader};
        failures += rpc_fixture_call(&fixture, &call) != DS_OK;
        ds_client_call_release(&call);
        free((void *)(uintptr_t)payload.data);
    }
    return (void *)failures;
}

static void many_threads_share_a_channel(void **state)
{
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, call_many_times, NULL);
    }
    for (size_t i = 0; i < 8; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_int_equal((intptr_t)failures, 0);
    }
    assert_int_equal(atomic_load(&fixture.executed), 2400);
}

static void both_sides_count_calls_by_method_and_code(void **state)
{
    struct ds_buffer text;
    a_call_gets_its_answer(state);
    ds_buffer_init(&text, 1 << 20);
    ds_metrics_write(ds_rpc_server_metrics(fixture.server), &text);
    ds_metrics_write(fixture.client_metrics, &text);
    ds_buffer_append_byte(&text, '\0');
    static const char *const lines[] = {
        "ds_rpc_server_calls_total{method=\"deltastream.storage.v1.Storage/ListTicks\","
        "code=\"OK\"} 1\n",
        "ds_rpc_client_calls_total{method=\"deltastream.storage.v1.Storage/ListTicks\","
        "code=\"OK\"} 1\n",
        "ds_rpc_client_calls_in_flight 0\n",
    };
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr((const char *)text.data, lines[i]));
    }
    ds_buffer_deinit(&text);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_fixture)

static int run_over(enum fixture_transport over, const char *name)
{
    const struct CMUnitTest tests[] = {
        WITH(a_call_gets_its_answer, open_authenticated_fixture),
        WITH(a_failure_brings_its_code_and_text, open_authenticated_fixture),
        WITH(a_field_at_fault_travels_in_the_details, open_authenticated_fixture),
        WITH(a_retry_time_and_a_reason_travel, open_authenticated_fixture),
        WITH(a_reply_over_16_mib_is_a_failure_of_the_call_alone, open_authenticated_fixture),
        WITH(a_deferred_reply_comes_from_another_thread, open_authenticated_fixture),
        WITH(a_method_that_the_server_lacks_is_unimplemented, open_fixture),
        WITH(a_request_over_the_methods_limit_is_refused, open_authenticated_fixture),
        WITH(a_malformed_payload_is_refused_before_the_handler, open_authenticated_fixture),
        WITH(a_caller_without_credentials_is_unauthenticated, open_fixture),
        WITH(a_principal_without_the_permission_is_refused, open_fixture),
        WITH(identity_and_peer_are_believed_from_trusted_listeners_only, open_fixture),
        WITH(the_peer_of_an_untrusted_listener_is_its_own_address, open_authenticated_fixture),
        WITH(a_call_that_takes_too_long_ends_at_its_deadline, open_authenticated_fixture),
        WITH(a_cancelled_call_ends_soon, open_authenticated_fixture),
        WITH(a_full_pool_turns_calls_away_at_once_and_health_still_answers,
             open_narrow_authenticated_fixture),
        WITH(calls_flushed_together_are_all_answered, open_authenticated_fixture),
        WITH(replies_that_do_not_fit_one_message_all_come, open_authenticated_fixture),
        WITH(a_call_that_used_up_its_memory_still_gets_its_answer, open_authenticated_fixture),
        WITH(a_request_that_unpacks_too_large_is_refused, open_authenticated_fixture),
        WITH(draining_refuses_new_calls_and_waits_for_old_ones, open_authenticated_fixture),
        WITH(many_threads_share_a_channel, open_authenticated_fixture),
        WITH(both_sides_count_calls_by_method_and_code, open_authenticated_fixture),
    };
    transport = over;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int failed = run_over(FIXTURE_DIRECT, "direct");
    failed += run_over(FIXTURE_IPC, "ipc");
    failed += run_over(FIXTURE_TCP, "tcp");
    failed += run_over(FIXTURE_TLS, "tls+tcp");
    return failed;
}
