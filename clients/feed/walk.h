/* A seeded random walk of one underlying: prices that look like a market's and repeat exactly. */
#ifndef FEED_WALK_H
#define FEED_WALK_H

#include "clients/feed/product.h"

struct walk_tick {
    double price;
    int64_t tick_id;
    int64_t volume; /* since the tick before */
    double open;
    double high;
    double low;
    double close;
    double change; /* against the close of the day before */
};

struct walk {
    const struct product *product;
    uint64_t random; /* state of the generator */
    int64_t last_us; /* time of the step before; INT64_MIN where there is none */
    int64_t next_id;
    double close_before;
    double price;
    double open;
    double high;
    double low;
    int64_t day; /* days since 1970 (UTC) that open, high and low are of */
};

/* Different products walk differently for the same seed. tick_id counts from 0. */
void walk_init(struct walk *walk, const struct product *product, uint64_t seed);

/* Goes on behind a tick of `timestamp_us` instead of at the product's own price. Only its price,
 * tick_id, open, high, low and change count. */
void walk_resume(struct walk *walk, const struct walk_tick *tick, int64_t timestamp_us);

/*
 * One step, to `timestamp_us`, which is not before the last one. How far the price goes hangs on
 * the time since, so that any interval between steps gives a market of the same volatility. The
 * first step stays at the price that the walk begins at. A new day (UTC) begins a new open, high
 * and low.
 */
struct walk_tick walk_next(struct walk *walk, int64_t timestamp_us);

#endif
