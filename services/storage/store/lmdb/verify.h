/* The verification of the tables of one kind; lmdb_store.h says what is in them. */
#ifndef STORAGE_STORE_LMDB_VERIFY_H
#define STORAGE_STORE_LMDB_VERIFY_H

#include "storage/store/lmdb/verify_walk.h"

/* Who looks, and at which kind. */
struct lmdb_look {
    struct lmdb_store *store;
    struct market_verify *verify;
    enum market_kind kind;
    const struct lmdb_kind_tables *tables;
};

/* verify_series.c: whether the name of a chain's series is its group, '/' and a member. */
bool lmdb_look_is_chain(struct ds_bytes series, struct ds_bytes group);

/* verify_series.c: series, groups and members know each other. */
DS_MUST_USE ds_code lmdb_look_at_series(struct lmdb_look *look);

/* verify_rows.c: rows belong to series, are well formed, and by_group has the same ones. */
DS_MUST_USE ds_code lmdb_look_at_rows(struct lmdb_look *look);

#endif
