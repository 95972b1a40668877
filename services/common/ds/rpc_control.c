#include "ds/rpc_control.h"

#include "control_service.gen.h"
#include "ds/frame.h"
#include "ds/log.h"
#include "ds/rpc_internal.h"
#include "health_service.gen.h"

/* The context of both services' handlers is the server itself. */
struct control {
    struct ds_rpc_server server;
};

struct health {
    struct ds_rpc_server server;
};

void ds_rpc_control_serve(struct ds_rpc_server *server)
{
    ds_rpc_server_add_service(server, &control_service_handlers, server);
    ds_rpc_server_add_service(server, &health_service_handlers, server);
}

static Rpc__HelloResponse__Service *describe_service(struct ds_call *call,
                                                     const struct ds_service *service)
{
    struct ds_arena *arena = ds_call_arena(call);
    Rpc__HelloResponse__Service *described = ds_arena_alloc(arena, sizeof *described);
    char **names = ds_arena_alloc(arena, service->method_count * sizeof *names);
    if (described == NULL || names == NULL) {
        return NULL;
    }
    rpc__hello_response__service__init(described);
    described->name = (char *)(uintptr_t)service->full_name;
    described->inline_methods = names;
    for (size_t i = 0; i < service->method_count; i++) {
        if (ds_rpc_runs_inline(call->server, &service->methods[i])) {
            names[described->n_inline_methods++] = (char *)(uintptr_t)service->methods[i].name;
        }
    }
    return described;
}

/* A socket file is of use only to who is on this machine, and may enter its folder. */
static bool name_event_urls(const struct ds_rpc_server *server, struct ds_call *call,
                            Rpc__HelloResponse *response)
{
    char **urls = ds_arena_alloc(ds_call_arena(call), sizeof server->event_urls);
    if (urls == NULL) {
        return false;
    }
    response->event_urls = urls;
    for (size_t i = 0; i < server->event_url_count; i++) {
        const char *url = server->event_urls[i];
        if (call->trusted || strncmp(url, "ipc:", strlen("ipc:")) != 0) {
            urls[response->n_event_urls++] = (char *)(uintptr_t)url;
        }
    }
    return true;
}

/* Operators see it with the connection. */
static void note_client(const struct ds_rpc_server *server, const struct ds_call *call,
                        const char *client)
{
    if (client[0] == '\0') {
        return;
    }
    ds_log(DS_LOG_DEBUG, "client_said_hello", DS_LOG_TEXT("client", client),
           DS_LOG_TEXT("peer", ds_call_peer(call)));
    for (size_t i = 0; i < server->listener_count; i++) {
        ds_sp_listener_name_client(server->listeners[i], call->peer_id, client);
    }
}

ds_code control_hello(struct control *control, struct ds_call *call,
                      const Rpc__HelloRequest *request, Rpc__HelloResponse *response)
{
    const struct ds_rpc_server *server = &control->server;
    note_client(server, call, request->client);
    response->frame_version_min = DS_FRAME_VERSION;
    response->frame_version_max = DS_FRAME_VERSION;
    response->request_bytes_max = DS_FRAME_PAYLOAD_BYTES_MAX;
    response->response_bytes_max = DS_FRAME_PAYLOAD_BYTES_MAX;
    response->server_epoch = server->epoch;
    response->server = server->name;
    response->accept_encodings = server->encodings;
    if (!name_event_urls(server, call, response)) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the server has too many addresses");
    }
    response->services =
        ds_arena_alloc(ds_call_arena(call), server->service_count * sizeof *response->services);
    for (size_t i = 0; response->services != NULL && i < server->service_count; i++) {
        Rpc__HelloResponse__Service *service =
            describe_service(call, server->services[i].handlers->service);
        if (service == NULL) {
            return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the server has too many services");
        }
        response->services[response->n_services++] = service;
    }
    return DS_OK;
}

ds_code control_get_descriptor_set(struct control *control, struct ds_call *call,
                                   const Rpc__GetDescriptorSetRequest *request,
                                   Rpc__GetDescriptorSetResponse *response)
{
    (void)control;
    (void)call;
    (void)request;
    response->file_descriptor_set.data = (uint8_t *)(uintptr_t)ds_descriptor_set;
    response->file_descriptor_set.len = ds_descriptor_set_bytes;
    return DS_OK;
}

static bool entry_is_serving(const struct ds_service_entry *entry)
{
    const struct ds_health_probe *probe = &entry->health_probe;
    return atomic_load(&entry->serving) &&
           (probe->is_serving == NULL || probe->is_serving(probe->context));
}

bool ds_rpc_server_is_ready(struct ds_rpc_server *server)
{
    bool serving = atomic_load(&server->serving) && !atomic_load(&server->draining);
    for (size_t i = 0; i < server->service_count; i++) {
        serving = serving && entry_is_serving(&server->services[i]);
    }
    return serving;
}

bool ds_rpc_server_is_draining(const struct ds_rpc_server *server)
{
    return atomic_load(&server->draining);
}

ds_code health_check(struct health *health, struct ds_call *call,
                     const Grpc__Health__V1__HealthCheckRequest *request,
                     Grpc__Health__V1__HealthCheckResponse *response)
{
    struct ds_rpc_server *server = &health->server;
    bool serving = atomic_load(&server->serving) && !atomic_load(&server->draining);
    bool found = request->service[0] == '\0';
    for (size_t i = 0; i < server->service_count; i++) {
        struct ds_service_entry *entry = &server->services[i];
        if (strcmp(entry->handlers->service->full_name, request->service) == 0) {
            found = true;
            serving = serving && entry_is_serving(entry);
        }
    }
    if (!found) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND),
                              "this server has no service %.128s", request->service);
    }
    response->status = serving
                           ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                           : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    return DS_OK;
}
