/* What the results of the self-tests must be. Pure functions. */
#ifndef LOAD_SELFTEST_CHECK_H
#define LOAD_SELFTEST_CHECK_H

#include "clients/load/result.h"
#include "clients/load/selftest_stubs.h"

#include <stdbool.h>

#define SELFTEST_REASON_BYTES_MAX 256

/* Of a run with the operations "answered", "refused" and perhaps "withheld": nothing is lost, and
 * what was sent is what the server has counted. False: ret_reason says what is not so. */
bool selftest_counts_check(const struct load_result *result, const struct selftest_counts *counts,
                           char ret_reason[SELFTEST_REASON_BYTES_MAX]);

/* Of a server that stands still in 1 s of every 10 under an even load: a tenth of the calls waits
 * between 0 and 1 s, each length as often, so that p90 is about 0, p95 500 ms and p99 900 ms. */
bool selftest_stall_check(const struct load_histogram *latency,
                          char ret_reason[SELFTEST_REASON_BYTES_MAX]);

struct selftest_ceiling {
    double rate;         /* ok calls a second */
    double rate_of_core; /* ok calls a CPU second of ours; 0 where nothing was used */
};

struct selftest_ceiling selftest_ceiling_of(const struct load_result *result);

#endif
