/*
 * What gapic-showcase's compliance suite is sent to: a gateway before the suite's service, which
 * says back what it got. Writes "ready http://HOST:PORT" to stdout and ends when stdin does.
 */
#include "ds/rpc_client.h"
#include "ds/rpc_server.h"
#include "gapic_schema.gen.h"
#include "gateway/gateway.h"
#include "gateway/tables.h"
#include "google/showcase/v1beta1/compliance.pb-c.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "google.showcase.v1beta1.Compliance"
#define METHODS_MAX 32
/* A number that no value of the enum has. */
#define UNKNOWN_CONTINENT (-4711)

extern const struct route_node gapic_route_nodes[];
extern const struct route_binding gapic_route_bindings[];
extern const size_t gapic_route_binding_count;

typedef Google__Showcase__V1beta1__RepeatRequest repeat_request;
typedef Google__Showcase__V1beta1__RepeatResponse repeat_response;
typedef Google__Showcase__V1beta1__EnumRequest enum_request;
typedef Google__Showcase__V1beta1__EnumResponse enum_response;

static ds_code repeat(void *context, struct ds_call *call, const ProtobufCMessage *request,
                      ProtobufCMessage *response)
{
    (void)context;
    (void)call;
    /* Both live in the call's arena. */
    ((repeat_response *)response)->request = (repeat_request *)request;
    return DS_OK;
}

static Google__Showcase__V1beta1__Continent continent_of(const enum_request *request)
{
    return request != NULL && request->unknown_enum ? UNKNOWN_CONTINENT
                                                    : GOOGLE__SHOWCASE__V1BETA1__CONTINENT__AFRICA;
}

static ds_code get_enum(void *context, struct ds_call *call, const ProtobufCMessage *request,
                        ProtobufCMessage *response)
{
    enum_response *answer = (enum_response *)response;
    (void)context;
    (void)call;
    answer->request = (enum_request *)request;
    answer->continent = continent_of(answer->request);
    return DS_OK;
}

static ds_code verify_enum(void *context, struct ds_call *call, const ProtobufCMessage *request,
                           ProtobufCMessage *response)
{
    const enum_response *given = (const enum_response *)request;
    enum_response *answer = (enum_response *)response;
    (void)context;
    if (given->continent != continent_of(given->request)) {
        return ds_fail_field(call, "continent", "is not what GetEnum said");
    }
    answer->request = given->request;
    answer->continent = given->continent;
    return DS_OK;
}

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "gapic_reference: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* By ds_method.index. */
static void fill(const struct ds_service *service, ds_handler_fn handlers[METHODS_MAX])
{
    require(service->method_count <= METHODS_MAX, "more methods than were expected");
    for (size_t i = 0; i < service->method_count; i++) {
        const struct ds_method *method = &service->methods[i];
        handlers[method->index] = strcmp(method->name, "GetEnum") == 0      ? get_enum
                                  : strcmp(method->name, "VerifyEnum") == 0 ? verify_enum
                                                                            : repeat;
    }
}

static void *run(void *gateway)
{
    gateway_run(gateway);
    return NULL;
}

static void serve(struct ds_channel *channel)
{
    const struct gateway_tables tables = {
        .nodes = gapic_route_nodes,
        .bindings = gapic_route_bindings,
        .binding_count = gapic_route_binding_count,
        .services = gapic_ds_services,
        .service_count = gapic_ds_service_count,
    };
    struct gateway *gateway = gateway_create(&(struct gateway_options){.tables = &tables});
    pthread_t thread;
    char address[64];
    gateway_add_backend(gateway, SERVICE, channel);
    require(gateway_listen(gateway, "127.0.0.1:0", address, sizeof address) == DS_OK, "no port");
    require(pthread_create(&thread, NULL, run, gateway) == 0, "no thread");
    require(printf("ready http://%s\n", address) > 0 && fflush(stdout) == 0, "stdout is closed");
    while (getchar() != EOF) {
    }
    gateway_stop(gateway, 0);
    pthread_join(thread, NULL);
    gateway_destroy(gateway);
}

int main(void)
{
    ds_handler_fn handlers[METHODS_MAX];
    const struct ds_service_handlers service = {.service = &gapic_ds_service_compliance,
                                                .handlers = handlers};
    struct ds_channel *channel = NULL;
    fill(service.service, handlers);
    struct ds_rpc_server *server =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "gapic_reference"});
    ds_rpc_server_add_service(server, &service, NULL);
    require(ds_channel_open(&(struct ds_channel_options){.server = server}, &channel) == DS_OK,
            "no channel");
    serve(channel);
    ds_rpc_server_drain(server, 1000);
    ds_channel_close(channel);
    ds_rpc_server_destroy(server);
    return EXIT_SUCCESS;
}
