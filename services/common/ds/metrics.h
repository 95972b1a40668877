/*
 * Counters and latency histograms, written out as Prometheus text (exposition format 0.0.4).
 * Updating is lock-free and may happen on any thread.
 */
#ifndef DS_METRICS_H
#define DS_METRICS_H

#include "ds/buffer.h"
#include "ds/code.h"
#include "ds/histogram.h"
#include "ds/schema.h"

struct ds_metrics;

/* A registry with a row for every method of ds_services, under the prefix ("ds_rpc_server",
 * "ds_rpc_client"). NULL: without rows, for what is watched only. */
struct ds_metrics *ds_metrics_create(const char *prefix);
/* Takes NULL. Nobody may count or write any more. */
void ds_metrics_destroy(struct ds_metrics *metrics);

/* Counts one finished call. `method` NULL counts under method="unknown". */
void ds_metrics_call_done(struct ds_metrics *metrics, const struct ds_method *method, ds_code code,
                          int64_t duration_us);

/* Calls in flight go up and down. */
void ds_metrics_call_begin(struct ds_metrics *metrics);
void ds_metrics_call_end(struct ds_metrics *metrics);

#define DS_METRICS_WATCHED_MAX 64
#define DS_METRICS_FAMILIES_MAX 16
#define DS_METRICS_HISTOGRAMS_MAX 16
#define DS_METRICS_WRITERS_MAX 4

/* A value that is asked for when it is written out. */
struct ds_metrics_watched {
    const char *name;                /* whole: "ds_storage_commits_total" */
    const char *help;                /* a sentence */
    const char *type;                /* "counter" or "gauge" */
    uint64_t (*read)(void *context); /* any thread; must not block for long */
    void *context;
};

/* Adds a value; its texts and context outlive the registry. Before ds_metrics_write() is called
 * from another thread; at most DS_METRICS_WATCHED_MAX. */
void ds_metrics_watch(struct ds_metrics *metrics, const struct ds_metrics_watched *watched);

/* Where a family's samples go. */
struct ds_metrics_samples;

/* Values of one name that labels tell apart, asked for when they are written out. */
struct ds_metrics_family {
    const char *name;
    const char *help;
    const char *type; /* "counter" or "gauge" */
    /* Calls ds_metrics_sample() for each value, no two with the same labels. Any thread; must not
     * block for long. */
    void (*collect)(void *context, struct ds_metrics_samples *samples);
    void *context;
};

struct ds_metrics_label {
    const char *name;
    const char *value;
};

/* Adds a family, under the rules of ds_metrics_watch(). */
void ds_metrics_watch_family(struct ds_metrics *metrics, const struct ds_metrics_family *family);

void ds_metrics_sample(struct ds_metrics_samples *samples, const struct ds_metrics_label *labels,
                       size_t label_count, uint64_t value);

/* Adds a histogram, under the rules of ds_metrics_watch(). */
void ds_metrics_watch_histogram(struct ds_metrics *metrics, const char *name, const char *help,
                                const struct ds_histogram *histogram);

/* Adds whole families that `write` appends itself, under the rules of ds_metrics_watch(). */
void ds_metrics_watch_writer(struct ds_metrics *metrics,
                             void (*write)(void *context, struct ds_buffer *text), void *context);

/* Appends what is watched and, of a registry with rows for methods, <prefix>_calls_total
 * {method,code}, the <prefix>_call_seconds histogram and <prefix>_calls_in_flight. Any thread. */
void ds_metrics_write(struct ds_metrics *metrics, struct ds_buffer *text);

#endif
