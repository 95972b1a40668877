/* What a stored chain says of itself, read without unpacking its options. */
#ifndef STORAGE_CORE_CHAIN_SUMMARY_H
#define STORAGE_CORE_CHAIN_SUMMARY_H

#include "ds/bytes.h"

/* A number that is absent is 0. */
struct chain_summary {
    struct ds_bytes expiry; /* a view of the value */
    double pcr_oi;
    double pcr_volume;
    double spot_price;
    double max_pain_strike;
    int64_t total_call_oi;
    int64_t total_put_oi;
    bool has_spot_price;
    bool has_max_pain_strike;
};

/* False where the bytes are damaged. */
bool chain_summary_read(struct ds_bytes value, struct chain_summary *ret_summary);

#endif
