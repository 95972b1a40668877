/* Bars: what the ticks of an interval were at first, at most, at least and at last. */
#ifndef STORAGE_CORE_BARS_H
#define STORAGE_CORE_BARS_H

#include "ds/bytes.h"

/* Longer ones are no intervals. */
#define BAR_INTERVAL_TEXT_MAX 8

/* What is wrong with an interval. */
#define BAR_INTERVAL_FAULT                                                                         \
    "interval must be a number and s, m, h or d, from 1s to 1d, of which a day is a multiple, "    \
    "such as 1s, 5s, 15s, 1m, 5m, 15m, 30m, 1h, 4h or 1d"

/* "1m" as microseconds; false where the text is no interval that a day is a multiple of. */
bool bar_interval_parse(const char *text, int64_t *ret_interval_us);

/* The beginning of the interval that the moment is in; intervals are counted from 1970 in UTC. */
int64_t bar_start_us(int64_t moment_us, int64_t interval_us);

/* What a bar takes from a tick. */
struct bar_tick {
    double price;
    int64_t volume;
    bool has_price;
    bool has_volume;
};

/* From a stored tick; false where its bytes are damaged. */
bool bar_tick_read(struct ds_bytes value, struct bar_tick *ret_tick);

struct bar {
    int64_t start_us;
    int64_t end_us; /* not part of the bar */
    double open;
    double high;
    double low;
    double close;
    int64_t num_ticks;
    int64_t volume; /* INT64_MAX or INT64_MIN where the sum is beyond them */
    bool has_volume;
    /* The sum of price times volume, and what its additions lost: the order in which ticks come
     * must not show in the result. */
    double turnover;
    double turnover_lost;
};

/* Adds a tick that has a price behind those so far, or with `ascending` false before them. */
void bar_add(struct bar *bar, const struct bar_tick *tick, bool ascending);

/* The average price by volume; false where there is no volume or the turnover is too large. */
bool bar_vwap(const struct bar *bar, double *ret_vwap);

#endif
