/* IngestTicks, IngestQuotes and IngestChains as a caller meets them. */
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

static const Storage__ConflictPolicy no_policy =
    STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_UNSPECIFIED;

#define QUOTE_CONFLICT "another row with this symbol and timestamp is stored"
#define CHAIN_OPTIONS 2000
#define CHAIN_CONFLICT "another row with this product, expiry and timestamp is stored"

static void bad_quotes_are_rejected_by_index_and_the_others_stored(void **state)
{
    struct service *service = *state;
    quote_set(service, 0, "A", "2025-01-25", 1000000, 1);
    quote_set(service, 1, "", "2025-01-25", 1000000, 1);
    quote_set(service, 2, "A", "2025-01-25", 1000000, 1);
    quote_set(service, 3, "A", "2025-01-25", 1000000, 2);
    quote_set(service, 4, "A", "25 January", 2000000, 2);
    quote_set(service, 5, "A", "2025-01-25", 999999, 2);
    quote_set(service, 6, "B", "2025-01-25", 1, 2);
    assert_int_equal(ingest_quotes(service, 7, no_policy), DS_OK);
    assert_ingested(service, "3 1 1 1:symbol must not be empty 3:" QUOTE_CONFLICT
                             " 4:expiry must be a date, YYYY-MM-DD");
    assert_int_equal(ingest_quotes(service, 1, no_policy), DS_OK);
    assert_ingested(service, "0 1 0");
}

static void bad_chains_are_rejected_by_index_and_the_others_stored(void **state)
{
    struct service *service = *state;
    Storage__Quote option = STORAGE__QUOTE__INIT;
    Storage__Quote *options[] = {&option};
    option._strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    option.strike = -1;
    chain_set(service, 0, "NIFTY", "2025-01-25", 1000000, 1);
    chain_set(service, 1, "NIFTY", "2025-01-25", 1000000, 2);
    Storage__OptionChain *bad = chain_set(service, 2, "NIFTY", "2025-01-25", 2000000, 2);
    bad->n_puts = 1;
    bad->puts = options;
    chain_set(service, 3, "NIFTY", "2025-01-25", 1000000, 1);
    chain_set(service, 4, "NIFTY", "", 1000000, 1);
    assert_int_equal(ingest_chains(service, 5, no_policy), DS_OK);
    assert_ingested(service, "1 1 0 1:" CHAIN_CONFLICT
                             " 2:puts[0].strike must be greater than 0 4:expiry is missing");
    assert_int_equal(ingest_chains(service, 1, no_policy), DS_OK);
    assert_ingested(service, "0 1 0");
}

/* Of another product and expiry is another key. */
static void a_chain_is_late_by_its_own_expiry(void **state)
{
    struct service *service = *state;
    chain_set(service, 0, "NIFTY", "2025-01-25", 5000000, 1);
    chain_set(service, 1, "NIFTY", "2025-02-25", 1000000, 1);
    chain_set(service, 2, "BANKNIFTY", "2025-01-25", 1000000, 1);
    chain_set(service, 3, "NIFTY", "2025-01-25", 4000000, 1);
    assert_int_equal(ingest_chains(service, 4, no_policy), DS_OK);
    assert_ingested(service, "4 0 1");
    chain_set(service, 0, "NIFTY", "2025-02-25", 4500000, 1);
    chain_set(service, 1, "NIFTY", "2025-01-25", 4500000, 1);
    assert_int_equal(ingest_chains(service, 2, no_policy), DS_OK);
    assert_ingested(service, "2 0 1");
}

static void a_conflict_of_quotes_and_chains_follows_the_policy(void **state)
{
    struct service *service = *state;
    quote_set(service, 0, "A", "2025-01-25", 1000000, 10);
    chain_set(service, 0, "NIFTY", "2025-01-25", 1000000, 10);
    ingest_quotes(service, 1, no_policy);
    ingest_chains(service, 1, no_policy);
    service->quotes[0].last = 20;
    service->chains[0].spot_price = 20;
    ingest_quotes(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_FIRST);
    assert_ingested(service, "0 1 0");
    ingest_chains(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_FIRST);
    assert_ingested(service, "0 1 0");
    ingest_quotes(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR);
    assert_ingested(service, "0 0 0 0:" QUOTE_CONFLICT);
    ingest_chains(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR);
    assert_ingested(service, "0 0 0 0:" CHAIN_CONFLICT);
    ingest_quotes(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_LAST);
    assert_ingested(service, "1 0 0");
    ingest_chains(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_LAST);
    assert_ingested(service, "1 0 0");
    ingest_quotes(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR);
    assert_ingested(service, "0 1 0");
    ingest_chains(service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR);
    assert_ingested(service, "0 1 0");
    assert_int_equal(ingest_quotes(service, 1, (Storage__ConflictPolicy)9), DS_INVALID_ARGUMENT);
    assert_failure(service, "conflict_policy", NULL);
    assert_int_equal(ingest_chains(service, 1, (Storage__ConflictPolicy)9), DS_INVALID_ARGUMENT);
    assert_failure(service, "conflict_policy", NULL);
}

static void no_quotes_or_chains_and_too_many_are_refused(void **state)
{
    struct service *service = *state;
    assert_int_equal(ingest_quotes(service, 0, no_policy), DS_INVALID_ARGUMENT);
    assert_failure(service, "quotes", NULL);
    assert_int_equal(ingest_chains(service, 0, no_policy), DS_INVALID_ARGUMENT);
    assert_failure(service, "chains", NULL);
    Storage__Quote *quote = quote_set(service, 0, "A", "2025-01-25", 1000000, 1);
    Storage__OptionChain *chain = chain_set(service, 0, "NIFTY", "2025-01-25", 1000000, 1);
    for (size_t i = 0; i < SERVICE_ROWS_MAX; i++) {
        service->quote_pointers[i] = quote;
        service->chain_pointers[i] = chain;
    }
    assert_int_equal(ingest_quotes(service, SERVICE_ROWS_MAX, no_policy), DS_INVALID_ARGUMENT);
    assert_failure(service, NULL, "REQUEST_TOO_LARGE");
    assert_string_equal(service->call.message,
                        "quotes has 10001 rows; a request takes at most 10000");
    assert_int_equal(ingest_chains(service, SERVICE_ROWS_MAX, no_policy), DS_INVALID_ARGUMENT);
    assert_failure(service, NULL, "REQUEST_TOO_LARGE");
    assert_int_equal(ingest_chains(service, SERVICE_ROWS_MAX - 1, no_policy), DS_OK);
    assert_ingested(service, "1 9999 0");
}

/* Their reasons are written behind the commit, where nothing may fail any more. */
static void ten_thousand_rejected_rows_fit_a_reply(void **state)
{
    struct service *service = *state;
    static char name[129];
    memset(name, 'x', sizeof(name) - 1);
    Storage__Quote option = STORAGE__QUOTE__INIT;
    Storage__Quote *options[] = {&option};
    option._strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    option.strike = 1;
    option.product = (char *)(uintptr_t) "OTHER";
    Storage__OptionChain *chain = chain_set(service, 0, name, "2025-01-25", 1000000, 1);
    chain->n_calls = 1;
    chain->calls = options;
    for (size_t i = 0; i < SERVICE_ROWS_MAX - 1; i++) {
        service->chain_pointers[i] = chain;
    }
    chain_set(service, 1, "NIFTY", "2025-01-25", 1000000, 1);
    assert_int_equal(ingest_chains(service, SERVICE_ROWS_MAX - 1, no_policy), DS_OK);
    Storage__IngestChainsResponse *response = storage__ingest_chains_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->accepted, 1);
    assert_int_equal(response->n_rejected, SERVICE_ROWS_MAX - 2);
    assert_int_equal(response->rejected[1]->index, 2);
    assert_non_null(strstr(response->rejected[0]->reason, "calls[0].product must be xxx"));
    storage__ingest_chains_response__free_unpacked(response, NULL);
}

/* Options to the limit of a request's bytes, whole ones or without what their chain says. */
static void chains_of_eight_mebibytes_are_stored(struct service *service, bool whole)
{
    static Storage__Quote options[200];
    Storage__Quote *pointers[200];
    for (size_t i = 0; i < 200; i++) {
        Storage__Quote *option = quote_set(service, i, "NIFTY20250125C21500", "2025-01-25", 1, 1.5);
        option->_bid_case = STORAGE__QUOTE___BID_BID;
        option->bid = 1.25;
        option->_ask_case = STORAGE__QUOTE___ASK_ASK;
        option->ask = 1.75;
        option->_delta_case = STORAGE__QUOTE___DELTA_DELTA;
        option->delta = 0.5;
        option->_gamma_case = STORAGE__QUOTE___GAMMA_GAMMA;
        option->gamma = 0.001;
        option->_vega_case = STORAGE__QUOTE___VEGA_VEGA;
        option->vega = 12;
        option->_theta_case = STORAGE__QUOTE___THETA_THETA;
        option->theta = -5;
        option->_iv_case = STORAGE__QUOTE___IV_IV;
        option->iv = 0.15;
        if (!whole) {
            option->symbol = option->product = option->expiry = (char *)(uintptr_t) "";
            option->_option_type_case = STORAGE__QUOTE___OPTION_TYPE__NOT_SET;
            option->timestamp = NULL;
        }
        options[i] = *option;
        pointers[i] = &options[i];
    }
    size_t count = 0;
    size_t bytes = 0;
    while (bytes < (size_t)8 * 1024 * 1024 - 65536) {
        Storage__OptionChain *chain =
            chain_set(service, count, "NIFTY", "2025-01-25", (int64_t)(count + 1) * 1000000, 21500);
        chain->n_calls = 200;
        chain->calls = pointers;
        bytes += protobuf_c_message_get_packed_size(&chain->base);
        count++;
    }
    if (ingest_chains(service, count, no_policy) != DS_OK) {
        fail_msg("%zu chains: %s", count, service->call.message);
    }
    char expected[32];
    snprintf(expected, sizeof(expected), "%zu 0 0", count);
    assert_ingested(service, expected);
}

static void eight_mebibytes_of_chains_fit_the_memory_of_a_call(void **state)
{
    chains_of_eight_mebibytes_are_stored(*state, true);
}

static void eight_mebibytes_of_bare_options_fit_the_memory_of_a_call(void **state)
{
    chains_of_eight_mebibytes_are_stored(*state, false);
}

static void a_request_that_needs_too_much_memory_is_told_so(void **state)
{
    struct service *service = *state;
    Storage__Quote option = STORAGE__QUOTE__INIT;
    static Storage__Quote *options[CHAIN_OPTIONS];
    option._strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    option.strike = 1;
    for (size_t i = 0; i < CHAIN_OPTIONS; i++) {
        options[i] = &option;
    }
    for (size_t i = 0; i < 98; i++) {
        Storage__OptionChain *chain =
            chain_set(service, i, "NIFTY", "2025-01-25", (int64_t)(i + 1) * 1000000, 1);
        chain->n_calls = CHAIN_OPTIONS;
        chain->calls = options;
    }
    assert_int_equal(ingest_chains(service, 98, no_policy), DS_RESOURCE_EXHAUSTED);
    assert_failure(service, NULL, "REQUEST_TOO_LARGE");
    assert_string_equal(
        service->call.message,
        "the request needs more memory than a call may use: send fewer rows at once");
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_rows_are_rejected_by_index_and_the_others_stored),
        cmocka_unit_test(a_request_of_bad_rows_only_is_answered),
        cmocka_unit_test(a_conflict_follows_the_policy),
        cmocka_unit_test(a_retry_is_a_duplicate_with_and_without_a_tick_id),
        cmocka_unit_test(no_rows_and_too_many_rows_are_refused),
        cmocka_unit_test(bad_quotes_are_rejected_by_index_and_the_others_stored),
        cmocka_unit_test(bad_chains_are_rejected_by_index_and_the_others_stored),
        cmocka_unit_test(a_chain_is_late_by_its_own_expiry),
        cmocka_unit_test(a_conflict_of_quotes_and_chains_follows_the_policy),
        cmocka_unit_test(no_quotes_or_chains_and_too_many_are_refused),
        cmocka_unit_test(ten_thousand_rejected_rows_fit_a_reply),
        cmocka_unit_test(eight_mebibytes_of_chains_fit_the_memory_of_a_call),
        cmocka_unit_test(eight_mebibytes_of_bare_options_fit_the_memory_of_a_call),
        cmocka_unit_test(a_request_that_needs_too_much_memory_is_told_so),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
