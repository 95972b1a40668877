#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/rpc_server.h"
#include "schema.gen.h"
#include "support/handlers.h"
#include "support/load_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* A storage service that counts: LatestTick answers the product that it was asked for, fails where
 * that is "none", and waits for the gate where it is "hold". */
#define CALLERS_MAX 64
static struct ds_rpc_server *server;
static ds_handler_fn handlers[HANDLERS_MAX];
static const struct ds_service_handlers service = {.service = &ds_service_storage,
                                                   .handlers = handlers};
static atomic_int call_count;
static atomic_int token_count;
static char folder[64];
static char url[128];

/* Connections that calls came by. */
static pthread_mutex_t callers_mutex = PTHREAD_MUTEX_INITIALIZER;
static char callers[CALLERS_MAX][64];
static size_t caller_count;

static void caller_note(const char *peer)
{
    pthread_mutex_lock(&callers_mutex);
    size_t i = 0;
    while (i < caller_count && strcmp(callers[i], peer) != 0) {
        i++;
    }
    if (i == caller_count && caller_count < CALLERS_MAX) {
        snprintf(callers[caller_count++], sizeof callers[0], "%s", peer);
    }
    pthread_mutex_unlock(&callers_mutex);
}

static ds_code latest_tick(void *context, struct ds_call *call, const ProtobufCMessage *request,
                           ProtobufCMessage *response)
{
    const char *product = ((const Storage__LatestTickRequest *)request)->product;
    Storage__Tick *tick = (Storage__Tick *)response;
    (void)context;
    atomic_fetch_add(&call_count, 1);
    if (strcmp(ds_call_authorization(call), "Bearer of s3cret") == 0) {
        atomic_fetch_add(&token_count, 1);
    }
    caller_note(ds_call_peer(call));
    if (strcmp(product, "none") == 0) {
        return ds_fail(call, DS_NOT_FOUND, "no such product");
    }
    if (strcmp(product, "busy") == 0) {
        ds_call_set_retry_after_ms(call, 100);
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "come again");
    }
    if (strcmp(product, "large") == 0) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "that will never do");
    }
    tick->product = ds_arena_copy_text(ds_call_arena(call), product, strlen(product));
    return DS_OK;
}

/* Never answers: the call is completed when the server ends. */
static _Atomic(struct ds_call *) held;

static ds_code list_products(void *context, struct ds_call *call, const ProtobufCMessage *request,
                             ProtobufCMessage *response)
{
    (void)context;
    (void)request;
    (void)response;
    atomic_fetch_add(&call_count, 1);
    struct ds_call *none = NULL;
    if (!atomic_compare_exchange_strong(&held, &none, call)) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "one is held already");
    }
    return DS_DEFERRED;
}

static void server_stop(void)
{
    if (server != NULL) {
        ds_rpc_server_drain(server, 0);
        struct ds_call *call = atomic_load(&held);
        if (call != NULL) {
            ds_call_complete(call, DS_OK);
        }
        ds_rpc_server_destroy(server);
        server = NULL;
    }
}

static void step_set(size_t place, const struct ds_method *method, const char *body)
{
    load_fixture_step(place, &(struct load_step){.protocol = LOAD_NATIVE,
                                                 .url = url,
                                                 .method = method,
                                                 .body = load_fixture_json(body)});
}

static int setup(void **state)
{
    (void)state;
    atomic_store(&call_count, 0);
    atomic_store(&token_count, 0);
    atomic_store(&held, NULL);
    handlers_fill(&ds_service_storage, handlers);
    handlers[ds_method_storage_latest_tick->index] = latest_tick;
    handlers[ds_method_storage_list_products->index] = list_products;
    snprintf(folder, sizeof folder, "/tmp/test_load_native.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "ipc://%s/rpc.sock", folder);
    server = ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "stub"});
    ds_rpc_server_add_service(server, &service, NULL);
    assert_int_equal(ds_rpc_server_listen(server, url, NULL, 0), DS_OK);
    load_fixture_open();
    fixture.plan.connection_count = 1;
    fixture.plan.shares_messages = true;
    step_set(0, ds_method_storage_latest_tick, "{\"product\": \"EURUSD\"}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    load_fixture_close();
    server_stop();
    char path[128];
    snprintf(path, sizeof path, "%s/rpc.sock", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static void every_planned_call_is_made_once(void **state)
{
    (void)state;
    fixture.plan.thread_count = 2;
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.ok, 200);
    assert_int_equal(load_fixture_count(&result->total, "OK"), 200);
    assert_int_equal(atomic_load(&call_count), 200);
    assert_int_equal(load_histogram_count(result->total.lag), 200);
    assert_int_equal(result->total.bytes_sent, 200 * 8);
    assert_true(result->total.bytes_received >= 200 * 8);
}

static void calls_may_travel_one_by_one(void **state)
{
    (void)state;
    fixture.plan.shares_messages = false;
    fixture.plan.connection_count = 3;
    load_fixture_start();
    assert_int_equal(load_fixture_finish()->total.ok, 200);
    assert_int_equal(atomic_load(&call_count), 200);
}

static ds_code authenticate(void *context, struct ds_call *call, struct ds_principal *ret_principal)
{
    static const char *const permissions[] = {"market:read"};
    (void)context;
    (void)call;
    *ret_principal = (struct ds_principal){.subject = "anybody",
                                           .authentication_method = "none",
                                           .permissions = permissions,
                                           .permission_count = 1};
    return DS_OK;
}

/* The peer's port tells connections apart; with one call under way at a time, a client has one. */
static void every_connection_of_the_plan_carries_calls(void **state)
{
    (void)state;
    server_stop();
    server = ds_rpc_server_create(&(struct ds_rpc_server_options){
        .name = "stub", .authenticator = {.authenticate = authenticate}});
    ds_rpc_server_add_service(server, &service, NULL);
    assert_int_equal(ds_rpc_server_listen(server, "tcp://127.0.0.1:0", url, sizeof url), DS_OK);
    fixture.plan.pace = LOAD_CLOSED;
    fixture.plan.connection_count = 7;
    fixture.stages[0] = (struct load_stage){3600 * SECOND, 1, 1};
    for (int i = 0; i < 2; i++) {
        fixture.plan.shares_messages = i == 0;
        caller_count = 0;
        load_fixture_start();
        /* The user goes round all of them. */
        while (load_run_look(fixture.run)->total.ok < 100) {
            assert_false(load_run_wait(fixture.run, MS));
        }
        load_run_stop(fixture.run, LOAD_END_INTERRUPTED);
        (void)load_fixture_finish();
        load_fixture_end();
        assert_true(caller_count >= 7);
    }
}

static void failures_have_the_names_of_their_codes(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    step_set(0, ds_method_storage_latest_tick, "{\"product\": \"none\"}");
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.failed, 10);
    assert_int_equal(load_fixture_count(&result->total, "NOT_FOUND"), 10);
}

static void refusals_are_counted_apart_from_other_failures(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        uint64_t refused;
    } cases[] = {{"{\"product\": \"busy\"}", 10}, {"{\"product\": \"large\"}", 0}};
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        step_set(0, ds_method_storage_latest_tick, cases[i].body);
        load_fixture_start();
        const struct load_result *result = load_fixture_finish();
        assert_int_equal(result->total.failed, 10);
        assert_int_equal(result->total.refused, cases[i].refused);
        assert_int_equal(load_fixture_count(&result->total, "RESOURCE_EXHAUSTED"), 10);
        load_fixture_end();
    }
}

static void a_call_without_an_answer_in_time_has_timed_out(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){10 * MS, 100, 100};
    step_set(0, ds_method_storage_list_products, "{}");
    fixture.steps[0].timeout_ns = 50 * MS;
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.planned, 1);
    assert_int_equal(result->total.timed_out, 1);
    assert_int_equal(load_fixture_count(&result->total, "DEADLINE_EXCEEDED"), 1);
}

static void what_a_reply_said_goes_into_the_next_call(void **state)
{
    (void)state;
    static const struct load_capture capture = {.pointer = "/product", .variable = 0};
    load_fixture_burst();
    step_set(0, ds_method_storage_latest_tick, "{\"product\": \"s3cret\"}");
    fixture.steps[0].captures = &capture;
    fixture.steps[0].capture_count = 1;
    step_set(1, ds_method_storage_latest_tick, "{\"product\": \"${token}\"}");
    fixture.steps[1].authorization = load_fixture_text("Bearer of ${token}", LOAD_FORM_HEADER);
    load_fixture_start();
    load_fixture_stop_after(20);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->operations[0].ok, 10);
    assert_int_equal(result->operations[1].ok, 10);
    assert_int_equal(atomic_load(&token_count), 10);
}

static void a_body_that_does_not_fit_the_method_is_refused_at_the_start(void **state)
{
    (void)state;
    char reason[LOAD_RUN_REASON_BYTES_MAX] = "";
    step_set(0, ds_method_storage_latest_tick, "{\"produkt\": \"EURUSD\"}");
    assert_int_equal(load_run_start(&fixture.plan, &fixture.run, reason), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(reason, "first: "));
    assert_non_null(strstr(reason, "produkt"));
}

static void a_body_that_a_flow_spoils_fails_its_call(void **state)
{
    (void)state;
    fixture.stages[0] = (struct load_stage){100 * MS, 100, 100};
    /* The variable has no value, since no step captures it. */
    step_set(0, ds_method_storage_latest_tick, "{\"product\": \"${token}\"}");
    load_fixture_start();
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.failed, 10);
    assert_int_equal(load_fixture_count(&result->total, "template"), 10);
    assert_int_equal(load_histogram_count(result->total.lag), 0);
    assert_int_equal(atomic_load(&call_count), 0);
}

static void an_unreachable_service_is_named(void **state)
{
    (void)state;
    char reason[LOAD_RUN_REASON_BYTES_MAX] = "";
    server_stop();
    assert_int_equal(load_run_start(&fixture.plan, &fixture.run, reason), DS_UNAVAILABLE);
    assert_non_null(strstr(reason, url));
    fixture.steps[0].url = "gopher://nowhere";
    assert_int_equal(load_run_start(&fixture.plan, &fixture.run, reason), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(reason, "gopher://nowhere"));
}

static void users_of_the_closed_model_keep_as_many_calls_under_way(void **state)
{
    (void)state;
    fixture.plan.pace = LOAD_CLOSED;
    fixture.stages[0] = (struct load_stage){3600 * SECOND, 40, 40};
    load_fixture_start();
    while (load_run_look(fixture.run)->total.ok < 1000) {
        assert_false(load_run_wait(fixture.run, MS));
    }
    load_run_stop(fixture.run, LOAD_END_INTERRUPTED);
    const struct load_result *result = load_fixture_finish();
    assert_int_equal(result->total.ok, result->total.planned);
    assert_int_equal(result->total.planned, atomic_load(&call_count));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_planned_call_is_made_once),
        TEST(calls_may_travel_one_by_one),
        TEST(every_connection_of_the_plan_carries_calls),
        TEST(failures_have_the_names_of_their_codes),
        TEST(refusals_are_counted_apart_from_other_failures),
        TEST(a_call_without_an_answer_in_time_has_timed_out),
        TEST(what_a_reply_said_goes_into_the_next_call),
        TEST(a_body_that_does_not_fit_the_method_is_refused_at_the_start),
        TEST(a_body_that_a_flow_spoils_fails_its_call),
        TEST(an_unreachable_service_is_named),
        TEST(users_of_the_closed_model_keep_as_many_calls_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
