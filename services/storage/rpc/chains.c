/* ListChains: those of one expiry are a series, those of all a group. */
#include "storage/core/chain.h"
#include "storage/rpc/row_list.h"

static const struct row_list_form chain_list = {
    .kind = MARKET_CHAINS,
    .limits = {.unasked = 10, .max = 1000},
    .row_bytes_typical = 8192,
};

ds_code storage_list_chains(struct storage *storage, struct ds_call *call,
                            const Storage__ListChainsRequest *request,
                            Storage__ListChainsResponse *response)
{
    (void)response;
    DS_TRY(request_check_product(call, request->product));
    struct row_list_request list = {
        .name = request->product,
        .series = ds_bytes_of_text(request->product),
        .by_group = true,
        .start = request->start,
        .end = request->end,
        .has_limit = request->_limit_case == STORAGE__LIST_CHAINS_REQUEST___LIMIT_LIMIT,
        .limit = request->limit,
        .order = request->order,
        .page_token = request->page_token,
    };
    char series[CHAIN_SERIES_TEXT_MAX];
    if (request->expiry[0] != '\0') {
        DS_TRY(request_check_expiry(call, request->expiry));
        list.series = chain_series(request->product, request->expiry, series);
        list.by_group = false;
    }
    return row_list_reply(storage, call, &chain_list, &list);
}
