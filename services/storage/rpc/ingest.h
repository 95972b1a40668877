/* Stores the rows of a request: checks each by itself, stores the good ones as one batch and
 * answers when they are on disk. */
#ifndef STORAGE_RPC_INGEST_H
#define STORAGE_RPC_INGEST_H

#include "storage/rpc/service.h"

/* What differs between the kinds. */
struct ingest_form {
    enum market_kind kind;
    const char *list;           /* the request's field: "ticks" */
    const char *conflict_fault; /* why a row is rejected whose key is stored with other content */
    /* As tick_to_row(), of the request's row of that index. */
    ds_code (*make_row)(struct ds_arena *arena, const ProtobufCMessage *request, size_t index,
                        int64_t now_us, struct market_row *ret_row, const char **ret_fault);
};

/* Ends a call of IngestTicks and its like. `request` has `row_count` rows. */
DS_MUST_USE ds_code ingest_rows(struct storage *storage, struct ds_call *call,
                                const struct ingest_form *form, const ProtobufCMessage *request,
                                size_t row_count, Storage__ConflictPolicy policy);

#endif
