/* A walk over a table in pages, each a short snapshot of its own: what lmdb/verify.c stands on. */
#ifndef STORAGE_STORE_LMDB_VERIFY_WALK_H
#define STORAGE_STORE_LMDB_VERIFY_WALK_H

#include "storage/store/lmdb/lmdb_store.h"
#include "storage/store/verify.h"

/* Returned by the functions below to end the walk; no number of LMDB's or the system's. */
#define WALK_END (-1)

struct lmdb_walk {
    struct lmdb_store *store;
    struct market_verify *verify;
    MDB_dbi table;
    const char *table_name;
    struct ds_bytes from; /* begin with the first key that is not below it */
    /* Called in each new snapshot; NULL: nothing is to be done. */
    int (*begin)(struct lmdb_walk *walk);
    /* Takes an entry. `skip_to` of the walk may be set to a later key to go on with. */
    int (*take)(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value);
    void *context;

    MDB_txn *txn;           /* filled by the walk */
    struct row_key skip_to; /* size 0: the next entry */
};

/*
 * Walks. DS_OK also where the table turned out to be damaged, which is told as a fault;
 * DS_CANCELLED where nobody waits any more.
 */
DS_MUST_USE ds_code lmdb_walk_run(struct lmdb_walk *walk);

#endif
