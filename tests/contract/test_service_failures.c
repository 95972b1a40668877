/* What a caller learns when the store fails: a store of this file's own fails as it is told. */
#include "ds/log.h"
#include "service_fixture.h"
#include "support/test.h"

#include <sched.h>
#include <stdlib.h>

struct failing_store {
    struct market_store base;
    ds_code put;
    ds_code scan;
    ds_code health;
    int64_t slow_until_us; /* monotonic; a scan that begins before lasts until then */
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
    while (ds_clock_monotonic_us(ds_clock_system()) < failing_of(store)->slow_until_us) {
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

static void a_list_that_takes_too_long_ends_at_its_deadline(void **state)
{
    struct service *service = *state;
    service->timeout_ms = 20;
    failing_of(service->store)->slow_until_us = ds_clock_monotonic_us(ds_clock_system()) + 30000;
    const Storage__ListTicksRequest list = list_request("NIFTY");
    assert_int_equal(service_call(service, "ListTicks", &list.base), DS_DEADLINE_EXCEEDED);
    assert_failure(service, NULL, "DEADLINE_EXCEEDED");
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define FAILURE_TEST(name) cmocka_unit_test_setup_teardown(name, failing_setup, service_teardown)
    const struct CMUnitTest tests[] = {
        FAILURE_TEST(a_full_store_says_so_and_to_come_later),
        FAILURE_TEST(a_full_queue_asks_to_come_again_soon),
        FAILURE_TEST(a_store_that_stopped_writing_is_unavailable),
        FAILURE_TEST(damage_is_data_loss_and_never_a_short_list),
        FAILURE_TEST(a_list_that_takes_too_long_ends_at_its_deadline),
    };
    return cmocka_run_group_tests_name("service failures", tests, NULL, NULL);
}
