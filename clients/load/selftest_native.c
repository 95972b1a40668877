#include "clients/load/memory.h"
#include "clients/load/selftest_stubs.h"
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/rpc_server.h"
#include "schema.gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define METHODS_MAX 256

struct selftest_native {
    struct ds_rpc_server *server;
    struct selftest_counts *counts;
    ds_handler_fn handlers[METHODS_MAX];
    struct ds_service_handlers service;
    char folder[SELFTEST_URL_BYTES_MAX];
};

static ds_code answer(void *context, struct ds_call *call, const ProtobufCMessage *request,
                      ProtobufCMessage *response)
{
    (void)call;
    const struct selftest_native *stub = context;
    Storage__Tick *tick = (Storage__Tick *)response;
    tick->product = ((const Storage__LatestTickRequest *)request)->product;
    tick->_price_case = STORAGE__TICK___PRICE_PRICE;
    tick->price = 22500.5;
    tick->_tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    tick->tick_id = 1;
    atomic_fetch_add(&stub->counts->answered, 1);
    return DS_OK;
}

static ds_code refuse(void *context, struct ds_call *call, const ProtobufCMessage *request,
                      ProtobufCMessage *response)
{
    (void)request;
    (void)response;
    const struct selftest_native *stub = context;
    atomic_fetch_add(&stub->counts->refused, 1);
    return ds_fail(call, DS_FAILED_PRECONDITION, "this server refuses on purpose");
}

static void remove_folder(const struct selftest_native *stub)
{
    char path[SELFTEST_URL_BYTES_MAX + 16];
    snprintf(path, sizeof(path), "%s/stub.sock", stub->folder);
    unlink(path);
    rmdir(stub->folder);
}

static bool make_folder(struct selftest_native *stub)
{
    const char *parent = getenv("TMPDIR");
    const int size = snprintf(stub->folder, sizeof(stub->folder), "%s/deltastream-load.XXXXXX",
                              parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    if (size >= (int)sizeof(stub->folder) || mkdtemp(stub->folder) == NULL) {
        fprintf(stderr, "deltastream-load: no temporary folder can be made in TMPDIR\n");
        return false;
    }
    return true;
}

static void create_server(struct selftest_native *stub)
{
    const struct ds_rpc_server_options options = {.name = "deltastream-load/selftest",
                                                  .limits = {.calls_per_connection_max = 65536}};
    for (size_t i = 0; i < METHODS_MAX; i++) {
        stub->handlers[i] = refuse;
    }
    stub->handlers[ds_method_storage_latest_tick->index] = answer;
    stub->service =
        (struct ds_service_handlers){.service = &ds_service_storage, .handlers = stub->handlers};
    stub->server = ds_rpc_server_create(&options);
    ds_rpc_server_add_service(stub->server, &stub->service, stub);
}

struct selftest_native *selftest_native_start(struct selftest_counts *counts,
                                              char ret_url[SELFTEST_URL_BYTES_MAX])
{
    struct selftest_native *stub = load_allocate(1, sizeof(*stub));
    stub->counts = counts;
    if (!make_folder(stub)) {
        free(stub);
        return NULL;
    }
    create_server(stub);
    char url[SELFTEST_URL_BYTES_MAX + 32];
    snprintf(url, sizeof(url), "ipc://%s/stub.sock", stub->folder);
    if (ds_rpc_server_listen(stub->server, url, ret_url, SELFTEST_URL_BYTES_MAX) != DS_OK) {
        fprintf(stderr, "deltastream-load: %s can't be listened on\n", url);
        selftest_native_stop(stub);
        return NULL;
    }
    return stub;
}

void selftest_native_stop(struct selftest_native *stub)
{
    if (stub == NULL) {
        return;
    }
    ds_rpc_server_drain(stub->server, 10000);
    ds_rpc_server_destroy(stub->server);
    remove_folder(stub);
    free(stub);
}
