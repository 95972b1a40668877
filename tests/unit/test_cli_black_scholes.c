#include "clients/feed/black_scholes.h"
#include "support/test.h"

#include <math.h>

#define DAYS_PER_YEAR 365.0

static struct black_scholes_value value_of(struct black_scholes_option option, bool is_put)
{
    option.is_put = is_put;
    return black_scholes(&option);
}

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance)) {
        fail_msg("%.10g is not %.10g +- %g", actual, expected, tolerance);
    }
}

/* J. C. Hull, Options, Futures, and Other Derivatives: the stock at 42 with half a year to go. */
static void a_stock_option_costs_what_hull_says(void **state)
{
    (void)state;
    const struct black_scholes_option option = {
        .spot = 42, .strike = 40, .years = 0.5, .volatility = 0.2, .rate = 0.1};
    assert_near(value_of(option, false).price, 4.76, 0.005);
    assert_near(value_of(option, true).price, 0.81, 0.005);
}

/* The same book: the call on an index at 930 that yields 3 %. */
static void an_index_option_costs_what_hull_says(void **state)
{
    (void)state;
    const struct black_scholes_option option = {.spot = 930,
                                                .strike = 900,
                                                .years = 2.0 / 12.0,
                                                .volatility = 0.2,
                                                .rate = 0.08,
                                                .dividend_yield = 0.03};
    assert_near(value_of(option, false).price, 51.83, 0.005);
}

/* The same book's chapter on the Greeks: 20 weeks, delta 0.522, gamma 0.066, vega 12.1 (for 1),
 * theta -4.31 (a year). */
static void the_greeks_are_what_hull_says(void **state)
{
    (void)state;
    const struct black_scholes_option option = {
        .spot = 49, .strike = 50, .years = 0.3846, .volatility = 0.2, .rate = 0.05};
    const struct black_scholes_value value = value_of(option, false);
    assert_near(value.price, 2.40, 0.005);
    assert_near(value.delta, 0.522, 0.0005);
    assert_near(value.gamma, 0.066, 0.0005);
    assert_near(value.vega * 100, 12.1, 0.05);
    assert_near(value.theta * DAYS_PER_YEAR, -4.31, 0.005);
}

static double price_at(struct black_scholes_option option, double spot, double volatility,
                       double years)
{
    option.spot += spot;
    option.volatility += volatility;
    option.years += years;
    return black_scholes(&option).price;
}

static void check_greeks(const struct black_scholes_option *option)
{
    const struct black_scholes_value value = black_scholes(option);
    const double move = option->spot * 1e-4;
    const double up = price_at(*option, move, 0, 0);
    const double down = price_at(*option, -move, 0, 0);
    assert_near(value.delta, (up - down) / (2 * move), 1e-5);
    assert_near(value.gamma * move * move, up - 2 * value.price + down, 1e-4 * option->spot * 1e-4);
    const double point = 1e-6;
    const double vega =
        (price_at(*option, 0, point, 0) - price_at(*option, 0, -point, 0)) / (2 * point);
    assert_near(value.vega, vega / 100, 1e-6 * option->spot);
    const double moment = 1e-6;
    const double theta =
        (price_at(*option, 0, 0, -moment) - price_at(*option, 0, 0, moment)) / (2 * moment);
    assert_near(value.theta, theta / DAYS_PER_YEAR, 1e-6 * option->spot);
}

static void the_greeks_are_the_derivatives_of_the_price(void **state)
{
    (void)state;
    static const double years[] = {3.0 / 365.0, 30.0 / 365.0, 1.0};
    static const double moneyness[] = {0.9, 0.97, 1.0, 1.03, 1.1};
    for (size_t i = 0; i < sizeof(years) / sizeof(years[0]); i++) {
        for (size_t k = 0; k < sizeof(moneyness) / sizeof(moneyness[0]); k++) {
            struct black_scholes_option option = {.spot = 21500,
                                                  .strike = 21500 * moneyness[k],
                                                  .years = years[i],
                                                  .volatility = 0.14,
                                                  .rate = 0.065,
                                                  .dividend_yield = 0.012};
            check_greeks(&option);
            option.is_put = true;
            check_greeks(&option);
        }
    }
}

static void put_and_call_are_at_par(void **state)
{
    (void)state;
    for (double strike = 15000; strike < 28000; strike += 250) {
        const struct black_scholes_option option = {.spot = 21500,
                                                    .strike = strike,
                                                    .years = 0.1,
                                                    .volatility = 0.2,
                                                    .rate = 0.065,
                                                    .dividend_yield = 0.012};
        const double forward = 21500 * exp(-0.012 * 0.1) - strike * exp(-0.065 * 0.1);
        assert_near(value_of(option, false).price - value_of(option, true).price, forward, 1e-8);
    }
}

static void the_last_second_is_worth_what_is_paid_out(void **state)
{
    (void)state;
    const struct black_scholes_option option = {.spot = 21500,
                                                .strike = 21000,
                                                .years = 1.0 / (365.0 * 86400.0),
                                                .volatility = 0.2,
                                                .rate = 0.065};
    assert_near(value_of(option, false).price, 500, 0.01);
    assert_near(value_of(option, true).price, 0, 0.01);
    assert_near(value_of(option, false).delta, 1, 1e-6);
    assert_true(isfinite(value_of(option, false).gamma) && isfinite(value_of(option, true).theta));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stock_option_costs_what_hull_says),
        cmocka_unit_test(an_index_option_costs_what_hull_says),
        cmocka_unit_test(the_greeks_are_what_hull_says),
        cmocka_unit_test(the_greeks_are_the_derivatives_of_the_price),
        cmocka_unit_test(put_and_call_are_at_par),
        cmocka_unit_test(the_last_second_is_worth_what_is_paid_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
