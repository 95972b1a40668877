/* Those who delete of several series have their orders wait in the store together, which can make
 * one transaction of them. */
#include "ds/log.h"
#include "service_fixture.h"
#include "support/test.h"

#include <pthread.h>

#define HOUR_US (INT64_C(3600) * 1000000)
#define EXPIRIES 3
/* Only a failing test waits for so long. */
#define TIMEOUT_MS 120000

/* A store in memory that carries orders out when so many wait. */
struct gathering {
    struct market_store_ops ops;
    const struct market_store_ops *memory;

    pthread_mutex_t lock; /* guards what follows */
    size_t wanted;
    struct market_delete *orders[EXPIRIES];
    size_t count;
};

static struct gathering gathering = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void carry_out(struct market_store *store, struct market_delete *const *orders, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        gathering.memory->delete_rows(store, orders[i]);
    }
}

static void gather(struct market_store *store, struct market_delete *order)
{
    struct market_delete *orders[EXPIRIES];
    size_t count = 0;
    pthread_mutex_lock(&gathering.lock);
    gathering.orders[gathering.count++] = order;
    if (gathering.count >= gathering.wanted) {
        count = gathering.count;
        memcpy(orders, gathering.orders, sizeof(orders));
        gathering.count = 0;
    }
    pthread_mutex_unlock(&gathering.lock);
    carry_out(store, orders, count);
}

/* Waits for no order any more. */
static void gathering_end(struct market_store *store)
{
    pthread_mutex_lock(&gathering.lock);
    const size_t count = gathering.count;
    gathering.wanted = 1;
    gathering.count = 0;
    pthread_mutex_unlock(&gathering.lock);
    carry_out(store, gathering.orders, count);
}

/* Chains of three expiries, each with two old rows and one that is new. */
static int gathering_setup(void **state)
{
    static const char *const series[EXPIRIES] = {"NIFTY/2025-01-25", "NIFTY/2025-02-25",
                                                 "NIFTY/2025-03-25"};
    service_setup_memory(state);
    struct service *service = *state;
    struct market_row rows[3 * EXPIRIES];
    enum market_outcome outcomes[3 * EXPIRIES];
    for (size_t i = 0; i < 3 * EXPIRIES; i++) {
        rows[i] =
            (struct market_row){.series = ds_bytes_of_text(series[i / 3]),
                                .group = ds_bytes_of_text("NIFTY"),
                                .timestamp_us = SERVICE_NOW_US - (int64_t)(i % 3) * 2 * HOUR_US};
    }
    struct market_batch batch = {
        .kind = MARKET_CHAINS, .rows = rows, .row_count = 3 * EXPIRIES, .outcomes = outcomes};
    assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
    gathering.memory = service->store->ops;
    gathering.ops = *gathering.memory;
    gathering.ops.delete_rows = gather;
    gathering.wanted = EXPIRIES;
    gathering.count = 0;
    service->store->ops = &gathering.ops;
    service->timeout_ms = TIMEOUT_MS;
    return 0;
}

static void assert_deleted(struct service *service, ds_code code)
{
    struct market_stats stats;
    gathering_end(service->store);
    assert_int_equal(code, DS_OK);
    assert_int_equal(service->store->ops->stats(service->store, &stats), DS_OK);
    assert_int_equal(stats.row_count, EXPIRIES);
}

static void retention_has_the_series_of_a_chunk_deleted_together(void **state)
{
    struct service *service = *state;
    Storage__RunRetentionRequest request = STORAGE__RUN_RETENTION_REQUEST__INIT;
    Storage__RetentionRule rule = STORAGE__RETENTION_RULE__INIT;
    Storage__RetentionRule *rules[] = {&rule};
    Google__Protobuf__Duration keep = GOOGLE__PROTOBUF__DURATION__INIT;
    keep.seconds = 3600;
    rule.kind = STORAGE__ROW_KIND__CHAINS;
    rule.keep = &keep;
    request.n_rules = 1;
    request.rules = rules;
    assert_deleted(service, service_call(service, "RunRetention", &request.base));
}

static void the_chains_of_a_product_are_deleted_together(void **state)
{
    struct service *service = *state;
    Storage__DeleteRangeRequest request = STORAGE__DELETE_RANGE_REQUEST__INIT;
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Timestamp end = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    end.seconds = (SERVICE_NOW_US - HOUR_US) / 1000000;
    request.kind = STORAGE__ROW_KIND__CHAINS;
    request.key = (char *)(uintptr_t) "NIFTY";
    request.start = &start;
    request.end = &end;
    assert_deleted(service, service_call(service, "DeleteRange", &request.base));
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define GATHERING_TEST(name)                                                                       \
    cmocka_unit_test_setup_teardown(name, gathering_setup, service_teardown)
    const struct CMUnitTest tests[] = {
        GATHERING_TEST(retention_has_the_series_of_a_chunk_deleted_together),
        GATHERING_TEST(the_chains_of_a_product_are_deleted_together),
    };
    return cmocka_run_group_tests_name("deletes", tests, NULL, NULL);
}
