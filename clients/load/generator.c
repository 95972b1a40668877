#include "clients/load/generator.h"

#include "clients/feed/random.h"
#include "clients/load/generator_internal.h"
#include "ds/number.h"
#include "ds/time.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A price's walk is made of this many waves of noise, each half as fast as the one before. */
#define PRICE_WAVES 17

const char *load_generator_name(const struct load_generator *generator)
{
    return generator->name;
}

struct load_generator *load_generator_find(const struct load_generators *generators,
                                           const char *name, size_t name_bytes)
{
    for (size_t i = 0; generators != NULL && i < generators->count; i++) {
        if (ds_bytes_equal_text(ds_bytes_of(name, name_bytes), generators->items[i]->name)) {
            return generators->items[i];
        }
    }
    return NULL;
}

void load_generator_expect_rows(struct load_generator *generator, uint64_t row_count)
{
    if (row_count > generator->row_count) {
        generator->row_count = row_count;
    }
}

bool load_generator_is_number(const struct load_generator *generator)
{
    switch (generator->kind) {
    case LOAD_GENERATOR_UNIFORM:
    case LOAD_GENERATOR_RANDOM_PRICE:
        return true;
    case LOAD_GENERATOR_SEQUENCE:
        return generator->prefix[0] == '\0';
    case LOAD_GENERATOR_NOW:
    case LOAD_GENERATOR_TIME:
        return generator->time_form != LOAD_TIME_RFC3339;
    case LOAD_GENERATOR_CHOICE:
    case LOAD_GENERATOR_ZIPF:
    case LOAD_GENERATOR_CSV:
        return false;
    }
    return false;
}

bool load_generator_column(const struct load_generator *generator, const char *name,
                           size_t name_bytes, size_t *ret_column)
{
    if (generator->kind != LOAD_GENERATOR_CSV) {
        if (name_bytes == 0) {
            *ret_column = 0;
        }
        return name_bytes == 0;
    }
    for (size_t i = 0; i < generator->column_count; i++) {
        if (ds_bytes_equal(generator->columns[i], ds_bytes_of(name, name_bytes))) {
            *ret_column = i;
            return true;
        }
    }
    return false;
}

/* Its own number for each flow and row. */
static uint64_t number_of(const struct load_generator *generator, const struct load_moment *moment)
{
    assert(moment->row < generator->row_count);
    return moment->flow * generator->row_count + moment->row;
}

static uint64_t key_of(const struct load_generator *generator, const struct load_moment *moment)
{
    return random_key(random_key(moment->seed, generator->key), number_of(generator, moment));
}

/* start + step * number; where that is too large for an int64_t it begins anew from below. */
static int64_t step_on(int64_t start, int64_t step, uint64_t number)
{
    return (int64_t)((uint64_t)start + (uint64_t)step * number);
}

static struct ds_bytes prefixed(const char *prefix, int64_t number, char *scratch)
{
    const size_t bytes = strlen(prefix);
    memcpy(scratch, prefix, bytes);
    return ds_bytes_of(scratch, bytes + ds_int64_format(number, scratch + bytes));
}

static struct ds_bytes value_at(const struct load_generator *generator, uint64_t index,
                                char *scratch)
{
    if (generator->values != NULL) {
        return generator->values[index];
    }
    return prefixed(generator->prefix, (int64_t)index, scratch);
}

/* `share` is in (0, 1). */
static uint64_t index_of_share(uint64_t count, double share)
{
    const uint64_t index = (uint64_t)(share * (double)count);
    return index < count ? index : count - 1;
}

/* The first value whose share, with those of the values before it, is more than `share`. */
static uint64_t rank_of_share(const struct load_generator *generator, double share)
{
    uint64_t low = 0;
    uint64_t high = generator->value_count - 1;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (generator->shares[middle] > share) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static struct ds_bytes decimal_text(double value, unsigned int decimals, char *scratch)
{
    static const double scales[LOAD_GENERATOR_DECIMALS_MAX + 1] = {1,   1e1, 1e2, 1e3, 1e4,
                                                                   1e5, 1e6, 1e7, 1e8, 1e9};
    int64_t scaled = llround(value * scales[decimals]);
    char digits[DS_INT_TEXT_MAX];
    size_t bytes = 0;
    if (scaled < 0) {
        scratch[bytes++] = '-';
        scaled = -scaled;
    }
    size_t digit_count = ds_int64_format(scaled, digits);
    /* At least one digit in front of the point. */
    while (digit_count <= decimals) {
        memmove(digits + 1, digits, digit_count++);
        digits[0] = '0';
    }
    const size_t whole = digit_count - decimals;
    memcpy(scratch + bytes, digits, whole);
    bytes += whole;
    if (decimals > 0) {
        scratch[bytes++] = '.';
        memcpy(scratch + bytes, digits + whole, decimals);
        bytes += decimals;
    }
    return ds_bytes_of(scratch, bytes);
}

static struct ds_bytes uniform_text(const struct load_generator *generator,
                                    const struct load_moment *moment, char *scratch)
{
    const double share = random_of_key(key_of(generator, moment));
    const double span = generator->maximum - generator->minimum;
    if (generator->decimals > 0) {
        return decimal_text(generator->minimum + share * span, generator->decimals, scratch);
    }
    /* Whole numbers: each, both ends included, is as likely. */
    const double whole = floor(generator->minimum + share * (span + 1));
    return decimal_text(fmin(whole, generator->maximum), 0, scratch);
}

/* Noise from -1 to 1 that goes in straight lines between random points, one every `period`. */
static double noise_at(uint64_t key, uint64_t number, uint64_t period)
{
    const uint64_t before = number / period;
    const double left = random_of_key(random_key(key, before));
    const double right = random_of_key(random_key(key, before + 1));
    const double way = (double)(number % period) / (double)period;
    return 2 * (left + (right - left) * way) - 1;
}

/* Waves whose height grows with the root of their length look like a random walk, and any value of
 * it can be had without those before it. */
static struct ds_bytes price_text(const struct load_generator *generator,
                                  const struct load_moment *moment, char *scratch)
{
    const uint64_t number = number_of(generator, moment);
    const uint64_t key = random_key(moment->seed, generator->key);
    double sum = 0;
    for (uint64_t wave = 0; wave < PRICE_WAVES; wave++) {
        sum += sqrt((double)(1ULL << wave)) * noise_at(random_key(key, wave), number, 1ULL << wave);
    }
    const double price = generator->price * exp(generator->volatility * sum);
    return decimal_text(price, generator->decimals, scratch);
}

static struct ds_bytes time_text(int64_t us, enum load_time_form form, char *scratch)
{
    switch (form) {
    case LOAD_TIME_MS:
        return ds_bytes_of(scratch, ds_int64_format(us / 1000, scratch));
    case LOAD_TIME_US:
        return ds_bytes_of(scratch, ds_int64_format(us, scratch));
    case LOAD_TIME_SECONDS:
        return ds_bytes_of(scratch, ds_int64_format(us / DS_MICROSECONDS, scratch));
    case LOAD_TIME_RFC3339:
        break;
    }
    int64_t seconds = us / DS_MICROSECONDS - (us % DS_MICROSECONDS < 0);
    const int32_t nanoseconds = (int32_t)(us - seconds * DS_MICROSECONDS) * 1000;
    seconds = seconds < DS_TIME_SECONDS_MIN ? DS_TIME_SECONDS_MIN : seconds;
    seconds = seconds > DS_TIME_SECONDS_MAX ? DS_TIME_SECONDS_MAX : seconds;
    return ds_bytes_of(scratch, ds_time_format(seconds, nanoseconds, scratch));
}

static struct ds_bytes row_field(const struct load_generator *generator, size_t column,
                                 const struct load_moment *moment)
{
    const uint64_t row =
        generator->is_random
            ? index_of_share(generator->value_count, random_of_key(key_of(generator, moment)))
            : number_of(generator, moment) % generator->value_count;
    return generator->values[row * generator->column_count + column];
}

struct ds_bytes load_generator_value(const struct load_generator *generator, size_t column,
                                     const struct load_moment *moment,
                                     char scratch[LOAD_GENERATOR_TEXT_BYTES_MAX])
{
    switch (generator->kind) {
    case LOAD_GENERATOR_CHOICE:
        return value_at(
            generator,
            index_of_share(generator->value_count, random_of_key(key_of(generator, moment))),
            scratch);
    case LOAD_GENERATOR_ZIPF:
        return value_at(
            generator, rank_of_share(generator, random_of_key(key_of(generator, moment))), scratch);
    case LOAD_GENERATOR_UNIFORM:
        return uniform_text(generator, moment, scratch);
    case LOAD_GENERATOR_SEQUENCE:
        return prefixed(generator->prefix,
                        step_on(generator->start, generator->step, number_of(generator, moment)),
                        scratch);
    case LOAD_GENERATOR_CSV:
        return row_field(generator, column, moment);
    case LOAD_GENERATOR_NOW:
        return time_text(step_on(moment->wall_us + generator->start, generator->step, moment->row),
                         generator->time_form, scratch);
    case LOAD_GENERATOR_TIME:
        return time_text(step_on(generator->start, generator->step, number_of(generator, moment)),
                         generator->time_form, scratch);
    case LOAD_GENERATOR_RANDOM_PRICE:
        return price_text(generator, moment, scratch);
    }
    return (struct ds_bytes){0};
}
