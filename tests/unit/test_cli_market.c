#include "clients/feed/black_scholes.h"
#include "clients/feed/market.h"
#include "clients/feed/row_pack.h"
#include "clients/feed/smile.h"
#include "deltastream/storage/v1/rows.pb-c.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US 1000000LL
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
/* 2025-01-22T03:45:00Z, a Wednesday morning in Mumbai; Banknifty expires that day. */
#define START_US (1737517500LL * SECOND_US)
#define EXPIRIES 4
/* What rounding to steps of 0.05 may add up to between two prices, where one is the least there is.
 */
#define TWO_ROUNDINGS 0.0751

static void market_begin(struct market *market, uint64_t seed)
{
    const struct market_options options = {.expiry_count = EXPIRIES, .seed = seed};
    market_init(market, &options);
}

static void advance_all(struct market *market, int64_t now_us)
{
    for (size_t i = 0; i < market->options.product_count; i++) {
        market_advance(market, i, now_us);
    }
}

/* Calls `check` for every chain at several moments, up to a second before an expiry. */
static void for_each_chain(void (*check)(const struct option_chain *chain))
{
    static const int64_t moments_us[] = {
        START_US,          START_US + MINUTE_US,         START_US + 6 * HOUR_US,
        START_US + DAY_US, START_US + 22500 * SECOND_US, START_US + 22499 * SECOND_US};
    struct market market;
    for (size_t i = 0; i < sizeof(moments_us) / sizeof(moments_us[0]); i++) {
        market_begin(&market, 5);
        advance_all(&market, START_US - 3 * DAY_US);
        advance_all(&market, moments_us[i]);
        for (size_t product = 0; product < PRODUCT_COUNT; product++) {
            for (size_t expiry = 0; expiry < EXPIRIES; expiry++) {
                struct option_chain chain;
                market_chain(&market, product, expiry, &chain);
                check(&chain);
            }
        }
    }
}

static void check_shape(const struct option_chain *chain)
{
    const double interval = (double)chain->product->strike_interval;
    const double middle = chain->calls[OPTION_CHAIN_STRIKES / 2].strike;
    assert_true(fabs(middle - chain->spot) <= interval / 2);
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        assert_true(chain->calls[i].strike == chain->puts[i].strike);
        assert_true(i == 0 || chain->calls[i].strike - chain->calls[i - 1].strike == interval);
        assert_true(fmod(chain->calls[i].strike, interval) == 0);
    }
}

static void strikes_lie_around_the_spot_price(void **state)
{
    (void)state;
    for_each_chain(check_shape);
}

static bool is_whole_steps(double price)
{
    return fabs(price * 20 - round(price * 20)) < 1e-6;
}

static void check_quote(const struct option_chain *chain, const struct option_quote *quote,
                        bool is_put)
{
    assert_true(quote->bid > 0 && quote->bid <= quote->last && quote->last <= quote->ask);
    assert_true(quote->bid < quote->ask);
    assert_true(is_whole_steps(quote->bid) && is_whole_steps(quote->ask) &&
                is_whole_steps(quote->last));
    assert_true(quote->iv > 0.04 && quote->iv < 1);
    assert_true(is_put ? quote->delta <= 0 && quote->delta >= -1
                       : quote->delta >= 0 && quote->delta <= 1);
    assert_true(quote->gamma >= 0 && quote->vega >= 0 && isfinite(quote->theta));
    assert_true(quote->volume >= 0 && quote->open_interest >= 0);
    assert_int_equal(quote->open_interest % chain->product->lot_size, 0);
    assert_int_equal(quote->volume % chain->product->lot_size, 0);
    assert_true(quote->bid_qty > 0 && quote->bid_qty % chain->product->lot_size == 0);
}

static void check_quotes(const struct option_chain *chain)
{
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        check_quote(chain, &chain->calls[i], false);
        check_quote(chain, &chain->puts[i], true);
    }
}

static void every_quote_is_one_that_an_exchange_could_show(void **state)
{
    (void)state;
    for_each_chain(check_quotes);
}

/* The present value of the spot price and of a strike. */
static double spot_value(const struct option_chain *chain)
{
    return chain->spot * exp(-OPTION_CHAIN_DIVIDEND_YIELD * option_chain_years(chain));
}

static double strike_value(const struct option_chain *chain, double strike)
{
    return strike * exp(-OPTION_CHAIN_RATE * option_chain_years(chain));
}

static void check_parity(const struct option_chain *chain)
{
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        const double forward = spot_value(chain) - strike_value(chain, chain->calls[i].strike);
        const double difference = chain->calls[i].last - chain->puts[i].last;
        assert_true(fabs(difference - forward) <= TWO_ROUNDINGS);
    }
}

static void put_call_parity_holds_within_the_rounding(void **state)
{
    (void)state;
    for_each_chain(check_parity);
}

static void check_bounds(const struct option_chain *chain)
{
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        const double strike = strike_value(chain, chain->calls[i].strike);
        const double inner = spot_value(chain) - strike;
        assert_true(chain->calls[i].last >= inner - TWO_ROUNDINGS);
        assert_true(chain->calls[i].last <= spot_value(chain) + TWO_ROUNDINGS);
        assert_true(chain->puts[i].last >= -inner - TWO_ROUNDINGS);
        assert_true(chain->puts[i].last <= strike + TWO_ROUNDINGS);
    }
}

/* A call with a higher strike is worth less, but by no more than the strikes are apart; and the one
 * in the middle no more than the mean of its neighbours. */
static void check_slopes(const struct option_chain *chain)
{
    for (size_t i = 1; i < OPTION_CHAIN_STRIKES; i++) {
        const double step = strike_value(chain, chain->calls[i].strike) -
                            strike_value(chain, chain->calls[i - 1].strike);
        const double call_fall = chain->calls[i - 1].last - chain->calls[i].last;
        const double put_rise = chain->puts[i].last - chain->puts[i - 1].last;
        assert_true(call_fall >= -TWO_ROUNDINGS && call_fall <= step + TWO_ROUNDINGS);
        assert_true(put_rise >= -TWO_ROUNDINGS && put_rise <= step + TWO_ROUNDINGS);
        if (i + 1 < OPTION_CHAIN_STRIKES) {
            const double next_fall = chain->calls[i].last - chain->calls[i + 1].last;
            assert_true(call_fall - next_fall >= -2 * TWO_ROUNDINGS);
        }
    }
}

static void no_price_can_be_arbitraged(void **state)
{
    (void)state;
    for_each_chain(check_bounds);
    for_each_chain(check_slopes);
}

static void check_model(const struct option_chain *chain)
{
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        const struct black_scholes_option option = {.is_put = true,
                                                    .spot = chain->spot,
                                                    .strike = chain->puts[i].strike,
                                                    .years = option_chain_years(chain),
                                                    .volatility = chain->puts[i].iv,
                                                    .rate = OPTION_CHAIN_RATE,
                                                    .dividend_yield = OPTION_CHAIN_DIVIDEND_YIELD};
        const struct black_scholes_value value = black_scholes(&option);
        assert_true(fabs(fmax(value.price, 0.05) - chain->puts[i].last) <= 0.02501);
        assert_true(fabs(value.delta - chain->puts[i].delta) <= 0.00005001);
        assert_true(fabs(value.theta - chain->puts[i].theta) <= 0.00005001);
        assert_true(chain->calls[i].iv == chain->puts[i].iv);
    }
}

static void prices_and_greeks_follow_from_the_volatility_that_is_shown(void **state)
{
    (void)state;
    for_each_chain(check_model);
}

static void check_smile(const struct option_chain *chain)
{
    const double lowest = chain->puts[0].iv;
    const double middle = chain->puts[OPTION_CHAIN_STRIKES / 2].iv;
    const double highest = chain->puts[OPTION_CHAIN_STRIKES - 1].iv;
    assert_true(lowest > middle);
    assert_true(lowest > highest);
}

static void low_strikes_are_the_more_volatile(void **state)
{
    (void)state;
    for_each_chain(check_smile);
}

static void the_term_structure_falls_with_time_to_expiry(void **state)
{
    (void)state;
    double before = 1;
    for (double days = 2; days < 100; days *= 2) {
        const double volatility = smile_volatility(&feed_products[0], 21500, 21500, days / 365);
        assert_true(volatility < before && volatility >= feed_products[0].volatility);
        before = volatility;
    }
}

static void assert_packed(const Storage__Quote *row, const struct option_quote *quote)
{
    assert_true(row->strike == quote->strike && row->iv == quote->iv);
    assert_true(row->bid == quote->bid && row->ask == quote->ask && row->last == quote->last);
    assert_true(row->bid_qty == quote->bid_qty && row->ask_qty == quote->ask_qty);
    assert_true(row->volume == quote->volume && row->open_interest == quote->open_interest);
    assert_true(row->delta == quote->delta && row->gamma == quote->gamma);
    assert_true(row->vega == quote->vega && row->theta == quote->theta);
}

/* Calls and puts as they are, alone and in their chain. */
static void rows_say_what_the_market_does(void **state)
{
    (void)state;
    struct market market;
    struct option_chain chain;
    struct ds_buffer wire;
    ds_buffer_init(&wire, 1 << 20);
    market_begin(&market, 5);
    advance_all(&market, START_US);
    market_chain(&market, 0, 0, &chain);
    row_pack_chain(&chain, &wire);
    Storage__OptionChain *row = storage__option_chain__unpack(NULL, wire.size, wire.data);
    assert_non_null(row);
    assert_true(row->spot_price == chain.spot);
    assert_int_equal(row->n_calls, OPTION_CHAIN_STRIKES);
    assert_int_equal(row->n_puts, OPTION_CHAIN_STRIKES);
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        assert_packed(row->calls[i], &chain.calls[i]);
        assert_packed(row->puts[i], &chain.puts[i]);
        assert_int_equal(row->calls[i]->option_type, STORAGE__OPTION_TYPE__CALL);
        assert_int_equal(row->puts[i]->option_type, STORAGE__OPTION_TYPE__PUT);
        ds_buffer_clear(&wire);
        row_pack_quote(&chain, true, i, &wire);
        Storage__Quote *quote = storage__quote__unpack(NULL, wire.size, wire.data);
        assert_non_null(quote);
        assert_packed(quote, &chain.puts[i]);
        assert_string_equal(quote->symbol, row->puts[i]->symbol);
        storage__quote__free_unpacked(quote, NULL);
    }
    storage__option_chain__free_unpacked(row, NULL);
    ds_buffer_deinit(&wire);
}

static const struct option_quote *find_strike(const struct option_chain *chain, double strike)
{
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        if (chain->calls[i].strike == strike) {
            return &chain->calls[i];
        }
    }
    return NULL;
}

static void open_interest_moves_slowly_and_volume_only_grows_in_a_day(void **state)
{
    (void)state;
    struct market market;
    struct option_chain before;
    market_begin(&market, 5);
    advance_all(&market, START_US);
    market_chain(&market, 0, 1, &before);
    int64_t grown = 0;
    for (int64_t minute = 1; minute < 600; minute++) {
        struct option_chain chain;
        advance_all(&market, START_US + minute * MINUTE_US);
        market_chain(&market, 0, 1, &chain);
        for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
            const struct option_quote *then = find_strike(&before, chain.calls[i].strike);
            if (then == NULL) {
                continue;
            }
            const int64_t moved = llabs(chain.calls[i].open_interest - then->open_interest);
            assert_true(moved <= then->open_interest / 100 + chain.product->lot_size);
            assert_true(chain.calls[i].volume >= then->volume);
            grown += chain.calls[i].volume - then->volume;
        }
        before = chain;
    }
    assert_true(grown > 0);
}

static void volume_begins_again_with_the_day(void **state)
{
    (void)state;
    struct market market;
    struct option_chain evening;
    struct option_chain morning;
    market_begin(&market, 5);
    const int64_t midnight_us = START_US - START_US % DAY_US + DAY_US;
    advance_all(&market, midnight_us - SECOND_US);
    market_chain(&market, 0, 1, &evening);
    advance_all(&market, midnight_us + SECOND_US);
    market_chain(&market, 0, 1, &morning);
    const size_t middle = OPTION_CHAIN_STRIKES / 2;
    assert_true(morning.calls[middle].volume < evening.calls[middle].volume / 100);
}

static void the_same_seed_makes_the_same_market(void **state)
{
    (void)state;
    struct market markets[2];
    struct option_chain chains[2];
    /* Padding would differ. */
    memset(chains, 0, sizeof(chains));
    for (int64_t moment = 0; moment < 50; moment++) {
        for (size_t i = 0; i < 2; i++) {
            if (moment == 0) {
                market_begin(&markets[i], 9);
            }
            advance_all(&markets[i], START_US + moment * MINUTE_US);
            market_chain(&markets[i], 2, 1, &chains[i]);
        }
        assert_memory_equal(&chains[0], &chains[1], sizeof(chains[0]));
    }
    market_begin(&markets[0], 10);
    advance_all(&markets[0], START_US);
    market_chain(&markets[0], 2, 1, &chains[0]);
    assert_true(chains[0].calls[0].open_interest != chains[1].calls[0].open_interest);
}

static void a_market_has_the_products_that_it_is_asked_for(void **state)
{
    (void)state;
    const struct market_options options = {
        .products = {product_find("SENSEX")}, .product_count = 1, .expiry_count = 1};
    struct market market;
    market_init(&market, &options);
    advance_all(&market, START_US);
    assert_int_equal(market.options.product_count, 1);
    assert_string_equal(market.products[0].walk.product->name, "SENSEX");
    assert_null(product_find("DOW"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strikes_lie_around_the_spot_price),
        cmocka_unit_test(every_quote_is_one_that_an_exchange_could_show),
        cmocka_unit_test(put_call_parity_holds_within_the_rounding),
        cmocka_unit_test(no_price_can_be_arbitraged),
        cmocka_unit_test(prices_and_greeks_follow_from_the_volatility_that_is_shown),
        cmocka_unit_test(low_strikes_are_the_more_volatile),
        cmocka_unit_test(the_term_structure_falls_with_time_to_expiry),
        cmocka_unit_test(rows_say_what_the_market_does),
        cmocka_unit_test(open_interest_moves_slowly_and_volume_only_grows_in_a_day),
        cmocka_unit_test(volume_begins_again_with_the_day),
        cmocka_unit_test(the_same_seed_makes_the_same_market),
        cmocka_unit_test(a_market_has_the_products_that_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
