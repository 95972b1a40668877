/* The gateway's own routes, outside the .proto: /, /health, /health/ready, /health/live, /metrics.
 * They answer GET and HEAD. */
#ifndef GATEWAY_SYSTEM_H
#define GATEWAY_SYSTEM_H

#include "gateway/exchange.h"

struct system_route {
    const char *path;
    enum http_extra_route route;
    const char *type; /* of the reply, for Accept */
    const char *subtype;
    void (*serve)(struct exchange *exchange); /* ends the exchange, now or later */
};

/* NULL where the path is none of them. */
const struct system_route *system_route_find(struct ds_bytes path);

/* What / and /health call the service: the listener's name, else the gateway's. */
const char *system_service_name(const struct exchange *exchange);

#endif
