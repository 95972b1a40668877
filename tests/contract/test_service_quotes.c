/* ListQuotes as a caller meets it. */
#include "ds/log.h"
#include "service_json.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define SYMBOL "NIFTY20250125C21500"
#define SECOND INT64_C(1000000)

static const Storage__ConflictPolicy no_policy =
    STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_UNSPECIFIED;

static void quotes_come_back_newest_first_as_they_were_sent(void **state)
{
    struct service *service = *state;
    ingest_json(service, "IngestQuotes",
                json_of("{'quotes':[{'symbol':'NIFTY20250125C21500','product':'NIFTY',"
                        "'strike':21500,'expiry':'2025-01-25','option_type':'CALL','bid':99.5,"
                        "'ask':100.5,'last':0,'volume':10,'open_interest':20,'delta':0.5,"
                        "'gamma':0.001,'vega':12.5,'theta':-3.25,'iv':0.15,"
                        "'timestamp':'2025-01-25T10:00:00Z','processed_at':'2025-01-25T10:00:01Z',"
                        "'bid_qty':75,'ask_qty':0,'exchange':'NSE'},"
                        "{'symbol':'NIFTY20250125C21500','product':'NIFTY','strike':21500,"
                        "'expiry':'2025-01-25','option_type':'CALL',"
                        "'timestamp':'2025-01-25T10:00:05Z'}]}"));
    assert_json(service, "ListQuotes", json_of("{'symbol':'" SYMBOL "'}"),
                json_of("{'symbol':'" SYMBOL "','count':2,'quotes':[{'product':'NIFTY',"
                        "'strike':21500,'expiry':'2025-01-25','option_type':'CALL',"
                        "'timestamp':'2025-01-25T10:00:05Z',"
                        "'processed_at':'2025-01-25T10:00:00.000001Z'},"
                        "{'product':'NIFTY','strike':21500,'expiry':'2025-01-25',"
                        "'option_type':'CALL','bid':99.5,'ask':100.5,'last':0,'volume':10,"
                        "'open_interest':20,'delta':0.5,'gamma':0.001,'vega':12.5,'theta':-3.25,"
                        "'iv':0.15,'timestamp':'2025-01-25T10:00:00Z',"
                        "'processed_at':'2025-01-25T10:00:01Z','bid_qty':75,'ask_qty':0,"
                        "'exchange':'NSE'}],'next_page_token':''}"));
    assert_json(service, "ListQuotes", json_of("{'symbol':'NOSUCH'}"),
                json_of("{'symbol':'NOSUCH','count':0,'quotes':[],'next_page_token':''}"));
}

/* Quotes of one symbol, a second apart, whose last price is their number. */
static void ingest_numbered(struct service *service, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        quote_set(service, i, SYMBOL, "2025-01-25", (int64_t)(i + 1) * SECOND, (double)i);
    }
    assert_int_equal(ingest_quotes(service, count, no_policy), DS_OK);
}

static Storage__ListQuotesResponse *list_quotes(struct service *service,
                                                const Storage__ListQuotesRequest *request)
{
    if (service_call(service, "ListQuotes", &request->base) != DS_OK) {
        fail_msg("%s", service->call.message);
    }
    Storage__ListQuotesResponse *response = storage__list_quotes_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->count, response->n_quotes);
    return response;
}

static Storage__ListQuotesRequest request_of(const char *symbol, int32_t limit)
{
    Storage__ListQuotesRequest request = STORAGE__LIST_QUOTES_REQUEST__INIT;
    request.symbol = (char *)(uintptr_t)symbol;
    request._limit_case = limit != 0 ? STORAGE__LIST_QUOTES_REQUEST___LIMIT_LIMIT
                                     : STORAGE__LIST_QUOTES_REQUEST___LIMIT__NOT_SET;
    request.limit = limit;
    return request;
}

static void start_and_end_belong_to_the_range(void **state)
{
    struct service *service = *state;
    ingest_numbered(service, 5);
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Timestamp end = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    start.seconds = 2;
    end.seconds = 4;
    Storage__ListQuotesRequest request = request_of(SYMBOL, 0);
    request.start = &start;
    request.end = &end;
    Storage__ListQuotesResponse *response = list_quotes(service, &request);
    assert_int_equal(response->n_quotes, 3);
    assert_true(response->quotes[0]->last == 3 && response->quotes[2]->last == 1);
    storage__list_quotes_response__free_unpacked(response, NULL);
    request.order = STORAGE__ORDER__ORDER_ASC;
    response = list_quotes(service, &request);
    assert_true(response->quotes[0]->last == 1 && response->quotes[2]->last == 3);
    storage__list_quotes_response__free_unpacked(response, NULL);
}

static void without_a_limit_a_list_has_100_quotes_and_at_most_10000(void **state)
{
    struct service *service = *state;
    ingest_numbered(service, 10000);
    quote_set(service, 0, SYMBOL, "2025-01-25", 1, 5);
    assert_int_equal(ingest_quotes(service, 1, no_policy), DS_OK);
    assert_ingested(service, "1 0 1");
    Storage__ListQuotesRequest request = request_of(SYMBOL, 0);
    Storage__ListQuotesResponse *response = list_quotes(service, &request);
    assert_int_equal(response->count, 100);
    storage__list_quotes_response__free_unpacked(response, NULL);
    request = request_of(SYMBOL, INT32_MAX);
    response = list_quotes(service, &request);
    assert_int_equal(response->count, 10000);
    assert_string_not_equal(response->next_page_token, "");
    storage__list_quotes_response__free_unpacked(response, NULL);
}

static void delete_second(struct service *service, int64_t second)
{
    struct market_delete order = {
        .kind = MARKET_QUOTES,
        .series = ds_bytes_of_text(SYMBOL),
        .start_us = second * SECOND,
        .end_us = second * SECOND,
        .row_max = 1,
    };
    assert_int_equal(market_delete_wait(service->store, &order), DS_OK);
    assert_int_equal(order.deleted_count, 1);
}

/* A row that was there all the time is on one page, whatever comes and goes around it: also the row
 * that a token names. */
static void pages_hold_every_row_once_while_others_come_and_go(void **state)
{
    struct service *service = *state;
    ingest_numbered(service, 50);
    Storage__ListQuotesRequest request = request_of(SYMBOL, 5);
    char token[128] = "";
    double expected = 49;
    int64_t newest = 50;
    for (int page = 0; page < 10; page++) {
        request.page_token = token;
        Storage__ListQuotesResponse *response = list_quotes(service, &request);
        assert_int_equal(response->n_quotes, 5);
        for (size_t i = 0; i < response->n_quotes; i++, expected--) {
            assert_true(response->quotes[i]->last == expected);
        }
        snprintf(token, sizeof(token), "%s", response->next_page_token);
        storage__list_quotes_response__free_unpacked(response, NULL);
        /* The last one of the page goes, and a newer one comes. */
        delete_second(service, (int64_t)expected + 2);
        quote_set(service, 0, SYMBOL, "2025-01-25", ++newest * SECOND, -0.0);
        assert_int_equal(ingest_quotes(service, 1, no_policy), DS_OK);
        assert_ingested(service, "1 0 0");
    }
    assert_string_equal(token, "");
}

static void a_page_token_of_another_list_is_refused(void **state)
{
    struct service *service = *state;
    ingest_numbered(service, 3);
    tick_set(service, 0, SYMBOL, 1, 1, 1);
    tick_set(service, 1, SYMBOL, 2, 1, 1);
    assert_int_equal(ingest(service, 2), DS_OK);
    /* Ticks of a product that is called as the symbol. */
    Storage__ListTicksRequest ticks = list_request(SYMBOL);
    limit_set(&ticks, 1);
    Storage__ListTicksResponse *of_ticks = list(service, &ticks);
    Storage__ListQuotesRequest request = request_of(SYMBOL, 1);
    request.page_token = of_ticks->next_page_token;
    assert_string_not_equal(request.page_token, "");
    assert_int_equal(service_call(service, "ListQuotes", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "page_token", "INVALID_PAGE_TOKEN");
    storage__list_ticks_response__free_unpacked(of_ticks, NULL);
    request.page_token = (char *)(uintptr_t) "";
    Storage__ListQuotesResponse *response = list_quotes(service, &request);
    request.page_token = response->next_page_token;
    request.symbol = (char *)(uintptr_t) "OTHER";
    assert_int_equal(service_call(service, "ListQuotes", &request.base), DS_INVALID_ARGUMENT);
    request.symbol = (char *)(uintptr_t)SYMBOL;
    request.order = STORAGE__ORDER__ORDER_ASC;
    assert_int_equal(service_call(service, "ListQuotes", &request.base), DS_INVALID_ARGUMENT);
    storage__list_quotes_response__free_unpacked(response, NULL);
}

static void a_bad_parameter_is_refused_by_name(void **state)
{
    struct service *service = *state;
    static const struct refusal refused[] = {
        {"{}", "symbol", "symbol must not be empty"},
        {"{'symbol':'A/B'}", "symbol", "symbol must not have a '/'"},
        {"{'symbol':'A','limit':0}", "limit", "limit must be 1 or more"},
        {"{'symbol':'A','limit':-5}", "limit", "limit must be 1 or more"},
        {"{'symbol':'A','order':7}", "order", "order must be ORDER_ASC or ORDER_DESC"},
        {"{'symbol':'A','page_token':'x'}", "page_token", "page_token must be the next_page_token"},
    };
    assert_all_refused(service, "ListQuotes", refused, sizeof(refused) / sizeof(refused[0]));
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_come_back_newest_first_as_they_were_sent),
        cmocka_unit_test(start_and_end_belong_to_the_range),
        cmocka_unit_test(without_a_limit_a_list_has_100_quotes_and_at_most_10000),
        cmocka_unit_test(pages_hold_every_row_once_while_others_come_and_go),
        cmocka_unit_test(a_page_token_of_another_list_is_refused),
        cmocka_unit_test(a_bad_parameter_is_refused_by_name),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
