/* Rounding, open interest by zone, and the volatility surface. */
#include "storage/core/chain_summary.h"
#include "storage/core/oi_buildup.h"
#include "storage/core/rounding.h"
#include "storage/core/volatility.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>

static void numbers_are_rounded_as_python_does(void **state)
{
    (void)state;
    /* What Python 3 says of each. */
    static const struct {
        double value;
        unsigned int decimals;
        double expected;
    } table[] = {
        {2.675, 2, 2.67},
        {2.665, 2, 2.67},
        {0.125, 2, 0.12},
        {0.375, 2, 0.38},
        {-0.125, 2, -0.12},
        {1.00005, 4, 1.0001},
        {1.00015, 4, 1.0002},
        {0.5, 0, 0},
        {1.5, 0, 2},
        {2.5, 0, 2},
        {-2.5, 0, -2},
        {1e22, 2, 1e22},
        {1.7976931348623157e308, 4, 1.7976931348623157e308},
        {5e-324, 9, 0},
        {0.99995, 4, 1.0},
        {0.123456789, 4, 0.1235},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const double rounded = round_decimals(table[i].value, table[i].decimals);
        if (rounded != table[i].expected) {
            fail_msg("%.17g becomes %.17g", table[i].value, rounded);
        }
    }
    assert_true(isnan(round_decimals(NAN, 2)));
    assert_true(isinf(round_decimals(-INFINITY, 2)));
}

struct option {
    double strike;
    int64_t open_interest;
};

static Storage__Quote *option_set(Storage__Quote *quote, const struct option *option)
{
    storage__quote__init(quote);
    if (!isnan(option->strike)) {
        quote->_strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
        quote->strike = option->strike;
    }
    if (option->open_interest >= 0) {
        quote->_open_interest_case = STORAGE__QUOTE___OPEN_INTEREST_OPEN_INTEREST;
        quote->open_interest = option->open_interest;
    }
    return quote;
}

#define OPTIONS_MAX 8

/* The stored form of a chain with those calls and puts, each list ended by a strike of 0. */
static struct ds_bytes chain_of(const struct option *calls, const struct option *puts)
{
    static uint8_t bytes[4096];
    Storage__Quote quotes[2 * OPTIONS_MAX];
    Storage__Quote *call_pointers[OPTIONS_MAX];
    Storage__Quote *put_pointers[OPTIONS_MAX];
    Storage__OptionChain chain = STORAGE__OPTION_CHAIN__INIT;
    chain.expiry = (char *)(uintptr_t) "2025-01-30";
    chain._spot_price_case = STORAGE__OPTION_CHAIN___SPOT_PRICE_SPOT_PRICE;
    chain.spot_price = 21500;
    chain.calls = call_pointers;
    chain.puts = put_pointers;
    for (; calls[chain.n_calls].strike != 0; chain.n_calls++) {
        call_pointers[chain.n_calls] = option_set(&quotes[chain.n_calls], &calls[chain.n_calls]);
    }
    for (; puts[chain.n_puts].strike != 0; chain.n_puts++) {
        put_pointers[chain.n_puts] =
            option_set(&quotes[OPTIONS_MAX + chain.n_puts], &puts[chain.n_puts]);
    }
    return ds_bytes_of(bytes, storage__option_chain__pack(&chain, bytes));
}

static const struct option nothing[] = {{0, 0}};

static void open_interest_lies_in_its_zones(void **state)
{
    (void)state;
    /* 1 % of 21500 is 215: 21285 is just not at the money, 21286 is. */
    static const struct option calls[] = {{21285, 1},  {21286, 2}, {21500, 4},  {21714, 8},
                                          {21715, 16}, {NAN, 99},  {22000, -1}, {0, 0}};
    static const struct option puts[] = {{21000, 100}, {21600, 200}, {0, 0}};
    struct oi_buildup buildup;
    assert_true(oi_buildup_compute(chain_of(calls, puts), 21500, &buildup));
    assert_int_equal(buildup.calls.itm, 3);
    assert_int_equal(buildup.calls.atm, 14);
    assert_int_equal(buildup.calls.otm, 24);
    assert_int_equal(buildup.puts.itm, 200);
    assert_int_equal(buildup.puts.atm, 200);
    assert_int_equal(buildup.puts.otm, 100);
    assert_string_equal(oi_buildup_interpretation(&buildup), "Bearish - High OTM put writing");
}

static void the_interpretation_compares_what_is_out_of_the_money(void **state)
{
    (void)state;
    struct oi_buildup buildup = {.calls = {.otm = 2}, .puts = {.otm = 1}};
    assert_string_equal(oi_buildup_interpretation(&buildup), "Bullish - High OTM call writing");
    buildup.puts.otm = 2;
    assert_string_equal(oi_buildup_interpretation(&buildup), "Neutral - Balanced OI");
}

static void a_sum_of_open_interest_stays_within_its_type(void **state)
{
    (void)state;
    static const struct option calls[] = {{22000, INT64_MAX}, {22100, 1}, {0, 0}};
    struct oi_buildup buildup;
    assert_true(oi_buildup_compute(chain_of(calls, nothing), 21500, &buildup));
    assert_int_equal(buildup.calls.otm, INT64_MAX);
}

static void damaged_chains_are_told(void **state)
{
    (void)state;
    static const struct option calls[] = {{22000, 5}, {0, 0}};
    const struct ds_bytes whole = chain_of(calls, nothing);
    struct oi_buildup buildup;
    struct chain_summary summary;
    const struct ds_bytes cut = ds_bytes_of(whole.data, whole.size - 1);
    assert_false(oi_buildup_compute(cut, 21500, &buildup));
    assert_false(chain_summary_read(cut, &summary));
    /* A call of one byte that is no tag. */
    assert_false(oi_buildup_compute(ds_bytes_of("\x6a\x01\x01", 3), 21500, &buildup));
}

static void a_summary_has_what_the_chain_has(void **state)
{
    (void)state;
    struct chain_summary summary;
    assert_true(chain_summary_read(chain_of(nothing, nothing), &summary));
    assert_true(ds_bytes_equal_text(summary.expiry, "2025-01-30"));
    assert_true(summary.has_spot_price && summary.spot_price == 21500);
    assert_false(summary.has_max_pain_strike);
    assert_true(chain_summary_read(ds_bytes_of(NULL, 0), &summary));
    assert_false(summary.has_spot_price);
}

#define BUDGET_BYTES ((size_t)1024 * 1024)

static void add(struct volatility_quotes *quotes, int64_t timestamp_us, const char *expiry,
                double strike, int type, double iv)
{
    uint8_t bytes[256];
    Storage__Quote quote = STORAGE__QUOTE__INIT;
    quote.expiry = (char *)(uintptr_t)expiry;
    if (!isnan(strike)) {
        quote._strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
        quote.strike = strike;
    }
    quote._option_type_case = STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
    quote.option_type = (Storage__OptionType)type;
    if (!isnan(iv)) {
        quote._iv_case = STORAGE__QUOTE___IV_IV;
        quote.iv = iv;
    }
    const struct ds_bytes value = ds_bytes_of(bytes, storage__quote__pack(&quote, bytes));
    assert_int_equal(volatility_add(quotes, timestamp_us, value), DS_OK);
}

static void doubles_print(char *text, size_t text_bytes, const double *numbers, size_t count)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < count; i++) {
        size +=
            (size_t)snprintf(text + size, text_bytes - size, "%s%g", i == 0 ? "" : ",", numbers[i]);
    }
    snprintf(text + size, text_bytes - size, ";");
}

/* "expiry strikes;call_ivs;put_ivs;avg num" a line, then a line of points a point. */
static void assert_surface(const struct volatility_quotes *quotes, const char *expected)
{
    char text[2048] = "";
    Storage__GetVolatilitySurfaceResponse response = STORAGE__GET_VOLATILITY_SURFACE_RESPONSE__INIT;
    assert_int_equal(volatility_surface_fill(quotes, &response), DS_OK);
    for (size_t i = 0; i < response.n_expiries; i++) {
        const Storage__VolatilityExpiry *expiry = response.expiries[i];
        size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, "%s ", expiry->expiry);
        doubles_print(text, sizeof text, expiry->strikes, expiry->n_strikes);
        doubles_print(text, sizeof text, expiry->call_ivs, expiry->n_call_ivs);
        doubles_print(text, sizeof text, expiry->put_ivs, expiry->n_put_ivs);
        size = strlen(text);
        snprintf(text + size, sizeof text - size, "%g %lld\n", expiry->avg_iv,
                 (long long)expiry->num_quotes);
    }
    for (size_t i = 0; i < response.n_points; i++) {
        const Storage__VolatilityPoint *point = response.points[i];
        const size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, "%s %g %d %g\n", point->expiry, point->strike,
                 (int)point->option_type, point->iv);
    }
    assert_string_equal(text, expected);
}

static void the_surface_is_sorted_by_expiry_strike_and_time(void **state)
{
    (void)state;
    struct volatility_quotes quotes = {.arena = ds_arena_create(BUDGET_BYTES)};
    add(&quotes, 30, "2025-02-27", 21500, 1, 0.5);
    add(&quotes, 30, "2025-01-30", 22000, 1, 0.25);
    add(&quotes, 20, "2025-01-30", 21500, 2, 0.125);
    add(&quotes, 30, "2025-01-30", 21500, 1, 0.75);
    add(&quotes, 10, "2025-01-30", 21500, 1, 0.5);
    assert_surface(&quotes, "2025-01-30 21500,22000;0.5,0.75,0.25;0.125;0.4062 4\n"
                            "2025-02-27 21500;0.5;;0.5 1\n"
                            "2025-01-30 21500 1 0.75\n"
                            "2025-01-30 21500 2 0.125\n"
                            "2025-01-30 22000 1 0.25\n"
                            "2025-02-27 21500 1 0.5\n");
    ds_arena_destroy(quotes.arena);
}

static void quotes_that_have_no_place_on_it_are_left_out(void **state)
{
    (void)state;
    struct volatility_quotes quotes = {.arena = ds_arena_create(BUDGET_BYTES)};
    add(&quotes, 1, "", 21500, 1, 0.5);
    add(&quotes, 1, "2025-01-30", NAN, 1, 0.5);
    add(&quotes, 1, "2025-01-30", 21500, 0, 0.5);
    add(&quotes, 1, "2025-01-30", 21500, 7, 0.5);
    add(&quotes, 1, "2025-01-30", 21500, 1, NAN);
    assert_surface(&quotes, "");
    add(&quotes, 1, "2025-01-30", 21500, 1, 0);
    assert_surface(&quotes, "2025-01-30 21500;0;;0 1\n2025-01-30 21500 1 0\n");
    ds_arena_destroy(quotes.arena);
}

static void more_quotes_than_a_piece_of_memory_takes_are_kept(void **state)
{
    (void)state;
    struct volatility_quotes quotes = {.arena = ds_arena_create(BUDGET_BYTES)};
    for (int i = 0; i < 3000; i++) {
        add(&quotes, i, "2025-01-30", 100 + i % 2, 1, i);
    }
    Storage__GetVolatilitySurfaceResponse response = STORAGE__GET_VOLATILITY_SURFACE_RESPONSE__INIT;
    assert_int_equal(volatility_surface_fill(&quotes, &response), DS_OK);
    assert_int_equal(response.n_expiries, 1);
    assert_int_equal(response.expiries[0]->num_quotes, 3000);
    assert_int_equal(response.expiries[0]->n_strikes, 2);
    assert_true(response.expiries[0]->avg_iv == 1499.5);
    assert_true(response.expiries[0]->call_ivs[1] == 2);
    assert_true(response.points[1]->iv == 2999);
    ds_arena_destroy(quotes.arena);
}

static void a_surface_that_needs_too_much_memory_is_told(void **state)
{
    (void)state;
    struct volatility_quotes quotes = {.arena = ds_arena_create(100 * 1024)};
    uint8_t bytes[256];
    Storage__Quote quote = STORAGE__QUOTE__INIT;
    quote.expiry = (char *)(uintptr_t) "2025-01-30";
    quote._strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    quote._option_type_case = STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
    quote.option_type = STORAGE__OPTION_TYPE__PUT;
    quote._iv_case = STORAGE__QUOTE___IV_IV;
    const struct ds_bytes value = ds_bytes_of(bytes, storage__quote__pack(&quote, bytes));
    ds_code code = DS_OK;
    for (int i = 0; i < 1024; i++) {
        assert_int_equal(volatility_add(&quotes, i, value), DS_OK);
    }
    Storage__GetVolatilitySurfaceResponse response = STORAGE__GET_VOLATILITY_SURFACE_RESPONSE__INIT;
    assert_int_equal(volatility_surface_fill(&quotes, &response), DS_RESOURCE_EXHAUSTED);
    for (int i = 0; i < 4096 && code == DS_OK; i++) {
        code = volatility_add(&quotes, i, value);
    }
    assert_int_equal(code, DS_RESOURCE_EXHAUSTED);
    assert_int_equal(volatility_add(&quotes, 1, ds_bytes_of("\x19", 1)), DS_DATA_LOSS);
    ds_arena_destroy(quotes.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_rounded_as_python_does),
        cmocka_unit_test(open_interest_lies_in_its_zones),
        cmocka_unit_test(the_interpretation_compares_what_is_out_of_the_money),
        cmocka_unit_test(a_sum_of_open_interest_stays_within_its_type),
        cmocka_unit_test(damaged_chains_are_told),
        cmocka_unit_test(a_summary_has_what_the_chain_has),
        cmocka_unit_test(the_surface_is_sorted_by_expiry_strike_and_time),
        cmocka_unit_test(quotes_that_have_no_place_on_it_are_left_out),
        cmocka_unit_test(more_quotes_than_a_piece_of_memory_takes_are_kept),
        cmocka_unit_test(a_surface_that_needs_too_much_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
