#include "clients/feed/walk.h"

#include "clients/feed/random.h"

#include <math.h>
#include <stdbool.h>

#define MICROSECONDS_PER_DAY (86400LL * 1000000LL)
#define SECONDS_PER_YEAR (365.0 * 86400.0)
/* A weak pull back keeps a walk of months near where it began: half of the way in a week. */
#define RETURN_RATE_PER_SECOND (0.6931471805599453 / (7.0 * 86400.0))

void walk_init(struct walk *walk, const struct product *product, uint64_t seed)
{
    *walk = (struct walk){.product = product,
                          .random = random_key_of_text(seed, product->name),
                          .last_us = INT64_MIN,
                          .price = product->price,
                          .close_before = product->price,
                          .day = INT64_MIN};
}

void walk_resume(struct walk *walk, const struct walk_tick *tick, int64_t timestamp_us)
{
    walk->last_us = timestamp_us;
    walk->price = tick->price;
    walk->next_id = tick->tick_id + 1;
    walk->day = timestamp_us / MICROSECONDS_PER_DAY;
    walk->open = tick->open;
    walk->high = fmax(tick->high, tick->price);
    walk->low = fmin(tick->low, tick->price);
    walk->close_before = product_round_price(tick->price - tick->change);
    /* Or every start would walk the same way. */
    walk->random = random_key(walk->random, (uint64_t)timestamp_us);
}

/* The logarithm of the price is an Ornstein-Uhlenbeck process, whose step is known exactly for any
 * length of time. */
static double step_price(struct walk *walk, double seconds)
{
    const double rate = RETURN_RATE_PER_SECOND;
    const double volatility = walk->product->volatility / sqrt(SECONDS_PER_YEAR);
    const double deviation = volatility * sqrt(-expm1(-2.0 * rate * seconds) / (2.0 * rate));
    const double distance = log(walk->price / walk->product->price) * exp(-rate * seconds);
    const double moved = distance + deviation * random_normal(&walk->random);
    const double price = product_round_price(walk->product->price * exp(moved));
    return fmax(price, PRODUCT_PRICE_STEP);
}

static void begin_day(struct walk *walk, int64_t day)
{
    walk->close_before = walk->day == INT64_MIN ? walk->close_before : walk->price;
    walk->day = day;
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
    const bool is_first = walk->last_us == INT64_MIN;
    const double seconds = is_first ? 0.0 : (double)(timestamp_us - walk->last_us) / 1e6;
    if (seconds > 0) {
        walk->price = step_price(walk, seconds);
    }
    walk->last_us = timestamp_us;
    walk->high = fmax(walk->high, walk->price);
    walk->low = fmin(walk->low, walk->price);
    const double volume = walk->product->volume_per_second * fmin(seconds, 86400.0) *
                          (0.5 + random_uniform(&walk->random));
    return (struct walk_tick){
        .price = walk->price,
        .tick_id = walk->next_id++,
        .volume = (int64_t)fmax(volume, 1.0),
        .open = walk->open,
        .high = walk->high,
        .low = walk->low,
        .close = walk->price,
        .change = product_round_price(walk->price - walk->close_before),
    };
}
