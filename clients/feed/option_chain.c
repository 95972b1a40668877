#include "clients/feed/option_chain.h"

#include "clients/feed/activity.h"
#include "clients/feed/black_scholes.h"
#include "clients/feed/random.h"
#include "clients/feed/smile.h"

#include <math.h>

#define SECONDS_PER_YEAR (365.0 * 86400.0)
/* Half of the distance between bid and ask: a step at least, and more for what costs more and for
 * what volatility moves more. */
#define HALF_SPREAD_OF_PRICE 0.001
#define HALF_SPREAD_OF_VEGA 0.02
#define QUANTITY_LOTS_MAX 40
/* Offered quantities change from second to second. */
#define QUANTITY_PERIOD_US 1000000

double option_chain_years(const struct option_chain *chain)
{
    const int64_t left_us = chain->expiry.moment_us - chain->timestamp_us;
    return (double)left_us / 1e6 / SECONDS_PER_YEAR;
}

static double round_to(double value, double parts)
{
    return round(value * parts) / parts;
}

static int64_t quantity_of(const struct product *product, uint64_t key)
{
    return product->lot_size * (1 + (int64_t)(random_of_key(key) * QUANTITY_LOTS_MAX));
}

/* Last price, bid and ask in whole steps around the model's price. */
static void set_prices(struct option_quote *quote, double price)
{
    const double half_spread =
        fmax(PRODUCT_PRICE_STEP, HALF_SPREAD_OF_PRICE * price + HALF_SPREAD_OF_VEGA * quote->vega);
    const double bid_steps = floor((price - half_spread) * PRODUCT_STEPS_PER_UNIT);
    const double ask_steps = ceil((price + half_spread) * PRODUCT_STEPS_PER_UNIT);
    quote->last = fmax(product_round_price(price), PRODUCT_PRICE_STEP);
    quote->bid = fmax(bid_steps, 1.0) / PRODUCT_STEPS_PER_UNIT;
    quote->ask = fmax(ask_steps, 2.0) / PRODUCT_STEPS_PER_UNIT;
}

static void set_activity(struct option_quote *quote, const struct option_chain_inputs *inputs,
                         bool is_put)
{
    const struct activity_option option = {.product = inputs->product,
                                           .seed = inputs->seed,
                                           .expiry_us = inputs->expiry->moment_us,
                                           .strike = (int64_t)quote->strike,
                                           .is_put = is_put,
                                           .day_open = inputs->day_open};
    quote->open_interest = activity_open_interest(&option, inputs->timestamp_us);
    quote->volume = activity_volume(&option, inputs->timestamp_us);
    uint64_t key = random_key(inputs->seed, (uint64_t)(inputs->timestamp_us / QUANTITY_PERIOD_US));
    key = random_key(key, (uint64_t)option.expiry_us + (uint64_t)option.strike * 2 + is_put);
    quote->bid_qty = quantity_of(inputs->product, key);
    quote->ask_qty = quantity_of(inputs->product, random_key(key, 1));
}

static struct option_quote make_quote(const struct option_chain_inputs *inputs,
                                      const struct black_scholes_option *option)
{
    const struct black_scholes_value value = black_scholes(option);
    struct option_quote quote = {
        .strike = option->strike,
        .iv = option->volatility,
        .delta = round_to(value.delta, 1e4),
        .gamma = round_to(value.gamma, 1e7),
        .vega = round_to(value.vega, 1e4),
        .theta = round_to(value.theta, 1e4),
    };
    set_prices(&quote, value.price);
    set_activity(&quote, inputs, option->is_put);
    return quote;
}

void option_chain_make(const struct option_chain_inputs *inputs, struct option_chain *ret_chain)
{
    ret_chain->product = inputs->product;
    ret_chain->expiry = *inputs->expiry;
    ret_chain->timestamp_us = inputs->timestamp_us;
    ret_chain->spot = inputs->spot;
    const double interval = (double)inputs->product->strike_interval;
    const double middle = round(inputs->spot / interval);
    const double lowest = fmax(middle - (OPTION_CHAIN_STRIKES - 1) / 2, 1.0);
    const double carry = OPTION_CHAIN_RATE - OPTION_CHAIN_DIVIDEND_YIELD;
    struct black_scholes_option option = {.spot = inputs->spot,
                                          .years = option_chain_years(ret_chain),
                                          .rate = OPTION_CHAIN_RATE,
                                          .dividend_yield = OPTION_CHAIN_DIVIDEND_YIELD};
    const double forward = inputs->spot * exp(carry * option.years);
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        option.strike = (lowest + (double)i) * interval;
        option.volatility = smile_volatility(inputs->product, forward, option.strike, option.years);
        option.is_put = false;
        ret_chain->calls[i] = make_quote(inputs, &option);
        option.is_put = true;
        ret_chain->puts[i] = make_quote(inputs, &option);
    }
}
