/*
 * How often each of many callers may come: a token bucket a caller, which holds `burst` tokens and
 * gains per_second of them a second. Knows no clock: times are what the caller says, in
 * microseconds of any scale that never goes back, and the arithmetic is exact. Any thread.
 */
#ifndef DS_RATE_LIMIT_H
#define DS_RATE_LIMIT_H

#include "ds/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define DS_RATE_PER_SECOND_MAX 1000000
#define DS_RATE_BURST_MAX 1000000
#define DS_RATE_BUCKETS_DEFAULT 8192
/* Keys that begin with the same that many bytes have a bucket together. */
#define DS_RATE_KEY_BYTES_MAX 128

struct ds_rate_limiter;

/* per_second and burst from 1 to their maxima. Remembers buckets_max callers: where one more comes,
 * the one that has not come for longest is forgotten, as if its bucket were full. Never NULL. */
struct ds_rate_limiter *ds_rate_limiter_create(uint32_t per_second, uint32_t burst,
                                               size_t buckets_max);

/* Takes NULL. */
void ds_rate_limiter_destroy(struct ds_rate_limiter *limiter);

/* Takes a token out of the bucket of `key`. False where there is none: ret_wait_us tells how long
 * until the next. */
bool ds_rate_limiter_take(struct ds_rate_limiter *limiter, struct ds_bytes key, int64_t now_us,
                          int64_t *ret_wait_us);

#endif
