/* What the newest quote of a symbol says that it is about. */
#ifndef STORAGE_RPC_SYMBOL_TERMS_H
#define STORAGE_RPC_SYMBOL_TERMS_H

#include "storage/core/expiry.h"
#include "storage/rpc/service.h"

struct symbol_terms {
    char expiry[EXPIRY_BYTES + 1]; /* "" where it has none */
    bool has_strike;
    double strike;
};

/* No expiry and no strike where there is no quote any more. */
DS_MUST_USE ds_code symbol_terms_read(struct storage *storage, struct ds_call *call,
                                      struct ds_bytes symbol, struct symbol_terms *ret_terms);

#endif
