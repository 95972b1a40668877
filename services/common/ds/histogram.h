/*
 * How long things took: counts in buckets that all histograms share, written as a Prometheus
 * histogram in seconds. One that is all zero is empty. Counting is lock-free; any thread.
 */
#ifndef DS_HISTOGRAM_H
#define DS_HISTOGRAM_H

#include "ds/buffer.h"

#include <stdatomic.h>

#define DS_HISTOGRAM_BUCKETS 17 /* the last one takes what is beyond the last bound */

struct ds_histogram {
    atomic_uint_fast64_t buckets[DS_HISTOGRAM_BUCKETS]; /* not cumulative */
    atomic_uint_fast64_t sum_us;
};

/* A duration below 0 counts as 0. */
void ds_histogram_add(struct ds_histogram *histogram, int64_t duration_us);

bool ds_histogram_is_empty(const struct ds_histogram *histogram);

/*
 * Appends the samples <name>_bucket{labels,le}, <name>_sum{labels} and <name>_count{labels}.
 * `labels` is as it stands between the braces (method="x"), or "".
 */
void ds_histogram_write(const struct ds_histogram *histogram, const char *name, const char *labels,
                        struct ds_buffer *text);

#endif
