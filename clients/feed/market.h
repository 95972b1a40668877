/*
 * A made-up market: underlyings that walk, and the option chains on them. What it shows follows
 * from the seed and the moments that it was led through. Not thread-safe.
 */
#ifndef FEED_MARKET_H
#define FEED_MARKET_H

#include "clients/feed/option_chain.h"
#include "clients/feed/walk.h"

struct market_options {
    const struct product *products[PRODUCT_COUNT];
    size_t product_count; /* 0: all of them */
    size_t expiry_count;  /* of each product; at most EXPIRY_COUNT_MAX */
    uint64_t seed;
};

struct market_product {
    int64_t now_us; /* the moment that it is at */
    struct walk walk;
    struct walk_tick tick; /* of the moment */
    struct expiry expiries[EXPIRY_COUNT_MAX];
};

struct market {
    struct market_options options;
    struct market_product products[PRODUCT_COUNT];
};

void market_init(struct market *market, const struct market_options *options);

/* Leads one product on to a moment that is later than the one before. */
void market_advance(struct market *market, size_t product_index, int64_t now_us);

/* The chain of one expiry at the moment that the product is at. */
void market_chain(const struct market *market, size_t product_index, size_t expiry_index,
                  struct option_chain *ret_chain);

#endif
