#include "clients/feed/walk.h"

#include <math.h>

#define MICROSECONDS_PER_DAY (86400LL * 1000000LL)
/* Prices move in steps of 5 paise, as the exchange's do. */
#define PRICE_STEPS_PER_UNIT 20.0

const struct walk_product walk_products[WALK_PRODUCT_COUNT] = {
    {.name = "NIFTY", .price = 21500.0, .volatility = 0.00004, .volume = 900},
    {.name = "BANKNIFTY", .price = 45500.0, .volatility = 0.00006, .volume = 600},
    {.name = "FINNIFTY", .price = 20300.0, .volatility = 0.00005, .volume = 300},
    {.name = "SENSEX", .price = 71000.0, .volatility = 0.00004, .volume = 200},
};

/* splitmix64: small, and good enough for a picture of a market. */
static uint64_t next_random(struct walk *walk)
{
    walk->random += 0x9E3779B97F4A7C15u;
    uint64_t value = walk->random;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

/* In (0, 1). */
static double next_uniform(struct walk *walk)
{
    return ((double)(next_random(walk) >> 11) + 0.5) / 9007199254740992.0;
}

static double next_normal(struct walk *walk)
{
    const double radius = sqrt(-2.0 * log(next_uniform(walk)));
    return radius * cos(2.0 * M_PI * next_uniform(walk));
}

static double to_price(double value)
{
    return round(value * PRICE_STEPS_PER_UNIT) / PRICE_STEPS_PER_UNIT;
}

void walk_init(struct walk *walk, const struct walk_product *product, uint64_t seed)
{
    *walk = (struct walk){.product = product, .random = seed, .day = -1};
    for (const char *next = product->name; *next != '\0'; next++) {
        walk->random = walk->random * 31 + (uint64_t)*next;
    }
    walk_resume(walk, product->price);
}

void walk_resume(struct walk *walk, double price)
{
    walk->price = price;
    walk->close_before = price;
    walk->day = -1;
}

static void begin_day(struct walk *walk, int64_t day)
{
    walk->day = day;
    walk->close_before = walk->price;
    walk->open = walk->price;
    walk->high = walk->price;
    walk->low = walk->price;
}

struct walk_tick walk_next(struct walk *walk, int64_t timestamp_us)
{
    const int64_t day = timestamp_us / MICROSECONDS_PER_DAY;
    if (day != walk->day) {
        begin_day(walk, day);
    }
    /* A weak pull back keeps a walk of months near where it began. */
    const double drift = (walk->product->price - walk->price) / walk->product->price * 1e-6;
    const double step = walk->product->volatility * next_normal(walk) + drift;
    walk->price = fmax(to_price(walk->price * (1.0 + step)), 1.0);
    walk->high = fmax(walk->high, walk->price);
    walk->low = fmin(walk->low, walk->price);
    walk->tick_id++;
    return (struct walk_tick){
        .price = walk->price,
        .tick_id = walk->tick_id,
        .volume = (int64_t)((double)walk->product->volume * (0.5 + next_uniform(walk))),
        .open = walk->open,
        .high = walk->high,
        .low = walk->low,
        .close = walk->price,
        .change = to_price(walk->price - walk->close_before),
    };
}
