/* What the handlers share. */
#ifndef STORAGE_RPC_SERVICE_H
#define STORAGE_RPC_SERVICE_H

#include "ds/call.h"
#include "storage/retention_sweeper.h"
#include "storage/storage.h"
#include "storage/store/backup_session.h"
#include "storage_service.gen.h"

#include <stdatomic.h>

struct storage {
    struct market_store *store;
    const struct ds_clock *clock;
    struct retention_sweeper *sweeper;
    struct backup_session *backup;
    struct ds_event_journal *events; /* NULL: none are published */
    atomic_bool stopping;            /* long work ends at its next piece */
};

/* Says to the caller why the store did not do it; returns the call's code. */
DS_MUST_USE ds_code storage_fail_store(struct storage *storage, struct ds_call *call, ds_code code);

/* Says that the call's arena is used up; returns the call's code. */
DS_MUST_USE ds_code storage_fail_memory(struct ds_call *call);

#endif
