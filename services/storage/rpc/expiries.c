/* ListExpiries. */
#include "ds/wire.h"
#include "storage/core/chain.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/service.h"

#define PRODUCT_FIELD 1
#define EXPIRIES_FIELD 2

struct expiry_list {
    struct ds_buffer *reply;
    bool damaged;
};

/* The series of one product follow one another as their expiries do. */
static void write_expiry(void *context, struct ds_bytes series, struct ds_bytes group)
{
    (void)group;
    struct expiry_list *list = context;
    struct ds_bytes product;
    struct ds_bytes expiry;
    if (chain_series_split(series, &product, &expiry)) {
        ds_wire_write_bytes_field(list->reply, EXPIRIES_FIELD, expiry);
    } else {
        list->damaged = true;
    }
}

ds_code storage_list_expiries(struct storage *storage, struct ds_call *call,
                              const Storage__ListExpiriesRequest *request,
                              Storage__ListExpiriesResponse *response)
{
    (void)response;
    DS_TRY(request_check_product(call, request->product));
    const struct market_series_query query = {
        .kind = MARKET_CHAINS,
        .group = ds_bytes_of_text(request->product),
        .series_max = SIZE_MAX,
    };
    struct expiry_list list = {.reply = ds_call_raw_response(call)};
    ds_wire_write_bytes_field(list.reply, PRODUCT_FIELD, query.group);
    bool more;
    const ds_code code =
        storage->store->ops->list_series(storage->store, &query, write_expiry, &list, &more);
    if (code != DS_OK || list.damaged) {
        return storage_fail_store(storage, call, code != DS_OK ? code : DS_DATA_LOSS);
    }
    if (list.reply->overflow) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the list of expiries is too long for a reply");
    }
    return DS_OK;
}
