/* LatestTick, LatestTicks, LatestQuotes and AsOf as a caller meets them. */
#include "support/test.h"

#include "ds/log.h"
#include "service_json.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)

/* Ten o'clock of a day in 2025. */
#define TEN INT64_C(1737799200000000)

#define PROCESSED "'processed_at':'2025-01-25T10:00:00.000001Z'"
#define NIFTY_TICK(time, id, price)                                                                \
    "{'product':'NIFTY','price':" #price ",'timestamp':'2025-01-25T" time "Z','tick_id':" #id      \
    "," PROCESSED "}"

static void ingest_some(struct service *service)
{
    tick_set(service, 0, "NIFTY", TEN, 1, 100);
    tick_set(service, 1, "NIFTY", TEN + 10 * SECOND, 2, 101);
    tick_set(service, 2, "NIFTY", TEN + 10 * SECOND, 3, 102);
    tick_set(service, 3, "SENSEX", TEN, 9, 7);
    assert_int_equal(ingest(service, 4), DS_OK);
}

static void the_latest_tick_is_the_newest_with_its_product(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "LatestTick", json_of("{'product':'NIFTY'}"),
                json_of(NIFTY_TICK("10:00:10", 3, 102)));
    assert_refused(service, "LatestTick", json_of("{'product':'NIFT'}"), DS_NOT_FOUND,
                   "there is no tick of NIFT");
    assert_failure(service, NULL, "NOT_FOUND");
}

static void the_latest_ticks_follow_the_request_and_name_what_is_missing(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(
        service, "LatestTicks", json_of("{'products':['SENSEX','NOSUCH','NIFTY','SENSEX','NIFT']}"),
        json_of("{'ticks':[{'product':'SENSEX','price':7,"
                "'timestamp':'2025-01-25T10:00:00Z','tick_id':9," PROCESSED "}," NIFTY_TICK(
                    "10:00:10", 3, 102) ",{'product':'SENSEX','price':7,"
                                        "'timestamp':'2025-01-25T10:00:00Z','tick_id':9," PROCESSED
                                        "}],"
                                        "'missing':['NOSUCH','NIFT']}"));
}

static void the_latest_quotes_follow_the_request_and_name_what_is_missing(void **state)
{
    struct service *service = *state;
    quote_set(service, 0, "A", "2025-01-30", TEN, 1);
    quote_set(service, 1, "A", "2025-01-30", TEN + 1, 2);
    quote_set(service, 2, "B", "2025-01-30", TEN, 3);
    assert_int_equal(ingest_quotes(service, 3, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR),
                     DS_OK);
#define QUOTE_OF(symbol, last, time)                                                               \
    "{'symbol':'" symbol "','product':'NIFTY','strike':21500,'expiry':'2025-01-30',"               \
    "'option_type':'CALL','last':" #last ",'timestamp':'2025-01-25T" time "Z'," PROCESSED "}"
    assert_json(service, "LatestQuotes", json_of("{'symbols':['B','C','A']}"),
                json_of("{'quotes':[" QUOTE_OF("B", 3, "10:00:00") "," QUOTE_OF(
                    "A", 2, "10:00:00.000001") "],'missing':['C']}"));
}

static void names_are_1_to_1000_and_without_faults(void **state)
{
    struct service *service = *state;
    assert_refused(service, "LatestTicks", "{}", DS_INVALID_ARGUMENT,
                   "products must have 1 to 1000 names");
    assert_failure(service, "products", NULL);
    assert_refused(service, "LatestQuotes", "{}", DS_INVALID_ARGUMENT,
                   "symbols must have 1 to 1000 names");
    assert_failure(service, "symbols", NULL);
    assert_refused(service, "LatestTicks", json_of("{'products':['NIFTY','A/B']}"),
                   DS_INVALID_ARGUMENT, "products[1]: product must not have a '/'");
    assert_failure(service, "products", NULL);
    assert_refused(service, "LatestQuotes", json_of("{'symbols':['']}"), DS_INVALID_ARGUMENT,
                   "symbols[0]: symbol must not be empty");
    char *names[1001];
    for (size_t i = 0; i < 1001; i++) {
        names[i] = (char *)(uintptr_t) "NIFTY";
    }
    ingest_some(service);
    Storage__LatestTicksRequest request = STORAGE__LATEST_TICKS_REQUEST__INIT;
    request.products = names;
    request.n_products = 1001;
    assert_int_equal(service_call(service, "LatestTicks", &request.base), DS_INVALID_ARGUMENT);
    request.n_products = 1000;
    assert_int_equal(service_call(service, "LatestTicks", &request.base), DS_OK);
    Storage__LatestTicksResponse *response = storage__latest_ticks_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->n_ticks, 1000);
    assert_true(response->ticks[999]->tick_id == 3);
    storage__latest_ticks_response__free_unpacked(response, NULL);
}

static void as_of_a_moment_is_the_newest_tick_at_or_before_it(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "AsOf", json_of("{'product':'NIFTY','time':'2025-01-25T10:00:10Z'}"),
                json_of(NIFTY_TICK("10:00:10", 3, 102)));
    assert_json(service, "AsOf",
                json_of("{'product':'NIFTY','time':'2025-01-25T10:00:09.999999Z'}"),
                json_of(NIFTY_TICK("10:00:00", 1, 100)));
    assert_json(service, "AsOf", json_of("{'product':'NIFTY','time':'9999-12-31T23:59:59Z'}"),
                json_of(NIFTY_TICK("10:00:10", 3, 102)));
    assert_refused(service, "AsOf",
                   json_of("{'product':'NIFTY','time':'2025-01-25T09:59:59.999999Z'}"),
                   DS_NOT_FOUND, "there is no tick of NIFTY at or before that time");
    assert_failure(service, NULL, "NOT_FOUND");
}

static void a_tick_that_is_older_than_the_tolerance_is_not_found(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "AsOf",
                json_of("{'product':'NIFTY','time':'2025-01-25T10:00:05.5Z','tolerance':'5.500s'}"),
                json_of(NIFTY_TICK("10:00:00", 1, 100)));
    assert_refused(
        service, "AsOf",
        json_of("{'product':'NIFTY','time':'2025-01-25T10:00:05.5Z','tolerance':'5.499999999s'}"),
        DS_NOT_FOUND,
        "there is no tick of NIFTY at or before that time that is not older than tolerance");
    assert_json(service, "AsOf",
                json_of("{'product':'NIFTY','time':'2025-01-25T10:00:00Z','tolerance':'0s'}"),
                json_of(NIFTY_TICK("10:00:00", 1, 100)));
    /* Longer ago than there are years. */
    assert_json(service, "AsOf",
                json_of("{'product':'NIFTY','time':'2025-01-25T10:00:01Z',"
                        "'tolerance':'315576000000s'}"),
                json_of(NIFTY_TICK("10:00:00", 1, 100)));
}

/* A row's time is a whole microsecond; what is asked for may lie between two. */
static void as_of_a_nanosecond_before_a_tick_does_not_find_it(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Storage__AsOfRequest request = STORAGE__AS_OF_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "NIFTY";
    request.time = &time;
    time.seconds = TEN / SECOND - 1;
    time.nanos = 999999999;
    assert_int_equal(service_call(service, "AsOf", &request.base), DS_NOT_FOUND);
    time.seconds = TEN / SECOND;
    time.nanos = 0;
    assert_int_equal(service_call(service, "AsOf", &request.base), DS_OK);
    Google__Protobuf__Duration tolerance = GOOGLE__PROTOBUF__DURATION__INIT;
    request.tolerance = &tolerance;
    tolerance.nanos = 500;
    assert_int_equal(service_call(service, "AsOf", &request.base), DS_OK);
    time.nanos = 1000;
    tolerance.nanos = 999;
    assert_int_equal(service_call(service, "AsOf", &request.base), DS_NOT_FOUND);
    tolerance.nanos = 1000;
    assert_int_equal(service_call(service, "AsOf", &request.base), DS_OK);
}

static void a_bad_parameter_of_as_of_is_refused_by_name(void **state)
{
    struct service *service = *state;
    static const struct refusal refused[] = {
        {"{'time':'2025-01-25T10:00:00Z'}", "product", "product must not be empty"},
        {"{'product':'A'}", "time", "time is missing"},
        {"{'product':'A','time':'2025-01-25T10:00:00Z','tolerance':'-1s'}", "tolerance",
         "tolerance must be a duration of 0 s to 10,000 years"},
        {"{'product':'A','time':'2025-01-25T10:00:00Z','tolerance':'-0.5s'}", "tolerance",
         "tolerance must be a duration of 0 s to 10,000 years"},
    };
    assert_all_refused(service, "AsOf", refused, sizeof(refused) / sizeof(refused[0]));
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Storage__AsOfRequest request = STORAGE__AS_OF_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "A";
    request.time = &time;
    time.seconds = INT64_MAX;
    assert_int_equal(service_call(service, "AsOf", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "time", NULL);
    Google__Protobuf__Duration tolerance = GOOGLE__PROTOBUF__DURATION__INIT;
    time.seconds = 1;
    request.tolerance = &tolerance;
    tolerance.seconds = INT64_MAX;
    assert_int_equal(service_call(service, "AsOf", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "tolerance", NULL);
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_tick_is_the_newest_with_its_product),
        cmocka_unit_test(the_latest_ticks_follow_the_request_and_name_what_is_missing),
        cmocka_unit_test(the_latest_quotes_follow_the_request_and_name_what_is_missing),
        cmocka_unit_test(names_are_1_to_1000_and_without_faults),
        cmocka_unit_test(as_of_a_moment_is_the_newest_tick_at_or_before_it),
        cmocka_unit_test(a_tick_that_is_older_than_the_tolerance_is_not_found),
        cmocka_unit_test(as_of_a_nanosecond_before_a_tick_does_not_find_it),
        cmocka_unit_test(a_bad_parameter_of_as_of_is_refused_by_name),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
