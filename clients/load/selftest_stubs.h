/*
 * Servers inside this program that answer at once with a constant and count: what the harness is
 * able to do is measured against them, and what it counts is compared with what they have counted.
 */
#ifndef LOAD_SELFTEST_STUBS_H
#define LOAD_SELFTEST_STUBS_H

#include "ds/code.h"

#include <stdatomic.h>
#include <stdint.h>

struct selftest_counts {
    atomic_uint_fast64_t answered;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t withheld; /* never answered */
};

/* The last `length_us` of each period the server stands still; 0: never. */
struct selftest_stall {
    int64_t period_us;
    int64_t length_us;
};

#define SELFTEST_URL_BYTES_MAX 128

/* REST: GET /ok is answered with a body of 200 bytes, /error with 503, /withheld not at all. */
struct selftest_rest;

/* Listens on a free port of 127.0.0.1. `counts` outlives the stub. NULL where it can't, after
 * telling on stderr. */
struct selftest_rest *selftest_rest_start(const struct selftest_stall *stall,
                                          struct selftest_counts *counts,
                                          char ret_url[SELFTEST_URL_BYTES_MAX]);
void selftest_rest_stop(struct selftest_rest *stub); /* takes NULL */

/* Native: LatestTick is answered with a tick, every other method of the storage service refused. */
struct selftest_native;

/* Listens over ipc in a temporary folder. As above. */
struct selftest_native *selftest_native_start(struct selftest_counts *counts,
                                              char ret_url[SELFTEST_URL_BYTES_MAX]);
void selftest_native_stop(struct selftest_native *stub); /* takes NULL */

#endif
