#include "storage/rpc/service.h"

/* A queue of batches is a matter of commits, some milliseconds each. */
#define BUSY_RETRY_MS 100
/* A full disk waits for a person. */
#define FULL_RETRY_MS 30000
#define UNAVAILABLE_RETRY_MS 5000

static ds_code fail_exhausted(struct storage *storage, struct ds_call *call)
{
    /* The same code says that the disk is full and that too much is queued; health tells which. */
    if (storage->store->ops->health(storage->store) == DS_RESOURCE_EXHAUSTED) {
        ds_call_set_retry_after_ms(call, FULL_RETRY_MS);
        return ds_fail_reason(
            call, DS_RESOURCE_EXHAUSTED, DS_REASON(STORE_FULL),
            "the disk of the store is full; reads go on, and writes do as soon as there "
            "is room");
    }
    ds_call_set_retry_after_ms(call, BUSY_RETRY_MS);
    return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(SERVER_BUSY),
                          "the store has more to do than it may queue");
}

ds_code storage_fail_store(struct storage *storage, struct ds_call *call, ds_code code)
{
    switch (code) {
    case DS_RESOURCE_EXHAUSTED:
        return fail_exhausted(storage, call);
    case DS_DATA_LOSS:
        return ds_fail_reason(call, DS_DATA_LOSS, DS_REASON(INTERNAL), "stored data is damaged");
    default:
        ds_call_set_retry_after_ms(call, UNAVAILABLE_RETRY_MS);
        return ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(STORE_UNAVAILABLE),
                              "the store does not work at present");
    }
}

ds_code storage_fail_memory(struct ds_call *call)
{
    return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the call needs more memory than it may use");
}
