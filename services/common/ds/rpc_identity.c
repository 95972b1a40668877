#include "ds/rpc_interceptors.h"
#include "ds/rpc_internal.h"

static bool is_public(const struct ds_method *method)
{
    return strcmp(method->permission, "public") == 0;
}

ds_code ds_rpc_authenticate(struct ds_call *call)
{
    const struct ds_authenticator *authenticator = &call->server->authenticator;
    call->principal = (struct ds_principal){.subject = "", .authentication_method = "none"};
    if (is_public(call->method)) {
        return DS_OK;
    }
    if (call->trusted && call->request.principal != NULL) {
        call->principal = *call->request.principal;
        return DS_OK;
    }
    if (authenticator->authenticate == NULL) {
        return DS_OK;
    }
    return authenticator->authenticate(authenticator->context, call, &call->principal);
}

ds_code ds_rpc_check_permission(struct ds_call *call)
{
    const char *permission = call->method->permission;
    if (is_public(call->method) || ds_principal_may(&call->principal, permission)) {
        return DS_OK;
    }
    if (strcmp(call->principal.authentication_method, "none") == 0) {
        return ds_fail_reason(call, DS_UNAUTHENTICATED, DS_REASON(UNAUTHENTICATED),
                              "%s needs credentials with the permission %s", call->method->name,
                              permission);
    }
    return ds_fail_reason(call, DS_PERMISSION_DENIED, DS_REASON(PERMISSION_DENIED),
                          "the credentials lack the permission %s", permission);
}
