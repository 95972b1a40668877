/* ListChains and ListExpiries as a caller meets them. */
#include "ds/log.h"
#include "service_json.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)
#define MEBIBYTE ((size_t)1024 * 1024)

static const Storage__ConflictPolicy no_policy =
    STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_UNSPECIFIED;

static Storage__ListChainsRequest request_of(const char *product, const char *expiry, int32_t limit)
{
    Storage__ListChainsRequest request = STORAGE__LIST_CHAINS_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    request.expiry = (char *)(uintptr_t)expiry;
    request._limit_case = limit != 0 ? STORAGE__LIST_CHAINS_REQUEST___LIMIT_LIMIT
                                     : STORAGE__LIST_CHAINS_REQUEST___LIMIT__NOT_SET;
    request.limit = limit;
    return request;
}

static Storage__ListChainsResponse *list_chains(struct service *service,
                                                const Storage__ListChainsRequest *request)
{
    if (service_call(service, "ListChains", &request->base) != DS_OK) {
        fail_msg("%s", service->call.message);
    }
    Storage__ListChainsResponse *response = storage__list_chains_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->count, response->n_chains);
    assert_string_equal(response->product, request->product);
    return response;
}

/* Asserts seconds and days of expiries, "7/25", with " more" behind them where there is a next
 * page. */
static void assert_chains(struct service *service, const Storage__ListChainsRequest *request,
                          const char *expected)
{
    char text[512] = "";
    Storage__ListChainsResponse *response = list_chains(service, request);
    for (size_t i = 0; i < response->n_chains; i++) {
        const size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "%s%lld/%s", i == 0 ? "" : " ",
                 (long long)response->chains[i]->timestamp->seconds,
                 response->chains[i]->expiry + strlen("2025-01-"));
    }
    const bool more = response->next_page_token[0] != '\0';
    storage__list_chains_response__free_unpacked(response, NULL);
    strcat(text, more ? " more" : "");
    assert_string_equal(text, expected);
}

/* Two expiries, at some moments both. */
static void ingest_some(struct service *service)
{
    chain_set(service, 0, "NIFTY", "2025-01-25", 1 * SECOND, 1);
    chain_set(service, 1, "NIFTY", "2025-01-30", 2 * SECOND, 1);
    chain_set(service, 2, "NIFTY", "2025-01-25", 2 * SECOND, 1);
    chain_set(service, 3, "NIFTY", "2025-01-30", 3 * SECOND, 1);
    chain_set(service, 4, "NIFTY", "2025-01-30", 4 * SECOND, 1);
    chain_set(service, 5, "NIFTY", "2025-01-25", 4 * SECOND, 1);
    chain_set(service, 6, "NIFTYX", "2025-01-25", 3 * SECOND, 1);
    assert_int_equal(ingest_chains(service, 7, no_policy), DS_OK);
    assert_ingested(service, "7 0 0");
}

static void a_chain_is_shown_with_what_was_computed(void **state)
{
    struct service *service = *state;
    ingest_json(service, "IngestChains",
                json_of("{'chains':[{'product':'NIFTY','expiry':'2025-01-30','spot_price':21510,"
                        "'timestamp':'2025-01-25T10:00:00Z','processed_at':'2025-01-25T10:00:01Z',"
                        "'calls':[{'strike':21500,'last':120.5,'volume':4,'open_interest':10},"
                        "{'symbol':'NIFTY20250130C21550','product':'NIFTY','strike':21550,"
                        "'expiry':'2025-01-30','option_type':'CALL','open_interest':20}],"
                        "'puts':[{'strike':21500,'last':80.25,'volume':1,'open_interest':15}]}]}"));
    assert_json(service, "ListChains", json_of("{'product':'NIFTY'}"),
                json_of("{'product':'NIFTY','count':1,'chains':[{'expiry':'2025-01-30',"
                        "'spot_price':21510,'pcr_oi':0.5,'pcr_volume':0.25,'atm_strike':21500,"
                        "'atm_straddle_price':200.75,'max_pain_strike':21500,'total_call_oi':30,"
                        "'total_put_oi':15,'call_buildup_otm':20,'put_buildup_otm':15,"
                        "'calls':[{'symbol':'NIFTY20250130C21500','product':'NIFTY','strike':21500,"
                        "'expiry':'2025-01-30','option_type':'CALL','last':120.5,'volume':4,"
                        "'open_interest':10},"
                        "{'symbol':'NIFTY20250130C21550','product':'NIFTY','strike':21550,"
                        "'expiry':'2025-01-30','option_type':'CALL','open_interest':20}],"
                        "'puts':[{'symbol':'NIFTY20250130P21500','product':'NIFTY','strike':21500,"
                        "'expiry':'2025-01-30','option_type':'PUT','last':80.25,'volume':1,"
                        "'open_interest':15}],"
                        "'timestamp':'2025-01-25T10:00:00Z',"
                        "'processed_at':'2025-01-25T10:00:01Z'}],'next_page_token':''}"));
}

static void chains_of_one_expiry_or_of_all_follow_their_times(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Storage__ListChainsRequest request = request_of("NIFTY", "2025-01-25", 0);
    assert_chains(service, &request, "4/25 2/25 1/25");
    request.order = STORAGE__ORDER__ORDER_ASC;
    assert_chains(service, &request, "1/25 2/25 4/25");
    request = request_of("NIFTY", "", 0);
    assert_chains(service, &request, "4/30 4/25 3/30 2/30 2/25 1/25");
    request.order = STORAGE__ORDER__ORDER_ASC;
    assert_chains(service, &request, "1/25 2/25 2/30 3/30 4/25 4/30");
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Timestamp end = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    start.seconds = 2;
    end.seconds = 3;
    request.start = &start;
    request.end = &end;
    assert_chains(service, &request, "2/25 2/30 3/30");
    request = request_of("NIFTY", "2025-02-01", 0);
    assert_chains(service, &request, "");
    request = request_of("NOSUCH", "", 0);
    assert_chains(service, &request, "");
}

/* Pages of the chains of all expiries, every chain once. */
static void assert_pages(struct service *service, Storage__ListChainsRequest *request,
                         const char *expected)
{
    char text[512] = "";
    char token[128] = "";
    do {
        request->page_token = token;
        Storage__ListChainsResponse *response = list_chains(service, request);
        assert_int_equal(response->n_chains, 1);
        const size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "%s%lld/%s", size == 0 ? "" : " ",
                 (long long)response->chains[0]->timestamp->seconds,
                 response->chains[0]->expiry + strlen("2025-01-"));
        snprintf(token, sizeof(token), "%s", response->next_page_token);
        storage__list_chains_response__free_unpacked(response, NULL);
    } while (token[0] != '\0' && strlen(text) < 200);
    assert_string_equal(text, expected);
}

static void pages_of_all_expiries_part_chains_of_one_moment(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Storage__ListChainsRequest request = request_of("NIFTY", "", 1);
    assert_pages(service, &request, "4/30 4/25 3/30 2/30 2/25 1/25");
    request.order = STORAGE__ORDER__ORDER_ASC;
    assert_pages(service, &request, "1/25 2/25 2/30 3/30 4/25 4/30");
    request = request_of("NIFTY", "2025-01-30", 1);
    assert_pages(service, &request, "4/30 3/30 2/30");
}

static void pages_of_all_expiries_go_on_while_chains_come_and_go(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Storage__ListChainsRequest request = request_of("NIFTY", "", 2);
    Storage__ListChainsResponse *first = list_chains(service, &request);
    struct market_delete order = {
        .kind = MARKET_CHAINS,
        .series = ds_bytes_of_text("NIFTY/2025-01-25"),
        .start_us = 3 * SECOND,
        .end_us = INT64_MAX,
        .row_max = 10,
    };
    /* The chain that the token names goes; others come on both sides, and one of a new expiry. */
    assert_int_equal(market_delete_wait(service->store, &order), DS_OK);
    assert_int_equal(order.deleted_count, 1);
    chain_set(service, 0, "NIFTY", "2025-01-25", 5 * SECOND, 1);
    chain_set(service, 1, "NIFTY", "2025-01-01", 2 * SECOND, 1);
    assert_int_equal(ingest_chains(service, 2, no_policy), DS_OK);
    request = request_of("NIFTY", "", 0);
    request.page_token = first->next_page_token;
    assert_chains(service, &request, "3/30 2/30 2/25 2/01 1/25");
    storage__list_chains_response__free_unpacked(first, NULL);
}

static void a_page_token_of_another_list_is_refused(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Storage__ListChainsRequest all = request_of("NIFTY", "", 1);
    Storage__ListChainsResponse *of_all = list_chains(service, &all);
    Storage__ListChainsRequest one = request_of("NIFTY", "2025-01-25", 1);
    Storage__ListChainsResponse *of_one = list_chains(service, &one);
    one.page_token = of_all->next_page_token;
    assert_int_equal(service_call(service, "ListChains", &one.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "page_token", "INVALID_PAGE_TOKEN");
    all.page_token = of_one->next_page_token;
    assert_int_equal(service_call(service, "ListChains", &all.base), DS_INVALID_ARGUMENT);
    one.page_token = of_one->next_page_token;
    one.expiry = (char *)(uintptr_t) "2025-01-30";
    assert_int_equal(service_call(service, "ListChains", &one.base), DS_INVALID_ARGUMENT);
    one.expiry = (char *)(uintptr_t) "2025-01-25";
    assert_chains(service, &one, "2/25 more");
    storage__list_chains_response__free_unpacked(of_all, NULL);
    storage__list_chains_response__free_unpacked(of_one, NULL);
}

static void without_a_limit_a_list_has_10_chains_and_at_most_1000(void **state)
{
    struct service *service = *state;
    for (size_t i = 0; i < SERVICE_CHAINS_MAX; i++) {
        chain_set(service, i, "NIFTY", i % 2 == 0 ? "2025-01-25" : "2025-01-30",
                  (int64_t)(i + 1) * SECOND, 1);
    }
    assert_int_equal(ingest_chains(service, SERVICE_CHAINS_MAX, no_policy), DS_OK);
    Storage__ListChainsRequest request = request_of("NIFTY", "", 0);
    Storage__ListChainsResponse *response = list_chains(service, &request);
    assert_int_equal(response->n_chains, 10);
    storage__list_chains_response__free_unpacked(response, NULL);
    request = request_of("NIFTY", "", 1001);
    response = list_chains(service, &request);
    assert_int_equal(response->n_chains, 1000);
    assert_string_not_equal(response->next_page_token, "");
    assert_true(response->chains[999]->timestamp->seconds == 2);
    storage__list_chains_response__free_unpacked(response, NULL);
}

/* Twenty chains of a mebibyte less a little; a reply has sixteen. */
static void a_list_stops_before_the_largest_reply_and_says_where_to_go_on(void **state)
{
    struct service *service = *state;
    static uint8_t bytes[MEBIBYTE - 1024];
    ProtobufCMessageUnknownField unknown = {
        .tag = 999,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = sizeof(bytes),
        .data = bytes,
    };
    /* The length that stands in front of the bytes, in three of seven bits. */
    const size_t length = sizeof(bytes) - 3;
    bytes[0] = (uint8_t)(length | 0x80);
    bytes[1] = (uint8_t)(length >> 7 | 0x80);
    bytes[2] = (uint8_t)(length >> 14);
    for (int64_t i = 0; i < 20; i++) {
        Storage__OptionChain *chain =
            chain_set(service, 0, "NIFTY", "2025-01-25", (i + 1) * SECOND, 1);
        chain->base.n_unknown_fields = 1;
        chain->base.unknown_fields = &unknown;
        assert_int_equal(ingest_chains(service, 1, no_policy), DS_OK);
        assert_ingested(service, "1 0 0");
    }
    for (int by_group = 0; by_group < 2; by_group++) {
        Storage__ListChainsRequest request =
            request_of("NIFTY", by_group == 1 ? "" : "2025-01-25", 1000);
        char token[128] = "";
        int64_t expected = 20;
        size_t pages = 0;
        do {
            request.page_token = token;
            Storage__ListChainsResponse *response = list_chains(service, &request);
            assert_true(service->call.response.size <= 16 * MEBIBYTE);
            assert_true(response->n_chains > 0);
            for (size_t i = 0; i < response->n_chains; i++, expected--) {
                assert_true(response->chains[i]->timestamp->seconds == expected);
            }
            snprintf(token, sizeof(token), "%s", response->next_page_token);
            storage__list_chains_response__free_unpacked(response, NULL);
            pages++;
        } while (token[0] != '\0' && pages < 10);
        assert_true(expected == 0);
        assert_int_equal(pages, 2);
    }
}

static void a_bad_parameter_is_refused_by_name(void **state)
{
    struct service *service = *state;
    static const struct refusal refused[] = {
        {"{}", "product", "product must not be empty"},
        {"{'product':'A/B'}", "product", "product must not have a '/'"},
        {"{'product':'A','expiry':'soon'}", "expiry", "expiry must be a date, YYYY-MM-DD"},
        {"{'product':'A','expiry':'2025-02-29'}", "expiry", "expiry must be a day that there is"},
        {"{'product':'A','limit':0}", "limit", "limit must be 1 or more"},
        {"{'product':'A','order':7}", "order", "order must be ORDER_ASC or ORDER_DESC"},
        {"{'product':'A','page_token':'x'}", "page_token",
         "page_token must be the next_page_token"},
    };
    assert_all_refused(service, "ListChains", refused, sizeof(refused) / sizeof(refused[0]));
}

static void expiries_are_those_of_the_products_chains_in_order(void **state)
{
    struct service *service = *state;
    chain_set(service, 0, "NIFTY", "2025-10-01", SECOND, 1);
    chain_set(service, 1, "NIFTY", "2025-02-01", SECOND, 1);
    chain_set(service, 2, "NIFT", "2024-02-01", SECOND, 1);
    chain_set(service, 3, "NIFTYX", "2024-02-01", SECOND, 1);
    chain_set(service, 4, "NIFTY", "2025-02-01", 2 * SECOND, 1);
    assert_int_equal(ingest_chains(service, 5, no_policy), DS_OK);
    assert_json(service, "ListExpiries", json_of("{'product':'NIFTY'}"),
                json_of("{'product':'NIFTY','expiries':['2025-02-01','2025-10-01']}"));
    assert_json(service, "ListExpiries", json_of("{'product':'NIF'}"),
                json_of("{'product':'NIF','expiries':[]}"));
    assert_refused(service, "ListExpiries", "{}", DS_INVALID_ARGUMENT, "product must not be empty");
    assert_failure(service, "product", NULL);
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_shown_with_what_was_computed),
        cmocka_unit_test(chains_of_one_expiry_or_of_all_follow_their_times),
        cmocka_unit_test(pages_of_all_expiries_part_chains_of_one_moment),
        cmocka_unit_test(pages_of_all_expiries_go_on_while_chains_come_and_go),
        cmocka_unit_test(a_page_token_of_another_list_is_refused),
        cmocka_unit_test(without_a_limit_a_list_has_10_chains_and_at_most_1000),
        cmocka_unit_test(a_list_stops_before_the_largest_reply_and_says_where_to_go_on),
        cmocka_unit_test(a_bad_parameter_is_refused_by_name),
        cmocka_unit_test(expiries_are_those_of_the_products_chains_in_order),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
