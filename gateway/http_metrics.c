#include "gateway/http_metrics.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is not in the list is counted in the row behind it. */
static const uint16_t statuses[] = {200, 201, 204, 400, 401, 403, 404, 405, 406, 408, 409, 413, 414,
                                    415, 417, 422, 429, 431, 499, 500, 501, 503, 504, 505, 507};
#define STATUS_COUNT (sizeof statuses / sizeof statuses[0])

/* Upper bounds in microseconds; one more bucket takes the rest. */
static const int64_t bounds_us[] = {100,   250,   500,    1000,   2500,   5000,    10000,
                                    25000, 50000, 100000, 250000, 500000, 1000000, 5000000};
#define BUCKET_COUNT (sizeof bounds_us / sizeof bounds_us[0])

struct route_row {
    uint64_t by_status[STATUS_COUNT + 1];
    uint64_t buckets[BUCKET_COUNT + 1]; /* not cumulative */
    uint64_t sum_us;
    uint64_t count;
};

struct http_metrics {
    size_t route_count;
    struct route_row routes[];
};

size_t http_metrics_extra_route(enum http_extra_route route)
{
    return route_binding_count + (size_t)route;
}

struct http_metrics *http_metrics_create(void)
{
    const size_t route_count = route_binding_count + HTTP_EXTRA_ROUTE_COUNT;
    struct http_metrics *metrics =
        calloc(1, sizeof *metrics + route_count * sizeof metrics->routes[0]);
    if (metrics == NULL) {
        abort();
    }
    metrics->route_count = route_count;
    return metrics;
}

void http_metrics_destroy(struct http_metrics *metrics)
{
    free(metrics);
}

void http_metrics_count(struct http_metrics *metrics, size_t route, unsigned int status,
                        int64_t duration_us)
{
    struct route_row *row = &metrics->routes[route];
    size_t column = 0;
    while (column < STATUS_COUNT && statuses[column] != status) {
        column++;
    }
    size_t bucket = 0;
    while (bucket < BUCKET_COUNT && duration_us > bounds_us[bucket]) {
        bucket++;
    }
    row->by_status[column]++;
    row->buckets[bucket]++;
    row->count++;
    row->sum_us += duration_us > 0 ? (uint64_t)duration_us : 0;
}

/* Writes method="…",route="…",profile="…" of a row. */
static void write_labels(size_t route, struct ds_buffer *text)
{
    static const char *const extra[HTTP_EXTRA_ROUTE_COUNT] = {
        [HTTP_ROUTE_ROOT] = "/",
        [HTTP_ROUTE_HEALTH] = "/health",
        [HTTP_ROUTE_HEALTH_READY] = "/health/ready",
        [HTTP_ROUTE_HEALTH_LIVE] = "/health/live",
        [HTTP_ROUTE_METRICS] = "/metrics",
        [HTTP_ROUTE_NONE] = "none",
    };
    if (route >= route_binding_count) {
        ds_buffer_printf(text, "method=\"\",route=\"%s\"", extra[route - route_binding_count]);
        return;
    }
    const struct route_binding *binding = &route_bindings[route];
    ds_buffer_printf(text, "method=\"%s\",route=\"%s\"",
                     http_method_name((enum http_method)binding->http_method),
                     binding->path_template);
}

static void write_requests(const struct http_metrics *metrics, struct ds_buffer *text)
{
    ds_buffer_append_text(text, "# HELP ds_http_requests_total Requests by route and status.\n"
                                "# TYPE ds_http_requests_total counter\n");
    for (size_t route = 0; route < metrics->route_count; route++) {
        for (size_t column = 0; column <= STATUS_COUNT; column++) {
            const uint64_t count = metrics->routes[route].by_status[column];
            if (count == 0) {
                continue;
            }
            ds_buffer_append_text(text, "ds_http_requests_total{");
            write_labels(route, text);
            if (column < STATUS_COUNT) {
                ds_buffer_printf(text, ",status=\"%u\"} %" PRIu64 "\n", statuses[column], count);
            } else {
                ds_buffer_printf(text, ",status=\"other\"} %" PRIu64 "\n", count);
            }
        }
    }
}

static void write_histogram(const struct route_row *row, size_t route, struct ds_buffer *text)
{
    uint64_t below = 0;
    for (size_t bucket = 0; bucket <= BUCKET_COUNT; bucket++) {
        below += row->buckets[bucket];
        ds_buffer_append_text(text, "ds_http_request_seconds_bucket{");
        write_labels(route, text);
        if (bucket < BUCKET_COUNT) {
            ds_buffer_printf(text, ",le=\"%g\"} %" PRIu64 "\n", (double)bounds_us[bucket] / 1e6,
                             below);
        } else {
            ds_buffer_printf(text, ",le=\"+Inf\"} %" PRIu64 "\n", below);
        }
    }
    ds_buffer_append_text(text, "ds_http_request_seconds_sum{");
    write_labels(route, text);
    ds_buffer_printf(text, "} %g\nds_http_request_seconds_count{", (double)row->sum_us / 1e6);
    write_labels(route, text);
    ds_buffer_printf(text, "} %" PRIu64 "\n", row->count);
}

static void write_number(struct ds_buffer *text, const char *name, const char *type,
                         const char *help, uint64_t value)
{
    ds_buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type,
                     name, value);
}

void http_metrics_write(const struct http_metrics *metrics,
                        const struct http_server_counters *counters, struct ds_buffer *text)
{
    write_requests(metrics, text);
    ds_buffer_append_text(
        text, "# HELP ds_http_request_seconds Time from a request's head to its reply.\n"
              "# TYPE ds_http_request_seconds histogram\n");
    for (size_t route = 0; route < metrics->route_count; route++) {
        if (metrics->routes[route].count > 0) {
            write_histogram(&metrics->routes[route], route, text);
        }
    }
    write_number(text, "ds_http_connections_open", "gauge", "Connections open now.",
                 counters->connections_open);
    write_number(text, "ds_http_connections_total", "counter", "Connections accepted.",
                 counters->connections_accepted);
    write_number(text, "ds_http_connections_refused_total", "counter",
                 "Connections refused by a cap.", counters->connections_refused);
    write_number(text, "ds_http_timeouts_total", "counter",
                 "Requests and replies ended by a time limit.", counters->timeouts);
    write_number(text, "ds_http_unsent_bytes", "gauge",
                 "Bytes of replies that clients have not taken yet.", counters->unsent_bytes);
}
