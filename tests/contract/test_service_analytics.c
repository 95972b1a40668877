/* GetPcr, GetMaxPain, GetOiBuildup and GetVolatilitySurface as a caller meets them. */
#include "ds/log.h"
#include "service_json.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define JANUARY "\"product\":\"NIFTY\",\"expiry\":\"2025-01-30\""
#define FEBRUARY "\"product\":\"NIFTY\",\"expiry\":\"2025-02-27\""
#define MARCH "\"product\":\"NIFTY\",\"expiry\":\"2025-03-27\""

/* A chain at 10:<minute>:00 with one call and one put of that open interest and volume. */
static void chain_ingest(struct service *service, const char *names, int minute, int call_oi,
                         int put_oi)
{
    char request[1024];
    snprintf(request, sizeof request,
             "{\"chains\":[{%s,\"spot_price\":21510,\"timestamp\":\"2025-01-25T10:%02d:00Z\","
             "\"calls\":[{\"strike\":21600,\"open_interest\":%d,\"volume\":30,\"last\":1}],"
             "\"puts\":[{\"strike\":21500,\"open_interest\":%d,\"volume\":10,\"last\":2}]}]}",
             names, minute, call_oi, put_oi);
    ingest_json(service, "IngestChains", request);
}

#define PCR(names, minute, pcr_oi)                                                                 \
    "{" names ",\"pcr_oi\":" #pcr_oi ",\"pcr_volume\":0.3333,"                                     \
    "\"timestamp\":\"2025-01-25T10:" #minute ":00Z\"}"

static void the_latest_pcr_of_an_expiry_is_of_its_newest_chain(void **state)
{
    struct service *service = *state;
    chain_ingest(service, JANUARY, 1, 400, 100);
    chain_ingest(service, JANUARY, 2, 400, 300);
    chain_ingest(service, FEBRUARY, 3, 3, 2);
    assert_json(service, "GetPcr", "{" JANUARY "}",
                "{\"product\":\"NIFTY\",\"latest_of_expiry\":" PCR(JANUARY, 02, 0.75) "}");
    assert_json(service, "GetPcr", "{" FEBRUARY "}",
                "{\"product\":\"NIFTY\",\"latest_of_expiry\":" PCR(FEBRUARY, 03, 0.6667) "}");
    assert_json(service, "GetPcr", "{" MARCH "}", "{\"product\":\"NIFTY\"}");
    assert_json(service, "GetPcr", "{" MARCH ",\"history\":true}",
                "{\"product\":\"NIFTY\",\"history\":[]}");
}

static void the_latest_pcr_of_a_product_is_of_each_expiry(void **state)
{
    struct service *service = *state;
    chain_ingest(service, FEBRUARY, 3, 400, 100);
    chain_ingest(service, JANUARY, 1, 400, 100);
    chain_ingest(service, JANUARY, 2, 400, 300);
    assert_json(service, "GetPcr", "{\"product\":\"NIFTY\"}",
                "{\"product\":\"NIFTY\",\"latest\":[" PCR(JANUARY, 02, 0.75) "," PCR(FEBRUARY, 03,
                                                                                     0.25) "]}");
    assert_json(service, "GetPcr", "{\"product\":\"OTHER\"}",
                "{\"product\":\"OTHER\",\"latest\":[]}");
}

static void an_expiry_without_chains_for_5_minutes_is_not_latest(void **state)
{
    struct service *service = *state;
    chain_ingest(service, JANUARY, 2, 400, 300);
    chain_ingest(service, FEBRUARY, 7, 400, 100);
    assert_json(service, "GetPcr", "{\"product\":\"NIFTY\"}",
                "{\"product\":\"NIFTY\",\"latest\":[" PCR(JANUARY, 02, 0.75) "," PCR(FEBRUARY, 07,
                                                                                     0.25) "]}");
    chain_ingest(service, MARCH, 8, 400, 200);
    assert_json(
        service, "GetPcr", "{\"product\":\"NIFTY\"}",
        "{\"product\":\"NIFTY\",\"latest\":[" PCR(FEBRUARY, 07, 0.25) "," PCR(MARCH, 08, 0.5) "]}");
}

static void the_history_of_pcr_is_newest_first(void **state)
{
    struct service *service = *state;
    chain_ingest(service, JANUARY, 1, 400, 100);
    chain_ingest(service, FEBRUARY, 1, 400, 500);
    chain_ingest(service, JANUARY, 2, 400, 300);
    assert_json(
        service, "GetPcr", "{\"product\":\"NIFTY\",\"history\":true}",
        "{\"product\":\"NIFTY\",\"latest\":[" PCR(JANUARY, 02, 0.75) "," PCR(
            FEBRUARY, 01, 1.25) "],\"history\":[" PCR(JANUARY, 02,
                                                      0.75) "," PCR(FEBRUARY, 01,
                                                                    1.25) "," PCR(JANUARY, 01,
                                                                                  0.25) "]}");
    assert_json(
        service, "GetPcr", "{" JANUARY ",\"history\":true}",
        "{\"product\":\"NIFTY\",\"latest_of_expiry\":" PCR(JANUARY, 02, 0.75) ",\"history\":[" PCR(
            JANUARY, 02, 0.75) "," PCR(JANUARY, 01, 0.25) "]}");
}

static void the_history_of_pcr_has_100_chains(void **state)
{
    struct service *service = *state;
    for (int minute = 0; minute < 60; minute++) {
        chain_ingest(service, JANUARY, minute, 100, minute);
        chain_ingest(service, FEBRUARY, minute, 100, minute);
    }
    assert_int_equal(call_json(service, "GetPcr", "{\"product\":\"NIFTY\",\"history\":true}"),
                     DS_OK);
    Storage__GetPcrResponse *response = storage__get_pcr_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->history->n_values, 100);
    assert_true(response->history->values[0]->pcr_oi == 0.59);
    assert_true(response->history->values[99]->pcr_oi == 0.1);
    storage__get_pcr_response__free_unpacked(response, NULL);
}

static void late_chains_do_not_count_as_the_newest(void **state)
{
    struct service *service = *state;
    chain_ingest(service, JANUARY, 5, 400, 300);
    chain_ingest(service, JANUARY, 4, 400, 100);
    assert_json(service, "GetPcr", "{" JANUARY "}",
                "{\"product\":\"NIFTY\",\"latest_of_expiry\":" PCR(JANUARY, 05, 0.75) "}");
}

static void max_pain_is_how_far_the_spot_price_is_from_it(void **state)
{
    struct service *service = *state;
    chain_ingest(service, JANUARY, 1, 1, 1);
    chain_ingest(service, JANUARY, 2, 400, 300);
    assert_json(service, "GetMaxPain", "{" JANUARY "}",
                "{" JANUARY ",\"max_pain_strike\":21500,\"spot_price\":21510,"
                "\"distance_from_spot\":-10,\"distance_pct\":-0.05,\"total_call_oi\":400,"
                "\"total_put_oi\":300,\"timestamp\":\"2025-01-25T10:02:00Z\"}");
}

static void a_distance_that_is_no_percentage_has_none(void **state)
{
    struct service *service = *state;
    ingest_json(service, "IngestChains",
                "{\"chains\":[{" JANUARY ",\"spot_price\":1e-300,"
                "\"calls\":[{\"strike\":1e300}],\"timestamp\":\"2025-01-25T10:00:00Z\"}]}");
    assert_json(service, "GetMaxPain", "{" JANUARY "}",
                "{" JANUARY ",\"max_pain_strike\":1e+300,\"spot_price\":1e-300,"
                "\"distance_from_spot\":1e+300,\"distance_pct\":0,\"total_call_oi\":0,"
                "\"total_put_oi\":0,\"timestamp\":\"2025-01-25T10:00:00Z\"}");
}

static void a_chain_without_options_has_no_max_pain(void **state)
{
    struct service *service = *state;
    ingest_json(service, "IngestChains",
                "{\"chains\":[{" JANUARY
                ",\"spot_price\":1,\"timestamp\":\"2025-01-25T10:00:00Z\"}]}");
    assert_refused(service, "GetMaxPain", "{" JANUARY "}", DS_NOT_FOUND,
                   "the newest chain of NIFTY that expires on 2025-01-30 has no options");
    assert_json(service, "GetOiBuildup", "{" JANUARY "}",
                "{" JANUARY ",\"spot_price\":1,\"call_buildup\":{\"itm\":0,\"atm\":0,\"otm\":0},"
                "\"put_buildup\":{\"itm\":0,\"atm\":0,\"otm\":0},"
                "\"timestamp\":\"2025-01-25T10:00:00Z\","
                "\"interpretation\":\"Neutral - Balanced OI\"}");
}

static void open_interest_builds_up_in_zones(void **state)
{
    struct service *service = *state;
    ingest_json(service, "IngestChains",
                "{\"chains\":[{" JANUARY
                ",\"spot_price\":21500,\"timestamp\":\"2025-01-25T10:00:00Z\","
                "\"calls\":[{\"strike\":21000,\"open_interest\":1,\"last\":1},"
                "{\"strike\":21500,\"open_interest\":2,\"last\":1},"
                "{\"strike\":21600,\"open_interest\":4,\"last\":1},"
                "{\"strike\":22000,\"open_interest\":8,\"last\":1}],"
                "\"puts\":[{\"strike\":21400,\"open_interest\":16,\"last\":1},"
                "{\"strike\":22000,\"open_interest\":32,\"last\":1}]}]}");
    assert_json(service, "GetOiBuildup", "{" JANUARY "}",
                "{" JANUARY
                ",\"spot_price\":21500,\"call_buildup\":{\"itm\":1,\"atm\":6,\"otm\":12},"
                "\"put_buildup\":{\"itm\":32,\"atm\":16,\"otm\":16},"
                "\"timestamp\":\"2025-01-25T10:00:00Z\","
                "\"interpretation\":\"Bearish - High OTM put writing\"}");
}

static void an_expiry_must_be_a_day_with_a_chain(void **state)
{
    struct service *service = *state;
    static const char *const methods[] = {"GetMaxPain", "GetOiBuildup"};
    chain_ingest(service, JANUARY, 1, 1, 1);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        assert_refused(service, methods[i], "{\"product\":\"NIFTY\"}", DS_INVALID_ARGUMENT,
                       "expiry ");
        assert_failure(service, "expiry", NULL);
        assert_refused(service, methods[i], "{\"product\":\"NIFTY\",\"expiry\":\"2025-02-30\"}",
                       DS_INVALID_ARGUMENT, "expiry ");
        assert_refused(service, methods[i], "{\"expiry\":\"2025-01-30\"}", DS_INVALID_ARGUMENT,
                       "product must not be empty");
        assert_refused(service, methods[i], "{" FEBRUARY "}", DS_NOT_FOUND,
                       "there is no chain of NIFTY that expires on 2025-02-27");
        assert_failure(service, NULL, "NOT_FOUND");
    }
    assert_refused(service, "GetPcr", "{\"product\":\"NIFTY\",\"expiry\":\"soon\"}",
                   DS_INVALID_ARGUMENT, "expiry ");
    assert_refused(service, "GetPcr", "{}", DS_INVALID_ARGUMENT, "product must not be empty");
}

/* A quote at 10:<minute>:00. */
#define QUOTE(symbol, names, strike, type, minute, iv)                                             \
    "{\"symbol\":\"" symbol "\"," names ",\"strike\":" #strike ",\"option_type\":\"" #type         \
    "\",\"iv\":" #iv ",\"timestamp\":\"2025-01-25T10:" #minute ":00Z\"}"

static void the_surface_is_of_the_minutes_before_the_newest_quote(void **state)
{
    struct service *service = *state;
    ingest_json(
        service, "IngestQuotes",
        "{\"quotes\":[" QUOTE("N1", JANUARY, 21500, CALL, 09, 0.9) "," QUOTE(
            "N1", JANUARY, 21500, CALL, 10,
            0.125) "," QUOTE("N1", JANUARY, 21500, CALL, 12,
                             0.25) "," QUOTE("N2", JANUARY, 21500, PUT, 15,
                                             0.5) "," QUOTE("N3", FEBRUARY, 21600, PUT, 14,
                                                            0.375) ","
                                                                   "{\"symbol\":\"N4\"," FEBRUARY
                                                                   ",\"strike\":1,\"option_type\":"
                                                                   "\"PUT\","
                                                                   "\"timestamp\":\"2025-01-25T10:"
                                                                   "13:00Z\"},"
                                                                   "{\"symbol\":\"O1\",\"product\":"
                                                                   "\"OTHER\",\"expiry\":\"2025-01-"
                                                                   "30\",\"strike\":1,"
                                                                   "\"option_type\":\"PUT\",\"iv\":"
                                                                   "1,\"timestamp\":\"2025-01-"
                                                                   "25T10:30:00Z\"}]}");
    assert_json(
        service, "GetVolatilitySurface", "{\"product\":\"NIFTY\"}",
        "{\"product\":\"NIFTY\",\"expiries\":["
        "{\"expiry\":\"2025-01-30\",\"strikes\":[21500],\"call_ivs\":[0.125,0.25],"
        "\"put_ivs\":[0.5],\"avg_iv\":0.2917,\"num_quotes\":3},"
        "{\"expiry\":\"2025-02-27\",\"strikes\":[21600],\"call_ivs\":[],\"put_ivs\":[0.375],"
        "\"avg_iv\":0.375,\"num_quotes\":1}],\"timestamp\":\"2025-01-25T10:15:00Z\",\"points\":["
        "{\"expiry\":\"2025-01-30\",\"strike\":21500,\"option_type\":\"CALL\",\"iv\":0.25},"
        "{\"expiry\":\"2025-01-30\",\"strike\":21500,\"option_type\":\"PUT\",\"iv\":0.5},"
        "{\"expiry\":\"2025-02-27\",\"strike\":21600,\"option_type\":\"PUT\",\"iv\":0.375}]}");
    assert_json(service, "GetVolatilitySurface", "{\"product\":\"NIFTY\",\"window\":1}",
                "{\"product\":\"NIFTY\",\"expiries\":["
                "{\"expiry\":\"2025-01-30\",\"strikes\":[21500],\"call_ivs\":[],"
                "\"put_ivs\":[0.5],\"avg_iv\":0.5,\"num_quotes\":1},"
                "{\"expiry\":\"2025-02-27\",\"strikes\":[21600],\"call_ivs\":[],"
                "\"put_ivs\":[0.375],\"avg_iv\":0.375,\"num_quotes\":1}],"
                "\"timestamp\":\"2025-01-25T10:15:00Z\",\"points\":["
                "{\"expiry\":\"2025-01-30\",\"strike\":21500,\"option_type\":\"PUT\",\"iv\":0.5},"
                "{\"expiry\":\"2025-02-27\",\"strike\":21600,\"option_type\":\"PUT\",\"iv\":0.375}"
                "]}");
}

static void a_surface_needs_quotes_and_a_window_of_1_to_60_minutes(void **state)
{
    struct service *service = *state;
    assert_refused(service, "GetVolatilitySurface", "{\"product\":\"NIFTY\"}", DS_NOT_FOUND,
                   "there is no quote of NIFTY");
    assert_failure(service, NULL, "NOT_FOUND");
    assert_refused(service, "GetVolatilitySurface", "{\"product\":\"NIFTY\",\"window\":0}",
                   DS_INVALID_ARGUMENT, "window must be 1 to 60 minutes");
    assert_failure(service, "window", NULL);
    assert_refused(service, "GetVolatilitySurface", "{\"product\":\"NIFTY\",\"window\":61}",
                   DS_INVALID_ARGUMENT, "window must be 1 to 60 minutes");
    assert_refused(service, "GetVolatilitySurface", "{\"window\":5}", DS_INVALID_ARGUMENT,
                   "product must not be empty");
}

#define SYMBOLS 2100

/* More series than one listing gives, each with a quote. */
static void a_surface_has_the_quotes_of_all_symbols(void **state)
{
    struct service *service = *state;
    char *request = malloc(SYMBOLS * 256);
    assert_non_null(request);
    size_t size = (size_t)sprintf(request, "{\"quotes\":[");
    for (int i = 0; i < SYMBOLS; i++) {
        size += (size_t)sprintf(request + size,
                                "%s{\"symbol\":\"S%d\"," JANUARY ",\"strike\":%d,\"option_type\":"
                                "\"CALL\",\"iv\":1,\"timestamp\":\"2025-01-25T10:00:00Z\"}",
                                i == 0 ? "" : ",", i, 1000 + i);
    }
    strcpy(request + size, "]}");
    ingest_json(service, "IngestQuotes", request);
    free(request);
    assert_int_equal(call_json(service, "GetVolatilitySurface", "{\"product\":\"NIFTY\"}"), DS_OK);
    Storage__GetVolatilitySurfaceResponse *response =
        storage__get_volatility_surface_response__unpack(NULL, service->call.response.size,
                                                         service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->n_points, SYMBOLS);
    assert_int_equal(response->expiries[0]->n_strikes, SYMBOLS);
    assert_true(response->expiries[0]->strikes[SYMBOLS - 1] == 1000 + SYMBOLS - 1);
    storage__get_volatility_surface_response__free_unpacked(response, NULL);
}

/* A number that ends early. */
static void damaged_rows_are_data_loss(void **state)
{
    struct service *service = *state;
    const struct ds_bytes damaged = ds_bytes_of("\x19\x01", 2);
    store_row(service, MARKET_CHAINS, "NIFTY/2025-01-30", "NIFTY", damaged);
    store_row(service, MARKET_QUOTES, "N1", "NIFTY", damaged);
    static const struct {
        const char *method;
        const char *request;
    } table[] = {
        {"GetPcr", "{\"product\":\"NIFTY\"}"},
        {"GetPcr", "{\"product\":\"NIFTY\",\"history\":true}"},
        {"GetPcr", "{" JANUARY "}"},
        {"GetMaxPain", "{" JANUARY "}"},
        {"GetOiBuildup", "{" JANUARY "}"},
        {"GetVolatilitySurface", "{\"product\":\"NIFTY\"}"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_refused(service, table[i].method, table[i].request, DS_DATA_LOSS,
                       "stored data is damaged");
    }
}

/* A chain whose spot price is there, and a call that ends early. */
static void a_damaged_option_is_data_loss(void **state)
{
    struct service *service = *state;
    store_row(service, MARKET_CHAINS, "NIFTY/2025-01-30", "NIFTY",
              ds_bytes_of("\x19\x00\x00\x00\x00\x00\x00\xf0\x3f\x6a\x01\x19", 12));
    assert_refused(service, "GetOiBuildup", "{" JANUARY "}", DS_DATA_LOSS,
                   "stored data is damaged");
}

static void a_chain_without_a_spot_price_is_not_enough(void **state)
{
    struct service *service = *state;
    store_row(service, MARKET_CHAINS, "NIFTY/2025-01-30", "NIFTY", ds_bytes_of("", 0));
    assert_refused(service, "GetMaxPain", "{" JANUARY "}", DS_NOT_FOUND,
                   "the newest chain of NIFTY that expires on 2025-01-30 has no spot_price");
    assert_refused(service, "GetOiBuildup", "{" JANUARY "}", DS_NOT_FOUND,
                   "the newest chain of NIFTY that expires on 2025-01-30 has no spot_price");
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_pcr_of_an_expiry_is_of_its_newest_chain),
        cmocka_unit_test(the_latest_pcr_of_a_product_is_of_each_expiry),
        cmocka_unit_test(an_expiry_without_chains_for_5_minutes_is_not_latest),
        cmocka_unit_test(the_history_of_pcr_is_newest_first),
        cmocka_unit_test(the_history_of_pcr_has_100_chains),
        cmocka_unit_test(late_chains_do_not_count_as_the_newest),
        cmocka_unit_test(max_pain_is_how_far_the_spot_price_is_from_it),
        cmocka_unit_test(a_distance_that_is_no_percentage_has_none),
        cmocka_unit_test(a_chain_without_options_has_no_max_pain),
        cmocka_unit_test(open_interest_builds_up_in_zones),
        cmocka_unit_test(an_expiry_must_be_a_day_with_a_chain),
        cmocka_unit_test(the_surface_is_of_the_minutes_before_the_newest_quote),
        cmocka_unit_test(a_surface_needs_quotes_and_a_window_of_1_to_60_minutes),
        cmocka_unit_test(a_surface_has_the_quotes_of_all_symbols),
        cmocka_unit_test(damaged_rows_are_data_loss),
        cmocka_unit_test(a_damaged_option_is_data_loss),
        cmocka_unit_test(a_chain_without_a_spot_price_is_not_enough),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
