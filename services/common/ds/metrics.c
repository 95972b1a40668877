#include "ds/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Upper bounds of the latency histogram's buckets in microseconds; one more bucket takes the rest.
 */
static const int64_t bucket_bounds_us[] = {
    50,    100,   250,    500,    1000,   2500,    5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000,
};

#define BUCKET_COUNT (sizeof bucket_bounds_us / sizeof *bucket_bounds_us + 1)

struct method_metrics {
    atomic_uint_fast64_t calls[DS_CODE_COUNT];
    atomic_uint_fast64_t buckets[BUCKET_COUNT]; /* not cumulative */
    atomic_uint_fast64_t duration_us;           /* sum */
};

struct ds_metrics {
    char *prefix;
    atomic_int_fast64_t in_flight;
    size_t watched_count;
    struct ds_metrics_watched watched[DS_METRICS_WATCHED_MAX];
    size_t method_count; /* of all services; one more row stands for unknown methods */
    struct method_metrics methods[];
};

static size_t count_methods(void)
{
    size_t count = 0;
    for (size_t i = 0; i < ds_service_count; i++) {
        count += ds_services[i]->method_count;
    }
    return count;
}

/* The row of a method: services in their order, methods in theirs. */
static size_t row_of(const struct ds_metrics *metrics, const struct ds_method *method)
{
    size_t row = 0;
    for (size_t i = 0; method != NULL && i < ds_service_count; i++) {
        if (ds_services[i] == method->service) {
            return row + method->index;
        }
        row += ds_services[i]->method_count;
    }
    return metrics->method_count;
}

struct ds_metrics *ds_metrics_create(const char *prefix)
{
    const size_t method_count = count_methods();
    struct ds_metrics *metrics =
        calloc(1, sizeof *metrics + (method_count + 1) * sizeof *metrics->methods);
    char *copy = strdup(prefix);
    if (metrics == NULL || copy == NULL) {
        abort();
    }
    metrics->prefix = copy;
    metrics->method_count = method_count;
    return metrics;
}

void ds_metrics_destroy(struct ds_metrics *metrics)
{
    if (metrics != NULL) {
        free(metrics->prefix);
        free(metrics);
    }
}

static void add(atomic_uint_fast64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static uint64_t load(atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static size_t bucket_of(int64_t duration_us)
{
    size_t bucket = 0;
    while (bucket < BUCKET_COUNT - 1 && duration_us > bucket_bounds_us[bucket]) {
        bucket++;
    }
    return bucket;
}

void ds_metrics_call_done(struct ds_metrics *metrics, const struct ds_method *method, ds_code code,
                          int64_t duration_us)
{
    struct method_metrics *row = &metrics->methods[row_of(metrics, method)];
    add(&row->calls[ds_code_of((unsigned int)code)], 1);
    add(&row->buckets[bucket_of(duration_us)], 1);
    add(&row->duration_us, duration_us > 0 ? (uint64_t)duration_us : 0);
}

void ds_metrics_call_begin(struct ds_metrics *metrics)
{
    atomic_fetch_add_explicit(&metrics->in_flight, 1, memory_order_relaxed);
}

void ds_metrics_call_end(struct ds_metrics *metrics)
{
    atomic_fetch_sub_explicit(&metrics->in_flight, 1, memory_order_relaxed);
}

static const char *name_of_row(const struct ds_metrics *metrics, size_t row)
{
    for (size_t i = 0; row < metrics->method_count && i < ds_service_count; i++) {
        if (row < ds_services[i]->method_count) {
            return ds_services[i]->methods[row].full_name;
        }
        row -= ds_services[i]->method_count;
    }
    return "unknown";
}

void ds_metrics_watch(struct ds_metrics *metrics, const struct ds_metrics_watched *watched)
{
    assert(metrics->watched_count < DS_METRICS_WATCHED_MAX);
    metrics->watched[metrics->watched_count++] = *watched;
}

static void write_watched(const struct ds_metrics *metrics, struct ds_buffer *text)
{
    for (size_t i = 0; i < metrics->watched_count; i++) {
        const struct ds_metrics_watched *watched = &metrics->watched[i];
        ds_buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", watched->name,
                         watched->help, watched->name, watched->type, watched->name,
                         watched->read(watched->context));
    }
}

static void write_calls(struct ds_metrics *metrics, struct ds_buffer *text)
{
    ds_buffer_printf(text,
                     "# HELP %s_calls_total Finished calls by method and code.\n"
                     "# TYPE %s_calls_total counter\n",
                     metrics->prefix, metrics->prefix);
    for (size_t row = 0; row <= metrics->method_count; row++) {
        for (unsigned int code = 0; code < DS_CODE_COUNT; code++) {
            const uint64_t calls = load(&metrics->methods[row].calls[code]);
            if (calls > 0) {
                ds_buffer_printf(text, "%s_calls_total{method=\"%s\",code=\"%s\"} %" PRIu64 "\n",
                                 metrics->prefix, name_of_row(metrics, row),
                                 ds_code_name(ds_code_of(code)), calls);
            }
        }
    }
}

static void write_histogram(struct ds_metrics *metrics, size_t row, struct ds_buffer *text)
{
    struct method_metrics *method = &metrics->methods[row];
    const char *name = name_of_row(metrics, row);
    uint64_t below = 0;
    for (size_t bucket = 0; bucket < BUCKET_COUNT - 1; bucket++) {
        below += load(&method->buckets[bucket]);
        ds_buffer_printf(text, "%s_call_seconds_bucket{method=\"%s\",le=\"%g\"} %" PRIu64 "\n",
                         metrics->prefix, name, (double)bucket_bounds_us[bucket] / 1e6, below);
    }
    below += load(&method->buckets[BUCKET_COUNT - 1]);
    ds_buffer_printf(text, "%s_call_seconds_bucket{method=\"%s\",le=\"+Inf\"} %" PRIu64 "\n",
                     metrics->prefix, name, below);
    ds_buffer_printf(text, "%s_call_seconds_sum{method=\"%s\"} %.6f\n", metrics->prefix, name,
                     (double)load(&method->duration_us) / 1e6);
    ds_buffer_printf(text, "%s_call_seconds_count{method=\"%s\"} %" PRIu64 "\n", metrics->prefix,
                     name, below);
}

static bool was_called(struct method_metrics *method)
{
    for (size_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        if (load(&method->buckets[bucket]) > 0) {
            return true;
        }
    }
    return false;
}

void ds_metrics_write(struct ds_metrics *metrics, struct ds_buffer *text)
{
    write_watched(metrics, text);
    write_calls(metrics, text);
    ds_buffer_printf(text,
                     "# HELP %s_call_seconds How long calls took.\n"
                     "# TYPE %s_call_seconds histogram\n",
                     metrics->prefix, metrics->prefix);
    for (size_t row = 0; row <= metrics->method_count; row++) {
        if (was_called(&metrics->methods[row])) {
            write_histogram(metrics, row, text);
        }
    }
    ds_buffer_printf(text,
                     "# HELP %s_calls_in_flight Calls that have begun and not ended.\n"
                     "# TYPE %s_calls_in_flight gauge\n"
                     "%s_calls_in_flight %" PRIdFAST64 "\n",
                     metrics->prefix, metrics->prefix, metrics->prefix,
                     atomic_load_explicit(&metrics->in_flight, memory_order_relaxed));
}
