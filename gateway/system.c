#include "gateway/system.h"

#include "ds/json.h"

static void begin_json(struct exchange *exchange)
{
    exchange_begin_reply(exchange, 200, "application/json");
}

static void serve_root(struct exchange *exchange)
{
    struct ds_buffer *json = &exchange->request->reply_body;
    begin_json(exchange);
    ds_buffer_append_text(json, "{\"service\":");
    ds_json_append_string(json, ds_bytes_of_text(system_service_name(exchange)));
    ds_buffer_append_text(json, ",\"version\":\"" DS_VERSION
                                "\",\"status\":\"running\",\"docs\":\"/docs\"}");
    exchange_end(exchange);
}

static void serve_live(struct exchange *exchange)
{
    begin_json(exchange);
    ds_buffer_append_text(&exchange->request->reply_body, "{\"status\":\"alive\"}");
    exchange_end(exchange);
}

static void serve_metrics(struct exchange *exchange)
{
    exchange_begin_reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8");
    gateway_write_metrics(exchange->gateway, &exchange->request->reply_body);
    exchange_end(exchange);
}

static const struct system_route system_routes[] = {
    {"/", HTTP_ROUTE_ROOT, "application", "json", serve_root},
    {"/health", HTTP_ROUTE_HEALTH, "application", "json", health_ask},
    {"/health/ready", HTTP_ROUTE_HEALTH_READY, "application", "json", health_ask},
    {"/health/live", HTTP_ROUTE_HEALTH_LIVE, "application", "json", serve_live},
    {"/metrics", HTTP_ROUTE_METRICS, "text", "plain", serve_metrics},
};

const struct system_route *system_route_find(struct ds_bytes path)
{
    for (size_t i = 0; i < sizeof system_routes / sizeof system_routes[0]; i++) {
        if (ds_bytes_equal_text(path, system_routes[i].path)) {
            return &system_routes[i];
        }
    }
    return NULL;
}

const char *system_service_name(const struct exchange *exchange)
{
    const char *name = exchange->request->listener_name;
    return name[0] != '\0' ? name : exchange->gateway->name;
}
