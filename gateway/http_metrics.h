/* What the gateway counts of its own: requests by route and status, their time. Any thread may
 * count and write. */
#ifndef GATEWAY_HTTP_METRICS_H
#define GATEWAY_HTTP_METRICS_H

#include "ds/buffer.h"
#include "http/server.h"

struct http_metrics;

/* A route's number is its place in route_bindings, or one of these behind them. */
enum http_extra_route {
    HTTP_ROUTE_ROOT,
    HTTP_ROUTE_HEALTH,
    HTTP_ROUTE_HEALTH_READY,
    HTTP_ROUTE_HEALTH_LIVE,
    HTTP_ROUTE_METRICS,
    HTTP_ROUTE_NONE, /* requests that never got to a route */
    HTTP_EXTRA_ROUTE_COUNT,
};

size_t http_metrics_extra_route(enum http_extra_route route);

struct http_metrics *http_metrics_create(void);
void http_metrics_destroy(struct http_metrics *metrics);

void http_metrics_count(struct http_metrics *metrics, size_t route, unsigned int status,
                        int64_t duration_us);

/* Appends ds_http_requests_total{method,route,status}, the ds_http_request_seconds
 * histogram and the server's counters. */
void http_metrics_write(const struct http_metrics *metrics,
                        const struct http_server_counters *counters, struct ds_buffer *text);

#endif
