/* The canonical form of an option's symbol: PRODUCT, YYYYMMDD, C or P, and the strike, as
 * NIFTY20250125C21500. */
#ifndef STORAGE_CORE_SYMBOL_H
#define STORAGE_CORE_SYMBOL_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"

#include <stdbool.h>

/* What an option is, but for its strike. */
struct option_terms {
    const char *product;
    const char *expiry;              /* without a fault */
    Storage__OptionType option_type; /* CALL or PUT */
};

/*
 * Whether a symbol has the canonical form for its product but is that of another option. A symbol
 * of any other form says nothing: exchanges have forms of their own. So it does where its strike is
 * the option's without the fraction, which some feeds leave out.
 */
bool symbol_contradicts(const char *symbol, const struct option_terms *terms, double strike);

/* The canonical symbol; NULL where the arena's budget is used up. */
const char *symbol_of(struct ds_arena *arena, const struct option_terms *terms, double strike);

#endif
