/* Implied volatility by strike and time to expiry: a smile with a skew, and a term structure. */
#ifndef FEED_SMILE_H
#define FEED_SMILE_H

#include "clients/feed/product.h"

/* Of a year, as a part of 1, with 6 decimals. `forward` is the price for delivery at expiry. */
double smile_volatility(const struct product *product, double forward, double strike, double years);

#endif
