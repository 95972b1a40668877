/* ListTicks. */
#include "storage/rpc/row_list.h"

static const struct row_list_form tick_list = {
    .kind = MARKET_TICKS,
    .limits = {.unasked = 100, .max = 10000},
    .row_bytes_typical = 48,
};

ds_code storage_list_ticks(struct storage *storage, struct ds_call *call,
                           const Storage__ListTicksRequest *request,
                           Storage__ListTicksResponse *response)
{
    (void)response;
    DS_TRY(request_check_product(call, request->product));
    const struct row_list_request list = {
        .name = request->product,
        .series = ds_bytes_of_text(request->product),
        .start = request->start,
        .end = request->end,
        .has_limit = request->_limit_case == STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT,
        .limit = request->limit,
        .order = request->order,
        .page_token = request->page_token,
    };
    return row_list_reply(storage, call, &tick_list, &list);
}
