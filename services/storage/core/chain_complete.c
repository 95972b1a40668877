#include "storage/core/chain_complete.h"

#include "storage/core/product.h"
#include "storage/core/symbol.h"

static void text_complete(char **text, const char *otherwise)
{
    if ((*text)[0] == '\0') {
        *text = (char *)(uintptr_t)otherwise;
    }
}

static ds_code symbol_complete(struct ds_arena *arena, Storage__Quote *option,
                               const struct option_terms *terms)
{
    if (option->symbol[0] != '\0') {
        return DS_OK;
    }
    const char *symbol = symbol_of(arena, terms, option->strike);
    if (symbol == NULL) {
        return DS_RESOURCE_EXHAUSTED;
    }
    /* Of a product with a long name there may be no symbol: then the option has none. */
    if (symbol_fault(symbol) == NULL) {
        option->symbol = (char *)(uintptr_t)symbol;
    }
    return DS_OK;
}

static ds_code option_complete(struct ds_arena *arena, Storage__Quote *option,
                               const struct option_terms *terms)
{
    DS_TRY(symbol_complete(arena, option, terms));
    text_complete(&option->product, terms->product);
    text_complete(&option->expiry, terms->expiry);
    option->_option_type_case = STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
    option->option_type = terms->option_type;
    return DS_OK;
}

static ds_code list_complete(struct ds_arena *arena, const struct option_terms *terms,
                             Storage__Quote *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        DS_TRY(option_complete(arena, list[i], terms));
    }
    return DS_OK;
}

ds_code chain_complete(struct ds_arena *arena, Storage__OptionChain *chain)
{
    const struct option_terms call = {chain->product, chain->expiry, STORAGE__OPTION_TYPE__CALL};
    const struct option_terms put = {chain->product, chain->expiry, STORAGE__OPTION_TYPE__PUT};
    DS_TRY(list_complete(arena, &call, chain->calls, chain->n_calls));
    return list_complete(arena, &put, chain->puts, chain->n_puts);
}
