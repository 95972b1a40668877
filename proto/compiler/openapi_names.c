#include "names.h"
#include "openapi.h"

#include <string.h>

const char openapi_conventions[] =
    "Market data of an options platform. The same methods answer under several families of paths, "
    "named by profile: the canonical one under /v1, and those of the services that DeltaStream "
    "replaces (T, P, U), whose manners they keep.\n\n"
    "Names in JSON are those of the .proto; requests may also use lowerCamelCase. 64-bit integers "
    "are numbers up to 2^53 and strings beyond. Times are RFC 3339; requests may also give a date, "
    "a blank for the T, or no zone, which means UTC. Enums are taken by name in any case, by their "
    "short name (desc for ORDER_DESC) and by number. Members and query parameters that a route "
    "does "
    "not "
    "have are refused; so is more than one member of a choice, and a body that says otherwise than "
    "the path. $alt=json is taken on every route; $alt=json;enum-encoding=int writes the enums of "
    "replies as numbers. GET routes answer HEAD too, every path OPTIONS; another method is 405 "
    "with "
    "Allow. Errors are application/problem+json.\n\n"
    "Replies to GET have an entity tag, and If-None-Match makes an unchanged one 304. Replies of "
    "1 KiB and more come compressed by gzip for who sends Accept-Encoding: gzip, and bodies may be "
    "sent with Content-Encoding: gzip. A request that changes something may have an "
    "Idempotency-Key: made again with the same key, within ten minutes, it gets the first "
    "reply.\n\n"
    "Every method also answers Connect's unary protocol (connectrpc.com) at "
    "/package.Service/Method: POST with application/json or application/proto, and GET where it "
    "has no side effects. There replies are protobuf's JSON to the letter, and errors are "
    "Connect's.\n\n"
    "Without credentials a caller has the permissions that the gateway's setting --anonymous "
    "grants.";

const char *openapi_family(const struct binding *binding)
{
    return profile_of(binding->profile)->name;
}

static bool has_routes(const struct openapi *openapi, const struct method *method)
{
    return openapi->has_connect || method->http_rule != NULL || method->binding_count > 0;
}

/* The method's name, with its service's where another service has a method of the same name. */
static const char *method_name(const struct openapi *openapi, const struct method *method)
{
    const struct model *model = openapi->model;
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service *service = &model->services[i];
        for (size_t j = 0; service != method->service && j < service->method_count; j++) {
            if (strcmp(service->methods[j].descriptor->name, method->descriptor->name) == 0 &&
                has_routes(openapi, &service->methods[j])) {
                return memory_printf(model->memory, "%s_%s", method->service->descriptor->name,
                                     method->descriptor->name);
            }
        }
    }
    return method->descriptor->name;
}

const char *openapi_operation_id(const struct openapi *openapi, const struct binding *binding)
{
    struct memory *memory = openapi->model->memory;
    const char *name = method_name(openapi, binding->method);
    size_t number = 1;
    for (const struct binding *before = openapi->routes->bindings; before < binding; before++) {
        if (before->method == binding->method && before->profile == binding->profile) {
            number++;
        }
    }
    if (binding->profile != ROUTE_PROFILE_CANONICAL) {
        return memory_printf(memory, "%s_%s_%zu", name, openapi_family(binding), number);
    }
    return number == 1 ? name : memory_printf(memory, "%s_%zu", name, number);
}

const char *openapi_path(const struct openapi *openapi, const struct binding *binding)
{
    char *path = memory_copy_text(openapi->model->memory, binding->path, strlen(binding->path));
    size_t size = 0;
    bool in_pattern = false;
    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '=') {
            in_pattern = true;
        } else if (*at == '}') {
            in_pattern = false;
        }
        if (!in_pattern) {
            path[size++] = *at;
        }
    }
    path[size] = '\0';
    return path;
}

bool openapi_is_public(const struct method *method)
{
    return strcmp(method->rules->permission, "public") == 0;
}

/* What --anonymous can grant is about market data (ds/anonymous.c). */
bool openapi_needs_credentials(const struct method *method)
{
    return !openapi_is_public(method) && strncmp(method->rules->permission, "market:", 7) != 0;
}

const char *openapi_short_name(struct memory *memory, const struct file *file,
                               const char *full_name)
{
    const size_t package_length = strlen(file->package);
    const char *path = full_name + package_length + (package_length > 0 ? 1 : 0);
    return package_length == 0
               ? path
               : memory_printf(memory, "%s.%s", name_c_package(memory, file->package), path);
}
