/*
 * Prices and Greeks of European options by Black, Scholes and Merton, with a continuous dividend
 * yield. Pure functions.
 */
#ifndef FEED_BLACK_SCHOLES_H
#define FEED_BLACK_SCHOLES_H

#include <stdbool.h>

struct black_scholes_option {
    bool is_put;
    double spot;
    double strike;
    double years;          /* until expiry; above 0 */
    double volatility;     /* of a year, as a part of 1; above 0 */
    double rate;           /* riskless, continuous, of a year */
    double dividend_yield; /* continuous, of a year */
};

struct black_scholes_value {
    double price;
    double delta; /* change of the price for 1 of the spot price */
    double gamma; /* change of delta for 1 of the spot price */
    double vega;  /* change of the price for one percentage point of volatility */
    double theta; /* change of the price by one calendar day that passes */
};

struct black_scholes_value black_scholes(const struct black_scholes_option *option);

#endif
