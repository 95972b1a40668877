/* The volatility surface: implied volatilities by expiry and strike. */
#ifndef STORAGE_CORE_VOLATILITY_H
#define STORAGE_CORE_VOLATILITY_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "ds/bytes.h"
#include "ds/code.h"

/* The quotes that make the surface, as they are collected. */
struct volatility_quotes {
    struct ds_arena *arena;
    struct volatility_chunk *newest;
    size_t count;
    struct ds_bytes expiry; /* of the quote before, in the arena */
};

/*
 * Takes a stored quote. One without expiry, strike, type or iv counts for nothing. DS_DATA_LOSS
 * where its bytes are damaged, DS_RESOURCE_EXHAUSTED where the arena's budget is used up.
 */
DS_MUST_USE ds_code volatility_add(struct volatility_quotes *quotes, int64_t timestamp_us,
                                   struct ds_bytes value);

/* Fills expiries and points of the response from the arena. DS_RESOURCE_EXHAUSTED as above. */
DS_MUST_USE ds_code volatility_surface_fill(const struct volatility_quotes *quotes,
                                            Storage__GetVolatilitySurfaceResponse *response);

#endif
