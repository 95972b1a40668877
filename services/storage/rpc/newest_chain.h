/* The newest chain of a product and an expiry, from which several methods compute. */
#ifndef STORAGE_RPC_NEWEST_CHAIN_H
#define STORAGE_RPC_NEWEST_CHAIN_H

#include "storage/core/chain_summary.h"
#include "storage/rpc/service.h"

struct newest_chain {
    struct ds_bytes value; /* the stored bytes, in the call's arena */
    struct chain_summary summary;
    Google__Protobuf__Timestamp *timestamp; /* in the call's arena */
};

/* Checks both names. NOT_FOUND where there is no such chain, or where it has no spot price. */
DS_MUST_USE ds_code newest_chain_read(struct storage *storage, struct ds_call *call,
                                      const char *product, const char *expiry,
                                      struct newest_chain *ret_chain);

#endif
