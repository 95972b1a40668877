#include "openapi.h"

#include <string.h>

struct listing {
    const struct openapi *openapi;
    const struct binding *binding;
    struct openapi_parameter *list;
    size_t count;
};

static bool is_bound_by_path(const struct listing *listing, const struct field *const *path,
                             size_t depth)
{
    const struct binding *binding = listing->binding;
    for (size_t i = 0; i < binding->template.variable_count; i++) {
        const struct bound_variable *variable = &binding->variables[i];
        if (variable->depth == depth &&
            memcmp(variable->path, path, depth * sizeof(const struct field *)) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_text_like(const struct field *field)
{
    return (field->flags & DS_FIELD_MAP) == 0 &&
           (field->message == NULL || ds_wellknown_is_text(field->message->wellknown));
}

/* A message within itself has names without end: it is shown once. */
static bool is_around(const struct message *message, const struct field *const *path, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        if (path[i]->parent == message) {
            return true;
        }
    }
    return false;
}

static void fields_list(struct listing *listing, const struct message *message,
                        const struct field **path, size_t depth, const char *prefix)
{
    struct memory *memory = listing->openapi->model->memory;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        path[depth] = field;
        if (is_bound_by_path(listing, path, depth + 1) ||
            (depth == 0 && field == listing->binding->body_field)) {
            continue;
        }
        const char *name = memory_printf(memory, "%s%s", prefix, field->descriptor->name);
        if (is_text_like(field)) {
            listing->list =
                memory_grow(memory, listing->list, listing->count, sizeof *listing->list);
            listing->list[listing->count++] =
                (struct openapi_parameter){.name = name, .field = field};
        } else if ((field->flags & DS_FIELD_REPEATED) == 0 &&
                   field->message->wellknown == DS_WELLKNOWN_NONE &&
                   depth + 1 < ROUTE_FIELD_DEPTH_MAX &&
                   !is_around(field->message, path, depth + 1)) {
            fields_list(listing, field->message, path, depth + 1,
                        memory_printf(memory, "%s.", name));
        }
    }
}

size_t openapi_query_parameters(const struct openapi *openapi, const struct binding *binding,
                                struct openapi_parameter **ret_parameters)
{
    struct listing listing = {.openapi = openapi, .binding = binding};
    const struct field *path[ROUTE_FIELD_DEPTH_MAX];
    if (binding->body != ROUTE_BODY_WHOLE) {
        fields_list(&listing, binding->method->request, path, 0, "");
    }
    *ret_parameters = listing.list;
    return listing.count;
}
