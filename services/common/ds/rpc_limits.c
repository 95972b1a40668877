#include "ds/rpc_interceptors.h"
#include "ds/rpc_internal.h"
#include "ds/rpc_payload.h"

/* Among the services of this server, whichever others the program knows. */
static ds_code find_method(struct ds_call *call)
{
    const struct ds_rpc_server *server = call->server;
    const char *name = call->request.method;
    const size_t name_bytes = strlen(name);
    for (size_t i = 0; i < server->service_count; i++) {
        const struct ds_service_entry *entry = &server->services[i];
        const struct ds_method *method =
            ds_service_method_find(entry->handlers->service, name, name_bytes);
        if (method != NULL) {
            call->method = method;
            call->entry = entry;
            return DS_OK;
        }
    }
    return ds_fail_reason(call, DS_UNIMPLEMENTED, DS_REASON(NOT_IMPLEMENTED),
                          "this server has no method %.128s", name);
}

static ds_code turn_away(struct ds_call *call, ds_code code, ds_reason reason, const char *why)
{
    ds_call_set_retry_after_ms(call, DS_RPC_BUSY_RETRY_MS);
    return ds_fail_reason(call, code, reason, "%s", why);
}

/* Health and Hello are answered whatever the load, so that a busy server is told from a dead one.
 */
static ds_code check_capacity(struct ds_call *call)
{
    struct ds_rpc_server *server = call->server;
    if (call->method->pool == DS_POOL_CONTROL) {
        return DS_OK;
    }
    if (atomic_load(&server->draining)) {
        return turn_away(call, DS_UNAVAILABLE, DS_REASON(SERVER_STOPPING),
                         "the server is shutting down");
    }
    if (call->connection_is_full) {
        return turn_away(call, DS_RESOURCE_EXHAUSTED, DS_REASON(SERVER_BUSY),
                         "the connection has too many calls in work");
    }
    if (atomic_load(&server->in_flight) > server->in_flight_max) {
        return turn_away(call, DS_RESOURCE_EXHAUSTED, DS_REASON(SERVER_BUSY), "the server is busy");
    }
    return DS_OK;
}

ds_code ds_rpc_check_limits(struct ds_call *call)
{
    DS_TRY(find_method(call));
    DS_TRY(ds_rpc_payload_check(call));
    return check_capacity(call);
}
