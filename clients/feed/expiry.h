/* The days on which options of a product expire. */
#ifndef FEED_EXPIRY_H
#define FEED_EXPIRY_H

#include <stddef.h>
#include <stdint.h>

#define EXPIRY_COUNT_MAX 12
#define EXPIRY_TEXT_BYTES 11 /* YYYY-MM-DD and its end */

struct expiry {
    char date[EXPIRY_TEXT_BYTES];
    int64_t moment_us; /* when trading in it ends: 10:00 UTC, which is 15:30 in Mumbai */
};

/*
 * The expiries that are listed at a moment, soonest first: of `count` (1 to EXPIRY_COUNT_MAX) one
 * half, rounded up, are the next weekly ones and the others the monthly ones that come next (a
 * month's last such weekday). An expiry whose moment has come is listed no more.
 */
void expiry_list(int weekday, int64_t now_us, size_t count, struct expiry *ret_expiries);

#endif
