#include "clients/common/operator.h"

#include <string.h>

#define PERMISSIONS_MAX 64

static bool holds(const char *const *permissions, size_t count, const char *permission)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(permissions[i], permission) == 0) {
            return true;
        }
    }
    return false;
}

const struct ds_principal *operator_create(struct ds_arena *arena, const char *subject)
{
    const char **permissions = ds_arena_alloc(arena, PERMISSIONS_MAX * sizeof(permissions[0]));
    size_t count = 0;
    for (size_t i = 0; i < ds_service_count; i++) {
        for (size_t k = 0; k < ds_services[i]->method_count && count < PERMISSIONS_MAX; k++) {
            const char *permission = ds_services[i]->methods[k].permission;
            if (!holds(permissions, count, permission)) {
                permissions[count++] = permission;
            }
        }
    }
    struct ds_principal *principal = ds_arena_alloc(arena, sizeof(*principal));
    *principal = (struct ds_principal){.subject = subject,
                                       .authentication_method = "none",
                                       .permissions = permissions,
                                       .permission_count = count};
    return principal;
}
