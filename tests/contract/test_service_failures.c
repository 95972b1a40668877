/* What a caller learns when the store fails: a store of this file's own fails as it is told. */
#include "ds/log.h"
#include "grpc/health/v1/health.pb-c.h"
#include "schema.gen.h"
#include "service_json.h"
#include "support/test.h"

#include <sched.h>
#include <stdlib.h>

/* A deadline that is to pass, and longer than that. */
#define SHORT_MS 20
#define SLOW_US 30000

struct failing_store {
    struct market_store base;
    ds_code put;
    ds_code scan;
    ds_code health;
    int64_t slow_us; /* how long a scan takes */
};

static struct failing_store *failing_of(struct market_store *store)
{
    return (struct failing_store *)store;
}

static void failing_put(struct market_store *store, struct market_batch *batch)
{
    batch->code = failing_of(store)->put;
    batch->done(batch);
}

static ds_code failing_scan(struct market_store *store, const struct market_scan *scan,
                            market_row_fn take, void *context, bool *ret_more)
{
    (void)scan;
    (void)take;
    (void)context;
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + failing_of(store)->slow_us;
    while (ds_clock_monotonic_us(ds_clock_system()) < until_us) {
        sched_yield();
    }
    *ret_more = true;
    return failing_of(store)->scan;
}

static ds_code failing_list_series(struct market_store *store,
                                   const struct market_series_query *query, market_series_fn take,
                                   void *context, bool *ret_more)
{
    (void)query;
    *ret_more = true;
    /* As far as it came before it failed. */
    take(context, ds_bytes_of_text("NIFTY"), (struct ds_bytes){0});
    return failing_of(store)->scan;
}

static ds_code failing_health(struct market_store *store)
{
    return failing_of(store)->health;
}

static void failing_close(struct market_store *store)
{
    free(store);
}

static int failing_setup(void **state)
{
    static const struct market_store_ops ops = {
        .name = "failing",
        .put = failing_put,
        .scan = failing_scan,
        .list_series = failing_list_series,
        .health = failing_health,
        .close = failing_close,
    };
    struct failing_store *store = calloc(1, sizeof(*store));
    assert_non_null(store);
    store->base.ops = &ops;
    *state = service_create(&store->base, "");
    return 0;
}

static ds_code ingest_failing(struct service *service, ds_code put, ds_code health)
{
    struct failing_store *store = failing_of(service->store);
    store->put = put;
    store->health = health;
    tick_set(service, 0, "NIFTY", 1000000, 1, 1);
    return ingest(service, 1);
}

static void a_full_store_says_so_and_to_come_later(void **state)
{
    struct service *service = *state;
    assert_int_equal(ingest_failing(service, DS_RESOURCE_EXHAUSTED, DS_RESOURCE_EXHAUSTED),
                     DS_RESOURCE_EXHAUSTED);
    assert_failure(service, NULL, "STORE_FULL");
    assert_int_equal(service->call.retry_pushback_ms, 30000);
}

static void a_full_queue_asks_to_come_again_soon(void **state)
{
    struct service *service = *state;
    assert_int_equal(ingest_failing(service, DS_RESOURCE_EXHAUSTED, DS_OK), DS_RESOURCE_EXHAUSTED);
    assert_failure(service, NULL, "SERVER_BUSY");
    assert_int_equal(service->call.retry_pushback_ms, 100);
}

static void a_store_that_stopped_writing_is_unavailable(void **state)
{
    struct service *service = *state;
    assert_int_equal(ingest_failing(service, DS_UNAVAILABLE, DS_UNAVAILABLE), DS_UNAVAILABLE);
    assert_failure(service, NULL, "STORE_UNAVAILABLE");
}

/* What grpc.health.v1 says of the service. */
static int health_status(struct service *service, ds_code store_health)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    uint8_t payload[64];
    failing_of(service->store)->health = store_health;
    request.service = (char *)(uintptr_t) "deltastream.storage.v1.Storage";
    assert_true(grpc__health__v1__health_check_request__get_packed_size(&request) <=
                sizeof payload);
    const size_t size = grpc__health__v1__health_check_request__pack(&request, payload);
    struct ds_client_call call = {.method = ds_method_health_check,
                                  .payload = ds_bytes_of(payload, size)};
    assert_int_equal(ds_channel_call_wait(service->channel, &call), DS_OK);
    Grpc__Health__V1__HealthCheckResponse *response =
        grpc__health__v1__health_check_response__unpack(NULL, call.response.size,
                                                        call.response.data);
    assert_non_null(response);
    const int status = (int)response->status;
    grpc__health__v1__health_check_response__free_unpacked(response, NULL);
    ds_client_call_release(&call);
    return status;
}

static void the_services_health_is_its_stores(void **state)
{
    struct service *service = *state;
    const int serving = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    const int not_serving = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    assert_int_equal(health_status(service, DS_OK), serving);
    assert_int_equal(health_status(service, DS_UNAVAILABLE), not_serving);
    assert_int_equal(health_status(service, DS_RESOURCE_EXHAUSTED), serving);
}

static void damage_is_data_loss_and_never_a_short_list(void **state)
{
    struct service *service = *state;
    failing_of(service->store)->scan = DS_DATA_LOSS;
    const Storage__ListTicksRequest list = list_request("NIFTY");
    assert_int_equal(service_call(service, "ListTicks", &list.base), DS_DATA_LOSS);
    assert_failure(service, NULL, "INTERNAL");
    Storage__LatestTickRequest latest = STORAGE__LATEST_TICK_REQUEST__INIT;
    latest.product = (char *)(uintptr_t) "NIFTY";
    assert_int_equal(service_call(service, "LatestTick", &latest.base), DS_DATA_LOSS);
    const Storage__ListProductsRequest products = STORAGE__LIST_PRODUCTS_REQUEST__INIT;
    assert_int_equal(service_call(service, "ListProducts", &products.base), DS_DATA_LOSS);
    assert_int_equal(service->call.response.size, 0);
}

static void every_read_of_rows_tells_of_a_store_that_fails(void **state)
{
    struct service *service = *state;
    static const struct {
        const char *method;
        const char *request;
    } calls[] = {
        {"ListQuotes", "{'symbol':'A'}"},
        {"ListChains", "{'product':'A'}"},
        {"ListChains", "{'product':'A','expiry':'2025-01-30'}"},
        {"ListExpiries", "{'product':'A'}"},
        {"ListSymbols", "{'product':'A'}"},
        {"ListSymbols", "{'product':'A','expiry':'2025-01-30'}"},
        {"ListStrikes", "{'product':'A','expiry':'2025-01-30'}"},
        {"LatestTicks", "{'products':['A']}"},
        {"LatestQuotes", "{'symbols':['A']}"},
        {"AsOf", "{'product':'A','time':'2025-01-30T00:00:00Z'}"},
        {"GetBars", "{'product':'A'}"},
        {"GetOhlc", "{'product':'A'}"},
        {"GetPcr", "{'product':'A'}"},
        {"GetPcr", "{'product':'A','expiry':'2025-01-30'}"},
        {"GetMaxPain", "{'product':'A','expiry':'2025-01-30'}"},
        {"GetOiBuildup", "{'product':'A','expiry':'2025-01-30'}"},
        {"GetVolatilitySurface", "{'product':'A'}"},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        failing_of(service->store)->scan = DS_DATA_LOSS;
        assert_refused(service, calls[i].method, json_of(calls[i].request), DS_DATA_LOSS,
                       "stored data is damaged");
        assert_int_equal(service->call.response.size, 0);
        failing_of(service->store)->scan = DS_UNAVAILABLE;
        assert_refused(service, calls[i].method, json_of(calls[i].request), DS_UNAVAILABLE,
                       "the store does not work at present");
        assert_failure(service, NULL, "STORE_UNAVAILABLE");
    }
}

/* The group of the failing store has a series that no chain has. */
static void a_series_of_chains_with_another_name_is_data_loss(void **state)
{
    struct service *service = *state;
    assert_refused(service, "ListExpiries", json_of("{'product':'A'}"), DS_DATA_LOSS,
                   "stored data is damaged");
}

static void a_full_store_takes_no_quotes_and_no_chains(void **state)
{
    struct service *service = *state;
    failing_of(service->store)->put = DS_RESOURCE_EXHAUSTED;
    failing_of(service->store)->health = DS_RESOURCE_EXHAUSTED;
    quote_set(service, 0, "A", "2025-01-30", 1, 1);
    assert_int_equal(ingest_quotes(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR),
                     DS_RESOURCE_EXHAUSTED);
    assert_failure(service, NULL, "STORE_FULL");
    chain_set(service, 0, "A", "2025-01-30", 1, 1);
    assert_int_equal(ingest_chains(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR),
                     DS_RESOURCE_EXHAUSTED);
    assert_failure(service, NULL, "STORE_FULL");
}

static void a_list_that_takes_too_long_ends_at_its_deadline(void **state)
{
    struct service *service = *state;
    service->timeout_ms = SHORT_MS;
    failing_of(service->store)->slow_us = SLOW_US;
    const Storage__ListTicksRequest list = list_request("NIFTY");
    assert_int_equal(service_call(service, "ListTicks", &list.base), DS_DEADLINE_EXCEEDED);
    assert_failure(service, NULL, "DEADLINE_EXCEEDED");
}

static void bars_that_take_too_long_end_at_their_deadline(void **state)
{
    struct service *service = *state;
    service->timeout_ms = SHORT_MS;
    failing_of(service->store)->slow_us = SLOW_US;
    assert_int_equal(call_json(service, "GetBars", json_of("{'product':'A'}")),
                     DS_DEADLINE_EXCEEDED);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define FAILURE_TEST(name) cmocka_unit_test_setup_teardown(name, failing_setup, service_teardown)
    const struct CMUnitTest tests[] = {
        FAILURE_TEST(a_full_store_says_so_and_to_come_later),
        FAILURE_TEST(a_full_queue_asks_to_come_again_soon),
        FAILURE_TEST(a_store_that_stopped_writing_is_unavailable),
        FAILURE_TEST(the_services_health_is_its_stores),
        FAILURE_TEST(damage_is_data_loss_and_never_a_short_list),
        FAILURE_TEST(every_read_of_rows_tells_of_a_store_that_fails),
        FAILURE_TEST(a_series_of_chains_with_another_name_is_data_loss),
        FAILURE_TEST(a_full_store_takes_no_quotes_and_no_chains),
        FAILURE_TEST(a_list_that_takes_too_long_ends_at_its_deadline),
        FAILURE_TEST(bars_that_take_too_long_end_at_their_deadline),
    };
    return cmocka_run_group_tests_name("service failures", tests, NULL, NULL);
}
