/* All options of one product and expiry at one moment, every number from the same prices. */
#ifndef FEED_OPTION_CHAIN_H
#define FEED_OPTION_CHAIN_H

#include "clients/feed/expiry.h"
#include "clients/feed/product.h"

#include <stdbool.h>

/* Ten on either side of the one at the money. */
#define OPTION_CHAIN_STRIKES 21

/* Continuous and of a year; what the chain's prices are made with. */
#define OPTION_CHAIN_RATE 0.065
#define OPTION_CHAIN_DIVIDEND_YIELD 0.012

struct option_quote {
    double strike;
    double bid;
    double ask;
    double last; /* the model's price, rounded; never below one step, between bid and ask */
    int64_t bid_qty;
    int64_t ask_qty;
    int64_t volume;        /* of the day so far */
    int64_t open_interest; /* both in units, multiples of the lot */
    double iv;             /* of a year, as a part of 1; the same of the call and put of a strike */
    double delta;
    double gamma;
    double vega;  /* for one percentage point of volatility */
    double theta; /* a calendar day */
};

struct option_chain {
    const struct product *product;
    struct expiry expiry;
    int64_t timestamp_us;
    double spot;
    struct option_quote calls[OPTION_CHAIN_STRIKES]; /* by rising strike */
    struct option_quote puts[OPTION_CHAIN_STRIKES];
};

struct option_chain_inputs {
    const struct product *product;
    const struct expiry *expiry; /* still to come at timestamp_us */
    uint64_t seed;
    int64_t timestamp_us;
    double spot;
    double day_open; /* of the underlying */
};

void option_chain_make(const struct option_chain_inputs *inputs, struct option_chain *ret_chain);

/* Until the expiry's moment, above 0. */
double option_chain_years(const struct option_chain *chain);

#endif
