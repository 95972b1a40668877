/* The storage service as a library: deltastream-storaged and `deltastream up` both link it. */
#ifndef STORAGE_STORAGE_H
#define STORAGE_STORAGE_H

#include "ds/rpc_server.h"
#include "storage/store/market_store.h"

/* The context of the service's handlers. */
struct storage;

/* `store` stays the caller's and outlives the service. `clock` NULL: the system's. */
struct storage *storage_create(struct market_store *store, const struct ds_clock *clock);
/* Takes NULL. */
void storage_destroy(struct storage *storage);

/* Adds the service's methods to the server; `storage` outlives the server. */
void storage_serve(struct storage *storage, struct ds_rpc_server *server);

#endif
