/* What the engines' verifications share. */
#ifndef STORAGE_STORE_VERIFY_H
#define STORAGE_STORE_VERIFY_H

#include "storage/store/market_store.h"

#define MARKET_FAULT_BYTES_MAX 512

/* A page of a verification, after which its snapshot ends: whatever comes first. */
#define VERIFY_PAGE_BYTES_MAX (4 * 1024 * 1024)
#define VERIFY_PAGE_ROWS_MAX 16384
#define VERIFY_PAGE_US_MAX 50000

/* Tells of a fault (printf). */
void market_verify_tell(struct market_verify *verify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether somebody wants the verification to end. */
bool market_verify_should_stop(struct market_verify *verify);

/* Counts a row and tells where its value is no well-formed message of the kind. */
void market_verify_row(struct market_verify *verify, enum market_kind kind, struct ds_bytes series,
                       int64_t timestamp_us, struct ds_bytes value);

/*
 * Verifies a store by what it answers: every listed series has rows, they come in their order and
 * within their limits, values are well formed, and the series of a group together have the rows
 * that the group has. For an engine without tables to look into; rows that come or go meanwhile may
 * look like faults. The verify of struct market_store_ops, which blocks until it is done.
 */
ds_code market_verify_by_scans(struct market_store *store, struct market_verify *verify);

#endif
