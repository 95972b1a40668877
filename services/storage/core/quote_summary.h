/* What computations need of a stored quote or of an option of a stored chain. */
#ifndef STORAGE_CORE_QUOTE_SUMMARY_H
#define STORAGE_CORE_QUOTE_SUMMARY_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/bytes.h"

/* A number that is absent is 0. */
struct quote_summary {
    struct ds_bytes expiry; /* a view of the value */
    double strike;
    double iv;
    int64_t open_interest;
    Storage__OptionType option_type;
    bool has_strike;
    bool has_iv;
};

/* False where the bytes are damaged. */
bool quote_summary_read(struct ds_bytes value, struct quote_summary *ret_summary);

#endif
