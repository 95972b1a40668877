/* ListSymbols and ListStrikes as a caller meets them. */
#include "ds/log.h"
#include "service_json.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)

static const Storage__ConflictPolicy no_policy =
    STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_UNSPECIFIED;

static void ingest_some(struct service *service)
{
    quote_set(service, 0, "B", "2025-01-30", SECOND, 1)->strike = 22000;
    quote_set(service, 1, "A", "2025-01-30", SECOND, 1)->strike = 21000.5;
    quote_set(service, 2, "C", "2025-02-27", SECOND, 1)->strike = 23000;
    quote_set(service, 3, "D", "2025-01-30", SECOND, 1)->strike = 22000;
    quote_set(service, 4, "OF_ANOTHER", "2025-01-30", SECOND, 1)->product =
        (char *)(uintptr_t) "NIFTYX";
    assert_int_equal(ingest_quotes(service, 5, no_policy), DS_OK);
    assert_ingested(service, "5 0 0");
}

static void symbols_are_those_of_the_product_in_order(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "ListSymbols", json_of("{'product':'NIFTY'}"),
                json_of("{'product':'NIFTY','symbols':['A','B','C','D'],'next_page_token':''}"));
    assert_json(service, "ListSymbols", json_of("{'product':'NIFT'}"),
                json_of("{'product':'NIFT','symbols':[],'next_page_token':''}"));
}

/* A symbol that expires at another day, as a correction may say. */
static void symbols_of_an_expiry_are_those_whose_newest_quote_has_it(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "ListSymbols", json_of("{'product':'NIFTY','expiry':'2025-01-30'}"),
                json_of("{'product':'NIFTY','symbols':['A','B','D'],'next_page_token':''}"));
    quote_set(service, 0, "B", "2025-02-27", 2 * SECOND, 1);
    quote_set(service, 1, "C", "2025-01-30", 1, 1);
    assert_int_equal(ingest_quotes(service, 2, no_policy), DS_OK);
    assert_json(service, "ListSymbols", json_of("{'product':'NIFTY','expiry':'2025-01-30'}"),
                json_of("{'product':'NIFTY','symbols':['A','D'],'next_page_token':''}"));
    assert_json(service, "ListSymbols", json_of("{'product':'NIFTY','expiry':'2025-02-27'}"),
                json_of("{'product':'NIFTY','symbols':['B','C'],'next_page_token':''}"));
    assert_json(service, "ListSymbols", json_of("{'product':'NIFTY','expiry':'2025-02-28'}"),
                json_of("{'product':'NIFTY','symbols':[],'next_page_token':''}"));
}

static Storage__ListSymbolsResponse *list_symbols(struct service *service,
                                                  const Storage__ListSymbolsRequest *request)
{
    if (service_call(service, "ListSymbols", &request->base) != DS_OK) {
        fail_msg("%s", service->call.message);
    }
    Storage__ListSymbolsResponse *response = storage__list_symbols_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    return response;
}

static Storage__ListSymbolsRequest request_of(const char *expiry, int32_t limit)
{
    Storage__ListSymbolsRequest request = STORAGE__LIST_SYMBOLS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "NIFTY";
    request.expiry = (char *)(uintptr_t)expiry;
    request._limit_case = limit != 0 ? STORAGE__LIST_SYMBOLS_REQUEST___LIMIT_LIMIT
                                     : STORAGE__LIST_SYMBOLS_REQUEST___LIMIT__NOT_SET;
    request.limit = limit;
    return request;
}

static char symbol_names[SERVICE_ROWS_MAX][32];

/* Symbols S00000 and so on; every third expires a day later. */
static void ingest_symbols(struct service *service, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(symbol_names[i], sizeof(symbol_names[i]), "S%05zu", i);
        quote_set(service, i, symbol_names[i], i % 3 == 0 ? "2025-01-31" : "2025-01-30", SECOND, 1);
    }
    const size_t first = count > 10000 ? 10000 : count;
    assert_int_equal(ingest_quotes(service, first, no_policy), DS_OK);
    if (count > first) {
        service->quote_pointers[0] = service->quote_pointers[first];
        assert_int_equal(ingest_quotes(service, 1, no_policy), DS_OK);
    }
}

static void pages_of_symbols_follow_one_another_to_the_last(void **state)
{
    struct service *service = *state;
    ingest_symbols(service, 600);
    static const struct {
        const char *expiry;
        size_t count;
    } lists[] = {{"", 600}, {"2025-01-31", 200}, {"2025-01-30", 400}};
    for (size_t list = 0; list < sizeof(lists) / sizeof(lists[0]); list++) {
        Storage__ListSymbolsRequest request = request_of(lists[list].expiry, 100);
        char token[256] = "";
        char last[16] = "";
        size_t seen = 0;
        size_t pages = 0;
        do {
            request.page_token = token;
            Storage__ListSymbolsResponse *response = list_symbols(service, &request);
            assert_int_equal(response->n_symbols, 100);
            for (size_t i = 0; i < response->n_symbols; i++, seen++) {
                assert_true(strcmp(last, response->symbols[i]) < 0);
                snprintf(last, sizeof(last), "%s", response->symbols[i]);
            }
            snprintf(token, sizeof(token), "%s", response->next_page_token);
            storage__list_symbols_response__free_unpacked(response, NULL);
            pages++;
        } while (token[0] != '\0' && pages < 10);
        assert_int_equal(seen, lists[list].count);
        assert_int_equal(pages, lists[list].count / 100);
    }
}

static void without_a_limit_a_list_has_1000_symbols_and_at_most_10000(void **state)
{
    struct service *service = *state;
    ingest_symbols(service, 10001);
    Storage__ListSymbolsRequest request = request_of("", 0);
    Storage__ListSymbolsResponse *response = list_symbols(service, &request);
    assert_int_equal(response->n_symbols, 1000);
    storage__list_symbols_response__free_unpacked(response, NULL);
    request = request_of("", 20000);
    response = list_symbols(service, &request);
    assert_int_equal(response->n_symbols, 10000);
    assert_string_not_equal(response->next_page_token, "");
    request.page_token = response->next_page_token;
    Storage__ListSymbolsResponse *rest = list_symbols(service, &request);
    assert_int_equal(rest->n_symbols, 1);
    assert_string_equal(rest->next_page_token, "");
    storage__list_symbols_response__free_unpacked(rest, NULL);
    storage__list_symbols_response__free_unpacked(response, NULL);
}

static void a_page_token_of_another_list_is_refused(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Storage__ListSymbolsRequest request = request_of("2025-01-30", 1);
    Storage__ListSymbolsResponse *response = list_symbols(service, &request);
    request.page_token = response->next_page_token;
    request.expiry = (char *)(uintptr_t) "2025-02-27";
    assert_int_equal(service_call(service, "ListSymbols", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "page_token", "INVALID_PAGE_TOKEN");
    request.expiry = (char *)(uintptr_t) "";
    assert_int_equal(service_call(service, "ListSymbols", &request.base), DS_INVALID_ARGUMENT);
    request.expiry = (char *)(uintptr_t) "2025-01-30";
    request.product = (char *)(uintptr_t) "NIFTYX";
    assert_int_equal(service_call(service, "ListSymbols", &request.base), DS_INVALID_ARGUMENT);
    storage__list_symbols_response__free_unpacked(response, NULL);
}

static void a_bad_parameter_is_refused_by_name(void **state)
{
    struct service *service = *state;
    static const struct {
        const char *method;
        const char *request;
        const char *field;
        const char *message;
    } refused[] = {
        {"ListSymbols", "{}", "product", "product must not be empty"},
        {"ListSymbols", "{'product':'A','expiry':'x'}", "expiry", "expiry must be a date"},
        {"ListSymbols", "{'product':'A','limit':0}", "limit", "limit must be 1 or more"},
        {"ListSymbols", "{'product':'A','page_token':'x'}", "page_token", "page_token must be"},
        {"ListStrikes", "{'expiry':'2025-01-30'}", "product", "product must not be empty"},
        {"ListStrikes", "{'product':'A'}", "expiry", "expiry is missing"},
        {"ListStrikes", "{'product':'A','expiry':'x'}", "expiry", "expiry must be a date"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_refused(service, refused[i].method, json_of(refused[i].request), DS_INVALID_ARGUMENT,
                       refused[i].message);
        assert_failure(service, refused[i].field, NULL);
    }
}

static void strikes_are_of_the_newest_chain_and_of_the_quotes_each_once(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "ListStrikes", json_of("{'product':'NIFTY','expiry':'2025-01-30'}"),
                json_of("{'product':'NIFTY','expiry':'2025-01-30','strikes':[21000.5,22000]}"));
    ingest_json(service, "IngestChains",
                json_of("{'chains':[{'product':'NIFTY','expiry':'2025-01-30','spot_price':1,"
                        "'timestamp':'2025-01-25T10:00:00Z','calls':[{'strike':1}]},"
                        "{'product':'NIFTY','expiry':'2025-01-30','spot_price':1,"
                        "'timestamp':'2025-01-25T10:00:01Z',"
                        "'calls':[{'strike':22000},{'strike':22050}],"
                        "'puts':[{'strike':22050},{'strike':20000}]}]}"));
    assert_json(service, "ListStrikes", json_of("{'product':'NIFTY','expiry':'2025-01-30'}"),
                json_of("{'product':'NIFTY','expiry':'2025-01-30',"
                        "'strikes':[20000,21000.5,22000,22050]}"));
    assert_json(service, "ListStrikes", json_of("{'product':'NIFTY','expiry':'2025-03-30'}"),
                json_of("{'product':'NIFTY','expiry':'2025-03-30','strikes':[]}"));
}

static void a_chain_of_2000_calls_and_2000_puts_has_its_strikes(void **state)
{
    struct service *service = *state;
    static Storage__Quote options[4000];
    Storage__Quote *pointers[4000];
    for (size_t i = 0; i < 4000; i++) {
        storage__quote__init(&options[i]);
        options[i]._strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
        options[i].strike = (double)(4000 - i);
        pointers[i] = &options[i];
    }
    Storage__OptionChain *chain = chain_set(service, 0, "NIFTY", "2025-01-30", SECOND, 1);
    chain->n_calls = 2000;
    chain->calls = pointers;
    chain->n_puts = 2000;
    chain->puts = pointers + 2000;
    assert_int_equal(ingest_chains(service, 1, no_policy), DS_OK);
    assert_ingested(service, "1 0 0");
    assert_int_equal(
        call_json(service, "ListStrikes", json_of("{'product':'NIFTY','expiry':'2025-01-30'}")),
        DS_OK);
    Storage__ListStrikesResponse *response = storage__list_strikes_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->n_strikes, 4000);
    assert_true(response->strikes[0] == 1 && response->strikes[3999] == 4000);
    storage__list_strikes_response__free_unpacked(response, NULL);
}

/* More symbols than one call looks at the quotes of. */
static void a_search_among_many_symbols_pauses_and_goes_on(void **state)
{
    struct service *service = *state;
    for (size_t part = 0; part < 3; part++) {
        const size_t count = part < 2 ? 10000 : 1;
        for (size_t i = 0; i < count; i++) {
            snprintf(symbol_names[i], sizeof(symbol_names[i]), "S%zu_%05zu", part, i);
            quote_set(service, i, symbol_names[i], part < 2 ? "2025-01-30" : "2025-01-31", SECOND,
                      1);
        }
        assert_int_equal(ingest_quotes(service, count, no_policy), DS_OK);
    }
    Storage__ListSymbolsRequest request = request_of("2025-01-31", 10);
    Storage__ListSymbolsResponse *response = list_symbols(service, &request);
    assert_int_equal(response->n_symbols, 0);
    assert_string_not_equal(response->next_page_token, "");
    request.page_token = response->next_page_token;
    Storage__ListSymbolsResponse *rest = list_symbols(service, &request);
    assert_int_equal(rest->n_symbols, 1);
    assert_string_equal(rest->symbols[0], "S2_00000");
    assert_string_equal(rest->next_page_token, "");
    storage__list_symbols_response__free_unpacked(rest, NULL);
    storage__list_symbols_response__free_unpacked(response, NULL);
}

/* A tag without its value. */
static void put_damaged(struct service *service, enum market_kind kind, const char *series)
{
    const struct market_row row = {
        .series = ds_bytes_of_text(series),
        .group = ds_bytes_of_text("NIFTY"),
        .timestamp_us = 1,
        .value = ds_bytes_of_text("\x6a"),
    };
    enum market_outcome outcome;
    struct market_batch batch = {.kind = kind, .rows = &row, .row_count = 1, .outcomes = &outcome};
    assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
}

static void damaged_rows_are_data_loss(void **state)
{
    struct service *service = *state;
    put_damaged(service, MARKET_CHAINS, "NIFTY/2025-01-30");
    assert_refused(service, "ListStrikes", json_of("{'product':'NIFTY','expiry':'2025-01-30'}"),
                   DS_DATA_LOSS, "stored data is damaged");
    put_damaged(service, MARKET_QUOTES, "A");
    assert_refused(service, "ListStrikes", json_of("{'product':'NIFTY','expiry':'2025-02-27'}"),
                   DS_DATA_LOSS, "stored data is damaged");
    assert_refused(service, "ListSymbols", json_of("{'product':'NIFTY','expiry':'2025-01-30'}"),
                   DS_DATA_LOSS, "stored data is damaged");
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_those_of_the_product_in_order),
        cmocka_unit_test(symbols_of_an_expiry_are_those_whose_newest_quote_has_it),
        cmocka_unit_test(pages_of_symbols_follow_one_another_to_the_last),
        cmocka_unit_test(without_a_limit_a_list_has_1000_symbols_and_at_most_10000),
        cmocka_unit_test(a_page_token_of_another_list_is_refused),
        cmocka_unit_test(a_bad_parameter_is_refused_by_name),
        cmocka_unit_test(strikes_are_of_the_newest_chain_and_of_the_quotes_each_once),
        cmocka_unit_test(a_search_among_many_symbols_pauses_and_goes_on),
        cmocka_unit_test(damaged_rows_are_data_loss),
        cmocka_unit_test(a_chain_of_2000_calls_and_2000_puts_has_its_strikes),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
