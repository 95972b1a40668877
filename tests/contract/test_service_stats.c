/* GetStats as a caller meets it. */
#include "ds/log.h"
#include "service_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static void stats_count_rows_and_series(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "NIFTY", 1000000, 1, 100);
    tick_set(service, 1, "NIFTY", 2000000, 2, 101);
    tick_set(service, 2, "SENSEX", 1000000, 1, 200);
    assert_int_equal(ingest(service, 3), DS_OK);
    const Storage__GetStatsRequest request = STORAGE__GET_STATS_REQUEST__INIT;
    assert_int_equal(service_call(service, "GetStats", &request.base), DS_OK);
    Storage__GetStatsResponse *stats = storage__get_stats_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(stats);
    assert_string_equal(stats->engine, service->store->ops->name);
    assert_int_equal(stats->row_count, 3);
    assert_int_equal(stats->series_count, 2);
    storage__get_stats_response__free_unpacked(stats, NULL);
}

static int run_on(const char *engine, CMFixtureFunction setup)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stats_count_rows_and_series, setup, service_teardown),
    };
    return cmocka_run_group_tests_name(engine, tests, NULL, NULL);
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    const int failed = run_on("memory", service_setup_memory) + run_on("lmdb", service_setup_lmdb);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
