#include "storage/storage.h"

#include "schema.gen.h"
#include "storage/rpc/service.h"

#include <sodium.h>
#include <stdlib.h>

struct storage *storage_create(struct market_store *store, const struct ds_clock *clock)
{
    struct storage *storage = calloc(1, sizeof(*storage));
    if (storage == NULL || sodium_init() < 0) {
        abort();
    }
    storage->store = store;
    storage->clock = clock != NULL ? clock : ds_clock_system();
    storage->sweeper = retention_sweeper_create(store, storage->clock);
    storage->backup = backup_session_create(store, storage->clock);
    return storage;
}

void storage_set_events(struct storage *storage, struct ds_event_journal *events)
{
    storage->events = events;
}

void storage_stop(struct storage *storage)
{
    atomic_store(&storage->stopping, true);
    retention_sweeper_stop(storage->sweeper);
}

void storage_destroy(struct storage *storage)
{
    if (storage != NULL) {
        backup_session_destroy(storage->backup);
        retention_sweeper_destroy(storage->sweeper);
        free(storage);
    }
}

struct retention_sweeper *storage_sweeper(struct storage *storage)
{
    return storage->sweeper;
}

/* A full store still answers reads; one that has stopped writing wants a restart. */
static bool store_is_serving(void *context)
{
    struct market_store *store = context;
    return store->ops->health(store) != DS_UNAVAILABLE;
}

void storage_serve(struct storage *storage, struct ds_rpc_server *server)
{
    const struct ds_health_probe probe = {.is_serving = store_is_serving,
                                          .context = storage->store};
    ds_rpc_server_add_service(server, &storage_service_handlers, storage);
    ds_rpc_server_watch_health(server, &ds_service_storage, &probe);
}
