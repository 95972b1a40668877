/* The underlyings of the made-up market and what is traded on them. */
#ifndef FEED_PRODUCT_H
#define FEED_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

/* Prices of underlyings and options move in steps of 5 paise, as the exchanges' do. */
#define PRODUCT_PRICE_STEP 0.05
#define PRODUCT_STEPS_PER_UNIT 20.0

struct product {
    const char *name;
    const char *exchange;
    double price;             /* that the walk begins at and comes back to */
    double volatility;        /* of a year, as a part of 1; also the level of implied volatility */
    double volume_per_second; /* of the underlying */
    int64_t strike_interval;
    int64_t lot_size;       /* options trade in multiples of it */
    double option_interest; /* usual open interest of an option at the money, in lots */
    int expiry_weekday;     /* 0: Sunday */
};

#define PRODUCT_COUNT 4
extern const struct product feed_products[PRODUCT_COUNT];

/* NULL where there is none of that name. */
const struct product *product_find(const char *name);

/* The nearest price that the exchange knows. */
double product_round_price(double price);

#endif
