/* The storage service as a library: deltastream-storaged and `deltastream up` both link it. */
#ifndef STORAGE_STORAGE_H
#define STORAGE_STORAGE_H

#include "ds/events.h"
#include "ds/rpc_server.h"
#include "storage/retention_sweeper.h"
#include "storage/store/market_store.h"

/* The context of the service's handlers. */
struct storage;

/* `store` stays the caller's and outlives the service. `clock` NULL: the system's. */
struct storage *storage_create(struct market_store *store, const struct ds_clock *clock);

/* ListEvents answers out of the journal that the store publishes into and that outlives the
 * service. Before storage_serve(). */
void storage_set_events(struct storage *storage, struct ds_event_journal *events);

/* After the end of all calls. Takes NULL. */
void storage_destroy(struct storage *storage);

/* Adds the service's methods to the server; `storage` outlives the server. */
void storage_serve(struct storage *storage, struct ds_rpc_server *server);

/* What deletes old rows: the host gives it its rules, RunRetention its work. */
struct retention_sweeper *storage_sweeper(struct storage *storage);

/* Long work (deletion, retention) ends at its next piece; its callers get UNAVAILABLE. To be called
 * before the server is drained. */
void storage_stop(struct storage *storage);

#endif
