/* The gateway's own routes, outside the .proto: those of system_routes.def. They answer GET and
 * HEAD. */
#ifndef GATEWAY_SYSTEM_H
#define GATEWAY_SYSTEM_H

#include "gateway/exchange.h"

struct system_route {
    const char *path;
    enum http_extra_route route;
    const char *type; /* of the reply, for Accept */
    const char *subtype;
    bool is_live; /* live_routes.h */
};

/* NULL where the path is none of them. */
const struct system_route *system_route_find(struct ds_bytes path);

/* Answers an exchange that has one of them: ends it, now or later. */
void system_route_serve(struct exchange *exchange);

/* What / and /health call the service: the listener's name, else the gateway's. */
const char *system_service_name(const struct exchange *exchange);

#endif
