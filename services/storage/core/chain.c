#include "storage/core/chain.h"

#include "storage/core/chain_complete.h"
#include "storage/core/chain_derive.h"
#include "storage/core/expiry.h"
#include "storage/core/moment.h"
#include "storage/core/product.h"
#include "storage/core/quote.h"

#include <assert.h>
#include <stdio.h>

#define SERIES_SEPARATOR '/'

_Static_assert(MARKET_PRODUCT_BYTES_MAX + 1 + EXPIRY_BYTES <= MARKET_SERIES_BYTES_MAX,
               "the name of a series fits");
_Static_assert(EXPIRY_BYTES <= MARKET_TIE_BYTES_MAX, "an expiry is a member of a group");
_Static_assert(CHAIN_VALUE_BYTES_MAX <= MARKET_VALUE_BYTES_MAX, "the store takes a chain");

struct ds_bytes chain_series(const char *product, const char *expiry,
                             char ret_text[CHAIN_SERIES_TEXT_MAX])
{
    const int size =
        snprintf(ret_text, CHAIN_SERIES_TEXT_MAX, "%s%c%s", product, SERIES_SEPARATOR, expiry);
    assert(size > 0 && size < CHAIN_SERIES_TEXT_MAX);
    return ds_bytes_of(ret_text, (size_t)size);
}

bool chain_series_split(struct ds_bytes series, struct ds_bytes *ret_product,
                        struct ds_bytes *ret_expiry)
{
    if (series.size <= EXPIRY_BYTES + 1) {
        return false;
    }
    const size_t product_bytes = series.size - EXPIRY_BYTES - 1;
    if (series.data[product_bytes] != SERIES_SEPARATOR) {
        return false;
    }
    *ret_product = ds_bytes_of(series.data, product_bytes);
    *ret_expiry = ds_bytes_of(series.data + product_bytes + 1, EXPIRY_BYTES);
    return true;
}

/* Of what chain_derive() fills in otherwise. */
static void check_derived(struct row_check *check, const Storage__OptionChain *chain)
{
    row_check_not_negative(check, "pcr_oi", chain->pcr_oi);
    row_check_not_negative(check, "pcr_volume", chain->pcr_volume);
    row_check_not_negative(check, "atm_strike", chain->atm_strike);
    row_check_not_negative(check, "atm_straddle_price", chain->atm_straddle_price);
    row_check_not_negative(check, "max_pain_strike", chain->max_pain_strike);
    row_check_count(check, "total_call_oi", chain->total_call_oi);
    row_check_count(check, "total_put_oi", chain->total_put_oi);
    row_check_count(check, "call_buildup_otm", chain->call_buildup_otm);
    row_check_count(check, "put_buildup_otm", chain->put_buildup_otm);
}

static void check_options(struct row_check *check, const char *list, Storage__Quote *const *quotes,
                          size_t count, const struct option_terms *terms)
{
    for (size_t i = 0; i < count && check->code == DS_OK; i++) {
        check->list = list;
        check->index = i;
        quote_check_nested(check, quotes[i], terms);
    }
    check->list = NULL;
}

static void check_lists(struct row_check *check, const Storage__OptionChain *chain)
{
    if (chain->n_calls > CHAIN_CALLS_MAX) {
        row_check_fail(check, "calls must have at most %d options", CHAIN_CALLS_MAX);
    }
    if (chain->n_puts > CHAIN_PUTS_MAX) {
        row_check_fail(check, "puts must have at most %d options", CHAIN_PUTS_MAX);
    }
    const struct option_terms call = {chain->product, chain->expiry, STORAGE__OPTION_TYPE__CALL};
    const struct option_terms put = {chain->product, chain->expiry, STORAGE__OPTION_TYPE__PUT};
    check_options(check, "calls", chain->calls, chain->n_calls, &call);
    check_options(check, "puts", chain->puts, chain->n_puts, &put);
}

static void chain_check(struct row_check *check, const Storage__OptionChain *chain)
{
    row_check_text(check, product_fault(chain->product));
    row_check_text(check, expiry_fault(chain->expiry));
    row_check_present(check, "spot_price",
                      chain->_spot_price_case == STORAGE__OPTION_CHAIN___SPOT_PRICE_SPOT_PRICE);
    row_check_positive(check, "spot_price", chain->spot_price);
    row_check_present(check, "timestamp", chain->timestamp != NULL);
    row_check_moment(check, "timestamp", chain->timestamp);
    row_check_moment(check, "processed_at", chain->processed_at);
    check_derived(check, chain);
    check_lists(check, chain);
}

/* The chain's row, but for its series. */
static ds_code row_of(struct ds_arena *arena, Storage__OptionChain *chain, int64_t now_us,
                      struct market_row *ret_row, const char **ret_fault)
{
    DS_TRY(chain_complete(arena, chain));
    Storage__OptionChain stored = *chain;
    DS_TRY(chain_derive(arena, &stored, ret_fault));
    stored.product = (char *)(uintptr_t)protobuf_c_empty_string;
    Google__Protobuf__Timestamp now;
    stored.processed_at = row_processed_at(chain->processed_at, now_us, &now);
    struct ds_bytes value;
    DS_TRY(row_pack(arena, &stored.base, CHAIN_VALUE_BYTES_MAX, &value, ret_fault));
    *ret_row = (struct market_row){
        .group = ds_bytes_of_text(chain->product),
        .timestamp_us = moment_floor_us(chain->timestamp),
        .value = value,
        .assigned_field = chain->processed_at == NULL ? CHAIN_FIELD_PROCESSED_AT : 0,
    };
    return DS_OK;
}

ds_code chain_to_row(struct ds_arena *arena, Storage__OptionChain *chain, int64_t now_us,
                     struct market_row *ret_row, const char **ret_fault)
{
    struct row_check check = {.arena = arena};
    chain_check(&check, chain);
    DS_TRY(row_check_end(&check, ret_fault));
    char *series = ds_arena_alloc(arena, CHAIN_SERIES_TEXT_MAX);
    if (series == NULL) {
        return DS_RESOURCE_EXHAUSTED;
    }
    struct market_row row;
    DS_TRY(row_of(arena, chain, now_us, &row, ret_fault));
    row.series = chain_series(chain->product, chain->expiry, series);
    *ret_row = row;
    return DS_OK;
}
