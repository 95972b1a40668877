/* What the gateway counts of its own: requests by route and status, their time. Any thread may
 * count and write. */
#ifndef GATEWAY_HTTP_METRICS_H
#define GATEWAY_HTTP_METRICS_H

#include "ds/buffer.h"
#include "gateway/tables.h"
#include "http/server.h"

struct http_metrics;

/* A route's number is its place in the bindings, or one of these behind them; behind these are the
 * methods of all services, as Connect's paths. */
enum http_extra_route {
#define SYSTEM_ROUTE(symbol, path, type, subtype, summary) HTTP_ROUTE_##symbol,
#include "gateway/system_routes.def"
#undef SYSTEM_ROUTE
    HTTP_ROUTE_NONE, /* requests that never got to a route */
    HTTP_EXTRA_ROUTE_COUNT,
};

/* `tables` outlive the counts. */
struct http_metrics *http_metrics_create(const struct gateway_tables *tables);
void http_metrics_destroy(struct http_metrics *metrics);

size_t http_metrics_extra_route(const struct http_metrics *metrics, enum http_extra_route route);

/* `method` is one of the tables' services'. */
size_t http_metrics_method_route(const struct http_metrics *metrics,
                                 const struct ds_method *method);

void http_metrics_count(struct http_metrics *metrics, size_t route, unsigned int status,
                        int64_t duration_us);

/* Appends ds_http_requests_total{method,route,status}, the ds_http_request_seconds
 * histogram and the server's counters. */
void http_metrics_write(const struct http_metrics *metrics,
                        const struct http_server_counters *counters, struct ds_buffer *text);

#endif
