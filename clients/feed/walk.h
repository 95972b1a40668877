/* A seeded random walk of one underlying: prices that look like a market's and repeat exactly. */
#ifndef FEED_WALK_H
#define FEED_WALK_H

#include <stdint.h>

struct walk_product {
    const char *name;
    double price;      /* at the beginning */
    double volatility; /* standard deviation of one step, as a part of the price */
    int64_t volume;    /* usual volume of one step */
};

/* The four underlyings of the demo. */
#define WALK_PRODUCT_COUNT 4
extern const struct walk_product walk_products[WALK_PRODUCT_COUNT];

struct walk {
    const struct walk_product *product;
    uint64_t random; /* state of the generator */
    double close_before;
    double price;
    double open;
    double high;
    double low;
    int64_t day; /* days since 1970 that open, high and low are of */
    int64_t tick_id;
};

struct walk_tick {
    double price;
    int64_t tick_id;
    int64_t volume;
    double open;
    double high;
    double low;
    double close;
    double change; /* against the close of the day before */
};

/* Different products walk differently for the same seed. */
void walk_init(struct walk *walk, const struct walk_product *product, uint64_t seed);

/* Goes on from a known price instead of the product's own. */
void walk_resume(struct walk *walk, double price);

/* One step, as of `timestamp_us`; a new day (UTC) begins a new open, high and low. */
struct walk_tick walk_next(struct walk *walk, int64_t timestamp_us);

#endif
