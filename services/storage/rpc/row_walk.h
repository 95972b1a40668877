/* Goes through rows that a computation needs, in short read transactions. */
#ifndef STORAGE_RPC_ROW_WALK_H
#define STORAGE_RPC_ROW_WALK_H

#include "storage/rpc/service.h"

/* Takes a row, whose views die with the call; false: no more rows are wanted. */
typedef bool (*row_walk_fn)(void *context, const struct market_row *row);

/*
 * Calls `take` for the rows of `range` in order, at most range->row_max of them, until it wants no
 * more. Each transaction sees the store as of its own moment. Asks between them whether the call is
 * abandoned. Fails the call where the store does.
 */
DS_MUST_USE ds_code row_walk(struct storage *storage, struct ds_call *call,
                             const struct market_scan *range, row_walk_fn take, void *context);

/* The time of the newest row of a series; ret_found is false, and ret_us untouched, where it has no
 * rows. */
DS_MUST_USE ds_code row_newest_us(struct storage *storage, struct ds_call *call,
                                  enum market_kind kind, struct ds_bytes series, bool *ret_found,
                                  int64_t *ret_us);

/* The newest rows of a series, newest first. */
struct market_scan row_walk_newest(enum market_kind kind, struct ds_bytes series, size_t row_max);

#endif
