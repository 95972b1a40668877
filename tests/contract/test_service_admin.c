/* GetStats and DeleteRange as a caller meets them, on both engines. */
#include "ds/log.h"
#include "service_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)

struct row_name {
    enum market_kind kind;
    const char *series;
    const char *group;
};

static const struct row_name nifty_ticks = {MARKET_TICKS, "NIFTY", ""};
static const struct row_name sensex_ticks = {MARKET_TICKS, "SENSEX", ""};
static const struct row_name nifty_quotes = {MARKET_QUOTES, "NIFTY20250125C21500", "NIFTY"};
static const struct row_name january_chains = {MARKET_CHAINS, "NIFTY/2025-01-25", "NIFTY"};
static const struct row_name february_chains = {MARKET_CHAINS, "NIFTY/2025-02-25", "NIFTY"};
static const struct row_name other_chains = {MARKET_CHAINS, "NIFTY2/2025-01-25", "NIFTY2"};

/* Stores `count` rows, a microsecond apart. */
static void put_rows(struct service *service, const struct row_name *name, int64_t first_us,
                     size_t count)
{
    struct market_row *rows = calloc(count, sizeof(*rows));
    enum market_outcome *outcomes = calloc(count, sizeof(*outcomes));
    assert_non_null(rows);
    assert_non_null(outcomes);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct market_row){.series = ds_bytes_of_text(name->series),
                                      .group = ds_bytes_of_text(name->group),
                                      .timestamp_us = first_us + (int64_t)i};
    }
    for (size_t i = 0; i < count; i += MARKET_BATCH_ROWS_MAX) {
        const size_t left = count - i;
        struct market_batch batch = {
            .kind = name->kind,
            .rows = rows + i,
            .row_count = left < MARKET_BATCH_ROWS_MAX ? left : MARKET_BATCH_ROWS_MAX,
            .outcomes = outcomes};
        assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
    }
    free(rows);
    free(outcomes);
}

static void count_row(void *context, const struct market_row *row)
{
    (void)row;
    (*(size_t *)context)++;
}

static size_t rows_of(struct service *service, const struct row_name *name)
{
    size_t count = 0;
    bool more;
    const struct market_scan scan = {.kind = name->kind,
                                     .series = ds_bytes_of_text(name->series),
                                     .start_us = INT64_MIN,
                                     .end_us = INT64_MAX,
                                     .row_max = SIZE_MAX,
                                     .bytes_max = SIZE_MAX};
    assert_int_equal(service->store->ops->scan(service->store, &scan, count_row, &count, &more),
                     DS_OK);
    return count;
}

/* What is to be deleted; an end that is INT64_MIN is left out. */
struct range {
    Storage__RowKind kind;
    const char *key;
    const char *expiry;
    int64_t start_us;
    int64_t end_us;
};

static Google__Protobuf__Timestamp *set_moment(Google__Protobuf__Timestamp *moment, int64_t time_us)
{
    google__protobuf__timestamp__init(moment);
    moment->seconds = time_us / SECOND;
    moment->nanos = (int32_t)(time_us % SECOND * 1000);
    return time_us == INT64_MIN ? NULL : moment;
}

static ds_code delete_range(struct service *service, const struct range *range)
{
    Storage__DeleteRangeRequest request = STORAGE__DELETE_RANGE_REQUEST__INIT;
    Google__Protobuf__Timestamp start;
    Google__Protobuf__Timestamp end;
    request.kind = range->kind;
    request.key = (char *)(uintptr_t)range->key;
    request.expiry = (char *)(uintptr_t)(range->expiry == NULL ? "" : range->expiry);
    request.start = set_moment(&start, range->start_us);
    request.end = set_moment(&end, range->end_us);
    return service_call(service, "DeleteRange", &request.base);
}

static void assert_deleted(struct service *service, const struct range *range, int64_t expected)
{
    if (delete_range(service, range) != DS_OK) {
        fail_msg("%s", service->call.message);
    }
    const struct ds_bytes wire = service->call.response;
    Storage__DeleteRangeResponse *response =
        storage__delete_range_response__unpack(NULL, wire.size, wire.data);
    assert_non_null(response);
    assert_int_equal(response->deleted, expected);
    storage__delete_range_response__free_unpacked(response, NULL);
}

static void a_range_goes_exactly_with_both_its_ends(void **state)
{
    struct service *service = *state;
    put_rows(service, &nifty_ticks, SECOND, 10);
    put_rows(service, &sensex_ticks, SECOND, 10);
    const struct range range = {STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, SECOND + 3, SECOND + 6};
    assert_deleted(service, &range, 4);
    assert_int_equal(rows_of(service, &nifty_ticks), 6);
    assert_int_equal(rows_of(service, &sensex_ticks), 10);
    assert_deleted(service, &range, 0);
}

static void a_part_of_a_microsecond_deletes_nothing_beside_the_range(void **state)
{
    struct service *service = *state;
    put_rows(service, &nifty_ticks, SECOND, 3);
    Storage__DeleteRangeRequest request = STORAGE__DELETE_RANGE_REQUEST__INIT;
    Google__Protobuf__Timestamp start;
    Google__Protobuf__Timestamp end;
    request.kind = STORAGE__ROW_KIND__TICKS;
    request.key = (char *)(uintptr_t) "NIFTY";
    request.start = set_moment(&start, SECOND);
    request.end = set_moment(&end, SECOND + 1);
    start.nanos += 1;
    end.nanos -= 1;
    assert_int_equal(service_call(service, "DeleteRange", &request.base), DS_OK);
    assert_int_equal(rows_of(service, &nifty_ticks), 3);
    end.nanos += 1000;
    assert_int_equal(service_call(service, "DeleteRange", &request.base), DS_OK);
    assert_int_equal(rows_of(service, &nifty_ticks), 2);
}

static void quotes_go_by_their_symbol(void **state)
{
    struct service *service = *state;
    put_rows(service, &nifty_quotes, SECOND, 5);
    const struct range range = {STORAGE__ROW_KIND__QUOTES, nifty_quotes.series, NULL, 0, SECOND};
    assert_deleted(service, &range, 1);
    assert_int_equal(rows_of(service, &nifty_quotes), 4);
}

static void chains_go_by_expiry_or_all_of_a_product(void **state)
{
    struct service *service = *state;
    put_rows(service, &january_chains, SECOND, 5);
    put_rows(service, &february_chains, SECOND, 5);
    put_rows(service, &other_chains, SECOND, 5);
    struct range range = {STORAGE__ROW_KIND__CHAINS, "NIFTY", "2025-01-25", SECOND, SECOND + 1};
    assert_deleted(service, &range, 2);
    assert_int_equal(rows_of(service, &february_chains), 5);
    range.expiry = NULL;
    range.end_us = SECOND + 3;
    assert_deleted(service, &range, 2 + 4);
    assert_int_equal(rows_of(service, &january_chains), 1);
    assert_int_equal(rows_of(service, &february_chains), 1);
    assert_int_equal(rows_of(service, &other_chains), 5);
}

static void more_rows_than_a_chunk_go_too(void **state)
{
    struct service *service = *state;
    const size_t count = 2 * MARKET_DELETE_ROWS_MAX + 1;
    put_rows(service, &nifty_ticks, SECOND, count + 1);
    const struct range range = {STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, SECOND,
                                SECOND + (int64_t)count - 1};
    assert_deleted(service, &range, (int64_t)count);
    assert_int_equal(rows_of(service, &nifty_ticks), 1);
}

static void what_is_not_there_is_no_failure(void **state)
{
    struct service *service = *state;
    struct range range = {STORAGE__ROW_KIND__TICKS, "NOBODY", NULL, 0, SECOND};
    assert_deleted(service, &range, 0);
    range.kind = STORAGE__ROW_KIND__CHAINS;
    assert_deleted(service, &range, 0);
}

static void a_request_that_says_too_little_names_the_field(void **state)
{
    struct service *service = *state;
    static const struct {
        struct range range;
        const char *field;
    } cases[] = {
        {{STORAGE__ROW_KIND__ROW_KIND_UNSPECIFIED, "NIFTY", NULL, 0, 1}, "kind"},
        {{(Storage__RowKind)4, "NIFTY", NULL, 0, 1}, "kind"},
        {{STORAGE__ROW_KIND__TICKS, "", NULL, 0, 1}, "key"},
        {{STORAGE__ROW_KIND__QUOTES, "", NULL, 0, 1}, "key"},
        {{STORAGE__ROW_KIND__CHAINS, "A/B", NULL, 0, 1}, "key"},
        {{STORAGE__ROW_KIND__TICKS, "NIFTY", "2025-01-25", 0, 1}, "expiry"},
        {{STORAGE__ROW_KIND__CHAINS, "NIFTY", "2025-02-30", 0, 1}, "expiry"},
        {{STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, INT64_MIN, 1}, "start"},
        {{STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, 0, INT64_MIN}, "end"},
        {{STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, 2, 1}, "end"},
        {{STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, 0, INT64_MAX - 1000000}, "end"},
    };
    put_rows(service, &nifty_ticks, 0, 3);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(delete_range(service, &cases[i].range), DS_INVALID_ARGUMENT);
        assert_failure(service, cases[i].field, "INVALID_REQUEST");
    }
    assert_int_equal(rows_of(service, &nifty_ticks), 3);
}

static void statistics_follow_a_deletion(void **state)
{
    struct service *service = *state;
    put_rows(service, &nifty_ticks, SECOND, 4);
    put_rows(service, &january_chains, SECOND, 2);
    const struct range range = {STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, 0, 2 * SECOND};
    assert_deleted(service, &range, 4);
    const Storage__GetStatsRequest request = STORAGE__GET_STATS_REQUEST__INIT;
    assert_int_equal(service_call(service, "GetStats", &request.base), DS_OK);
    Storage__GetStatsResponse *stats = storage__get_stats_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(stats);
    assert_int_equal(stats->row_count, 2);
    assert_int_equal(stats->series_count, 1);
    assert_int_equal(stats->kinds[0]->row_count, 0);
    assert_int_equal(stats->kinds[2]->row_count, 2);
    storage__get_stats_response__free_unpacked(stats, NULL);
}

/* A store whose rows never end: every chunk is full and there are more. */
struct endless_store {
    struct market_store base;
    struct storage *stopped; /* stopped when so many chunks are gone */
    size_t chunks_until_stop;
    size_t chunk_count;
    size_t chunks_until_failure;
};

static void endless_delete_rows(struct market_store *store, struct market_delete *order)
{
    struct endless_store *endless = (struct endless_store *)store;
    endless->chunk_count++;
    order->code = endless->chunk_count == endless->chunks_until_failure ? DS_UNAVAILABLE : DS_OK;
    order->deleted_count = order->row_max;
    order->more = true;
    if (endless->chunk_count == endless->chunks_until_stop) {
        storage_stop(endless->stopped);
    }
    order->done(order);
}

static ds_code endless_health(struct market_store *store)
{
    (void)store;
    return DS_OK;
}

static void endless_close(struct market_store *store)
{
    free(store);
}

static int endless_setup(void **state)
{
    static const struct market_store_ops ops = {
        .name = "endless",
        .delete_rows = endless_delete_rows,
        .health = endless_health,
        .close = endless_close,
    };
    struct endless_store *store = calloc(1, sizeof(*store));
    assert_non_null(store);
    store->base.ops = &ops;
    struct service *service = service_create(&store->base, "");
    store->stopped = service->storage;
    *state = service;
    return 0;
}

static const struct range endless_range = {STORAGE__ROW_KIND__TICKS, "NIFTY", NULL, 0, SECOND};

static void a_deletion_ends_with_its_caller_between_two_chunks(void **state)
{
    struct service *service = *state;
    service->timeout_ms = 50;
    assert_int_equal(delete_range(service, &endless_range), DS_DEADLINE_EXCEEDED);
}

static void a_deletion_that_ends_early_says_how_far_it_went(void **state)
{
    struct service *service = *state;
    struct endless_store *store = (struct endless_store *)service->store;
    /* So many that frames on the stack, one a chunk, would not fit. */
    store->chunks_until_stop = 100000;
    assert_int_equal(delete_range(service, &endless_range), DS_UNAVAILABLE);
    assert_failure(service, NULL, "SERVICE_UNAVAILABLE");
    assert_string_equal(service->call.message,
                        "the service is shutting down; 1000000000 rows were deleted before");
}

static void a_store_that_fails_half_way_is_told_with_what_went(void **state)
{
    struct service *service = *state;
    struct endless_store *store = (struct endless_store *)service->store;
    store->chunks_until_failure = 3;
    assert_int_equal(delete_range(service, &endless_range), DS_UNAVAILABLE);
    assert_failure(service, NULL, "STORE_UNAVAILABLE");
    assert_string_equal(service->call.message,
                        "the store does not work at present; 20000 rows were deleted before");
    store->chunk_count = 2;
    assert_int_equal(delete_range(service, &endless_range), DS_UNAVAILABLE);
    assert_string_equal(service->call.message, "the store does not work at present");
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_goes_exactly_with_both_its_ends),
        cmocka_unit_test(a_part_of_a_microsecond_deletes_nothing_beside_the_range),
        cmocka_unit_test(quotes_go_by_their_symbol),
        cmocka_unit_test(chains_go_by_expiry_or_all_of_a_product),
        cmocka_unit_test(more_rows_than_a_chunk_go_too),
        cmocka_unit_test(what_is_not_there_is_no_failure),
        cmocka_unit_test(a_request_that_says_too_little_names_the_field),
        cmocka_unit_test(statistics_follow_a_deletion),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

static int run_on_endless(void)
{
#define ENDLESS_TEST(name) cmocka_unit_test_setup_teardown(name, endless_setup, service_teardown)
    const struct CMUnitTest tests[] = {
        ENDLESS_TEST(a_deletion_ends_with_its_caller_between_two_chunks),
        ENDLESS_TEST(a_deletion_that_ends_early_says_how_far_it_went),
        ENDLESS_TEST(a_store_that_fails_half_way_is_told_with_what_went),
    };
    return cmocka_run_group_tests_name("endless", tests, NULL, NULL);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
    const int failed = run_on_engines() + run_on_endless();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
