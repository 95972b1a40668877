/* GetStats. */
#include "storage/rpc/service.h"

ds_code storage_get_stats(struct storage *storage, struct ds_call *call,
                          const Storage__GetStatsRequest *request,
                          Storage__GetStatsResponse *response)
{
    (void)request;
    struct market_stats stats;
    const ds_code code = storage->store->ops->stats(storage->store, &stats);
    if (code != DS_OK) {
        return storage_fail_store(storage, call, code);
    }
    response->engine = (char *)(uintptr_t)storage->store->ops->name;
    response->row_count = (int64_t)stats.row_count;
    response->series_count = (int64_t)stats.series_count;
    response->commit_count = (int64_t)stats.commit_count;
    response->file_bytes = (int64_t)stats.file_bytes;
    return DS_OK;
}
