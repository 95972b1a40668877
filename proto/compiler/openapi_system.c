#include "openapi.h"
#include "system_routes.h"

#include <string.h>

/* What the gateway's own routes answer beside a 200 of their media type, by gateway/system.c. */
struct system_reply {
    const char *symbol;
    const char *schema;    /* of a JSON reply */
    const char *example;   /* of the 200 */
    uint32_t other_status; /* 0: none */
    const char *other_description;
};

#define OBJECT "{\"type\":\"object\",\"required\":"

static const struct system_reply replies[] = {
    {.symbol = "ROOT",
     .schema = OBJECT "[\"service\",\"version\",\"status\",\"docs\"],\"properties\":{"
                      "\"service\":{\"type\":\"string\"},\"version\":{\"type\":\"string\"},"
                      "\"status\":{\"const\":\"running\"},\"docs\":{\"const\":\"/docs\"}}}",
     .example = "{\"service\":\"gateway\",\"version\":\"" DS_VERSION
                "\",\"status\":\"running\",\"docs\":\"/docs\"}"},
    {.symbol = "HEALTH",
     .schema = OBJECT
     "[\"status\",\"service\",\"timestamp\",\"database\",\"checks\"],\"properties\":{"
     "\"status\":{\"enum\":[\"healthy\",\"unhealthy\"]},\"service\":{\"type\":\"string\"},"
     "\"timestamp\":{\"type\":\"string\",\"format\":\"date-time\"},"
     "\"database\":{\"enum\":[\"connected\",\"disconnected\"]},"
     "\"checks\":{\"description\":\"By service.\",\"type\":\"object\",\"additionalProperties\":"
     "{\"enum\":[\"healthy\",\"unhealthy\"]}}}}",
     .example = "{\"status\":\"healthy\",\"service\":\"gateway\",\"timestamp\":"
                "\"2025-01-25T10:00:00Z\",\"database\":\"connected\",\"checks\":{\"storage\":"
                "\"healthy\"}}",
     .other_status = 503,
     .other_description = "A service does not work."},
    {.symbol = "HEALTH_READY",
     .schema = OBJECT "[\"status\"],\"properties\":{\"status\":{\"enum\":[\"ready\",\"not "
                      "ready\"]}}}",
     .example = "{\"status\":\"ready\"}",
     .other_status = 503,
     .other_description = "Not now."},
    {.symbol = "HEALTH_LIVE",
     .schema = OBJECT "[\"status\"],\"properties\":{\"status\":{\"const\":\"alive\"}}}",
     .example = "{\"status\":\"alive\"}"},
    {.symbol = "OPENAPI", .schema = "{\"type\":\"object\"}"},
    {.symbol = "REDOC", .other_status = 308, .other_description = "Always: see /docs."},
};

static const struct system_reply *reply_find(const char *symbol)
{
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        if (strcmp(replies[i].symbol, symbol) == 0) {
            return &replies[i];
        }
    }
    return NULL;
}

static void content_write(struct json *json, const struct system_route_row *row,
                          const struct system_reply *reply, bool has_example)
{
    json_object_begin(json, "content");
    json_object_begin(json, row->media_type);
    json_raw(json, "schema",
             reply != NULL && reply->schema != NULL ? reply->schema : "{\"type\":\"string\"}");
    if (has_example && reply != NULL && reply->example != NULL) {
        json_raw(json, "example", reply->example);
    }
    json_object_end(json);
    json_object_end(json);
}

static void responses_write(struct json *json, struct memory *memory,
                            const struct system_route_row *row)
{
    const struct system_reply *reply = reply_find(row->symbol);
    const uint32_t other = reply == NULL ? 0 : reply->other_status;
    json_object_begin(json, "responses");
    if (other != 308) {
        json_object_begin(json, "200");
        json_string(json, "description", "OK");
        content_write(json, row, reply, true);
        json_object_end(json);
    }
    if (other != 0) {
        json_object_begin(json, memory_printf(memory, "%u", other));
        json_string(json, "description", reply->other_description);
        if (other == 308) {
            json_raw(json, "headers",
                     "{\"Location\":{\"required\":true,\"schema\":{\"type\":\"string\"}}}");
        } else {
            content_write(json, row, reply, false);
        }
        json_object_end(json);
    }
    json_reference(json, "default", "responses", "Problem");
    json_object_end(json);
}

#define STREAM_PARAMETERS                                                                          \
    "[{\"name\":\"keys\",\"in\":\"query\",\"description\":\"Products of ticks, symbols of "        \
    "quotes, "                                                                                     \
    "products of chains or PRODUCT/EXPIRY; with commas between them, at most 256. None: all.\","   \
    "\"schema\":{\"type\":\"string\"},\"example\":\"NIFTY,BANKNIFTY\"},"                           \
    "{\"name\":\"last_event_id\",\"in\":\"query\",\"description\":\"The stream goes on behind "    \
    "that "                                                                                        \
    "event: its epoch and sequence.\",\"schema\":{\"type\":\"string\",\"pattern\":"                \
    "\"^[0-9a-fA-F]{1,16}-[0-9]{1,20}$\"}},"                                                       \
    "{\"name\":\"Last-Event-ID\",\"in\":\"header\",\"description\":\"The same, as EventSource "    \
    "sends it; "                                                                                   \
    "it counts before the parameter.\",\"schema\":{\"type\":\"string\"}}]"

static void websocket_write(struct json *json)
{
    json_object_begin(json, "responses");
    json_raw(json, "101", "{\"description\":\"The connection is a WebSocket from here on.\"}");
    json_reference(json, "426", "responses", "Problem");
    json_reference(json, "default", "responses", "Problem");
    json_object_end(json);
}

static void stream_write(struct json *json)
{
    json_raw(json, "parameters", STREAM_PARAMETERS);
    json_object_begin(json, "responses");
    json_raw(json, "200",
             "{\"description\":\"A stream that lasts until one of both ends it.\",\"content\":{"
             "\"text/event-stream\":{\"schema\":{\"type\":\"string\"}},"
             "\"application/x-ndjson\":{\"schema\":{\"type\":\"string\"}}}}");
    json_reference(json, "default", "responses", "Problem");
    json_object_end(json);
}

/* Live data, which needs the permission of the methods that read it. */
static void live_members(struct json *json, const struct system_route_row *row)
{
    json_string(json, "x-deltastream-permission", "market:read");
    json_raw(json, "x-deltastream-live", "true");
    json_raw(json, "security", "[{\"bearer\":[]},{\"apiKey\":[]},{}]");
    if (strcmp(row->symbol, "WEBSOCKET") == 0) {
        websocket_write(json);
    } else {
        stream_write(json);
    }
}

/* "HEALTH_READY" as "Gateway_health_ready". */
static const char *operation_id(struct memory *memory, const char *symbol)
{
    char *id = memory_printf(memory, "Gateway_%s", symbol);
    for (char *at = id + strlen("Gateway_"); *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
    }
    return id;
}

void openapi_system_paths(struct openapi *openapi)
{
    struct json *json = openapi->json;
    for (size_t i = 0; i < system_route_row_count; i++) {
        const struct system_route_row *row = &system_route_rows[i];
        json_object_begin(json, row->path);
        json_object_begin(json, "get");
        json_raw(json, "tags", "[\"Gateway\"]");
        json_string(json, "summary", row->summary);
        json_string(json, "operationId", operation_id(openapi->model->memory, row->symbol));
        if (row->is_live) {
            live_members(json, row);
        } else {
            json_string(json, "x-deltastream-permission", "public");
            json_raw(json, "security", "[]");
            responses_write(json, openapi->model->memory, row);
        }
        json_object_end(json);
        json_object_end(json);
    }
}
