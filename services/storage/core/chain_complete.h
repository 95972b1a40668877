/* The options of a chain as whole quotes. */
#ifndef STORAGE_CORE_CHAIN_COMPLETE_H
#define STORAGE_CORE_CHAIN_COMPLETE_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "ds/code.h"

/*
 * Gives each option that the writer sent without its symbol, product, expiry or type what the chain
 * says of it, so that readers find it as they find a quote; symbols are the canonical ones. The
 * chain is without faults. Options that change are copies in the arena: what the lists pointed to
 * stays as it is. DS_RESOURCE_EXHAUSTED where the arena's budget is used up.
 */
DS_MUST_USE ds_code chain_complete(struct ds_arena *arena, Storage__OptionChain *chain);

#endif
