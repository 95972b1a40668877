#include "gateway/system.h"

#include "ds/json.h"
#include "gateway/documents.h"
#include "gateway/live_stream.h"
#include "gateway/websocket.h"

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
    exchange->may_compress = true;
    exchange_begin_reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8");
    gateway_write_metrics(exchange->gateway, &exchange->request->reply_body);
    exchange_end(exchange);
}

static void (*const serve[])(struct exchange *exchange) = {
    [HTTP_ROUTE_ROOT] = serve_root,
    [HTTP_ROUTE_HEALTH] = health_ask,
    [HTTP_ROUTE_HEALTH_READY] = health_ask,
    [HTTP_ROUTE_HEALTH_LIVE] = serve_live,
    [HTTP_ROUTE_METRICS] = serve_metrics,
    [HTTP_ROUTE_OPENAPI] = documents_serve,
    [HTTP_ROUTE_DOCS] = documents_serve,
    [HTTP_ROUTE_DOCS_START] = documents_serve,
    [HTTP_ROUTE_DOCS_BUNDLE] = documents_serve,
    [HTTP_ROUTE_DOCS_STYLE] = documents_serve,
    [HTTP_ROUTE_DOCS_LICENSE] = documents_serve,
    [HTTP_ROUTE_REDOC] = documents_redirect,
    [HTTP_ROUTE_WEBSOCKET] = websocket_serve,
    [HTTP_ROUTE_STREAM_TICKS] = live_stream_serve,
    [HTTP_ROUTE_STREAM_QUOTES] = live_stream_serve,
    [HTTP_ROUTE_STREAM_CHAINS] = live_stream_serve,
};

static const struct system_route system_routes[] = {
#define SYSTEM_ROUTE(symbol, path, type, subtype, summary)                                         \
    {path, HTTP_ROUTE_##symbol, type, subtype, false},
#define LIVE_ROUTE(symbol, path, type, subtype, summary)                                           \
    {path, HTTP_ROUTE_##symbol, type, subtype, true},
#include "gateway/system_routes.def"
#undef SYSTEM_ROUTE
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

void system_route_serve(struct exchange *exchange)
{
    serve[exchange->system_route->route](exchange);
}

const char *system_service_name(const struct exchange *exchange)
{
    const char *name = exchange->request->listener_name;
    return name[0] != '\0' ? name : exchange->gateway->name;
}
