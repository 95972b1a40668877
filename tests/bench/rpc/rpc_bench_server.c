#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/anonymous.h"
#include "rpc_bench.h"
#include "schema.gen.h"
#include "support/handlers.h"

/* The inline one and the one of the read pool: both types begin with the string that is echoed. */
static ds_code echo_inline(void *context, struct ds_call *call, const ProtobufCMessage *request,
                           ProtobufCMessage *response)
{
    (void)context;
    (void)call;
    ((Storage__ListTicksResponse *)response)->product =
        ((const Storage__ListTicksRequest *)request)->product;
    return DS_OK;
}

static ds_code echo_pooled(void *context, struct ds_call *call, const ProtobufCMessage *request,
                           ProtobufCMessage *response)
{
    (void)context;
    (void)call;
    ((Storage__ListExpiriesResponse *)response)->product =
        ((const Storage__ListExpiriesRequest *)request)->product;
    return DS_OK;
}

static ds_handler_fn handlers[HANDLERS_MAX];

static const struct ds_service_handlers service_handlers = {
    .service = &ds_service_storage,
    .handlers = handlers,
};

struct ds_rpc_server *bench_server_create(void)
{
    const struct ds_rpc_server_options options = {
        .name = "rpc_bench/1",
        .authenticator = ds_anonymous_authenticator(DS_ANONYMOUS_READ),
    };
    handlers_fill(&ds_service_storage, handlers);
    handlers[ds_method_storage_list_ticks->index] = echo_inline;
    handlers[ds_method_storage_list_expiries->index] = echo_pooled;
    struct ds_rpc_server *server = ds_rpc_server_create(&options);
    ds_rpc_server_add_service(server, &service_handlers, NULL);
    return server;
}
