#include "gateway/http_metrics.h"

#include "ds/histogram.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is not in the list is counted in the row behind it. */
static const uint16_t statuses[] = {101, 200, 201, 204, 304, 308, 400, 401, 403, 404, 405,
                                    406, 408, 409, 410, 411, 412, 413, 414, 415, 417, 422,
                                    426, 429, 431, 499, 500, 501, 503, 504, 505, 507};
#define STATUS_COUNT (sizeof statuses / sizeof statuses[0])

struct route_row {
    atomic_uint_fast64_t by_status[STATUS_COUNT + 1];
    struct ds_histogram durations;
};

struct http_metrics {
    const struct gateway_tables *tables;
    size_t route_count;
    struct route_row routes[];
};

size_t http_metrics_extra_route(const struct http_metrics *metrics, enum http_extra_route route)
{
    return metrics->tables->binding_count + (size_t)route;
}

/* The methods of the services in front of that one. */
static size_t methods_before(const struct gateway_tables *tables, size_t service)
{
    size_t count = 0;
    for (size_t i = 0; i < service; i++) {
        count += tables->services[i]->method_count;
    }
    return count;
}

size_t http_metrics_method_route(const struct http_metrics *metrics, const struct ds_method *method)
{
    const struct gateway_tables *tables = metrics->tables;
    size_t service = 0;
    while (tables->services[service] != method->service) {
        service++;
    }
    return http_metrics_extra_route(metrics, HTTP_EXTRA_ROUTE_COUNT) +
           methods_before(tables, service) + method->index;
}

struct http_metrics *http_metrics_create(const struct gateway_tables *tables)
{
    const size_t route_count = tables->binding_count + HTTP_EXTRA_ROUTE_COUNT +
                               methods_before(tables, tables->service_count);
    struct http_metrics *metrics =
        calloc(1, sizeof *metrics + route_count * sizeof metrics->routes[0]);
    if (metrics == NULL) {
        abort();
    }
    metrics->tables = tables;
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
    atomic_fetch_add_explicit(&row->by_status[column], 1, memory_order_relaxed);
    ds_histogram_add(&row->durations, duration_us);
}

/* The full name of a method, by its number among those of all services. */
static const char *method_name(const struct gateway_tables *tables, size_t number)
{
    size_t service = 0;
    while (number >= tables->services[service]->method_count) {
        number -= tables->services[service]->method_count;
        service++;
    }
    return tables->services[service]->methods[number].full_name;
}

/* Writes method="…",route="…" of a row. */
static void write_labels(const struct gateway_tables *tables, size_t route, struct ds_buffer *text)
{
    static const char *const extra[HTTP_EXTRA_ROUTE_COUNT] = {
#define SYSTEM_ROUTE(symbol, path, type, subtype, summary) [HTTP_ROUTE_##symbol] = path,
#include "gateway/system_routes.def"
#undef SYSTEM_ROUTE
        [HTTP_ROUTE_NONE] = "none",
    };
    if (route >= tables->binding_count + HTTP_EXTRA_ROUTE_COUNT) {
        ds_buffer_printf(
            text, "method=\"\",route=\"/%s\"",
            method_name(tables, route - tables->binding_count - HTTP_EXTRA_ROUTE_COUNT));
        return;
    }
    if (route >= tables->binding_count) {
        ds_buffer_printf(text, "method=\"\",route=\"%s\"", extra[route - tables->binding_count]);
        return;
    }
    const struct route_binding *binding = &tables->bindings[route];
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
            const uint64_t count = atomic_load_explicit(&metrics->routes[route].by_status[column],
                                                        memory_order_relaxed);
            if (count == 0) {
                continue;
            }
            ds_buffer_append_text(text, "ds_http_requests_total{");
            write_labels(metrics->tables, route, text);
            if (column < STATUS_COUNT) {
                ds_buffer_printf(text, ",status=\"%u\"} %" PRIu64 "\n", statuses[column], count);
            } else {
                ds_buffer_printf(text, ",status=\"other\"} %" PRIu64 "\n", count);
            }
        }
    }
}

static void write_durations(const struct http_metrics *metrics, struct ds_buffer *text)
{
    struct ds_buffer labels;
    ds_buffer_init(&labels, SIZE_MAX);
    ds_buffer_append_text(
        text, "# HELP ds_http_request_seconds Time from a request's head to its reply.\n"
              "# TYPE ds_http_request_seconds histogram\n");
    for (size_t route = 0; route < metrics->route_count; route++) {
        const struct ds_histogram *durations = &metrics->routes[route].durations;
        if (!ds_histogram_is_empty(durations)) {
            ds_buffer_clear(&labels);
            write_labels(metrics->tables, route, &labels);
            ds_buffer_append_byte(&labels, '\0');
            ds_histogram_write(durations, "ds_http_request_seconds", (const char *)labels.data,
                               text);
        }
    }
    ds_buffer_deinit(&labels);
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
    write_durations(metrics, text);
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
