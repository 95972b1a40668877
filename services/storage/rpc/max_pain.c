/* GetMaxPain: how far the newest chain's spot price is from its strike of max pain. */
#include "storage/core/rounding.h"
#include "storage/rpc/newest_chain.h"

#include <math.h>

#define PERCENT 100
#define PERCENT_DECIMALS 2

ds_code storage_get_max_pain(struct storage *storage, struct ds_call *call,
                             const Storage__GetMaxPainRequest *request,
                             Storage__GetMaxPainResponse *response)
{
    struct newest_chain chain;
    DS_TRY(newest_chain_read(storage, call, request->product, request->expiry, &chain));
    const struct chain_summary *summary = &chain.summary;
    if (!summary->has_max_pain_strike) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND),
                              "the newest chain of %s that expires on %s has no options",
                              request->product, request->expiry);
    }
    const double distance = summary->max_pain_strike - summary->spot_price;
    response->product = request->product;
    response->expiry = request->expiry;
    response->max_pain_strike = summary->max_pain_strike;
    response->spot_price = summary->spot_price;
    response->distance_from_spot = distance;
    /* Of a spot price of 0, or next to nothing, no distance is a percentage. */
    const double percentage = distance / summary->spot_price * PERCENT;
    if (isfinite(percentage)) {
        response->distance_pct = round_decimals(percentage, PERCENT_DECIMALS);
    }
    response->total_call_oi = summary->total_call_oi;
    response->total_put_oi = summary->total_put_oi;
    response->timestamp = chain.timestamp;
    return DS_OK;
}
