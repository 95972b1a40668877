/* IngestTicks as a caller meets it. */
#include "ds/log.h"
#include "service_fixture.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void bad_rows_are_rejected_by_index_and_the_others_stored(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "", 1000000, 0, 1);
    tick_set(service, 1, "NIFTY", 1000000, 1, 1);
    tick_set(service, 2, "NIFTY", 1000000, 2, (double)NAN);
    tick_set(service, 3, "NIFTY", 1000000, 1, 2);
    tick_set(service, 4, "NIFTY", 1000000, 1, 1);
    tick_set(service, 5, "NIFTY", 999999, 5, 1);
    assert_int_equal(ingest(service, 6), DS_OK);
    assert_ingested(service, "2 1 1 0:product must not be empty 2:price must be a finite number "
                             "3:another row with this product, timestamp and tick_id is stored");
    const Storage__ListTicksRequest request = list_request("NIFTY");
    assert_list(service, &request, "1 5");
}

static void a_request_of_bad_rows_only_is_answered(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "NIFTY", 1000000, 0, -1);
    assert_int_equal(ingest(service, 1), DS_OK);
    assert_ingested(service, "0 0 0 0:price must not be negative");
}

static void a_conflict_follows_the_policy(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "NIFTY", 1000000, 1, 10);
    assert_int_equal(ingest(service, 1), DS_OK);
    service->ticks[0].price = 20;
    ingest_with(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_FIRST);
    assert_ingested(service, "0 1 0");
    ingest_with(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_LAST);
    assert_ingested(service, "1 0 0");
    service->ticks[0].price = 10;
    ingest_with(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR);
    assert_ingested(service, "0 0 0 0:another row with this product, timestamp and tick_id is "
                             "stored");
    assert_int_equal(ingest_with(service, 1, (Storage__ConflictPolicy)9), DS_INVALID_ARGUMENT);
    assert_failure(service, "conflict_policy", NULL);
}

static void a_retry_is_a_duplicate_with_and_without_a_tick_id(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "NIFTY", 1000000, 1, 10);
    Storage__Tick *nameless = tick_set(service, 1, "NIFTY", 1000000, 0, 10);
    nameless->_tick_id_case = STORAGE__TICK___TICK_ID__NOT_SET;
    assert_int_equal(ingest(service, 2), DS_OK);
    assert_ingested(service, "2 0 0");
    assert_int_equal(ingest(service, 2), DS_OK);
    assert_ingested(service, "0 2 0");
}

static void no_rows_and_too_many_rows_are_refused(void **state)
{
    struct service *service = *state;
    assert_int_equal(ingest(service, 0), DS_INVALID_ARGUMENT);
    assert_failure(service, "ticks", NULL);
    for (size_t i = 0; i < 10001; i++) {
        tick_set(service, i, "NIFTY", 1000000, (int64_t)i, 1);
    }
    assert_int_equal(ingest(service, 10001), DS_INVALID_ARGUMENT);
    assert_failure(service, NULL, "REQUEST_TOO_LARGE");
    assert_non_null(strstr(service->call.message, "10000"));
    const Storage__ListTicksRequest request = list_request("NIFTY");
    assert_list(service, &request, "");
}

static int run_on(const char *engine, CMFixtureFunction setup)
{
    printf("engine: %s\n", engine);
#define SERVICE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, service_teardown)
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(bad_rows_are_rejected_by_index_and_the_others_stored),
        SERVICE_TEST(a_request_of_bad_rows_only_is_answered),
        SERVICE_TEST(a_conflict_follows_the_policy),
        SERVICE_TEST(a_retry_is_a_duplicate_with_and_without_a_tick_id),
        SERVICE_TEST(no_rows_and_too_many_rows_are_refused),
    };
    return cmocka_run_group_tests_name(engine, tests, NULL, NULL);
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    const int failed = run_on("memory", service_setup_memory) + run_on("lmdb", service_setup_lmdb);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
