#include "emit.h"
#include "openapi_operation.h"

#include <string.h>

#define FILE_NAME "openapi.json"

static void info_write(struct json *json)
{
    json_string(json, "openapi", "3.1.0");
    json_object_begin(json, "info");
    json_string(json, "title", "DeltaStream");
    json_string(json, "version", DS_VERSION);
    json_string(json, "description", openapi_conventions);
    json_raw(json, "license", "{\"name\":\"MIT\",\"identifier\":\"MIT\"}");
    json_object_end(json);
    json_raw(json, "servers", "[{\"url\":\"/\"}]");
}

/* Services whose methods have routes; the others serve the programs' own ends. */
static bool is_shown(const struct openapi *openapi, const struct service *service)
{
    for (size_t i = 0; i < openapi->routes->binding_count; i++) {
        if (openapi->routes->bindings[i].method->service == service) {
            return true;
        }
    }
    return false;
}

static bool has_profile(const struct openapi *openapi, const struct service *service,
                        uint32_t profile)
{
    for (size_t i = 0; i < openapi->routes->binding_count; i++) {
        const struct binding *binding = &openapi->routes->bindings[i];
        if (binding->method->service == service && binding->profile == profile) {
            return true;
        }
    }
    return false;
}

static void tag_write(struct json *json, const char *name, const char *description)
{
    json_object_begin(json, NULL);
    json_string(json, "name", name);
    if (description[0] != '\0') {
        json_string(json, "description", description);
    }
    json_object_end(json);
}

static void tags_write(struct openapi *openapi)
{
    struct memory *memory = openapi->model->memory;
    json_array_begin(openapi->json, "tags");
    for (size_t i = 0; i < openapi->model->service_count; i++) {
        const struct service *service = &openapi->model->services[i];
        const char *name = service->descriptor->name;
        if (has_profile(openapi, service, ROUTE_PROFILE_CANONICAL)) {
            tag_write(openapi->json, name, comment_of(openapi->comments, service->descriptor));
        }
        for (uint32_t profile = 1; profile < ROUTE_PROFILE_COUNT; profile++) {
            if (has_profile(openapi, service, profile)) {
                const char *family = profile_of(profile)->name;
                tag_write(openapi->json, memory_printf(memory, "%s, profile %s", name, family),
                          "Paths and manners of a service that DeltaStream replaces.");
            }
        }
        if (openapi->has_connect && is_shown(openapi, service)) {
            tag_write(openapi->json, memory_printf(memory, "%s, Connect", name),
                      "Every method by Connect's unary protocol (connectrpc.com).");
        }
    }
    tag_write(openapi->json, "Gateway", "What the gateway answers itself.");
    json_array_end(openapi->json);
}

/* The bindings of one path stand together, where the first of them does. */
static void path_write(struct openapi *openapi, size_t first)
{
    const struct routes *routes = openapi->routes;
    const char *path = openapi_path(openapi, &routes->bindings[first]);
    for (size_t i = 0; i < first; i++) {
        if (strcmp(openapi_path(openapi, &routes->bindings[i]), path) == 0) {
            return;
        }
    }
    json_object_begin(openapi->json, path);
    for (size_t i = first; i < routes->binding_count; i++) {
        if (strcmp(openapi_path(openapi, &routes->bindings[i]), path) == 0) {
            openapi_operation(openapi, &routes->bindings[i]);
        }
    }
    json_object_end(openapi->json);
}

static void paths_write(struct openapi *openapi)
{
    json_object_begin(openapi->json, "paths");
    for (size_t i = 0; i < openapi->routes->binding_count; i++) {
        path_write(openapi, i);
    }
    for (size_t i = 0; openapi->has_connect && i < openapi->model->service_count; i++) {
        const struct service *service = &openapi->model->services[i];
        for (size_t j = 0; is_shown(openapi, service) && j < service->method_count; j++) {
            openapi_connect_path(openapi, &service->methods[j]);
        }
    }
    openapi_system_paths(openapi);
    json_object_end(openapi->json);
}

static void connect_components_write(struct json *json)
{
    json_raw(json, "Connect-get-connect",
             "{\"name\":\"connect\",\"in\":\"query\",\"description\":\"The version of the "
             "protocol.\",\"schema\":{\"const\":\"v1\"}}");
    json_raw(json, "Connect-get-encoding",
             "{\"name\":\"encoding\",\"in\":\"query\",\"description\":\"What the message and the "
             "reply are; proto is protobuf's wire format.\",\"required\":true,\"schema\":{\"enum\":"
             "[\"json\",\"proto\"]},\"example\":\"json\"}");
    json_raw(json, "Connect-get-base64",
             "{\"name\":\"base64\",\"in\":\"query\",\"description\":\"1: the message is base64, in "
             "the alphabet for URLs or the other, with padding or without.\",\"schema\":{\"enum\":["
             "\"0\",\"1\"]}}");
    json_raw(json, "Connect-get-compression",
             "{\"name\":\"compression\",\"in\":\"query\",\"description\":\"What the message was "
             "compressed by, before base64.\",\"schema\":{\"enum\":[\"identity\",\"gzip\"]}}");
    json_raw(json, "Connect-Protocol-Version",
             "{\"name\":\"Connect-Protocol-Version\",\"in\":\"header\",\"schema\":{\"const\":\"1\"}"
             "}");
    json_raw(json, "Connect-Timeout-Ms",
             "{\"name\":\"Connect-Timeout-Ms\",\"in\":\"header\",\"schema\":{\"type\":\"integer\","
             "\"minimum\":0,\"maximum\":9999999999}}");
}

static void small_components_write(struct openapi *openapi)
{
    struct json *json = openapi->json;
    json_object_begin(json, "parameters");
    json_raw(json, "X-Request-Id",
             "{\"name\":\"X-Request-Id\",\"in\":\"header\",\"description\":\"Names the request in "
             "logs; the reply repeats it. The gateway makes one up where there is none, or none "
             "that it can use: 1 to 128 printable characters.\",\"schema\":{\"type\":\"string\"}}");
    json_raw(
        json, "Idempotency-Key",
        "{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":\"Names the request: "
        "made again with the same key within ten minutes it gets the first one's reply, and "
        "nothing is done twice. Others than these characters may stand in quotes.\",\"schema\":{"
        "\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._~:/=+-]{1,64}$\"}}");
    json_raw(
        json, "If-None-Match",
        "{\"name\":\"If-None-Match\",\"in\":\"header\",\"description\":\"Entity tags of replies "
        "that the client has: where one of them still holds, the reply is 304.\",\"schema\":{"
        "\"type\":\"string\"}}");
    if (openapi->has_connect) {
        connect_components_write(json);
    }
    json_object_end(json);
    json_raw(
        json, "headers",
        "{\"X-Request-Id\":{\"description\":\"The request's, or one that the gateway made up."
        "\",\"required\":true,\"schema\":{\"type\":\"string\"}},"
        "\"ETag\":{\"description\":\"A weak hash of the reply; one of more than 1 MiB has "
        "none.\",\"schema\":{\"type\":\"string\"}},"
        "\"Server-Timing\":{\"description\":\"Milliseconds that the call waited in the service "
        "and ran there.\",\"required\":true,\"schema\":{\"type\":\"string\"}},"
        "\"Accept-Encoding\":{\"description\":\"The codings that are taken, where it was the "
        "Content-Encoding.\",\"schema\":{\"type\":\"string\"}},"
        "\"Retry-After\":{\"description\":\"Seconds; where the server knows.\",\"schema\":{"
        "\"type\":\"integer\",\"minimum\":1}},"
        "\"WWW-Authenticate\":{\"required\":true,\"schema\":{\"type\":\"string\"}}}");
    json_object_begin(json, "responses");
    json_raw(json, "NotModified",
             "{\"description\":\"What If-None-Match names still holds.\",\"headers\":{\"ETag\":{"
             "\"$ref\":\"#/components/headers/ETag\"},\"X-Request-Id\":{\"$ref\":\"#/components/"
             "headers/X-Request-Id\"}}}");
    json_raw(json, "Problem",
             "{\"description\":\"Any other error.\",\"content\":{\"application/problem+json\":{"
             "\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}");
    if (openapi->has_connect) {
        json_raw(
            json, "ConnectError",
            "{\"description\":\"Any error. The status follows the code, but for what is wrong "
            "with the HTTP request itself: 404, 405, 406, 408, 412, 413, 415, 431.\",\"content\":{"
            "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/ConnectError\"}"
            "}}}");
    }
    json_object_end(json);
    json_raw(
        json, "securitySchemes",
        "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An access "
        "token.\"},\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}}");
}

static void components_write(struct openapi *openapi)
{
    struct json *json = openapi->json;
    json_object_begin(json, "components");
    json_object_begin(json, "schemas");
    openapi_schemas(openapi);
    openapi_problem_schemas(openapi);
    if (openapi->has_connect) {
        json_raw(json, "ConnectError",
                 "{\"type\":\"object\",\"required\":[\"code\"],\"properties\":{\"code\":{\"type\":"
                 "\"string\"},\"message\":{\"type\":\"string\"},\"details\":{\"type\":\"array\","
                 "\"items\":{\"type\":\"object\",\"required\":[\"type\",\"value\"],\"properties\":{"
                 "\"type\":{\"type\":\"string\"},\"value\":{\"type\":\"string\",\"contentEncoding\""
                 ":\"base64\"},\"debug\":{}}}}}}");
    }
    json_object_end(json);
    json_object_begin(json, "examples");
    openapi_problem_examples(openapi);
    json_object_end(json);
    small_components_write(openapi);
    json_object_end(json);
}

void emit_openapi(struct output *output, const struct model *model, const struct routes *routes,
                  const Google__Protobuf__FileDescriptorSet *set, bool has_connect)
{
    FILE *file = output_open_bare(output, FILE_NAME);
    if (file == NULL) {
        return;
    }
    struct json json = {.file = file};
    struct comments comments;
    comments_load(&comments, model->memory, set);
    struct openapi openapi = {
        .model = model,
        .routes = routes,
        .comments = &comments,
        .json = &json,
        .has_connect = has_connect,
        .message_shapes = memory_alloc(model->memory, model->message_count),
        .enumeration_shapes = memory_alloc(model->memory, model->enumeration_count),
    };
    openapi_problems_check(&openapi);
    json_object_begin(&json, NULL);
    info_write(&json);
    tags_write(&openapi);
    paths_write(&openapi);
    components_write(&openapi);
    json_object_end(&json);
    fputc('\n', file);
    output_close(output, file, FILE_NAME);
}
