#include "store_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const permissions[] = {"market:read", "market:write", "admin"};

static const struct ds_principal owner = {
    .subject = "service:bench",
    .authentication_method = "none",
    .permissions = permissions,
    .permission_count = 3,
};

void bench_require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "store_bench: %s failed\n", what);
        exit(EXIT_FAILURE);
    }
}

static struct ds_channel *channel_open(struct bench_service *service, const char *url)
{
    struct ds_channel *channel;
    const struct ds_channel_options options = {.url = url,
                                               .server = url == NULL ? service->server : NULL};
    bench_require(ds_channel_open(&options, &channel) == DS_OK, "a channel");
    return channel;
}

void bench_service_open(struct bench_service *service, const struct bench_options *options,
                        const char *name)
{
    char reason[256];
    char url[2 * BENCH_PATH_BYTES_MAX];
    snprintf(service->folder, sizeof(service->folder), "%s/%s", options->folder, name);
    const struct market_store_options store_options = {.clock = NULL};
    bench_require(market_lmdb_open(service->folder, &store_options, &service->store, reason,
                                   sizeof(reason)) == DS_OK,
                  reason);
    service->storage = storage_create(service->store, NULL);
    const struct ds_rpc_server_options server_options = {.name = "store_bench"};
    service->server = ds_rpc_server_create(&server_options);
    storage_serve(service->storage, service->server);
    snprintf(url, sizeof(url), "ipc://%s/socket", service->folder);
    bench_require(ds_rpc_server_listen(service->server, url, NULL, 0) == DS_OK, "the listener");
    service->direct = channel_open(service, NULL);
    service->ipc = channel_open(service, url);
}

void bench_service_close(struct bench_service *service)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "deltastream.lock", "socket"};
    ds_channel_close(service->ipc);
    ds_channel_close(service->direct);
    storage_stop(service->storage);
    ds_rpc_server_drain(service->server, 1000);
    ds_rpc_server_destroy(service->server);
    storage_destroy(service->storage);
    service->store->ops->close(service->store);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[2 * BENCH_PATH_BYTES_MAX];
        snprintf(path, sizeof(path), "%s/%s", service->folder, names[i]);
        unlink(path);
    }
    rmdir(service->folder);
}

struct ds_bytes bench_pack(const ProtobufCMessage *request)
{
    uint8_t *bytes = malloc(protobuf_c_message_get_packed_size(request) + 1);
    bench_require(bytes != NULL, "memory");
    return ds_bytes_of(bytes, protobuf_c_message_pack(request, bytes));
}

void bench_call_fill(struct ds_client_call *call, const char *method, struct ds_bytes request)
{
    char name[128];
    const int size = snprintf(name, sizeof(name), "deltastream.storage.v1.Storage/%s", method);
    *call = (struct ds_client_call){
        .method = ds_method_find(name, (size_t)size), .payload = request, .principal = &owner};
    bench_require(call->method != NULL, method);
}

void bench_call(struct ds_channel *channel, struct ds_client_call *call, const char *method,
                const ProtobufCMessage *request)
{
    const struct ds_bytes packed = bench_pack(request);
    bench_call_fill(call, method, packed);
    const ds_code code = ds_channel_call_wait(channel, call);
    bench_require(code == DS_OK, code == DS_OK ? "" : call->message);
    free((void *)(uintptr_t)packed.data);
}

int64_t bench_now_us(void)
{
    return ds_clock_monotonic_us(ds_clock_system());
}

uint64_t bench_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void moment_set(Google__Protobuf__Timestamp *moment, int64_t time_us)
{
    google__protobuf__timestamp__init(moment);
    moment->seconds = time_us / 1000000;
    moment->nanos = (int32_t)(time_us % 1000000 * 1000);
}

void bench_tick_set(Storage__Tick *tick, Google__Protobuf__Timestamp moments[2],
                    const char *product, int64_t timestamp_us, int64_t tick_id)
{
    storage__tick__init(tick);
    moment_set(&moments[0], timestamp_us);
    moment_set(&moments[1], timestamp_us + 1500);
    tick->product = (char *)(uintptr_t)product;
    tick->timestamp = &moments[0];
    tick->processed_at = &moments[1];
    tick->_tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    tick->tick_id = tick_id;
    tick->_price_case = STORAGE__TICK___PRICE_PRICE;
    tick->price = 21500 + (double)(tick_id % 2000) * 0.05;
}

void bench_samples_add(struct bench_samples *samples, double value)
{
    if (samples->count < BENCH_SAMPLES_MAX) {
        samples->values[samples->count++] = value;
    }
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

double bench_samples_part(struct bench_samples *samples, double part)
{
    bench_require(samples->count > 0, "a sample");
    qsort(samples->values, samples->count, sizeof(samples->values[0]), compare);
    return samples->values[(size_t)(part * (double)(samples->count - 1) + 0.5)];
}
