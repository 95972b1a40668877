#include "ds/histogram.h"

#include <inttypes.h>
#include <stdio.h>

/* Upper bounds in microseconds. */
static const int64_t bounds_us[] = {
    50,    100,   250,    500,    1000,   2500,    5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000,
};
#define BOUND_COUNT (sizeof bounds_us / sizeof *bounds_us)

_Static_assert(BOUND_COUNT + 1 == DS_HISTOGRAM_BUCKETS, "a bucket for each bound and the rest");

static uint64_t load(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void ds_histogram_add(struct ds_histogram *histogram, int64_t duration_us)
{
    size_t bucket = 0;
    while (bucket < BOUND_COUNT && duration_us > bounds_us[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&histogram->buckets[bucket], 1, memory_order_relaxed);
    if (duration_us > 0) {
        atomic_fetch_add_explicit(&histogram->sum_us, (uint64_t)duration_us, memory_order_relaxed);
    }
}

bool ds_histogram_is_empty(const struct ds_histogram *histogram)
{
    for (size_t bucket = 0; bucket < DS_HISTOGRAM_BUCKETS; bucket++) {
        if (load(&histogram->buckets[bucket]) > 0) {
            return false;
        }
    }
    return true;
}

static void write_bucket(const char *name, const char *labels, const char *bound, uint64_t count,
                         struct ds_buffer *text)
{
    ds_buffer_printf(text, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels,
                     labels[0] == '\0' ? "" : ",", bound, count);
}

void ds_histogram_write(const struct ds_histogram *histogram, const char *name, const char *labels,
                        struct ds_buffer *text)
{
    const bool is_plain = labels[0] == '\0';
    const char *open = is_plain ? "" : "{";
    const char *close = is_plain ? "" : "}";
    uint64_t below = 0;
    for (size_t bucket = 0; bucket < BOUND_COUNT; bucket++) {
        char bound[32];
        (void)snprintf(bound, sizeof bound, "%g", (double)bounds_us[bucket] / 1e6);
        below += load(&histogram->buckets[bucket]);
        write_bucket(name, labels, bound, below, text);
    }
    /* The count is the sum of the buckets as they have been read, whatever is counted meanwhile. */
    below += load(&histogram->buckets[BOUND_COUNT]);
    write_bucket(name, labels, "+Inf", below, text);
    ds_buffer_printf(text, "%s_sum%s%s%s %.6f\n%s_count%s%s%s %" PRIu64 "\n", name, open, labels,
                     close, (double)load(&histogram->sum_us) / 1e6, name, open, labels, close,
                     below);
}
