#include "ds/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A method's full name and what stands around it. */
#define NAME_BYTES_MAX 256

struct method_metrics {
    atomic_uint_fast64_t calls[DS_CODE_COUNT];
    struct ds_histogram durations;
};

struct watched_histogram {
    const char *name;
    const char *help;
    const struct ds_histogram *histogram;
};

struct watched_writer {
    void (*write)(void *context, struct ds_buffer *text);
    void *context;
};

struct ds_metrics {
    char *prefix; /* NULL: no rows for methods */
    atomic_int_fast64_t in_flight;
    size_t watched_count;
    struct ds_metrics_watched watched[DS_METRICS_WATCHED_MAX];
    size_t family_count;
    struct ds_metrics_family families[DS_METRICS_FAMILIES_MAX];
    size_t histogram_count;
    struct watched_histogram histograms[DS_METRICS_HISTOGRAMS_MAX];
    size_t writer_count;
    struct watched_writer writers[DS_METRICS_WRITERS_MAX];
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
    char *copy = prefix == NULL ? NULL : strdup(prefix);
    if (metrics == NULL || (prefix != NULL && copy == NULL)) {
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

static uint64_t load(atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void ds_metrics_call_done(struct ds_metrics *metrics, const struct ds_method *method, ds_code code,
                          int64_t duration_us)
{
    struct method_metrics *row = &metrics->methods[row_of(metrics, method)];
    atomic_fetch_add_explicit(&row->calls[ds_code_of((unsigned int)code)], 1, memory_order_relaxed);
    ds_histogram_add(&row->durations, duration_us);
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

void ds_metrics_watch_family(struct ds_metrics *metrics, const struct ds_metrics_family *family)
{
    assert(metrics->family_count < DS_METRICS_FAMILIES_MAX);
    metrics->families[metrics->family_count++] = *family;
}

void ds_metrics_watch_histogram(struct ds_metrics *metrics, const char *name, const char *help,
                                const struct ds_histogram *histogram)
{
    assert(metrics->histogram_count < DS_METRICS_HISTOGRAMS_MAX);
    metrics->histograms[metrics->histogram_count++] =
        (struct watched_histogram){.name = name, .help = help, .histogram = histogram};
}

void ds_metrics_watch_writer(struct ds_metrics *metrics,
                             void (*write)(void *context, struct ds_buffer *text), void *context)
{
    assert(metrics->writer_count < DS_METRICS_WRITERS_MAX);
    metrics->writers[metrics->writer_count++] =
        (struct watched_writer){.write = write, .context = context};
}

struct ds_metrics_samples {
    const char *name;
    struct ds_buffer *text;
};

static void write_head(const char *name, const char *type, const char *help, struct ds_buffer *text)
{
    ds_buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_label_value(const char *value, struct ds_buffer *text)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n') {
            ds_buffer_append_text(text, "\\n");
            continue;
        }
        if (*at == '\\' || *at == '"') {
            ds_buffer_append_byte(text, '\\');
        }
        ds_buffer_append_byte(text, (uint8_t)*at);
    }
}

void ds_metrics_sample(struct ds_metrics_samples *samples, const struct ds_metrics_label *labels,
                       size_t label_count, uint64_t value)
{
    struct ds_buffer *text = samples->text;
    ds_buffer_append_text(text, samples->name);
    for (size_t i = 0; i < label_count; i++) {
        ds_buffer_printf(text, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        write_label_value(labels[i].value, text);
        ds_buffer_append_byte(text, '"');
    }
    ds_buffer_printf(text, "%s %" PRIu64 "\n", label_count > 0 ? "}" : "", value);
}

static void write_watched(const struct ds_metrics *metrics, struct ds_buffer *text)
{
    for (size_t i = 0; i < metrics->watched_count; i++) {
        const struct ds_metrics_watched *watched = &metrics->watched[i];
        struct ds_metrics_samples samples = {.name = watched->name, .text = text};
        write_head(watched->name, watched->type, watched->help, text);
        ds_metrics_sample(&samples, NULL, 0, watched->read(watched->context));
    }
    for (size_t i = 0; i < metrics->family_count; i++) {
        const struct ds_metrics_family *family = &metrics->families[i];
        struct ds_metrics_samples samples = {.name = family->name, .text = text};
        write_head(family->name, family->type, family->help, text);
        family->collect(family->context, &samples);
    }
    for (size_t i = 0; i < metrics->histogram_count; i++) {
        const struct watched_histogram *watched = &metrics->histograms[i];
        write_head(watched->name, "histogram", watched->help, text);
        ds_histogram_write(watched->histogram, watched->name, "", text);
    }
    for (size_t i = 0; i < metrics->writer_count; i++) {
        metrics->writers[i].write(metrics->writers[i].context, text);
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

static void write_durations(struct ds_metrics *metrics, struct ds_buffer *text)
{
    char name[NAME_BYTES_MAX];
    char labels[NAME_BYTES_MAX];
    (void)snprintf(name, sizeof name, "%s_call_seconds", metrics->prefix);
    write_head(name, "histogram", "How long calls took.", text);
    for (size_t row = 0; row <= metrics->method_count; row++) {
        const struct ds_histogram *durations = &metrics->methods[row].durations;
        if (!ds_histogram_is_empty(durations)) {
            (void)snprintf(labels, sizeof labels, "method=\"%s\"", name_of_row(metrics, row));
            ds_histogram_write(durations, name, labels, text);
        }
    }
}

void ds_metrics_write(struct ds_metrics *metrics, struct ds_buffer *text)
{
    write_watched(metrics, text);
    if (metrics->prefix == NULL) {
        return;
    }
    write_calls(metrics, text);
    write_durations(metrics, text);
    ds_buffer_printf(text,
                     "# HELP %s_calls_in_flight Calls that have begun and not ended.\n"
                     "# TYPE %s_calls_in_flight gauge\n"
                     "%s_calls_in_flight %" PRIdFAST64 "\n",
                     metrics->prefix, metrics->prefix, metrics->prefix,
                     atomic_load_explicit(&metrics->in_flight, memory_order_relaxed));
}
