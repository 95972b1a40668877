#include "storage/core/bars.h"

#include "ds/time.h"
#include "storage/core/row_reader.h"

#include <math.h>

#define DAY_SECONDS 86400

/* The numbers of Tick's fields. */
#define PRICE_FIELD 2
#define VOLUME_FIELD 6

static int64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return DAY_SECONDS;
    default:
        return 0;
    }
}

bool bar_interval_parse(const char *text, int64_t *ret_interval_us)
{
    const size_t size = strnlen(text, BAR_INTERVAL_TEXT_MAX);
    if (size < 2 || size == BAR_INTERVAL_TEXT_MAX || text[0] == '0') {
        return false;
    }
    int64_t number = 0;
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (text[i] - '0');
    }
    const int64_t seconds = number * unit_seconds(text[size - 1]);
    if (seconds == 0 || seconds > DAY_SECONDS || DAY_SECONDS % seconds != 0) {
        return false;
    }
    *ret_interval_us = seconds * DS_MICROSECONDS;
    return true;
}

int64_t bar_start_us(int64_t moment_us, int64_t interval_us)
{
    const int64_t rest = moment_us % interval_us;
    return moment_us - (rest < 0 ? rest + interval_us : rest);
}

bool bar_tick_read(struct ds_bytes value, struct bar_tick *ret_tick)
{
    struct ds_wire_reader reader = ds_wire_reader_of(value);
    struct bar_tick tick = {.has_price = false};
    struct row_field field;
    while (row_field_next(&reader, &field)) {
        if (field.number == PRICE_FIELD) {
            tick.has_price = row_field_double(&field, &tick.price);
        } else if (field.number == VOLUME_FIELD) {
            tick.has_volume = row_field_integer(&field, &tick.volume);
        }
    }
    *ret_tick = tick;
    return ds_wire_at_end(&reader);
}

/* Neumaier's sum: what an addition loses of the smaller number is kept beside. */
static void turnover_add(struct bar *bar, double amount)
{
    const double sum = bar->turnover + amount;
    if (fabs(bar->turnover) >= fabs(amount)) {
        bar->turnover_lost += (bar->turnover - sum) + amount;
    } else {
        bar->turnover_lost += (amount - sum) + bar->turnover;
    }
    bar->turnover = sum;
}

static void volume_add(struct bar *bar, const struct bar_tick *tick)
{
    if (__builtin_add_overflow(bar->volume, tick->volume, &bar->volume)) {
        bar->volume = tick->volume > 0 ? INT64_MAX : INT64_MIN;
    }
    bar->has_volume = true;
    turnover_add(bar, tick->price * (double)tick->volume);
}

void bar_add(struct bar *bar, const struct bar_tick *tick, bool ascending)
{
    const double price = tick->price;
    if (bar->num_ticks == 0) {
        bar->open = bar->high = bar->low = bar->close = price;
    }
    if (ascending) {
        bar->close = price;
    } else {
        bar->open = price;
    }
    if (price > bar->high) {
        bar->high = price;
    }
    if (price < bar->low) {
        bar->low = price;
    }
    bar->num_ticks++;
    if (tick->has_volume) {
        volume_add(bar, tick);
    }
}

bool bar_vwap(const struct bar *bar, double *ret_vwap)
{
    if (!bar->has_volume || bar->volume == 0) {
        return false;
    }
    const double vwap = (bar->turnover + bar->turnover_lost) / (double)bar->volume;
    if (!isfinite(vwap)) {
        return false;
    }
    *ret_vwap = vwap;
    return true;
}
