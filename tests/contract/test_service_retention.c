/* RunRetention as a caller meets it, on both engines. */
#include "ds/log.h"
#include "service_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE_US (INT64_C(60) * 1000000)
#define HOUR_US (60 * MINUTE_US)
#define RULES_MAX 260

struct rule {
    Storage__RowKind kind;
    const char *product;
    int64_t keep_us; /* INT64_MIN: left out */
};

/* Rows of a series: the one just old enough to stay, and `expired` older ones. */
static void put_rows(struct service *service, enum market_kind kind, const char *series,
                     const char *group, int64_t keep_us, size_t expired)
{
    enum market_outcome outcomes[64];
    struct market_row rows[64];
    assert_true(expired < 64);
    for (size_t i = 0; i <= expired; i++) {
        rows[i] = (struct market_row){.series = ds_bytes_of_text(series),
                                      .group = ds_bytes_of_text(group),
                                      .timestamp_us = SERVICE_NOW_US - keep_us - (int64_t)i};
    }
    struct market_batch batch = {
        .kind = kind, .rows = rows, .row_count = expired + 1, .outcomes = outcomes};
    assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
}

static ds_code run_retention(struct service *service, const struct rule *rules, size_t count,
                             bool dry_run)
{
    Storage__RetentionRule messages[RULES_MAX];
    Storage__RetentionRule *pointers[RULES_MAX];
    Google__Protobuf__Duration keeps[RULES_MAX];
    Storage__RunRetentionRequest request = STORAGE__RUN_RETENTION_REQUEST__INIT;
    for (size_t i = 0; i < count; i++) {
        storage__retention_rule__init(&messages[i]);
        google__protobuf__duration__init(&keeps[i]);
        messages[i].kind = rules[i].kind;
        messages[i].product = (char *)(uintptr_t)rules[i].product;
        keeps[i].seconds = rules[i].keep_us / 1000000;
        keeps[i].nanos = (int32_t)(rules[i].keep_us % 1000000 * 1000);
        messages[i].keep = rules[i].keep_us == INT64_MIN ? NULL : &keeps[i];
        pointers[i] = &messages[i];
    }
    request.n_rules = count;
    request.rules = pointers;
    request.dry_run = dry_run;
    return service_call(service, "RunRetention", &request.base);
}

/* Asserts the results, as "kind/product=deleted". */
static void assert_results(struct service *service, const char *expected)
{
    char text[512] = "";
    const struct ds_bytes wire = service->call.response;
    Storage__RunRetentionResponse *response =
        storage__run_retention_response__unpack(NULL, wire.size, wire.data);
    assert_non_null(response);
    for (size_t i = 0; i < response->n_results; i++) {
        const Storage__RetentionResult *result = response->results[i];
        const size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "%s%d/%s=%lld", i == 0 ? "" : " ",
                 (int)result->rule->kind, result->rule->product, (long long)result->deleted);
    }
    storage__run_retention_response__free_unpacked(response, NULL);
    assert_string_equal(text, expected);
}

static uint64_t stored_rows(struct service *service)
{
    struct market_stats stats;
    assert_int_equal(service->store->ops->stats(service->store, &stats), DS_OK);
    return stats.row_count;
}

/* A dry run tells what a run does, and leaves everything as it is. */
static void assert_run(struct service *service, const struct rule *rules, size_t count,
                       const char *expected)
{
    const uint64_t before = stored_rows(service);
    assert_int_equal(run_retention(service, rules, count, true), DS_OK);
    assert_results(service, expected);
    assert_int_equal(stored_rows(service), before);
    assert_int_equal(run_retention(service, rules, count, false), DS_OK);
    assert_results(service, expected);
}

static void rows_go_a_microsecond_after_their_time(void **state)
{
    struct service *service = *state;
    put_rows(service, MARKET_TICKS, "NIFTY", "", HOUR_US, 3);
    const struct rule rule = {STORAGE__ROW_KIND__TICKS, "", HOUR_US};
    assert_run(service, &rule, 1, "1/=3");
    assert_int_equal(stored_rows(service), 1);
    const struct rule tighter = {STORAGE__ROW_KIND__TICKS, "", HOUR_US - 1};
    assert_run(service, &tighter, 1, "1/=1");
    assert_int_equal(stored_rows(service), 0);
}

static void a_rule_is_for_its_kind_alone(void **state)
{
    struct service *service = *state;
    put_rows(service, MARKET_TICKS, "NIFTY", "", HOUR_US, 1);
    put_rows(service, MARKET_QUOTES, "NIFTY20250125C21500", "NIFTY", HOUR_US, 2);
    put_rows(service, MARKET_CHAINS, "NIFTY/2025-01-25", "NIFTY", HOUR_US, 3);
    const struct rule rule = {STORAGE__ROW_KIND__QUOTES, "", HOUR_US};
    assert_run(service, &rule, 1, "2/=2");
    assert_int_equal(stored_rows(service), 2 + 1 + 4);
}

static void the_rule_that_names_the_product_counts(void **state)
{
    struct service *service = *state;
    put_rows(service, MARKET_TICKS, "NIFTY", "", 2 * HOUR_US, 1);
    put_rows(service, MARKET_TICKS, "SENSEX", "", HOUR_US, 2);
    put_rows(service, MARKET_TICKS, "BANKNIFTY", "", HOUR_US, 3);
    const struct rule rules[] = {{STORAGE__ROW_KIND__TICKS, "NIFTY", 2 * HOUR_US},
                                 {STORAGE__ROW_KIND__TICKS, "", HOUR_US}};
    assert_run(service, rules, 2, "1/NIFTY=1 1/=5");
    assert_int_equal(stored_rows(service), 3);
}

static void a_product_of_its_own_leaves_the_others(void **state)
{
    struct service *service = *state;
    put_rows(service, MARKET_TICKS, "NIFTY", "", HOUR_US, 1);
    put_rows(service, MARKET_TICKS, "SENSEX", "", HOUR_US, 2);
    const struct rule rule = {STORAGE__ROW_KIND__TICKS, "SENSEX", HOUR_US};
    assert_run(service, &rule, 1, "1/SENSEX=2");
    assert_int_equal(stored_rows(service), 2 + 1);
}

static void the_product_of_quotes_and_chains_is_their_group(void **state)
{
    struct service *service = *state;
    put_rows(service, MARKET_QUOTES, "NIFTY20250125C21500", "NIFTY", HOUR_US, 1);
    put_rows(service, MARKET_QUOTES, "NIFTY20250125P21500", "NIFTY", HOUR_US, 2);
    put_rows(service, MARKET_QUOTES, "NIFTY2X", "NIFTY2", HOUR_US, 3);
    put_rows(service, MARKET_CHAINS, "NIFTY/2025-01-25", "NIFTY", HOUR_US, 4);
    put_rows(service, MARKET_CHAINS, "NIFTY/2025-02-25", "NIFTY", HOUR_US, 5);
    put_rows(service, MARKET_CHAINS, "SENSEX/2025-02-25", "SENSEX", HOUR_US, 6);
    const struct rule rules[] = {{STORAGE__ROW_KIND__QUOTES, "NIFTY", HOUR_US},
                                 {STORAGE__ROW_KIND__CHAINS, "NIFTY", HOUR_US}};
    assert_run(service, rules, 2, "2/NIFTY=3 3/NIFTY=9");
}

static void more_series_than_a_page_and_more_rows_than_a_chunk_go_too(void **state)
{
    struct service *service = *state;
    char names[600][16];
    for (size_t i = 0; i < 600; i++) {
        snprintf(names[i], sizeof(names[i]), "P%zu", i);
        put_rows(service, MARKET_TICKS, names[i], "", HOUR_US, 1);
    }
    enum market_outcome outcomes[MARKET_BATCH_ROWS_MAX];
    struct market_row *rows = calloc(MARKET_BATCH_ROWS_MAX, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < MARKET_BATCH_ROWS_MAX; i++) {
        rows[i] = (struct market_row){.series = ds_bytes_of_text("P3"),
                                      .timestamp_us = SERVICE_NOW_US - 2 * HOUR_US - (int64_t)i};
    }
    struct market_batch batch = {.kind = MARKET_TICKS,
                                 .rows = rows,
                                 .row_count = MARKET_BATCH_ROWS_MAX,
                                 .outcomes = outcomes};
    assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
    free(rows);
    const struct rule rule = {STORAGE__ROW_KIND__TICKS, "", HOUR_US};
    assert_run(service, &rule, 1, "1/=10600");
    assert_int_equal(stored_rows(service), 600);
}

static void the_rules_of_the_start_hold_where_none_is_given(void **state)
{
    struct service *service = *state;
    assert_int_equal(run_retention(service, NULL, 0, true), DS_FAILED_PRECONDITION);
    assert_non_null(strstr(service->call.message, "--retain"));
    put_rows(service, MARKET_TICKS, "NIFTY", "", HOUR_US, 2);
    const struct retention_rule rule = {.kind = MARKET_TICKS, .keep_us = HOUR_US};
    retention_sweeper_schedule(storage_sweeper(service->storage), &rule, 1, HOUR_US);
    /* The pass at once or this run deletes them. */
    assert_int_equal(run_retention(service, NULL, 0, false), DS_OK);
    assert_int_equal(stored_rows(service), 1);
    assert_int_equal(run_retention(service, NULL, 0, true), DS_OK);
    assert_results(service, "1/=0");
}

static void a_bad_rule_is_named_and_nothing_goes(void **state)
{
    struct service *service = *state;
    static const struct {
        struct rule rule;
        const char *field;
    } cases[] = {
        {{STORAGE__ROW_KIND__ROW_KIND_UNSPECIFIED, "", HOUR_US}, "rules[1].kind"},
        {{(Storage__RowKind)9, "", HOUR_US}, "rules[1].kind"},
        {{STORAGE__ROW_KIND__TICKS, "A/B", HOUR_US}, "rules[1].product"},
        {{STORAGE__ROW_KIND__TICKS, "X", INT64_MIN}, "rules[1].keep"},
        {{STORAGE__ROW_KIND__TICKS, "X", 0}, "rules[1].keep"},
        {{STORAGE__ROW_KIND__TICKS, "X", -HOUR_US}, "rules[1].keep"},
        {{STORAGE__ROW_KIND__TICKS, "X", MINUTE_US - 1}, "rules[1].keep"},
        {{STORAGE__ROW_KIND__TICKS, "", HOUR_US}, "rules[1]"},
    };
    put_rows(service, MARKET_TICKS, "NIFTY", "", HOUR_US, 2);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct rule rules[] = {{STORAGE__ROW_KIND__TICKS, "", HOUR_US}, cases[i].rule};
        assert_int_equal(run_retention(service, rules, 2, false), DS_INVALID_ARGUMENT);
        assert_failure(service, cases[i].field, "INVALID_REQUEST");
    }
    assert_int_equal(stored_rows(service), 3);
}

static void rules_are_limited_in_number(void **state)
{
    struct service *service = *state;
    char names[RULES_MAX][16];
    struct rule rules[RULES_MAX];
    for (size_t i = 0; i < RULES_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "P%zu", i);
        rules[i] = (struct rule){STORAGE__ROW_KIND__TICKS, names[i], HOUR_US};
    }
    assert_int_equal(run_retention(service, rules, RETENTION_RULES_MAX + 1, true),
                     DS_INVALID_ARGUMENT);
    assert_failure(service, "rules", "INVALID_REQUEST");
    assert_int_equal(run_retention(service, rules, RETENTION_RULES_MAX, true), DS_OK);
}

static void a_service_that_stops_takes_no_run(void **state)
{
    struct service *service = *state;
    storage_stop(service->storage);
    const struct rule rule = {STORAGE__ROW_KIND__TICKS, "", HOUR_US};
    assert_int_equal(run_retention(service, &rule, 1, false), DS_UNAVAILABLE);
    assert_failure(service, NULL, "SERVICE_UNAVAILABLE");
}

/* A store with one series whose old rows never end: every chunk is full and there are more. */
struct endless_store {
    struct market_store base;
    struct service *service;
    size_t chunk_count;
    size_t failing_chunk;  /* the one that fails; 0: none */
    size_t stopping_chunk; /* the one while which the service is stopped; 0: none */
    size_t calling_chunk;  /* the one while which another run is asked for; 0: none */
    ds_code called;        /* what came of that */
    char called_message[128];
};

static ds_code endless_list_series(struct market_store *store,
                                   const struct market_series_query *query, market_series_fn take,
                                   void *context, bool *ret_more)
{
    (void)store;
    if (query->after.size == 0) {
        take(context, ds_bytes_of_text("NIFTY"), (struct ds_bytes){0});
    }
    *ret_more = false;
    return DS_OK;
}

static ds_code endless_scan(struct market_store *store, const struct market_scan *scan,
                            market_row_fn take, void *context, bool *ret_more)
{
    (void)store;
    take(context, &(struct market_row){.series = scan->series, .timestamp_us = scan->end_us});
    *ret_more = true;
    return DS_OK;
}

/* On the sweeper's thread, in the middle of its run. */
static void call_another(struct endless_store *endless)
{
    Storage__RunRetentionRequest request = STORAGE__RUN_RETENTION_REQUEST__INIT;
    Storage__RetentionRule rule = STORAGE__RETENTION_RULE__INIT;
    Storage__RetentionRule *rules[] = {&rule};
    Google__Protobuf__Duration keep = GOOGLE__PROTOBUF__DURATION__INIT;
    uint8_t payload[64];
    keep.seconds = 3600;
    rule.kind = STORAGE__ROW_KIND__TICKS;
    rule.keep = &keep;
    request.n_rules = 1;
    request.rules = rules;
    struct ds_client_call call = endless->service->call;
    call.payload = ds_bytes_of(payload, protobuf_c_message_pack(&request.base, payload));
    endless->called = ds_channel_call_wait(endless->service->channel, &call);
    snprintf(endless->called_message, sizeof(endless->called_message), "%s", call.message);
    ds_client_call_release(&call);
}

static void endless_delete_rows(struct market_store *store, struct market_delete *order)
{
    struct endless_store *endless = (struct endless_store *)store;
    endless->chunk_count++;
    if (endless->chunk_count == endless->calling_chunk) {
        call_another(endless);
    }
    if (endless->chunk_count == endless->stopping_chunk) {
        storage_stop(endless->service->storage);
    }
    order->code = endless->chunk_count == endless->failing_chunk ? DS_UNAVAILABLE : DS_OK;
    order->deleted_count = order->row_max;
    order->more = true;
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
        .list_series = endless_list_series,
        .scan = endless_scan,
        .delete_rows = endless_delete_rows,
        .health = endless_health,
        .close = endless_close,
    };
    struct endless_store *store = calloc(1, sizeof(*store));
    assert_non_null(store);
    store->base.ops = &ops;
    *state = store->service = service_create(&store->base, "");
    return 0;
}

static const struct rule every_tick = {STORAGE__ROW_KIND__TICKS, "", HOUR_US};

static void a_run_whose_store_fails_says_how_far_it_went(void **state)
{
    struct service *service = *state;
    struct endless_store *store = (struct endless_store *)service->store;
    store->failing_chunk = 3;
    assert_int_equal(run_retention(service, &every_tick, 1, false), DS_UNAVAILABLE);
    assert_failure(service, NULL, "STORE_UNAVAILABLE");
    assert_string_equal(service->call.message,
                        "the store does not work at present; 4000 rows were deleted before");
    assert_int_equal(retention_sweeper_totals(storage_sweeper(service->storage)).failed_count, 1);
}

static void a_run_ends_with_the_service_between_two_chunks(void **state)
{
    struct service *service = *state;
    struct endless_store *store = (struct endless_store *)service->store;
    store->stopping_chunk = 2;
    assert_int_equal(run_retention(service, &every_tick, 1, false), DS_UNAVAILABLE);
    assert_failure(service, NULL, "SERVICE_UNAVAILABLE");
    assert_string_equal(service->call.message,
                        "the service is shutting down; 4000 rows were deleted before");
    assert_int_equal(store->chunk_count, 2);
}

/* The teardown waits for the run to end. */
static void a_run_ends_with_its_caller(void **state)
{
    struct service *service = *state;
    service->timeout_ms = 50;
    assert_int_equal(run_retention(service, &every_tick, 1, false), DS_DEADLINE_EXCEEDED);
}

static void a_dry_run_ends_with_its_caller(void **state)
{
    struct service *service = *state;
    service->timeout_ms = 50;
    assert_int_equal(run_retention(service, &every_tick, 1, true), DS_DEADLINE_EXCEEDED);
}

static void a_second_run_is_turned_away(void **state)
{
    struct service *service = *state;
    struct endless_store *store = (struct endless_store *)service->store;
    store->calling_chunk = 1;
    store->failing_chunk = 2;
    assert_int_equal(run_retention(service, &every_tick, 1, false), DS_UNAVAILABLE);
    assert_int_equal(store->called, DS_ABORTED);
    assert_string_equal(store->called_message,
                        "another retention run is under way; call again when it has ended");
}

static int run_on_endless(void)
{
#define ENDLESS_TEST(name) cmocka_unit_test_setup_teardown(name, endless_setup, service_teardown)
    const struct CMUnitTest tests[] = {
        ENDLESS_TEST(a_run_whose_store_fails_says_how_far_it_went),
        ENDLESS_TEST(a_run_ends_with_the_service_between_two_chunks),
        ENDLESS_TEST(a_run_ends_with_its_caller),
        ENDLESS_TEST(a_dry_run_ends_with_its_caller),
        ENDLESS_TEST(a_second_run_is_turned_away),
    };
    return cmocka_run_group_tests_name("endless", tests, NULL, NULL);
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_go_a_microsecond_after_their_time),
        cmocka_unit_test(a_rule_is_for_its_kind_alone),
        cmocka_unit_test(the_rule_that_names_the_product_counts),
        cmocka_unit_test(a_product_of_its_own_leaves_the_others),
        cmocka_unit_test(the_product_of_quotes_and_chains_is_their_group),
        cmocka_unit_test(more_series_than_a_page_and_more_rows_than_a_chunk_go_too),
        cmocka_unit_test(the_rules_of_the_start_hold_where_none_is_given),
        cmocka_unit_test(a_bad_rule_is_named_and_nothing_goes),
        cmocka_unit_test(rules_are_limited_in_number),
        cmocka_unit_test(a_service_that_stops_takes_no_run),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
    const int failed = run_on_engines() + run_on_endless();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
