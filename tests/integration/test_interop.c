/*
 * gRPC's interoperability cases (grpc/doc/interop-test-descriptions.md), by their names, over every
 * transport: all those that are about calls of one message each way. What differs, because the wire
 * does:
 * - an answer has one set of metadata, so custom_metadata finds the initial and the trailing value
 *   in it, and no order of the two;
 * - a handler does not see whether its request was compressed, so client_compressed_unary has no
 *   probe for that and goes by what the channel has sent;
 * - cancel_after_begin and timeout_on_sleeping_server are cases of streams: here the call is one
 *   whose handler sleeps until nobody waits for it.
 */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_fixture.h"
#include "interop_schema.gen.h"
#include "interop_test_service_service.gen.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The sizes of large_unary, the same in gRPC for all languages. */
#define LARGE_REQUEST_BYTES 271828
#define LARGE_RESPONSE_BYTES 314159
#define CONCURRENT_CALLS 1000
#define SLEEP_TIMEOUT_MS 20
#define HELLO_ATTEMPTS_MAX 100
#define NAME_BYTES_MAX 80

struct transport {
    const char *name;
    enum fixture_transport transport;
};

static const struct transport transports[] = {
    {"direct", FIXTURE_DIRECT},
    {"ipc", FIXTURE_IPC},
    {"tcp", FIXTURE_TCP},
    {"tls+tcp", FIXTURE_TLS},
};

#define TRANSPORT_COUNT (sizeof transports / sizeof transports[0])

/* ---- the service ---- */

struct test_service {
    sem_t asleep; /* posted by each handler that begins to sleep */
    sem_t woken;  /* posted by each that found that nobody waits any more */
};

ds_code test_service_empty_call(struct test_service *service, struct ds_call *call,
                                const Interop__Nothing *request, Interop__Nothing *response)
{
    (void)service;
    (void)call;
    (void)request;
    (void)response;
    return DS_OK;
}

static ds_code echo_metadata(struct ds_call *call)
{
    static const char *const keys[] = {"x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct ds_bytes value;
        if (ds_call_metadata_get(call, keys[i], &value)) {
            DS_TRY(ds_call_set_metadata(call, keys[i], value));
        }
    }
    return DS_OK;
}

static ds_code sleep_until_abandoned(struct test_service *service, struct ds_call *call)
{
    sem_post(&service->asleep);
    while (!ds_call_is_abandoned(call)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    sem_post(&service->woken);
    return ds_fail_if_abandoned(call);
}

static ds_code answer_zeros(struct ds_call *call, size_t size, Interop__SimpleResponse *response)
{
    Interop__Payload *payload = ds_arena_alloc(ds_call_arena(call), sizeof *payload);
    uint8_t *zeros = ds_arena_alloc(ds_call_arena(call), size);
    if (payload == NULL || zeros == NULL) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the answer is too large");
    }
    memset(zeros, 0, size);
    interop__payload__init(payload);
    payload->body = (ProtobufCBinaryData){.len = size, .data = zeros};
    response->payload = payload;
    return DS_OK;
}

ds_code test_service_unary_call(struct test_service *service, struct ds_call *call,
                                const Interop__SimpleRequest *request,
                                Interop__SimpleResponse *response)
{
    DS_TRY(echo_metadata(call));
    if (request->sleeps) {
        return sleep_until_abandoned(service, call);
    }
    if (request->response_status != NULL) {
        return ds_fail(call, (ds_code)request->response_status->code, "%s",
                       request->response_status->message);
    }
    return answer_zeros(call, (size_t)request->response_size, response);
}

/* ---- the client ---- */

static struct rpc_fixture fixture;
static struct test_service service;

/* A thousand calls at once open 64 connections. Where the machine takes longer over their TLS
 * handshakes than a call waits for a connection, the call has not been sent and is made again. */
static const struct ds_retry_policy retry = {
    .attempts_max = DS_RETRY_ATTEMPTS_MAX,
    .initial_backoff_ms = 4000,
    .backoff_ms_max = 60000,
    .jitter = 0.2,
    .retryable_codes = DS_RETRY_ON(DS_UNAVAILABLE),
};

/* The direct transport holds no call back as a connection does, so the queue takes them all. */
static int open_fixture(void **state)
{
    const struct transport *transport = *state;
    sem_init(&service.asleep, 0, 0);
    sem_init(&service.woken, 0, 0);
    rpc_fixture_open_service(&fixture, transport->transport,
                             &(struct ds_rpc_server_options){.queue_max = CONCURRENT_CALLS},
                             &test_service_service_handlers, &service, &retry);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    rpc_fixture_close(&fixture);
    sem_destroy(&service.asleep);
    sem_destroy(&service.woken);
    return 0;
}

static struct ds_client_call empty_call(const struct ds_method *method)
{
    return (struct ds_client_call){.method = method};
}

/* The payload is from malloc. */
static struct ds_client_call unary_call(const Interop__SimpleRequest *request)
{
    return (struct ds_client_call){
        .method = interop_ds_method_test_service_unary_call,
        .payload = rpc_fixture_pack(&request->base),
        .timeout_ms = RPC_FIXTURE_TIMEOUT_MS,
    };
}

static void unary_call_release(struct ds_client_call *call)
{
    ds_client_call_release(call);
    free((void *)(uintptr_t)call->payload.data);
}

static struct ds_client_call large_unary_call(void)
{
    static uint8_t zeros[LARGE_REQUEST_BYTES];
    Interop__Payload payload = INTEROP__PAYLOAD__INIT;
    Interop__SimpleRequest request = INTEROP__SIMPLE_REQUEST__INIT;
    payload.body = (ProtobufCBinaryData){.len = sizeof zeros, .data = zeros};
    request.payload = &payload;
    request.response_size = LARGE_RESPONSE_BYTES;
    return unary_call(&request);
}

static bool is_large_response(struct ds_bytes wire)
{
    static const uint8_t zeros[LARGE_RESPONSE_BYTES];
    Interop__SimpleResponse *response =
        interop__simple_response__unpack(NULL, wire.size, wire.data);
    const bool is_right = response != NULL && response->payload != NULL &&
                          response->payload->body.len == sizeof zeros &&
                          memcmp(response->payload->body.data, zeros, sizeof zeros) == 0;
    interop__simple_response__free_unpacked(response, NULL);
    return is_right;
}

/* ---- the cases ---- */

static void empty_unary(void **state)
{
    struct ds_client_call call = empty_call(interop_ds_method_test_service_empty_call);
    (void)state;
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    assert_int_equal(call.response.size, 0);
    ds_client_call_release(&call);
}

static void large_unary(void **state)
{
    struct ds_client_call call = large_unary_call();
    (void)state;
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    assert_true(is_large_response(call.response));
    unary_call_release(&call);
}

/* How many of them left the channel compressed. */
static uint64_t large_calls_compressed(enum ds_compression compression)
{
    const uint64_t before = ds_channel_traffic(fixture.channel).compressed_calls;
    struct ds_client_call call = large_unary_call();
    call.compression = compression;
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    assert_true(is_large_response(call.response));
    unary_call_release(&call);
    return ds_channel_traffic(fixture.channel).compressed_calls - before;
}

/* The server may take longer for its first Hello than the channel waits for it: then that call goes
 * out as it is. */
static void await_hello(void)
{
    for (int i = 0; i < HELLO_ATTEMPTS_MAX; i++) {
        if (large_calls_compressed(DS_COMPRESSION_ON) == 1) {
            return;
        }
    }
    fail_msg("the channel compressed nothing");
}

static void client_compressed_unary(void **state)
{
    const struct transport *transport = *state;
    if (transport->transport == FIXTURE_DIRECT) {
        /* It has no wire on which anything could be compressed. */
        assert_int_equal(large_calls_compressed(DS_COMPRESSION_ON), 0);
        return;
    }
    await_hello();
    assert_int_equal(large_calls_compressed(DS_COMPRESSION_ON), 1);
    assert_int_equal(large_calls_compressed(DS_COMPRESSION_OFF), 0);
}

static void expect_echoed_status(int32_t code, const char *message)
{
    Interop__EchoStatus status = INTEROP__ECHO_STATUS__INIT;
    Interop__SimpleRequest request = INTEROP__SIMPLE_REQUEST__INIT;
    status.code = code;
    status.message = (char *)(uintptr_t)message;
    request.response_status = &status;
    struct ds_client_call call = unary_call(&request);
    assert_int_equal(rpc_fixture_call(&fixture, &call), code);
    assert_string_equal(call.message, message);
    assert_int_equal(call.response.size, 0);
    unary_call_release(&call);
}

static void status_code_and_message(void **state)
{
    (void)state;
    expect_echoed_status(DS_UNKNOWN, "test status message");
}

static void special_status_message(void **state)
{
    (void)state;
    expect_echoed_status(DS_UNKNOWN, "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and "
                                     "non-BMP \xf0\x9f\x98\x88\t\n");
}

static void expect_unimplemented(const struct ds_method *method)
{
    struct ds_client_call call = empty_call(method);
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_UNIMPLEMENTED);
    assert_int_equal(ds_status_reason(call.status_details), DS_REASON(NOT_IMPLEMENTED));
    ds_client_call_release(&call);
}

/* One that a later release of the service may have. */
static void unimplemented_method(void **state)
{
    struct ds_method method = *interop_ds_method_test_service_empty_call;
    (void)state;
    method.full_name = "deltastream.interop.v1.TestService/UnimplementedCall";
    method.name = "UnimplementedCall";
    expect_unimplemented(&method);
}

static void unimplemented_service(void **state)
{
    (void)state;
    expect_unimplemented(interop_ds_method_unimplemented_service_unimplemented_call);
}

static void expect_metadata(const struct ds_client_call *call, const char *key,
                            struct ds_bytes wanted)
{
    struct ds_bytes value;
    assert_true(ds_client_call_metadata_get(call, key, &value));
    assert_int_equal(value.size, wanted.size);
    assert_memory_equal(value.data, wanted.data, wanted.size);
}

static void custom_metadata(void **state)
{
    static const char initial_key[] = "x-grpc-test-echo-initial";
    static const char trailing_key[] = "x-grpc-test-echo-trailing-bin";
    static const uint8_t binary[] = {0xab, 0xab, 0xab};
    const struct ds_metadata_entry entries[] = {
        {.key = initial_key, .value = ds_bytes_of_text("test_initial_metadata_value")},
        {.key = trailing_key, .value = ds_bytes_of(binary, sizeof binary)},
    };
    (void)state;
    struct ds_client_call call = large_unary_call();
    call.metadata = entries;
    call.metadata_count = 2;
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    assert_true(is_large_response(call.response));
    assert_int_equal(call.response_metadata_count, 2);
    expect_metadata(&call, initial_key, entries[0].value);
    expect_metadata(&call, trailing_key, entries[1].value);
    unary_call_release(&call);
}

static struct ds_client_call sleeping_call(void)
{
    Interop__SimpleRequest request = INTEROP__SIMPLE_REQUEST__INIT;
    request.sleeps = true;
    return unary_call(&request);
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

/* A call that ends before its handler sleeps must not be waited for. */
static void note_end(struct ds_client_call *call)
{
    sem_post(&service.asleep);
    sem_post(call->context);
}

/* The server hears of it, too. */
static void cancel_after_begin(void **state)
{
    sem_t ended;
    struct ds_client_call call = sleeping_call();
    (void)state;
    sem_init(&ended, 0, 0);
    call.done = note_end;
    call.context = &ended;
    ds_channel_call(fixture.channel, &call);
    ds_channel_flush(fixture.channel);
    wait_for(&service.asleep);
    ds_channel_cancel(fixture.channel, &call);
    wait_for(&ended);
    assert_int_equal(call.code, DS_CANCELLED);
    wait_for(&service.woken);
    unary_call_release(&call);
    sem_destroy(&ended);
}

static void timeout_on_sleeping_server(void **state)
{
    struct ds_client_call call = sleeping_call();
    (void)state;
    call.timeout_ms = SLEEP_TIMEOUT_MS;
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_DEADLINE_EXCEEDED);
    unary_call_release(&call);
}

struct crowd {
    sem_t ended;
    atomic_int succeeded;
    atomic_int failure; /* the code of any that failed */
};

/* Frees its answer at once, so that the memory in use does not grow with the number of calls. */
static void note_large(struct ds_client_call *call)
{
    struct crowd *crowd = call->context;
    if (call->code != DS_OK) {
        atomic_store(&crowd->failure, (int)call->code);
    } else if (is_large_response(call->response)) {
        atomic_fetch_add(&crowd->succeeded, 1);
    }
    ds_client_call_release(call);
    sem_post(&crowd->ended);
}

static void concurrent_large_unary(void **state)
{
    static struct ds_client_call calls[CONCURRENT_CALLS];
    struct crowd crowd = {.succeeded = 0};
    const struct ds_client_call call = large_unary_call();
    (void)state;
    sem_init(&crowd.ended, 0, 0);
    for (size_t i = 0; i < CONCURRENT_CALLS; i++) {
        calls[i] = call;
        calls[i].done = note_large;
        calls[i].context = &crowd;
        ds_channel_call(fixture.channel, &calls[i]);
    }
    ds_channel_flush(fixture.channel);
    for (size_t i = 0; i < CONCURRENT_CALLS; i++) {
        wait_for(&crowd.ended);
    }
    assert_int_equal(atomic_load(&crowd.failure), DS_OK);
    assert_int_equal(atomic_load(&crowd.succeeded), CONCURRENT_CALLS);
    free((void *)(uintptr_t)call.payload.data);
    sem_destroy(&crowd.ended);
}

/* ---- all of them over each transport ---- */

struct interop_case {
    const char *name;
    void (*run)(void **state);
};

static const struct interop_case cases[] = {
    {"empty_unary", empty_unary},
    {"large_unary", large_unary},
    {"client_compressed_unary", client_compressed_unary},
    {"status_code_and_message", status_code_and_message},
    {"special_status_message", special_status_message},
    {"unimplemented_method", unimplemented_method},
    {"unimplemented_service", unimplemented_service},
    {"custom_metadata", custom_metadata},
    {"cancel_after_begin", cancel_after_begin},
    {"timeout_on_sleeping_server", timeout_on_sleeping_server},
    {"concurrent_large_unary", concurrent_large_unary},
};

#define CASE_COUNT (sizeof cases / sizeof cases[0])

int main(void)
{
    static struct CMUnitTest tests[TRANSPORT_COUNT * CASE_COUNT];
    static char names[TRANSPORT_COUNT * CASE_COUNT][NAME_BYTES_MAX];
    for (size_t i = 0; i < TRANSPORT_COUNT * CASE_COUNT; i++) {
        const struct transport *transport = &transports[i / CASE_COUNT];
        const struct interop_case *interop_case = &cases[i % CASE_COUNT];
        snprintf(names[i], sizeof names[i], "%s over %s", interop_case->name, transport->name);
        tests[i] = (struct CMUnitTest){
            .name = names[i],
            .test_func = interop_case->run,
            .setup_func = open_fixture,
            .teardown_func = close_fixture,
            .initial_state = (void *)(uintptr_t)transport,
        };
    }
    return cmocka_run_group_tests_name("interop", tests, NULL, NULL);
}
