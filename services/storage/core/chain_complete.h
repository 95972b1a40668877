/* The options of a chain as whole quotes. */
#ifndef STORAGE_CORE_CHAIN_COMPLETE_H
#define STORAGE_CORE_CHAIN_COMPLETE_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "ds/code.h"

/*
 * Gives each option that the writer sent without its symbol, product, expiry or type what the chain
 * says of it, so that readers find it as they find a quote; symbols are the canonical ones. The
 * chain is without faults. The options themselves change, because copies of a request's 100,000
 * would use up its memory; their new texts are the chain's or the arena's. DS_RESOURCE_EXHAUSTED
 * where the arena's budget is used up.
 */
DS_MUST_USE ds_code chain_complete(struct ds_arena *arena, Storage__OptionChain *chain);

#endif
