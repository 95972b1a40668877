/* What an option chain says beyond its options: ratios, totals, the strike at the money, max pain.
 */
#ifndef STORAGE_CORE_CHAIN_DERIVE_H
#define STORAGE_CORE_CHAIN_DERIVE_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "ds/code.h"

/*
 * Fills the fields pcr_oi to put_buildup_otm of a chain that meets the rules, each where it is
 * absent; the others stay as they are and count: a ratio is that of the totals, the straddle that
 * of atm_strike. An open interest, a volume that is absent counts as 0. Without options the fields
 * about strikes stay absent.
 *
 * DS_INVALID_ARGUMENT where a sum is too large for its field: what is wrong goes to ret_fault
 * (static storage). DS_RESOURCE_EXHAUSTED where the arena's budget is used up.
 */
DS_MUST_USE ds_code chain_derive(struct ds_arena *arena, Storage__OptionChain *chain,
                                 const char **ret_fault);

#endif
