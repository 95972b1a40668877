/* Goes through rows that a computation needs, in short read transactions. */
#ifndef STORAGE_RPC_ROW_WALK_H
#define STORAGE_RPC_ROW_WALK_H

#include "storage/rpc/service.h"

/* The most bytes of rows that one read transaction gives: it stays that short. */
#define ROW_SNAPSHOT_BYTES_MAX ((size_t)MARKET_VALUE_BYTES_MAX)

/*
 * Gives the rows of `range`, at most range->row_max of them and ROW_SNAPSHOT_BYTES_MAX of their
 * values, out of one read transaction; ret_more as of the store's scan. Fails the call where it is
 * abandoned or the store fails.
 */
DS_MUST_USE ds_code row_snapshot(struct storage *storage, struct ds_call *call,
                                 const struct market_scan *range, market_row_fn take, void *context,
                                 bool *ret_more);

/* Takes a row, whose views die with the call; false: no more rows are wanted. */
typedef bool (*row_walk_fn)(void *context, const struct market_row *row);

/*
 * Calls `take` for the rows of `range` in order, at most range->row_max of them, until it wants no
 * more, in one snapshot after the other: each sees the store as of its own moment.
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
