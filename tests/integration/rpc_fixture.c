#include "integration/rpc_fixture.h"

#include "deltastream/storage/v1/storage.pb-c.h"
#include "schema.gen.h"
#include "support/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A fixture that can't be set up is no result of a test. */
static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static const char *const reader_permissions[] = {"market:read"};
static const char *const writer_permissions[] = {"market:read", "market:write"};

const struct ds_principal rpc_fixture_reader = {
    .subject = "user:7",
    .authentication_method = "jwt",
    .permissions = reader_permissions,
    .permission_count = 1,
};

const struct ds_principal rpc_fixture_writer = {
    .subject = "user:8",
    .authentication_method = "jwt",
    .permissions = writer_permissions,
    .permission_count = 2,
};

ds_code rpc_fixture_authenticate_reader(void *context, struct ds_call *call,
                                        struct ds_principal *ret_principal)
{
    (void)context;
    (void)call;
    *ret_principal = rpc_fixture_reader;
    return DS_OK;
}

ds_code rpc_fixture_authenticate_writer(void *context, struct ds_call *call,
                                        struct ds_principal *ret_principal)
{
    (void)context;
    (void)call;
    *ret_principal = rpc_fixture_writer;
    return DS_OK;
}

/* Answers the metadata of these keys. */
static ds_code echo_metadata(struct ds_call *call)
{
    static const char *const keys[] = {"echo", "echo-bin"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct ds_bytes value;
        if (ds_call_metadata_get(call, keys[i], &value)) {
            DS_TRY(ds_call_set_metadata(call, keys[i], value));
        }
    }
    return DS_OK;
}

static ds_code echo(void *context, struct ds_call *call, const ProtobufCMessage *request,
                    ProtobufCMessage *response)
{
    const Storage__ListTicksRequest *in = (const Storage__ListTicksRequest *)request;
    Storage__ListTicksResponse *out = (Storage__ListTicksResponse *)response;
    atomic_fetch_add(&((struct rpc_fixture *)context)->executed, 1);
    DS_TRY(echo_metadata(call));
    if (strcmp(in->product, "bytes") == 0 || strcmp(in->product, "kibibytes") == 0) {
        const size_t size = (size_t)in->limit * (in->product[0] == 'k' ? 1024 : 1);
        struct ds_buffer *reply = ds_call_raw_response(call);
        memset(ds_buffer_reserve(reply, size), 0, size);
        ds_buffer_commit(reply, size);
        return DS_OK;
    }
    out->product = in->product;
    out->count = in->limit;
    return DS_OK;
}

static ds_code fail_as_told(void *context, struct ds_call *call, const ProtobufCMessage *request,
                            ProtobufCMessage *response)
{
    const char *product = ((const Storage__LatestTickRequest *)request)->product;
    (void)context;
    (void)response;
    if (strcmp(product, "field") == 0) {
        return ds_fail_field(call, "product", "product %s is no good", product);
    }
    if (strcmp(product, "retry") == 0) {
        ds_call_set_retry_after_ms(call, 1500);
        return ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(STORE_UNAVAILABLE), "later");
    }
    if (strcmp(product, "greedy") == 0) {
        for (size_t size = 1024 * 1024; size > 0; size /= 2) {
            while (ds_arena_alloc(ds_call_arena(call), size) != NULL) {
            }
        }
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "no memory is left");
    }
    if (strcmp(product, "bug") == 0) {
        return ds_fail(call, DS_INTERNAL, "a bug");
    }
    if (strcmp(product, "large") == 0) {
        must(ds_buffer_reserve(ds_call_raw_response(call), 17 * 1024 * 1024) == NULL);
        return DS_OK;
    }
    return ds_fail(call, DS_NOT_FOUND, "no %s", product);
}

static ds_code tell_caller(void *context, struct ds_call *call, const ProtobufCMessage *request,
                           ProtobufCMessage *response)
{
    Storage__ListProductsResponse *out = (Storage__ListProductsResponse *)response;
    (void)context;
    (void)request;
    out->products = ds_arena_alloc(ds_call_arena(call), 2 * sizeof *out->products);
    out->products[0] = (char *)(uintptr_t)ds_call_principal(call)->subject;
    out->products[1] = (char *)(uintptr_t)ds_call_peer(call);
    out->n_products = 2;
    return DS_OK;
}

static void *complete_later(void *argument)
{
    ds_call_complete(argument, DS_OK);
    return NULL;
}

/* Answers which execution this is, so that two replies differ. */
static ds_code tell_count(struct ds_call *call, int count)
{
    char text[16];
    snprintf(text, sizeof text, "%d", count);
    return ds_call_set_metadata(call, "executed", ds_bytes_of_text(text));
}

static ds_code wait_or_defer(void *context, struct ds_call *call, const ProtobufCMessage *request,
                             ProtobufCMessage *response)
{
    struct rpc_fixture *fixture = context;
    const Storage__IngestTicksRequest *in = (const Storage__IngestTicksRequest *)request;
    ((Storage__IngestTicksResponse *)response)->accepted = (int32_t)in->n_ticks;
    DS_TRY(tell_count(call, atomic_fetch_add(&fixture->executed, 1) + 1));
    if (in->n_ticks > 0) {
        fixture->deferred = call;
        pthread_create(&fixture->deferred_thread, NULL, complete_later, call);
        return DS_DEFERRED;
    }
    pthread_mutex_lock(&fixture->mutex);
    fixture->waiting++;
    pthread_cond_broadcast(&fixture->changed);
    while (!fixture->gate_is_open && !ds_call_is_abandoned(call)) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 5000000;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&fixture->changed, &fixture->mutex, &soon);
    }
    fixture->waiting--;
    const bool is_open = fixture->gate_is_open;
    pthread_mutex_unlock(&fixture->mutex);
    return is_open ? DS_OK : ds_fail(call, DS_DEADLINE_EXCEEDED, "the gate stayed closed");
}

/* By ds_method.index; methods that the tests do not use have a handler too, as every server's must.
 */
static ds_handler_fn handlers[HANDLERS_MAX];

static const struct ds_service_handlers service_handlers = {
    .service = &ds_service_storage,
    .handlers = handlers,
};

static void fill_handlers(void)
{
    handlers_fill(&ds_service_storage, handlers);
    handlers[ds_method_storage_list_ticks->index] = echo;
    handlers[ds_method_storage_latest_tick->index] = fail_as_told;
    handlers[ds_method_storage_list_products->index] = tell_caller;
    handlers[ds_method_storage_ingest_ticks->index] = wait_or_defer;
}

static void show_certificate(struct rpc_fixture *fixture)
{
    char certificate[CERTIFICATES_PATH_BYTES_MAX];
    char key[CERTIFICATES_PATH_BYTES_MAX];
    struct ds_tls_identity *identity = NULL;
    struct ds_tls_refusal refusal;
    certificates_make(&fixture->certificates);
    const struct ds_tls_identity_files files = {
        .certificate = certificates_path(&fixture->certificates, "server.pem", certificate),
        .key = certificates_path(&fixture->certificates, "server.key", key),
    };
    must(ds_tls_identity_load(&files, &identity, &refusal) == DS_OK);
    ds_rpc_server_set_tls_identity(fixture->server, identity);
    ds_tls_identity_release(identity);
}

static void listen_on(struct rpc_fixture *fixture)
{
    char url[96];
    if (fixture->transport == FIXTURE_TLS) {
        show_certificate(fixture);
        snprintf(url, sizeof url, "tls+tcp://localhost:0");
    } else if (fixture->transport == FIXTURE_TCP) {
        snprintf(url, sizeof url, "tcp://127.0.0.1:0");
    } else {
        snprintf(url, sizeof url, "ipc://%s/rpc.sock", fixture->folder);
    }
    must(ds_rpc_server_listen(fixture->server, url, fixture->url, sizeof fixture->url) == DS_OK);
}

void rpc_fixture_open_service(struct rpc_fixture *fixture, enum fixture_transport transport,
                              const struct ds_rpc_server_options *options,
                              const struct ds_service_handlers *service, void *context,
                              const struct ds_retry_policy *retry)
{
    struct ds_rpc_server_options server_options = {.name = "fixture/1"};
    if (options != NULL) {
        server_options = *options;
        server_options.name = "fixture/1";
    }
    memset(fixture, 0, sizeof *fixture);
    fixture->transport = transport;
    pthread_mutex_init(&fixture->mutex, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    strcpy(fixture->folder, "/tmp/ds-rpc-XXXXXX");
    must(mkdtemp(fixture->folder) != NULL);
    fixture->server = ds_rpc_server_create(&server_options);
    fixture->client_metrics = ds_metrics_create("ds_rpc_client");
    ds_rpc_server_add_service(fixture->server, service, context);
    char ca_file[CERTIFICATES_PATH_BYTES_MAX];
    struct ds_tls_options tls = {.ca_file = ca_file};
    struct ds_channel_options channel_options = {
        .retry = retry, .metrics = fixture->client_metrics, .tls = &tls};
    if (transport == FIXTURE_DIRECT) {
        channel_options.server = fixture->server;
        channel_options.clock = server_options.clock; /* that deadlines mean the same to both */
    } else {
        listen_on(fixture);
        certificates_path(&fixture->certificates, "ca.pem", ca_file);
        channel_options.url = fixture->url;
    }
    must(ds_channel_open(&channel_options, &fixture->channel) == DS_OK);
}

void rpc_fixture_open(struct rpc_fixture *fixture, enum fixture_transport transport,
                      const struct ds_rpc_server_options *options)
{
    fill_handlers();
    rpc_fixture_open_service(fixture, transport, options, &service_handlers, fixture, NULL);
}

ds_code rpc_fixture_call(struct rpc_fixture *fixture, struct ds_client_call *call)
{
    if (call->timeout_ms == 0) {
        call->timeout_ms = RPC_FIXTURE_TIMEOUT_MS;
    }
    return ds_channel_call_wait(fixture->channel, call);
}

ds_code rpc_fixture_call_hello(struct rpc_fixture *fixture)
{
    struct ds_client_call call = {.method = ds_method_control_hello};
    const ds_code code = rpc_fixture_call(fixture, &call);
    ds_client_call_release(&call);
    return code;
}

void rpc_fixture_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = RPC_FIXTURE_PAUSE_MS * 1000000L}, NULL);
}

void rpc_fixture_await_connections(struct rpc_fixture *fixture, size_t count)
{
    for (int waited_ms = 0; ds_rpc_server_connection_count(fixture->server) != count;
         waited_ms += RPC_FIXTURE_PAUSE_MS) {
        must(waited_ms < RPC_FIXTURE_PATIENCE_MS);
        rpc_fixture_pause();
    }
}

static size_t calls_in_flight(const struct rpc_fixture *fixture)
{
    static const char name[] = "\nds_rpc_server_calls_in_flight ";
    struct ds_buffer text;
    ds_buffer_init(&text, 16 * 1024 * 1024);
    ds_metrics_write(ds_rpc_server_metrics(fixture->server), &text);
    ds_buffer_append_byte(&text, '\0');
    const char *found = strstr((const char *)text.data, name);
    must(found != NULL);
    const size_t count = strtoul(found + strlen(name), NULL, 10);
    ds_buffer_deinit(&text);
    return count;
}

void rpc_fixture_await_calls_in_flight(struct rpc_fixture *fixture, size_t count)
{
    for (int waited_ms = 0; calls_in_flight(fixture) != count; waited_ms += RPC_FIXTURE_PAUSE_MS) {
        must(waited_ms < RPC_FIXTURE_PATIENCE_MS);
        rpc_fixture_pause();
    }
}

/*
 * Replies to calls that their callers gave up may still be on their way, and nng 1.5.2 can't close
 * a connection between the header and the body of a message (see nng_socket.c). The answer to
 * one more call comes behind all of them.
 */
static void await_late_replies(struct rpc_fixture *fixture)
{
    struct ds_client_call call = {.method = ds_method_health_check};
    const ds_code code = rpc_fixture_call(fixture, &call);
    (void)code;
    ds_client_call_release(&call);
}

void rpc_fixture_close(struct rpc_fixture *fixture)
{
    rpc_fixture_open_gate(fixture);
    ds_rpc_server_drain(fixture->server, RPC_FIXTURE_PATIENCE_MS);
    await_late_replies(fixture);
    ds_channel_close(fixture->channel);
    ds_rpc_server_destroy(fixture->server);
    if (fixture->deferred != NULL) {
        pthread_join(fixture->deferred_thread, NULL);
    }
    ds_metrics_destroy(fixture->client_metrics);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->mutex);
    char path[96];
    snprintf(path, sizeof path, "%s/rpc.sock", fixture->folder);
    unlink(path);
    rmdir(fixture->folder);
    if (fixture->transport == FIXTURE_TLS) {
        certificates_remove(&fixture->certificates);
    }
}

void rpc_fixture_open_gate(struct rpc_fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    fixture->gate_is_open = true;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

void rpc_fixture_await_waiting(struct rpc_fixture *fixture, int count)
{
    pthread_mutex_lock(&fixture->mutex);
    while (fixture->waiting < count) {
        pthread_cond_wait(&fixture->changed, &fixture->mutex);
    }
    pthread_mutex_unlock(&fixture->mutex);
}

struct ds_bytes rpc_fixture_pack(const ProtobufCMessage *message)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);
    must(packed != NULL);
    protobuf_c_message_pack(message, packed);
    return ds_bytes_of(packed, size);
}
