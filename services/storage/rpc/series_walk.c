#include "storage/rpc/series_walk.h"

#include <assert.h>

ds_code series_walk_begin(struct storage *storage, struct ds_call *call, enum market_kind kind,
                          struct ds_bytes group, const struct page_name *after,
                          struct series_walk *ret_walk)
{
    struct page_name *names =
        ds_arena_alloc(ds_call_arena(call), SERIES_WALK_NAMES_MAX * sizeof(*names));
    if (names == NULL) {
        return storage_fail_memory(call);
    }
    *ret_walk = (struct series_walk){
        .storage = storage,
        .call = call,
        .kind = kind,
        .group = group,
        .names = names,
        .more = true,
        .after = *after,
    };
    return DS_OK;
}

static void take_name(void *context, struct ds_bytes series, struct ds_bytes group)
{
    (void)group;
    struct series_walk *walk = context;
    assert(walk->count < SERIES_WALK_NAMES_MAX && series.size <= MARKET_SERIES_BYTES_MAX);
    struct page_name *name = &walk->names[walk->count++];
    name->size = series.size;
    memcpy(name->data, series.data, series.size);
}

static ds_code take_names(struct series_walk *walk)
{
    const struct market_series_query query = {
        .kind = walk->kind,
        .group = walk->group,
        .after = ds_bytes_of(walk->after.data, walk->after.size),
        .series_max = SERIES_WALK_NAMES_MAX,
    };
    struct market_store *store = walk->storage->store;
    DS_TRY(ds_fail_if_abandoned(walk->call));
    walk->count = 0;
    walk->next = 0;
    const ds_code code = store->ops->list_series(store, &query, take_name, walk, &walk->more);
    if (code != DS_OK) {
        return storage_fail_store(walk->storage, walk->call, code);
    }
    if (walk->count > 0) {
        walk->after = walk->names[walk->count - 1];
    }
    return DS_OK;
}

ds_code series_walk_next(struct series_walk *walk, struct ds_bytes *ret_series)
{
    if (walk->next == walk->count && walk->more) {
        DS_TRY(take_names(walk));
    }
    if (walk->next == walk->count) {
        *ret_series = ds_bytes_of(NULL, 0);
        return DS_OK;
    }
    const struct page_name *name = &walk->names[walk->next++];
    *ret_series = ds_bytes_of(name->data, name->size);
    return DS_OK;
}
