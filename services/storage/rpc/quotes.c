/* ListQuotes. */
#include "storage/rpc/row_list.h"

static const struct row_list_form quote_list = {
    .kind = MARKET_QUOTES,
    .limits = {.unasked = 100, .max = 10000},
    .row_bytes_typical = 160,
};

ds_code storage_list_quotes(struct storage *storage, struct ds_call *call,
                            const Storage__ListQuotesRequest *request,
                            Storage__ListQuotesResponse *response)
{
    (void)response;
    DS_TRY(request_check_symbol(call, request->symbol));
    const struct row_list_request list = {
        .name = request->symbol,
        .series = ds_bytes_of_text(request->symbol),
        .start = request->start,
        .end = request->end,
        .has_limit = request->_limit_case == STORAGE__LIST_QUOTES_REQUEST___LIMIT_LIMIT,
        .limit = request->limit,
        .order = request->order,
        .page_token = request->page_token,
    };
    return row_list_reply(storage, call, &quote_list, &list);
}
