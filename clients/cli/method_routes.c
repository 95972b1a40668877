/* The routes of a method, from its options in the embedded descriptor set. */
#include "clients/cli/fields.h"
#include "clients/cli/method_find.h"
#include "deltastream/options.pb-c.h"
#include "ds/arena.h"
#include "google/api/http.pb-c.h"

#include <assert.h>
#include <string.h>

#define ROUTES_ARENA_BYTES_MAX (1024 * 1024)

/* Numbers of fields in google/protobuf/descriptor.proto and of the options. */
enum {
    SET_FILE = 1,
    FILE_PACKAGE = 2,
    FILE_SERVICE = 6,
    SERVICE_NAME = 1,
    SERVICE_METHOD = 2,
    METHOD_NAME = 1,
    METHOD_OPTIONS = 4,
    OPTIONS_BINDING = 50601,
    OPTIONS_HTTP = 72295728,
};

struct routes_walk {
    const struct ds_method *method;
    method_route_fn take;
    void *context;
    struct ds_arena *arena;
    struct ds_bytes package;
    struct ds_bytes service;
};

struct named {
    uint32_t number;
    struct ds_bytes value;
};

static ds_code take_named(void *context, uint32_t number, struct ds_bytes value)
{
    struct named *named = context;
    if (number == named->number) {
        named->value = value;
    }
    return DS_OK;
}

static struct ds_bytes field_of(struct ds_bytes message, uint32_t number)
{
    struct named named = {.number = number};
    return fields_each(message, take_named, &named) == DS_OK ? named.value : (struct ds_bytes){0};
}

static void take_rule(const struct routes_walk *walk, const Google__Api__HttpRule *rule)
{
    switch (rule->pattern_case) {
    case GOOGLE__API__HTTP_RULE__PATTERN_GET:
        walk->take(walk->context, "GET", rule->get, "");
        return;
    case GOOGLE__API__HTTP_RULE__PATTERN_PUT:
        walk->take(walk->context, "PUT", rule->put, "");
        return;
    case GOOGLE__API__HTTP_RULE__PATTERN_POST:
        walk->take(walk->context, "POST", rule->post, "");
        return;
    case GOOGLE__API__HTTP_RULE__PATTERN_DELETE:
        walk->take(walk->context, "DELETE", rule->delete_, "");
        return;
    case GOOGLE__API__HTTP_RULE__PATTERN_PATCH:
        walk->take(walk->context, "PATCH", rule->patch, "");
        return;
    default:
        return;
    }
}

static ds_code take_option(void *context, uint32_t number, struct ds_bytes value)
{
    const struct routes_walk *walk = context;
    ProtobufCAllocator *allocator = ds_arena_allocator(walk->arena);
    if (number == OPTIONS_HTTP) {
        const Google__Api__HttpRule *rule =
            google__api__http_rule__unpack(allocator, value.size, value.data);
        if (rule == NULL) {
            return DS_INVALID_ARGUMENT;
        }
        take_rule(walk, rule);
        for (size_t i = 0; i < rule->n_additional_bindings; i++) {
            take_rule(walk, rule->additional_bindings[i]);
        }
    }
    if (number == OPTIONS_BINDING) {
        const Deltastream__Binding *binding =
            deltastream__binding__unpack(allocator, value.size, value.data);
        if (binding == NULL) {
            return DS_INVALID_ARGUMENT;
        }
        const ProtobufCEnumValue *profile = protobuf_c_enum_descriptor_get_value(
            &deltastream__profile__descriptor, (int)binding->profile);
        const bool is_canonical =
            profile == NULL || binding->profile == DELTASTREAM__PROFILE__PROFILE_CANONICAL;
        walk->take(walk->context, binding->method, binding->path,
                   is_canonical ? "" : profile->name + strlen("PROFILE_"));
    }
    return DS_OK;
}

static bool is_of_service(const struct routes_walk *walk)
{
    const char *name = walk->method->service->full_name;
    const size_t bytes = strlen(name);
    return bytes == walk->package.size + 1 + walk->service.size &&
           memcmp(name, walk->package.data, walk->package.size) == 0 &&
           memcmp(name + walk->package.size + 1, walk->service.data, walk->service.size) == 0;
}

static ds_code take_method(void *context, uint32_t number, struct ds_bytes method)
{
    const struct routes_walk *walk = context;
    if (number != SERVICE_METHOD ||
        !ds_bytes_equal_text(field_of(method, METHOD_NAME), walk->method->name)) {
        return DS_OK;
    }
    return fields_each(field_of(method, METHOD_OPTIONS), take_option, context);
}

static ds_code take_service(void *context, uint32_t number, struct ds_bytes service)
{
    struct routes_walk *walk = context;
    if (number != FILE_SERVICE) {
        return DS_OK;
    }
    walk->service = field_of(service, SERVICE_NAME);
    return is_of_service(walk) ? fields_each(service, take_method, walk) : DS_OK;
}

static ds_code take_file(void *context, uint32_t number, struct ds_bytes file)
{
    struct routes_walk *walk = context;
    if (number != SET_FILE) {
        return DS_OK;
    }
    walk->package = field_of(file, FILE_PACKAGE);
    return fields_each(file, take_service, walk);
}

void method_routes_each(const struct ds_method *method, method_route_fn take, void *context)
{
    struct routes_walk walk = {.method = method,
                               .take = take,
                               .context = context,
                               .arena = ds_arena_create(ROUTES_ARENA_BYTES_MAX)};
    const struct ds_bytes set = ds_bytes_of(ds_descriptor_set, ds_descriptor_set_bytes);
    const ds_code code = fields_each(set, take_file, &walk);
    assert(code == DS_OK);
    (void)code;
    ds_arena_destroy(walk.arena);
}
