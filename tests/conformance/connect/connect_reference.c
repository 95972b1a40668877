/*
 * What Connect's conformance suite tests: a gateway before the suite's service. The suite starts
 * it, writes a ServerCompatRequest to stdin, of which nothing concerns us, reads a
 * ServerCompatResponse from stdout, both with their length in front as 32 bits, high byte first,
 * and ends it by SIGTERM.
 */
#include "connect_conformance_service_service.gen.h"
#include "connect_schema.gen.h"
#include "ds/rpc_call.h"
#include "ds/rpc_client.h"
#include "ds/wire.h"
#include "gateway/gateway.h"
#include "gateway/tables.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TYPE_PREFIX "type.googleapis.com/"
#define SERVICE "connectrpc.conformance.v1.ConformanceService"
#define MESSAGE_BYTES_MAX 65536
#define NAP_MS 5

extern const struct route_node connect_route_nodes[];
extern const struct route_binding connect_route_bindings[];
extern const size_t connect_route_binding_count;

typedef Connectrpc__Conformance__V1__UnaryResponseDefinition response_definition;

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "connect_reference: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* A Header as field 1 of RequestInfo: all values under the key of entry `first`, which comes there
 * for the first time. */
static void write_header(const struct ds_call_request *request, size_t first,
                         struct ds_buffer *info)
{
    const char *key = request->metadata[first].key;
    struct ds_buffer header;
    ds_buffer_init(&header, SIZE_MAX);
    ds_wire_write_bytes_field(&header, 1, ds_bytes_of_text(key));
    for (size_t i = first; i < request->metadata_count; i++) {
        if (strcmp(request->metadata[i].key, key) == 0) {
            ds_wire_write_bytes_field(&header, 2, request->metadata[i].value);
        }
    }
    ds_wire_write_bytes_field(info, 1, ds_buffer_bytes(&header));
    ds_buffer_deinit(&header);
}

static bool is_first(const struct ds_call_request *request, size_t place)
{
    for (size_t i = 0; i < place; i++) {
        if (strcmp(request->metadata[i].key, request->metadata[place].key) == 0) {
            return false;
        }
    }
    return true;
}

/* A RequestInfo: the metadata, the caller's timeout and the request. */
static void write_info(struct ds_call *call, struct ds_buffer *info)
{
    const struct ds_method *method = ds_call_method(call);
    const struct ds_call_request *request = &call->request;
    struct ds_buffer any;
    char url[256];
    for (size_t i = 0; i < request->metadata_count; i++) {
        if (is_first(request, i)) {
            write_header(request, i, info);
        }
    }
    /* A call whose caller names no timeout has the method's. */
    if (request->timeout_ms < method->timeout_ms) {
        ds_wire_write_varint_field(info, 2, request->timeout_ms);
    }
    (void)snprintf(url, sizeof url, TYPE_PREFIX "%s", method->request->full_name);
    ds_buffer_init(&any, SIZE_MAX);
    ds_wire_write_bytes_field(&any, 1, ds_bytes_of_text(url));
    ds_wire_write_bytes_field(&any, 2, request->payload);
    ds_wire_write_bytes_field(info, 3, ds_buffer_bytes(&any));
    ds_buffer_deinit(&any);
}

/* The values under one key, which an answer has once. */
static ds_code set_header(struct ds_call *call, const char *prefix,
                          const Connectrpc__Conformance__V1__Header *header)
{
    char key[256];
    struct ds_buffer value;
    (void)snprintf(key, sizeof key, "%s%s", prefix, header->name);
    for (char *letter = key; *letter != '\0'; letter++) {
        *letter = *letter >= 'A' && *letter <= 'Z' ? (char)(*letter | 0x20) : *letter;
    }
    ds_buffer_init(&value, SIZE_MAX);
    for (size_t i = 0; i < header->n_value; i++) {
        ds_buffer_append_text(&value, i > 0 ? ", " : "");
        ds_buffer_append_text(&value, header->value[i]);
    }
    const ds_code code = ds_call_set_metadata(call, key, ds_buffer_bytes(&value));
    ds_buffer_deinit(&value);
    return code;
}

static ds_code set_headers(struct ds_call *call, const response_definition *definition)
{
    for (size_t i = 0; i < definition->n_response_headers; i++) {
        DS_TRY(set_header(call, "", definition->response_headers[i]));
    }
    for (size_t i = 0; i < definition->n_response_trailers; i++) {
        DS_TRY(set_header(call, "trailer-", definition->response_trailers[i]));
    }
    return DS_OK;
}

static ds_code wait(struct ds_call *call, uint32_t delay_ms)
{
    static const struct timespec nap = {.tv_nsec = NAP_MS * 1000000};
    const int64_t end_us = ds_clock_monotonic_us(ds_call_clock(call)) + (int64_t)delay_ms * 1000;
    while (ds_clock_monotonic_us(ds_call_clock(call)) < end_us) {
        DS_TRY(ds_fail_if_abandoned(call));
        nanosleep(&nap, NULL);
    }
    return DS_OK;
}

static ds_code fail(struct ds_call *call, const Connectrpc__Conformance__V1__Error *error)
{
    struct ds_buffer info;
    const bool has_message =
        error->_message_case == CONNECTRPC__CONFORMANCE__V1__ERROR___MESSAGE_MESSAGE;
    const ds_code code = ds_fail(call, ds_code_of((unsigned int)error->code), "%s",
                                 has_message ? error->message : "");
    for (size_t i = 0; i < error->n_details; i++) {
        const Google__Protobuf__Any *any = error->details[i];
        const char *slash = strrchr(any->type_url, '/');
        (void)ds_fail_detail(call, slash != NULL ? slash + 1 : any->type_url,
                             ds_bytes_of(any->value.data, any->value.len));
    }
    ds_buffer_init(&info, SIZE_MAX);
    write_info(call, &info);
    (void)ds_fail_detail(call, "connectrpc.conformance.v1.ConformancePayload.RequestInfo",
                         ds_buffer_bytes(&info));
    ds_buffer_deinit(&info);
    return code;
}

/* A response whose payload has the data and what was seen of the request. */
static void write_response(struct ds_call *call, struct ds_bytes data)
{
    struct ds_buffer payload;
    struct ds_buffer info;
    ds_buffer_init(&payload, SIZE_MAX);
    ds_buffer_init(&info, SIZE_MAX);
    write_info(call, &info);
    ds_wire_write_bytes_field(&payload, 1, data);
    ds_wire_write_bytes_field(&payload, 2, ds_buffer_bytes(&info));
    ds_wire_write_bytes_field(ds_call_raw_response(call), 1, ds_buffer_bytes(&payload));
    ds_buffer_deinit(&info);
    ds_buffer_deinit(&payload);
}

static ds_code answer(struct ds_call *call, const response_definition *definition)
{
    struct ds_bytes data = {0};
    if (definition != NULL) {
        DS_TRY(set_headers(call, definition));
        DS_TRY(wait(call, definition->response_delay_ms));
        switch (definition->response_case) {
        case CONNECTRPC__CONFORMANCE__V1__UNARY_RESPONSE_DEFINITION__RESPONSE_ERROR:
            return fail(call, definition->error);
        case CONNECTRPC__CONFORMANCE__V1__UNARY_RESPONSE_DEFINITION__RESPONSE_RESPONSE_DATA:
            data = ds_bytes_of(definition->response_data.data, definition->response_data.len);
            break;
        default:
            break;
        }
    }
    write_response(call, data);
    return DS_OK;
}

ds_code conformance_service_unary(struct conformance_service *service, struct ds_call *call,
                                  const Connectrpc__Conformance__V1__UnaryRequest *request,
                                  Connectrpc__Conformance__V1__UnaryResponse *response)
{
    (void)service;
    (void)response;
    return answer(call, request->response_definition);
}

ds_code conformance_service_idempotent_unary(
    struct conformance_service *service, struct ds_call *call,
    const Connectrpc__Conformance__V1__IdempotentUnaryRequest *request,
    Connectrpc__Conformance__V1__IdempotentUnaryResponse *response)
{
    (void)service;
    (void)response;
    return answer(call, request->response_definition);
}

ds_code
conformance_service_unimplemented(struct conformance_service *service, struct ds_call *call,
                                  const Connectrpc__Conformance__V1__UnimplementedRequest *request,
                                  Connectrpc__Conformance__V1__UnimplementedResponse *response)
{
    (void)service;
    (void)request;
    (void)response;
    return ds_fail(call, DS_UNIMPLEMENTED, "this method is there to be missing");
}

static void read_properties(void)
{
    uint8_t length[4];
    uint8_t message[MESSAGE_BYTES_MAX];
    require(fread(length, 1, sizeof length, stdin) == sizeof length, "no length on stdin");
    const uint32_t size = (uint32_t)length[0] << 24 | (uint32_t)length[1] << 16 |
                          (uint32_t)length[2] << 8 | length[3];
    require(size <= sizeof message && fread(message, 1, size, stdin) == size,
            "no ServerCompatRequest on stdin");
}

/* `address` is 127.0.0.1:PORT. */
static void write_properties(const char *address)
{
    struct ds_buffer message;
    uint8_t length[4] = {0};
    const char *colon = strrchr(address, ':');
    require(colon != NULL, "an address without a port");
    ds_buffer_init(&message, SIZE_MAX);
    ds_wire_write_bytes_field(&message, 1, ds_bytes_of(address, (size_t)(colon - address)));
    ds_wire_write_varint_field(&message, 2, strtoul(colon + 1, NULL, 10));
    length[3] = (uint8_t)message.size;
    require(fwrite(length, 1, sizeof length, stdout) == sizeof length &&
                fwrite(message.data, 1, message.size, stdout) == message.size &&
                fflush(stdout) == 0,
            "stdout is closed");
    ds_buffer_deinit(&message);
}

static void *run(void *gateway)
{
    gateway_run(gateway);
    return NULL;
}

static struct gateway *serve(struct ds_channel *channel, pthread_t *ret_thread)
{
    const struct gateway_tables tables = {
        .nodes = connect_route_nodes,
        .bindings = connect_route_bindings,
        .binding_count = connect_route_binding_count,
        .services = connect_ds_services,
        .service_count = connect_ds_service_count,
        .messages = connect_ds_messages,
        .message_count = connect_ds_message_count,
    };
    struct gateway *gateway =
        gateway_create(&(struct gateway_options){.tables = &tables, .gzip = true});
    char address[64];
    gateway_add_backend(gateway, SERVICE, channel);
    require(gateway_listen(gateway, "127.0.0.1:0", address, sizeof address) == DS_OK, "no port");
    require(pthread_create(ret_thread, NULL, run, gateway) == 0, "no thread");
    write_properties(address);
    return gateway;
}

int main(void)
{
    sigset_t ends;
    int received = 0;
    pthread_t thread;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    read_properties();
    /* The suite makes many calls at a time that sleep. */
    struct ds_rpc_server *server = ds_rpc_server_create(
        &(struct ds_rpc_server_options){.name = "connect_reference", .read_threads = 16});
    ds_rpc_server_add_service(server, &conformance_service_service_handlers, NULL);
    struct ds_channel *channel = NULL;
    require(ds_channel_open(&(struct ds_channel_options){.server = server}, &channel) == DS_OK,
            "no channel");
    struct gateway *gateway = serve(channel, &thread);
    (void)sigwait(&ends, &received);
    gateway_stop(gateway, 0);
    pthread_join(thread, NULL);
    gateway_destroy(gateway);
    ds_rpc_server_drain(server, 1000);
    ds_channel_close(channel);
    ds_rpc_server_destroy(server);
    return EXIT_SUCCESS;
}
