#include "service_fixture.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "support/standing_clock.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t fixed_wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return SERVICE_NOW_US;
}

/* A backup that nobody reads for a while gives way to others: not because the machine stalls. */
static const struct ds_clock fixed_clock = {fixed_wall_us, standing_monotonic_us};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    assert_non_null(memory);
    return memory;
}

/* Whoever may do everything that the service's methods ask for. */
static const char *const owner_permissions[] = {"market:read", "market:write", "admin"};

static const struct ds_principal owner = {
    .subject = "service:test",
    .authentication_method = "none",
    .permissions = owner_permissions,
    .permission_count = sizeof(owner_permissions) / sizeof(owner_permissions[0]),
};

struct service *service_create(struct market_store *store, const char *folder)
{
    struct service *service = allocate(1, sizeof(*service));
    snprintf(service->folder, sizeof(service->folder), "%s", folder);
    service->store = store;
    service->storage = storage_create(store, &fixed_clock);
    const struct ds_rpc_server_options options = {.name = "test"};
    service->server = ds_rpc_server_create(&options);
    storage_serve(service->storage, service->server);
    const struct ds_channel_options channel = {.server = service->server};
    assert_int_equal(ds_channel_open(&channel, &service->channel), DS_OK);
    service->ticks = allocate(SERVICE_ROWS_MAX, sizeof(*service->ticks));
    service->tick_pointers = allocate(SERVICE_ROWS_MAX, sizeof(*service->tick_pointers));
    service->quotes = allocate(SERVICE_ROWS_MAX, sizeof(*service->quotes));
    service->quote_pointers = allocate(SERVICE_ROWS_MAX, sizeof(*service->quote_pointers));
    service->chains = allocate(SERVICE_CHAINS_MAX, sizeof(*service->chains));
    service->chain_pointers = allocate(SERVICE_ROWS_MAX, sizeof(*service->chain_pointers));
    service->timestamps = allocate(SERVICE_ROWS_MAX, sizeof(*service->timestamps));
    return service;
}

int service_setup_memory(void **state)
{
    const struct market_store_options options = {.clock = NULL};
    *state = service_create(market_memory_open(&options), "");
    return 0;
}

int service_setup_lmdb(void **state)
{
    char folder[64] = "/tmp/ds-storage-rpc-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const struct market_store_options options = {.map_bytes = 1 << 28, .free_bytes_min = 1};
    struct market_store *store;
    char reason[256];
    assert_int_equal(market_lmdb_open(folder, &options, &store, reason, sizeof(reason)), DS_OK);
    *state = service_create(store, folder);
    return 0;
}

static void folder_remove(const char *folder)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "deltastream.lock"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void reply_release(struct service *service)
{
    if (service->payload != NULL) {
        ds_client_call_release(&service->call);
        free(service->payload);
        service->payload = NULL;
    }
}

void service_destroy(struct service *service)
{
    reply_release(service);
    ds_channel_close(service->channel);
    ds_rpc_server_drain(service->server, 1000);
    ds_rpc_server_destroy(service->server);
    storage_destroy(service->storage);
    service->store->ops->close(service->store);
    if (service->folder[0] != '\0') {
        folder_remove(service->folder);
    }
    free(service->ticks);
    free(service->tick_pointers);
    free(service->quotes);
    free(service->quote_pointers);
    free(service->chains);
    free(service->chain_pointers);
    free(service->timestamps);
    free(service);
}

int service_teardown(void **state)
{
    service_destroy(*state);
    return 0;
}

static int run_on(const char *engine, CMFixtureFunction setup, const struct CMUnitTest *tests,
                  size_t test_count)
{
    struct CMUnitTest *on_engine = allocate(test_count, sizeof(*on_engine));
    for (size_t i = 0; i < test_count; i++) {
        on_engine[i] = tests[i];
        on_engine[i].setup_func = setup;
        on_engine[i].teardown_func = service_teardown;
    }
    printf("engine: %s\n", engine);
    const int failed = _cmocka_run_group_tests(engine, on_engine, test_count, NULL, NULL);
    free(on_engine);
    return failed;
}

int service_tests_run(const struct CMUnitTest *tests, size_t test_count)
{
    return run_on("memory", service_setup_memory, tests, test_count) +
           run_on("lmdb", service_setup_lmdb, tests, test_count);
}

ds_code service_call(struct service *service, const char *method, const ProtobufCMessage *request)
{
    char name[128];
    reply_release(service);
    const int size = snprintf(name, sizeof(name), "deltastream.storage.v1.Storage/%s", method);
    service->payload = allocate(protobuf_c_message_get_packed_size(request) + 1, 1);
    const size_t payload_bytes = protobuf_c_message_pack(request, service->payload);
    service->call = (struct ds_client_call){
        .method = ds_method_find(name, (size_t)size),
        .payload = ds_bytes_of(service->payload, payload_bytes),
        .timeout_ms = service->timeout_ms > 0 ? service->timeout_ms : SERVICE_TIMEOUT_MS,
        .principal = &owner,
    };
    assert_non_null(service->call.method);
    return ds_channel_call_wait(service->channel, &service->call);
}

void assert_failure(struct service *service, const char *field, const char *reason)
{
    const struct ds_bytes details = service->call.status_details;
    Google__Rpc__Status *status = google__rpc__status__unpack(NULL, details.size, details.data);
    assert_non_null(status);
    bool has_field = field == NULL;
    bool has_reason = reason == NULL;
    for (size_t i = 0; i < status->n_details; i++) {
        const ProtobufCBinaryData *value = &status->details[i]->value;
        if (strstr(status->details[i]->type_url, "BadRequest") != NULL && field != NULL) {
            Google__Rpc__BadRequest *bad =
                google__rpc__bad_request__unpack(NULL, value->len, value->data);
            assert_string_equal(bad->field_violations[0]->field, field);
            has_field = true;
            google__rpc__bad_request__free_unpacked(bad, NULL);
        }
        if (strstr(status->details[i]->type_url, "ErrorInfo") != NULL && reason != NULL) {
            Google__Rpc__ErrorInfo *info =
                google__rpc__error_info__unpack(NULL, value->len, value->data);
            assert_string_equal(info->reason, reason);
            has_reason = true;
            google__rpc__error_info__free_unpacked(info, NULL);
        }
    }
    google__rpc__status__free_unpacked(status, NULL);
    assert_true(has_field && has_reason);
}

static Google__Protobuf__Timestamp *timestamp_set(struct service *service, size_t index,
                                                  int64_t timestamp_us)
{
    Google__Protobuf__Timestamp *timestamp = &service->timestamps[index];
    google__protobuf__timestamp__init(timestamp);
    timestamp->seconds = timestamp_us / 1000000;
    timestamp->nanos = (int32_t)(timestamp_us % 1000000 * 1000);
    return timestamp;
}

Storage__Tick *tick_set(struct service *service, size_t index, const char *product,
                        int64_t timestamp_us, int64_t tick_id, double price)
{
    Storage__Tick *tick = &service->ticks[index];
    storage__tick__init(tick);
    tick->product = (char *)(uintptr_t)product;
    tick->timestamp = timestamp_set(service, index, timestamp_us);
    tick->_tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    tick->tick_id = tick_id;
    tick->_price_case = STORAGE__TICK___PRICE_PRICE;
    tick->price = price;
    service->tick_pointers[index] = tick;
    return tick;
}

ds_code ingest_with(struct service *service, size_t count, Storage__ConflictPolicy policy)
{
    Storage__IngestTicksRequest request = STORAGE__INGEST_TICKS_REQUEST__INIT;
    request.n_ticks = count;
    request.ticks = service->tick_pointers;
    request.conflict_policy = policy;
    return service_call(service, "IngestTicks", &request.base);
}

ds_code ingest(struct service *service, size_t count)
{
    return ingest_with(service, count, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_UNSPECIFIED);
}

Storage__Quote *quote_set(struct service *service, size_t index, const char *symbol,
                          const char *expiry, int64_t timestamp_us, double last)
{
    Storage__Quote *quote = &service->quotes[index];
    storage__quote__init(quote);
    quote->symbol = (char *)(uintptr_t)symbol;
    quote->product = (char *)(uintptr_t) "NIFTY";
    quote->expiry = (char *)(uintptr_t)expiry;
    quote->_strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    quote->strike = 21500;
    quote->_option_type_case = STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
    quote->option_type = STORAGE__OPTION_TYPE__CALL;
    quote->_last_case = STORAGE__QUOTE___LAST_LAST;
    quote->last = last;
    quote->timestamp = timestamp_set(service, index, timestamp_us);
    service->quote_pointers[index] = quote;
    return quote;
}

ds_code ingest_quotes(struct service *service, size_t count, Storage__ConflictPolicy policy)
{
    Storage__IngestQuotesRequest request = STORAGE__INGEST_QUOTES_REQUEST__INIT;
    request.n_quotes = count;
    request.quotes = service->quote_pointers;
    request.conflict_policy = policy;
    return service_call(service, "IngestQuotes", &request.base);
}

Storage__OptionChain *chain_set(struct service *service, size_t index, const char *product,
                                const char *expiry, int64_t timestamp_us, double spot_price)
{
    Storage__OptionChain *chain = &service->chains[index];
    storage__option_chain__init(chain);
    chain->product = (char *)(uintptr_t)product;
    chain->expiry = (char *)(uintptr_t)expiry;
    chain->_spot_price_case = STORAGE__OPTION_CHAIN___SPOT_PRICE_SPOT_PRICE;
    chain->spot_price = spot_price;
    chain->timestamp = timestamp_set(service, index, timestamp_us);
    service->chain_pointers[index] = chain;
    return chain;
}

ds_code ingest_chains(struct service *service, size_t count, Storage__ConflictPolicy policy)
{
    Storage__IngestChainsRequest request = STORAGE__INGEST_CHAINS_REQUEST__INIT;
    request.n_chains = count;
    request.chains = service->chain_pointers;
    request.conflict_policy = policy;
    return service_call(service, "IngestChains", &request.base);
}

void assert_ingested(struct service *service, const char *expected)
{
    char text[1024];
    const struct ds_bytes wire = service->call.response;
    Storage__IngestTicksResponse *response =
        storage__ingest_ticks_response__unpack(NULL, wire.size, wire.data);
    assert_non_null(response);
    int size = snprintf(text, sizeof(text), "%d %d %d", response->accepted, response->duplicate,
                        response->late);
    for (size_t i = 0; i < response->n_rejected; i++) {
        size += snprintf(text + size, sizeof(text) - (size_t)size, " %d:%s",
                         response->rejected[i]->index, response->rejected[i]->reason);
    }
    storage__ingest_ticks_response__free_unpacked(response, NULL);
    assert_string_equal(text, expected);
}

const char *json_of(const char *text)
{
    static char texts[4][8192];
    static size_t next;
    char *target = texts[next++ % 4];
    snprintf(target, sizeof(texts[0]), "%s", text);
    assert_int_equal(strlen(target), strlen(text));
    for (char *at = strchr(target, '\''); at != NULL; at = strchr(at, '\'')) {
        *at = '"';
    }
    return target;
}

Storage__ListTicksRequest list_request(const char *product)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    return request;
}

void limit_set(Storage__ListTicksRequest *request, int32_t limit)
{
    request->_limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request->limit = limit;
}

Storage__ListTicksResponse *list(struct service *service, const Storage__ListTicksRequest *request)
{
    if (service_call(service, "ListTicks", &request->base) != DS_OK) {
        fail_msg("%s", service->call.message);
    }
    const struct ds_bytes wire = service->call.response;
    Storage__ListTicksResponse *response =
        storage__list_ticks_response__unpack(NULL, wire.size, wire.data);
    assert_non_null(response);
    assert_int_equal(response->count, response->n_ticks);
    assert_string_equal(response->product, request->product);
    return response;
}

void assert_list(struct service *service, const Storage__ListTicksRequest *request,
                 const char *expected)
{
    char text[256] = "";
    Storage__ListTicksResponse *response = list(service, request);
    for (size_t i = 0; i < response->n_ticks; i++) {
        const size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "%s%lld", i == 0 ? "" : " ",
                 (long long)response->ticks[i]->tick_id);
    }
    const bool more = response->next_page_token[0] != '\0';
    storage__list_ticks_response__free_unpacked(response, NULL);
    strcat(text, more ? " more" : "");
    assert_string_equal(text, expected);
}
