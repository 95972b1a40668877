/* GetStats. */
#include "storage/rpc/service.h"

#define KIND_COUNT MARKET_KIND_MAX

/* RowKind and enum market_kind share their numbers. */
_Static_assert((int)STORAGE__ROW_KIND__TICKS == (int)MARKET_TICKS &&
                   (int)STORAGE__ROW_KIND__QUOTES == (int)MARKET_QUOTES &&
                   (int)STORAGE__ROW_KIND__CHAINS == (int)MARKET_CHAINS,
               "a kind is sent as it is stored");

static const char *writes_name(enum market_writes writes)
{
    switch (writes) {
    case MARKET_WRITES_FULL:
        return "full";
    case MARKET_WRITES_STOPPED:
        return "stopped";
    case MARKET_WRITES_OK:
        break;
    }
    return "ok";
}

static void kind_respond(Storage__KindStats *kind, const struct market_kind_stats *stats)
{
    kind->row_count = (int64_t)stats->row_count;
    kind->series_count = (int64_t)stats->series_count;
    kind->bytes = (int64_t)stats->bytes;
}

/* False where the call has no memory left. */
static bool kinds_respond(struct ds_arena *arena, const struct market_stats *stats,
                          Storage__GetStatsResponse *response)
{
    response->kinds = ds_arena_alloc(arena, KIND_COUNT * sizeof(response->kinds[0]));
    Storage__KindStats *kinds = ds_arena_alloc(arena, KIND_COUNT * sizeof(kinds[0]));
    if (response->kinds == NULL || kinds == NULL) {
        return false;
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        storage__kind_stats__init(&kinds[i]);
        kinds[i].kind = (Storage__RowKind)(MARKET_KIND_FIRST + i);
        kind_respond(&kinds[i], &stats->kinds[MARKET_KIND_FIRST + i]);
        response->kinds[i] = &kinds[i];
    }
    response->n_kinds = KIND_COUNT;
    return true;
}

ds_code storage_get_stats(struct storage *storage, struct ds_call *call,
                          const Storage__GetStatsRequest *request,
                          Storage__GetStatsResponse *response)
{
    (void)request;
    struct ds_arena *arena = ds_call_arena(call);
    struct market_stats stats;
    const ds_code code = storage->store->ops->stats(storage->store, &stats);
    if (code != DS_OK) {
        return storage_fail_store(storage, call, code);
    }
    char *store_id = ds_arena_copy_text(arena, stats.store_id, strlen(stats.store_id));
    if (store_id == NULL || !kinds_respond(arena, &stats, response)) {
        return storage_fail_memory(call);
    }
    response->engine = (char *)(uintptr_t)storage->store->ops->name;
    response->row_count = (int64_t)stats.row_count;
    response->series_count = (int64_t)stats.series_count;
    response->commit_count = (int64_t)stats.commit_count;
    response->file_bytes = (int64_t)stats.file_bytes;
    response->reusable_bytes = (int64_t)stats.reusable_bytes;
    response->file_bytes_max = (int64_t)stats.file_bytes_max;
    response->disk_free_bytes = (int64_t)stats.disk_free_bytes;
    response->writes = (char *)(uintptr_t)writes_name(stats.writes);
    response->queued_row_count = (int64_t)stats.queued_row_count;
    response->store_id = store_id;
    response->format_version = (int32_t)stats.format_version;
    return DS_OK;
}
