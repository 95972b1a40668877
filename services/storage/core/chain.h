/* The rules that an option chain must meet, its form in the store and the name of its series. */
#ifndef STORAGE_CORE_CHAIN_H
#define STORAGE_CORE_CHAIN_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "storage/store/market_store.h"

#define CHAIN_CALLS_MAX 2000
#define CHAIN_PUTS_MAX 2000
/* Of one row in the store, unknown fields included; an option needs some 150. */
#define CHAIN_VALUE_BYTES_MAX ((size_t)1024 * 1024)
/* Room for the name of a series and its terminator. */
#define CHAIN_SERIES_TEXT_MAX (MARKET_SERIES_BYTES_MAX + 1)

/* The numbers of OptionChain's fields. */
enum chain_field {
    CHAIN_FIELD_PRODUCT = 1,
    CHAIN_FIELD_EXPIRY = 2,
    CHAIN_FIELD_SPOT_PRICE = 3,
    CHAIN_FIELD_PCR_OI = 4,
    CHAIN_FIELD_PCR_VOLUME = 5,
    CHAIN_FIELD_ATM_STRIKE = 6,
    CHAIN_FIELD_ATM_STRADDLE_PRICE = 7,
    CHAIN_FIELD_MAX_PAIN_STRIKE = 8,
    CHAIN_FIELD_TOTAL_CALL_OI = 9,
    CHAIN_FIELD_TOTAL_PUT_OI = 10,
    CHAIN_FIELD_CALL_BUILDUP_OTM = 11,
    CHAIN_FIELD_PUT_BUILDUP_OTM = 12,
    CHAIN_FIELD_CALLS = 13,
    CHAIN_FIELD_PUTS = 14,
    CHAIN_FIELD_TIMESTAMP = 15,
    CHAIN_FIELD_PROCESSED_AT = 16,
};

/* The name of the series of the chains of that product and expiry, "NIFTY/2025-01-25". Both are
 * without faults. The bytes are ret_text's, which is terminated. */
struct ds_bytes chain_series(const char *product, const char *expiry,
                             char ret_text[CHAIN_SERIES_TEXT_MAX]);

/* The way back, as views of the name; false where it is no name of such a series. */
bool chain_series_split(struct ds_bytes series, struct ds_bytes *ret_product,
                        struct ds_bytes *ret_expiry);

/*
 * Makes the row of a chain, with what chain_derive() computes where the writer left it out.
 * DS_INVALID_ARGUMENT where the chain is against a rule: what is wrong goes to ret_fault (static
 * storage or the arena), "calls[3].bid must not be negative". DS_RESOURCE_EXHAUSTED where the
 * arena's budget is used up. The row points into the chain and the arena.
 *
 * The value is the chain without its product; where the writer left out processed_at it is now_us.
 * Its options are whole quotes: chain_complete() gives them what the chain says of them, in place,
 * so that the arena must live as long as the chain.
 */
DS_MUST_USE ds_code chain_to_row(struct ds_arena *arena, Storage__OptionChain *chain,
                                 int64_t now_us, struct market_row *ret_row,
                                 const char **ret_fault);

#endif
