/* ListProducts. */
#include "ds/wire.h"
#include "storage/rpc/service.h"

#define PRODUCTS_FIELD 1

static void write_product(void *context, struct ds_bytes product, struct ds_bytes group)
{
    (void)group;
    ds_wire_write_bytes_field(context, PRODUCTS_FIELD, product);
}

ds_code storage_list_products(struct storage *storage, struct ds_call *call,
                              const Storage__ListProductsRequest *request,
                              Storage__ListProductsResponse *response)
{
    (void)request;
    (void)response;
    struct ds_buffer *reply = ds_call_raw_response(call);
    const struct market_series_query query = {.kind = MARKET_TICKS, .series_max = SIZE_MAX};
    bool more;
    const ds_code code =
        storage->store->ops->list_series(storage->store, &query, write_product, reply, &more);
    if (code != DS_OK) {
        return storage_fail_store(storage, call, code);
    }
    if (reply->overflow) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the list of products is too long for a reply");
    }
    return DS_OK;
}
