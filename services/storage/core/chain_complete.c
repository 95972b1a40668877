#include "storage/core/chain_complete.h"

#include "storage/core/symbol.h"

static bool has_type(const Storage__Quote *option)
{
    return option->_option_type_case == STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
}

static bool is_whole(const Storage__Quote *option)
{
    return option->symbol[0] != '\0' && option->product[0] != '\0' && option->expiry[0] != '\0' &&
           has_type(option);
}

static char *text_or(char *text, const char *otherwise)
{
    return text[0] != '\0' ? text : (char *)(uintptr_t)otherwise;
}

/* NULL where the arena's budget is used up. */
static Storage__Quote *option_complete(struct ds_arena *arena, Storage__Quote *option,
                                       const struct option_terms *terms)
{
    if (is_whole(option)) {
        return option;
    }
    Storage__Quote *whole = ds_arena_alloc(arena, sizeof(*whole));
    const char *symbol = symbol_of(arena, terms, option->strike);
    if (whole == NULL || symbol == NULL) {
        return NULL;
    }
    *whole = *option;
    whole->symbol = text_or(option->symbol, symbol);
    whole->product = text_or(option->product, terms->product);
    whole->expiry = text_or(option->expiry, terms->expiry);
    whole->_option_type_case = STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
    whole->option_type = terms->option_type;
    return whole;
}

static ds_code list_complete(struct ds_arena *arena, const struct option_terms *terms, size_t count,
                             Storage__Quote ***list)
{
    Storage__Quote **whole = ds_arena_alloc(arena, count * sizeof(Storage__Quote *));
    if (whole == NULL && count > 0) {
        return DS_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 0; i < count; i++) {
        whole[i] = option_complete(arena, (*list)[i], terms);
        if (whole[i] == NULL) {
            return DS_RESOURCE_EXHAUSTED;
        }
    }
    *list = whole;
    return DS_OK;
}

ds_code chain_complete(struct ds_arena *arena, Storage__OptionChain *chain)
{
    const struct option_terms call = {chain->product, chain->expiry, STORAGE__OPTION_TYPE__CALL};
    const struct option_terms put = {chain->product, chain->expiry, STORAGE__OPTION_TYPE__PUT};
    DS_TRY(list_complete(arena, &call, chain->n_calls, &chain->calls));
    return list_complete(arena, &put, chain->n_puts, &chain->puts);
}
