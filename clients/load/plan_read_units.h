/* Durations, rates and stages as people write them. */
#ifndef LOAD_PLAN_READ_UNITS_H
#define LOAD_PLAN_READ_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_DURATION_NS_MAX (30 * 24 * 3600 * 1000000000LL)
#define LOAD_LEVEL_MAX 1e7 /* users, or flows a second */

/* "250us", "1.5s", "2m" or "2min", "1h", "1d"; 0 needs no unit. False where it is anything else or
 * longer than LOAD_DURATION_NS_MAX. */
bool load_duration_parse(const char *text, int64_t *ret_ns);

/* "1000", "1000/s", "60/m"; from 0 to LOAD_LEVEL_MAX. */
bool load_rate_parse(const char *text, double *ret_per_second);

/* "30s:1000": for so long, to that level in a straight line. */
bool load_stage_parse(const char *text, int64_t *ret_duration_ns, double *ret_level);

/* "0.1%" or "0.001"; from 0 to 1. */
bool load_share_parse(const char *text, double *ret_share);

#endif
