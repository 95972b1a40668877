/* GetOiBuildup: the newest chain's open interest by place of the strikes. */
#include "storage/core/oi_buildup.h"

#include "storage/rpc/newest_chain.h"

static Storage__OiZones *zones_message(struct ds_arena *arena, const struct oi_zones *zones)
{
    Storage__OiZones *message = ds_arena_alloc(arena, sizeof *message);
    if (message != NULL) {
        storage__oi_zones__init(message);
        message->itm = zones->itm;
        message->atm = zones->atm;
        message->otm = zones->otm;
    }
    return message;
}

ds_code storage_get_oi_buildup(struct storage *storage, struct ds_call *call,
                               const Storage__GetOiBuildupRequest *request,
                               Storage__GetOiBuildupResponse *response)
{
    struct newest_chain chain;
    struct oi_buildup buildup;
    DS_TRY(newest_chain_read(storage, call, request->product, request->expiry, &chain));
    if (!oi_buildup_compute(chain.value, chain.summary.spot_price, &buildup)) {
        return storage_fail_store(storage, call, DS_DATA_LOSS);
    }
    struct ds_arena *arena = ds_call_arena(call);
    response->product = request->product;
    response->expiry = request->expiry;
    response->spot_price = chain.summary.spot_price;
    response->call_buildup = zones_message(arena, &buildup.calls);
    response->put_buildup = zones_message(arena, &buildup.puts);
    response->timestamp = chain.timestamp;
    response->interpretation = (char *)(uintptr_t)oi_buildup_interpretation(&buildup);
    if (response->call_buildup == NULL || response->put_buildup == NULL) {
        return storage_fail_memory(call);
    }
    return DS_OK;
}
