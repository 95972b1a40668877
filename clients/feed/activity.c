#include "clients/feed/activity.h"

#include "clients/feed/random.h"

#include <math.h>

#define SECONDS_PER_DAY 86400.0
#define MICROSECONDS_PER_DAY (86400LL * 1000000LL)
/* Interest lies about 3 % around the underlying's price, further out for the money than in it. */
#define INTEREST_WIDTH 0.03
#define INTEREST_OUTSIDE_BIAS 0.6
/* Trade is closer to the price than what is held. */
#define VOLUME_WIDTH 0.012
/* Of what is open, at the money, in a whole day: weekly options change hands many times. */
#define VOLUME_TURNOVER 6.0
/* Later expiries have less of both. */
#define EXPIRY_DECAY_DAYS 12.0
#define EXPIRY_SHARE_MIN 0.08
/* Round strikes attract. */
#define ROUND_STRIKE_INTERVALS 10
#define ROUND_STRIKE_FACTOR 2.2

static uint64_t key_of(const struct activity_option *option)
{
    uint64_t key = random_key_of_text(option->seed, option->product->name);
    key = random_key(key, (uint64_t)option->expiry_us);
    key = random_key(key, (uint64_t)option->strike);
    return random_key(key, option->is_put ? 1 : 0);
}

/* 1 at `center`, falling on both sides with heavy ends. */
static double bell(double value, double center, double width)
{
    const double distance = (value / center - 1.0) / width;
    return 1.0 / (1.0 + distance * distance);
}

static double expiry_share(const struct activity_option *option, int64_t now_us)
{
    const double days = (double)(option->expiry_us - now_us) / 1e6 / SECONDS_PER_DAY;
    return EXPIRY_SHARE_MIN + (1.0 - EXPIRY_SHARE_MIN) * exp(-fmax(days, 0.0) / EXPIRY_DECAY_DAYS);
}

/* Calls are sold above the price and puts below it. */
static double outside_bias(const struct activity_option *option)
{
    const double side = option->is_put ? -1.0 : 1.0;
    const double distance = (double)option->strike / option->product->price - 1.0;
    return 1.0 + INTEREST_OUTSIDE_BIAS * tanh(side * distance / (0.5 * INTEREST_WIDTH));
}

static double wave(uint64_t key, uint64_t number, double period_s, int64_t now_us)
{
    const double phase = random_of_key(random_key(key, number));
    return sin(2.0 * M_PI * ((double)now_us / 1e6 / period_s + phase));
}

static int64_t to_lots(const struct activity_option *option, double lots)
{
    return (int64_t)lots * option->product->lot_size;
}

/* What is held of it on the whole, in lots. */
static double usual_interest(const struct activity_option *option, uint64_t key)
{
    const double personal = 0.5 + random_of_key(key);
    const bool is_round =
        option->strike % (option->product->strike_interval * ROUND_STRIKE_INTERVALS) == 0;
    return option->product->option_interest * personal * (is_round ? ROUND_STRIKE_FACTOR : 1.0) *
           bell((double)option->strike, option->product->price, INTEREST_WIDTH) *
           outside_bias(option);
}

int64_t activity_open_interest(const struct activity_option *option, int64_t now_us)
{
    const uint64_t key = key_of(option);
    const double moving =
        1.0 + 0.2 * wave(key, 1, 7.3 * 3600.0, now_us) + 0.04 * wave(key, 2, 1.1 * 3600.0, now_us);
    return to_lots(option, usual_interest(option, key) * expiry_share(option, now_us) * moving);
}

/* The part of a day's trade that is done by now: 0 to 1, now faster and now slower. */
static double day_progress(uint64_t key, int64_t now_us)
{
    const double part = (double)(now_us % MICROSECONDS_PER_DAY) / (double)MICROSECONDS_PER_DAY;
    const double waves = 2.0 * M_PI * 9.0;
    const double phase = 2.0 * M_PI * random_of_key(random_key(key, 3));
    /* The slope is 1 + 0.9 cos(...), which is never negative. */
    return part + 0.9 / waves * (sin(waves * part + phase) - sin(phase));
}

int64_t activity_volume(const struct activity_option *option, int64_t now_us)
{
    const uint64_t key = key_of(option);
    /* The day's whole trade hangs on nothing that changes during the day. */
    const int64_t day_us = now_us - now_us % MICROSECONDS_PER_DAY;
    const double personal = 0.5 + random_of_key(random_key(key, (uint64_t)day_us));
    const double lots = option->product->option_interest * VOLUME_TURNOVER * personal *
                        expiry_share(option, day_us) *
                        bell((double)option->strike, option->day_open, VOLUME_WIDTH);
    return to_lots(option, lots * day_progress(key, now_us));
}
