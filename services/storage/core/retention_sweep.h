/* One pass over the store that deletes, or counts, the rows that retention rules keep no longer. */
#ifndef STORAGE_CORE_RETENTION_SWEEP_H
#define STORAGE_CORE_RETENTION_SWEEP_H

#include "storage/core/retention.h"

/*
 * Rows that are deleted together, of one series or of several: the store's writer makes one
 * transaction of them, and what is ingested meanwhile waits behind at most one of these.
 */
#define RETENTION_CHUNK_ROWS_MAX 2000
/* Series that one chunk is of. */
#define RETENTION_CHUNK_SERIES_MAX 64

struct retention_sweep {
    struct market_store *store;
    const struct retention_rule *rules; /* without repeated ones */
    size_t rule_count;                  /* at most RETENTION_RULES_MAX */
    int64_t now_us;                     /* since 1970 */
    bool dry_run;                       /* count only */
    /* Asked between chunks; true ends the pass with DS_CANCELLED. */
    bool (*should_stop)(void *context);
    void *context;
    uint64_t *counts; /* by rule, cleared by the caller: rows deleted; with dry_run to be deleted */
};

/*
 * A row whose timestamp is keep_us before now_us stays; one that is a microsecond older goes.
 * Blocks until all is done: seconds for millions of rows. DS_OK, DS_CANCELLED, or the store's code;
 * the counts hold whatever the code.
 */
DS_MUST_USE ds_code retention_sweep_run(const struct retention_sweep *sweep);

#endif
