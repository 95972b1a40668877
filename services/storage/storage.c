#include "storage/storage.h"

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
    return storage;
}

void storage_destroy(struct storage *storage)
{
    free(storage);
}

void storage_serve(struct storage *storage, struct ds_rpc_server *server)
{
    ds_rpc_server_add_service(server, &storage_service_handlers, storage);
}
