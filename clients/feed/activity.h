/*
 * How many contracts of an option are open and how many were traded today. Both are functions of
 * the moment alone, not of what came before: a market that is started again goes on where it was,
 * and a strike that comes into the chain has a past.
 */
#ifndef FEED_ACTIVITY_H
#define FEED_ACTIVITY_H

#include "clients/feed/product.h"

#include <stdbool.h>

struct activity_option {
    const struct product *product;
    uint64_t seed;
    int64_t expiry_us;
    int64_t strike;
    bool is_put;
    double day_open; /* of the underlying: where today's trade is */
};

/* In units, a multiple of the lot. Moves slowly: by a hundredth or less a minute. */
int64_t activity_open_interest(const struct activity_option *option, int64_t now_us);

/* In units, since the day (UTC) began; never falls during the day. */
int64_t activity_volume(const struct activity_option *option, int64_t now_us);

#endif
