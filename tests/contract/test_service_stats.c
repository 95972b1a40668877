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
    assert_int_equal(stats->n_kinds, 3);
    assert_int_equal(stats->kinds[0]->kind, STORAGE__ROW_KIND__TICKS);
    assert_int_equal(stats->kinds[0]->row_count, 3);
    assert_int_equal(stats->kinds[0]->series_count, 2);
    assert_int_equal(stats->kinds[1]->kind, STORAGE__ROW_KIND__QUOTES);
    assert_int_equal(stats->kinds[1]->row_count, 0);
    assert_int_equal(stats->kinds[2]->kind, STORAGE__ROW_KIND__CHAINS);
    assert_int_equal(stats->queued_row_count, 0);
    assert_string_equal(stats->writes, "ok");
    /* An engine with a file knows how large it is and may get, and has a name of its own. */
    const bool has_file = service->folder[0] != '\0';
    assert_int_equal(stats->file_bytes > 0, has_file);
    assert_int_equal(stats->kinds[0]->bytes > 0, has_file);
    assert_int_equal(stats->file_bytes_max >= stats->file_bytes, true);
    assert_int_equal(stats->file_bytes_max > 0, has_file);
    assert_int_equal(stats->disk_free_bytes > 0, has_file);
    assert_int_equal(strlen(stats->store_id), has_file ? 36 : 0);
    assert_int_equal(stats->format_version > 0, has_file);
    storage__get_stats_response__free_unpacked(stats, NULL);
}

/* What a store of this file's own says of its writes. */
static enum market_writes writes_said;

static ds_code saying_stats(struct market_store *store, struct market_stats *ret_stats)
{
    (void)store;
    *ret_stats = (struct market_stats){
        .writes = writes_said, .queued_row_count = 7, .reusable_bytes = 8, .disk_free_bytes = 9};
    return DS_OK;
}

static void saying_close(struct market_store *store)
{
    free(store);
}

static int saying_setup(void **state)
{
    static const struct market_store_ops ops = {
        .name = "saying", .stats = saying_stats, .close = saying_close};
    struct market_store *store = calloc(1, sizeof(*store));
    assert_non_null(store);
    store->ops = &ops;
    *state = service_create(store, "");
    return 0;
}

static void assert_writes(struct service *service, enum market_writes writes, const char *expected)
{
    const Storage__GetStatsRequest request = STORAGE__GET_STATS_REQUEST__INIT;
    writes_said = writes;
    assert_int_equal(service_call(service, "GetStats", &request.base), DS_OK);
    Storage__GetStatsResponse *stats = storage__get_stats_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(stats);
    assert_string_equal(stats->writes, expected);
    assert_int_equal(stats->queued_row_count, 7);
    assert_int_equal(stats->reusable_bytes, 8);
    assert_int_equal(stats->disk_free_bytes, 9);
    storage__get_stats_response__free_unpacked(stats, NULL);
}

static void stats_tell_whether_writes_work(void **state)
{
    assert_writes(*state, MARKET_WRITES_OK, "ok");
    assert_writes(*state, MARKET_WRITES_FULL, "full");
    assert_writes(*state, MARKET_WRITES_STOPPED, "stopped");
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stats_count_rows_and_series),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stats_tell_whether_writes_work, saying_setup,
                                        service_teardown),
    };
    const int failed = run_on_engines() + cmocka_run_group_tests_name("saying", tests, NULL, NULL);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
