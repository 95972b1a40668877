#include "clients/feed/black_scholes.h"

#include <math.h>

#define DAYS_PER_YEAR 365.0
#define PERCENTAGE_POINT 0.01

static double normal_cumulative(double value)
{
    return 0.5 * erfc(-value * M_SQRT1_2);
}

static double normal_density(double value)
{
    return 0.5 * M_SQRT1_2 * M_2_SQRTPI * exp(-0.5 * value * value);
}

struct black_scholes_value black_scholes(const struct black_scholes_option *option)
{
    const double deviation = option->volatility * sqrt(option->years);
    const double carry = option->rate - option->dividend_yield;
    const double d1 =
        (log(option->spot / option->strike) + carry * option->years) / deviation + 0.5 * deviation;
    const double d2 = d1 - deviation;
    const double spot = option->spot * exp(-option->dividend_yield * option->years);
    const double strike = option->strike * exp(-option->rate * option->years);
    /* A put is a call with every sign turned. */
    const double sign = option->is_put ? -1.0 : 1.0;
    const double in_d1 = normal_cumulative(sign * d1);
    const double in_d2 = normal_cumulative(sign * d2);
    const double density = normal_density(d1);
    const double decay = -spot * density * option->volatility / (2.0 * sqrt(option->years)) -
                         sign * option->rate * strike * in_d2 +
                         sign * option->dividend_yield * spot * in_d1;
    return (struct black_scholes_value){
        .price = sign * (spot * in_d1 - strike * in_d2),
        .delta = sign * spot / option->spot * in_d1,
        .gamma = spot / option->spot * density / (option->spot * deviation),
        .vega = spot * density * sqrt(option->years) * PERCENTAGE_POINT,
        .theta = decay / DAYS_PER_YEAR,
    };
}
