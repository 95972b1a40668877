/* Goes through the series of a group, in byte order. */
#ifndef STORAGE_RPC_SERIES_WALK_H
#define STORAGE_RPC_SERIES_WALK_H

#include "storage/rpc/page_token.h"
#include "storage/rpc/service.h"

/* Names are taken from the store so many at a time. */
#define SERIES_WALK_NAMES_MAX 256

struct series_walk {
    struct storage *storage;
    struct ds_call *call;
    enum market_kind kind;
    struct ds_bytes group;
    struct page_name *names; /* SERIES_WALK_NAMES_MAX of them, in the call's arena */
    size_t count;
    size_t next;
    bool more;              /* in the store, behind `after` */
    struct page_name after; /* the newest name taken from the store; empty: none */
};

/* Begins behind `after`; with the first where it is empty. The group's bytes outlive the walk. */
DS_MUST_USE ds_code series_walk_begin(struct storage *storage, struct ds_call *call,
                                      enum market_kind kind, struct ds_bytes group,
                                      const struct page_name *after, struct series_walk *ret_walk);

/* The name of the next series, a view that lives until the next one is asked for; empty at the
 * end. */
DS_MUST_USE ds_code series_walk_next(struct series_walk *walk, struct ds_bytes *ret_series);

#endif
