/* JSONTestSuite through a gateway and a service that echoes, over one connection. */
#include "ds/json.h"
#include "ds/rpc_client.h"
#include "ds/rpc_server.h"
#include "gateway/gateway.h"
#include "gateway/tables.h"
#include "json_route_echo_service.gen.h"
#include "json_route_schema.gen.h"
#include "support/http_client.h"
#include "support/json_suite.h"
#include "support/standing_clock.h"

#include <pthread.h>

#define WIRE_BYTES_MAX (1024 * 1024)
#define PATIENCE_MS 600000

extern const struct route_node json_route_route_nodes[];
extern const struct route_binding json_route_route_bindings[];
extern const size_t json_route_route_binding_count;

ds_code echo_echo_value(struct echo *service, struct ds_call *call,
                        const JsonRoute__EchoMessage *request, JsonRoute__EchoMessage *response)
{
    (void)service;
    (void)call;
    response->value = request->value; /* Both live in the call's arena. */
    return DS_OK;
}

struct fixture {
    struct ds_rpc_server *server;
    struct ds_channel *channel;
    struct gateway *gateway;
    pthread_t thread;
    int client;
    struct ds_buffer sent; /* as a Value on the wire */
    struct ds_buffer got;
};

static void *run(void *context)
{
    gateway_run(context);
    return NULL;
}

static struct gateway *create_gateway(void)
{
    const struct gateway_tables tables = {
        .nodes = json_route_route_nodes,
        .bindings = json_route_route_bindings,
        .binding_count = json_route_route_binding_count,
        .services = json_route_ds_services,
        .service_count = json_route_ds_service_count,
    };
    const struct gateway_options options = {.name = "json_route",
                                            .tables = &tables,
                                            .limits = {.headers_timeout_ms = PATIENCE_MS,
                                                       .body_timeout_ms = PATIENCE_MS,
                                                       .write_timeout_ms = PATIENCE_MS,
                                                       .idle_timeout_ms = PATIENCE_MS}};
    return gateway_create(&options);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char address[64];
    assert_non_null(fixture);
    fixture->server = ds_rpc_server_create(
        &(struct ds_rpc_server_options){.name = "echo", .clock = &standing_clock});
    ds_rpc_server_add_service(fixture->server, &echo_service_handlers, fixture);
    const struct ds_channel_options channel = {.server = fixture->server, .clock = &standing_clock};
    assert_int_equal(ds_channel_open(&channel, &fixture->channel), DS_OK);
    fixture->gateway = create_gateway();
    gateway_add_backend(fixture->gateway, json_route_ds_service_echo.full_name, fixture->channel);
    assert_int_equal(gateway_listen(fixture->gateway, "127.0.0.1:0", address, sizeof address),
                     DS_OK);
    pthread_create(&fixture->thread, NULL, run, fixture->gateway);
    fixture->client = http_connect(address);
    ds_buffer_init(&fixture->sent, WIRE_BYTES_MAX);
    ds_buffer_init(&fixture->got, WIRE_BYTES_MAX);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->client);
    gateway_stop(fixture->gateway, 0);
    pthread_join(fixture->thread, NULL);
    gateway_destroy(fixture->gateway);
    ds_rpc_server_drain(fixture->server, 1000);
    ds_channel_close(fixture->channel);
    ds_rpc_server_destroy(fixture->server);
    ds_buffer_deinit(&fixture->sent);
    ds_buffer_deinit(&fixture->got);
    free(fixture);
    return 0;
}

static struct http_client_reply post(const struct fixture *fixture, struct ds_bytes body)
{
    char head[256];
    (void)snprintf(head, sizeof head,
                   "POST /v1/echo HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   body.size);
    http_send(fixture->client, head);
    http_send_bytes(fixture->client, body.data, body.size);
    return http_receive(fixture->client);
}

static void read_value(struct ds_bytes json, struct ds_buffer *wire)
{
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    ds_buffer_clear(wire);
    assert_int_equal(
        ds_json_to_wire(&json_route_ds_message_google_protobuf_value, json, &options, wire, &error),
        DS_OK);
}

static void send_file(void *context, const char *name, struct ds_bytes text)
{
    struct fixture *fixture = context;
    struct http_client_reply reply = post(fixture, text);
    const bool is_taken = json_suite_is_taken(name);
    if (reply.status != (is_taken ? 200 : 400)) {
        fail_msg("%s: %d %s", name, reply.status, reply.body);
    }
    if (is_taken) {
        read_value(text, &fixture->sent);
        read_value(ds_bytes_of(reply.body, reply.body_bytes), &fixture->got);
        assert_true(
            ds_bytes_equal(ds_buffer_bytes(&fixture->sent), ds_buffer_bytes(&fixture->got)));
    } else if (strstr(reply.body, "\"error_code\":\"invalid_json\"") == NULL) {
        fail_msg("%s: %s", name, reply.body);
    }
    http_reply_free(&reply);
}

static void every_file_is_echoed_or_refused_as_its_name_says(void **state)
{
    json_suite_visit(send_file, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_file_is_echoed_or_refused_as_its_name_says, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
