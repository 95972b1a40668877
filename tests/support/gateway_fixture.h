/* The whole gateway before a storage service whose handlers are this file's. */
#ifndef TESTS_SUPPORT_GATEWAY_FIXTURE_H
#define TESTS_SUPPORT_GATEWAY_FIXTURE_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/json.h"
#include "ds/wire.h"
#include "gateway/gateway.h"
#include "schema.gen.h"
#include "support/handlers.h"
#include "support/http_client.h"
#include "support/standing_clock.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define STORAGE "deltastream.storage.v1.Storage"
/* Nothing waits that long: it stands for limits that a test is not about. */
#define FIXTURE_PATIENCE_MS 600000

struct gateway_fixture {
    struct ds_service_handlers service;
    struct ds_rpc_server *server;
    struct ds_channel *channel;
    struct gateway *gateway;
    char address[64];
    pthread_t thread;
    sem_t begun;   /* a held call has begun */
    sem_t release; /* it may end */
    atomic_bool saw_abandoned;
    atomic_int counted; /* calls that ingest the product COUNT */
};

static const char *const fixture_permissions[] = {"market:read", "market:write"};
static const struct ds_principal fixture_writer = {"anonymous", "none", fixture_permissions, 2};
static const struct ds_principal fixture_reader = {"anonymous", "none", fixture_permissions, 1};

/* The response is what this JSON says, in wire bytes, as the real service's rows are. */
static inline ds_code fixture_respond(struct ds_call *call, const struct ds_message *message,
                                      const char *json)
{
    static const struct ds_json_read_options options = {.lenient_times = true};
    struct ds_json_error error;
    const ds_code code = ds_json_to_wire(message, ds_bytes_of_text(json), &options,
                                         ds_call_raw_response(call), &error);
    assert_int_equal(code, DS_OK);
    return code;
}

#define LARGE_BYTES ((size_t)4 * 1024 * 1024)

/* A ListTicksResponse whose product has LARGE_BYTES. */
static inline ds_code fixture_respond_large(struct ds_call *call)
{
    struct ds_buffer *wire = ds_call_raw_response(call);
    ds_wire_write_tag(wire, 1, DS_WIRE_BYTES);
    ds_wire_write_varint(wire, LARGE_BYTES);
    uint8_t *product = ds_buffer_reserve(wire, LARGE_BYTES);
    assert_non_null(product);
    memset(product, 'x', LARGE_BYTES);
    ds_buffer_commit(wire, LARGE_BYTES);
    return DS_OK;
}

/* A ListTicksResponse with as many ticks as were asked for. */
static inline ds_code fixture_respond_page(struct ds_call *call, int32_t count)
{
    struct ds_buffer *wire = ds_call_raw_response(call);
    struct ds_buffer tick;
    struct ds_json_error error;
    static const struct ds_json_read_options options = {.lenient_times = true};
    ds_buffer_init(&tick, SIZE_MAX);
    const ds_code code = ds_json_to_wire(
        &ds_message_storage_tick,
        ds_bytes_of_text("{\"price\":21543.25,\"timestamp\":\"2025-01-25T09:59:59.123456Z\","
                         "\"tick_id\":1234567,\"volume\":1500}"),
        &options, &tick, &error);
    assert_int_equal(code, DS_OK);
    ds_wire_write_bytes_field(wire, 1, ds_bytes_of_text("PAGE"));
    ds_wire_write_varint_field(wire, 2, (uint64_t)count);
    for (int32_t i = 0; i < count; i++) {
        ds_wire_write_bytes_field(wire, 3, ds_buffer_bytes(&tick));
    }
    ds_buffer_deinit(&tick);
    return DS_OK;
}

/* What a call that its handler makes on would carry. */
static inline ds_code fixture_tell_trace(struct ds_call *call)
{
    char json[1024];
    struct ds_client_call onward = {.method = ds_call_method(call)};
    DS_TRY(ds_client_call_inherit(&onward, call));
    (void)snprintf(json, sizeof json, "{\"product\":\"%s|%s\",\"count\":0,\"ticks\":[]}",
                   onward.traceparent, onward.tracestate != NULL ? onward.tracestate : "");
    return fixture_respond(call, &ds_message_storage_list_ticks_response, json);
}

static inline ds_code fixture_list_ticks(void *context, struct ds_call *call,
                                         const ProtobufCMessage *request,
                                         ProtobufCMessage *response)
{
    struct gateway_fixture *fixture = context;
    (void)response;
    const Storage__ListTicksRequest *list = (const Storage__ListTicksRequest *)request;
    if (strcmp(list->product, "FIELD") == 0) {
        return ds_fail_field(call, "limit", "must be from 1 to 10000");
    }
    if (strcmp(list->product, "BUSY") == 0) {
        ds_call_set_retry_after_ms(call, 1200);
        return ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(STORE_UNAVAILABLE),
                              "the store does not answer");
    }
    if (strcmp(list->product, "GONE") == 0) {
        return ds_fail(call, DS_NOT_FOUND, "no \"such\" thing");
    }
    if (strcmp(list->product, "TRACE") == 0) {
        return fixture_tell_trace(call);
    }
    if (strcmp(list->product, "WAIT") == 0) {
        sem_post(&fixture->begun);
        sem_wait(&fixture->release);
    }
    if (strcmp(list->product, "LARGE") == 0) {
        return fixture_respond_large(call);
    }
    if (strcmp(list->product, "PAGE") == 0) {
        return fixture_respond_page(call, list->limit);
    }
    if (strcmp(list->product, "TICKS") == 0) {
        return fixture_respond(
            call, &ds_message_storage_list_ticks_response,
            "{\"product\":\"TICKS\",\"count\":1,\"ticks\":["
            "{\"price\":21500,\"timestamp\":\"2025-01-25T10:00:00Z\",\"tick_id\":7,"
            "\"processed_at\":\"2025-01-25T10:00:00.5Z\",\"open\":0.1}],"
            "\"next_page_token\":\"abc\"}");
    }
    /* What arrived goes back in the product's place. */
    char json[512];
    (void)snprintf(
        json, sizeof json, "{\"product\":\"%s|%lld|%lld|%d|%d|%s\",\"count\":0,\"ticks\":[]}",
        list->product, list->start == NULL ? -1 : (long long)list->start->seconds,
        list->end == NULL ? -1 : (long long)list->end->seconds,
        list->_limit_case == STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT ? list->limit : -1,
        (int)list->order, list->page_token);
    return fixture_respond(call, &ds_message_storage_list_ticks_response, json);
}

static inline ds_code fixture_latest_tick(void *context, struct ds_call *call,
                                          const ProtobufCMessage *request,
                                          ProtobufCMessage *response)
{
    (void)context;
    (void)request;
    (void)response;
    return fixture_respond(
        call, &ds_message_storage_tick,
        "{\"product\":\"A\",\"price\":1,\"timestamp\":\"2025-01-25T09:59:59.123456Z\","
        "\"volume\":9007199254740993,\"open\":1e300}");
}

static inline ds_code fixture_list_products(void *context, struct ds_call *call,
                                            const ProtobufCMessage *request,
                                            ProtobufCMessage *response)
{
    (void)context;
    (void)request;
    (void)response;
    return fixture_respond(call, &ds_message_storage_list_products_response,
                           "{\"products\":[\"A\",\"B\"]}");
}

static inline ds_code fixture_ingest_ticks(void *context, struct ds_call *call,
                                           const ProtobufCMessage *request,
                                           ProtobufCMessage *response)
{
    struct gateway_fixture *fixture = context;
    const Storage__IngestTicksRequest *ingest = (const Storage__IngestTicksRequest *)request;
    Storage__IngestTicksResponse *result = (Storage__IngestTicksResponse *)response;
    if (ingest->n_ticks > 0 && strcmp(ingest->ticks[0]->product, "HOLD") == 0) {
        sem_post(&fixture->begun);
        sem_wait(&fixture->release);
        atomic_store(&fixture->saw_abandoned, ds_call_is_abandoned(call));
    }
    if (ingest->n_ticks > 0 && strcmp(ingest->ticks[0]->product, "FIELD") == 0) {
        return ds_fail_field(call, "ticks[0].price", "must be there");
    }
    result->accepted = (int32_t)ingest->n_ticks;
    if (ingest->n_ticks > 0 && strcmp(ingest->ticks[0]->product, "COUNT") == 0) {
        result->accepted = atomic_fetch_add(&fixture->counted, 1) + 1;
    }
    return DS_OK;
}

/* By ds_method.index. */
static ds_handler_fn fixture_handlers[HANDLERS_MAX];

static inline void fixture_fill_handlers(void)
{
    handlers_fill(&ds_service_storage, fixture_handlers);
    fixture_handlers[ds_method_storage_list_ticks->index] = fixture_list_ticks;
    fixture_handlers[ds_method_storage_latest_tick->index] = fixture_latest_tick;
    fixture_handlers[ds_method_storage_list_products->index] = fixture_list_products;
    fixture_handlers[ds_method_storage_ingest_ticks->index] = fixture_ingest_ticks;
}

static inline void *gateway_fixture_run(void *context)
{
    gateway_run(context);
    return NULL;
}

/* What tests are not about is filled in. */
static inline struct gateway_fixture *gateway_fixture_start_with(struct gateway_options options)
{
    struct gateway_fixture *fixture = calloc(1, sizeof *fixture);
    fixture_fill_handlers();
    fixture->service =
        (struct ds_service_handlers){.service = &ds_service_storage, .handlers = fixture_handlers};
    sem_init(&fixture->begun, 0, 0);
    sem_init(&fixture->release, 0, 0);
    /* Calls have the deadlines of their methods, which must not pass where the machine stalls. */
    fixture->server = ds_rpc_server_create(
        &(struct ds_rpc_server_options){.name = "test", .clock = &standing_clock});
    ds_rpc_server_add_service(fixture->server, &fixture->service, fixture);
    const struct ds_channel_options channel = {.server = fixture->server, .clock = &standing_clock};
    assert_int_equal(ds_channel_open(&channel, &fixture->channel), DS_OK);
    struct ds_metrics *const metrics[] = {ds_rpc_server_metrics(fixture->server)};
    options.name = "test";
    options.limits.headers_timeout_ms = FIXTURE_PATIENCE_MS;
    options.limits.body_timeout_ms = FIXTURE_PATIENCE_MS;
    options.limits.write_timeout_ms = FIXTURE_PATIENCE_MS;
    options.limits.idle_timeout_ms = FIXTURE_PATIENCE_MS;
    options.metrics = metrics;
    options.metrics_count = 1;
    fixture->gateway = gateway_create(&options);
    gateway_add_backend(fixture->gateway, STORAGE, fixture->channel);
    assert_int_equal(gateway_listen(fixture->gateway, "127.0.0.1:0=named", fixture->address,
                                    sizeof fixture->address),
                     DS_OK);
    pthread_create(&fixture->thread, NULL, gateway_fixture_run, fixture->gateway);
    return fixture;
}

/* `tables`: NULL for the program's own. */
static inline struct gateway_fixture *
gateway_fixture_start_serving(const struct gateway_tables *tables,
                              const struct ds_principal *anonymous)
{
    return gateway_fixture_start_with(
        (struct gateway_options){.tables = tables, .anonymous = anonymous});
}

static inline struct gateway_fixture *gateway_fixture_start(const struct ds_principal *anonymous)
{
    return gateway_fixture_start_serving(NULL, anonymous);
}

static inline void gateway_fixture_stop(struct gateway_fixture *fixture)
{
    gateway_stop(fixture->gateway, 0);
    pthread_join(fixture->thread, NULL);
    gateway_destroy(fixture->gateway);
    ds_rpc_server_drain(fixture->server, 1000);
    ds_channel_close(fixture->channel);
    ds_rpc_server_destroy(fixture->server);
    sem_destroy(&fixture->begun);
    sem_destroy(&fixture->release);
    free(fixture);
}

#define JSON "Content-Type: application/json\r\n"
#define NDJSON "Content-Type: application/x-ndjson\r\n"
#define INGEST "POST /v1/ticks:ingest"
#define HOST " HTTP/1.1\r\nHost: a\r\n"

/* Sends one request with a body (NULL: none) and returns the reply. */
static inline struct http_client_reply ask(const struct gateway_fixture *fixture,
                                           const char *method_and_target, const char *fields,
                                           const char *body)
{
    const int client = http_connect(fixture->address);
    http_send(client, method_and_target);
    http_send(client, HOST);
    http_send(client, fields);
    if (body != NULL) {
        char length[64];
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
        http_send(client, length);
    }
    http_send(client, "\r\n");
    if (body != NULL) {
        http_send(client, body);
    }
    const bool is_head = strncmp(method_and_target, "HEAD", 4) == 0;
    const struct http_client_reply reply = http_receive_with(client, is_head);
    close(client);
    return reply;
}

static inline void get(const struct gateway_fixture *fixture, const char *target, int status,
                       const char *body)
{
    char line[512];
    (void)snprintf(line, sizeof line, "GET %s", target);
    struct http_client_reply reply = ask(fixture, line, "", NULL);
    if (reply.status != status || strcmp(reply.body, body) != 0) {
        fail_msg("%s: %d %s", target, reply.status, reply.body);
    }
    http_reply_free(&reply);
}

#endif
