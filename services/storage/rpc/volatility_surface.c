/* GetVolatilitySurface: from the quotes of all of a product's symbols, one scan each. */
#include "storage/core/moment.h"
#include "storage/core/volatility.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/row_walk.h"
#include "storage/rpc/series_walk.h"
#include "storage/rpc/window.h"

#define WINDOW_MAX_MINUTES 60

static ds_code symbols_begin(struct storage *storage, struct ds_call *call, const char *product,
                             struct series_walk *ret_walk)
{
    const struct page_name first = {0};
    return series_walk_begin(storage, call, MARKET_QUOTES, ds_bytes_of_text(product), &first,
                             ret_walk);
}

static ds_code find_newest(struct storage *storage, struct ds_call *call, const char *product,
                           bool *ret_found, int64_t *ret_us)
{
    struct series_walk walk;
    struct ds_bytes symbol;
    bool found_any = false;
    int64_t newest_us = 0;
    DS_TRY(symbols_begin(storage, call, product, &walk));
    DS_TRY(series_walk_next(&walk, &symbol));
    while (symbol.size > 0) {
        bool found = false;
        int64_t own_us = 0;
        DS_TRY(row_newest_us(storage, call, MARKET_QUOTES, symbol, &found, &own_us));
        if (found && (!found_any || own_us > newest_us)) {
            newest_us = own_us;
            found_any = true;
        }
        DS_TRY(series_walk_next(&walk, &symbol));
    }
    *ret_found = found_any;
    *ret_us = newest_us;
    return DS_OK;
}

struct collection {
    struct volatility_quotes quotes;
    ds_code code;
};

static bool take_quote(void *context, const struct market_row *row)
{
    struct collection *collection = context;
    collection->code = volatility_add(&collection->quotes, row->timestamp_us, row->value);
    return collection->code == DS_OK;
}

static ds_code fail_collection(struct storage *storage, struct ds_call *call, ds_code code)
{
    if (code == DS_RESOURCE_EXHAUSTED) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED,
                       "the quotes of that window need more memory than a call may use: ask for a "
                       "smaller window");
    }
    return storage_fail_store(storage, call, code);
}

/* Quotes that came behind the newest one meanwhile are left out: the window is as it was. */
static ds_code collect(struct storage *storage, struct ds_call *call, const char *product,
                       int64_t start_us, int64_t end_us, struct collection *collection)
{
    struct series_walk walk;
    struct market_scan range = {
        .kind = MARKET_QUOTES,
        .start_us = start_us,
        .end_us = end_us,
        .ascending = true,
        .row_max = SIZE_MAX,
    };
    DS_TRY(symbols_begin(storage, call, product, &walk));
    DS_TRY(series_walk_next(&walk, &range.series));
    while (range.series.size > 0) {
        DS_TRY(row_walk(storage, call, &range, take_quote, collection));
        if (collection->code != DS_OK) {
            return fail_collection(storage, call, collection->code);
        }
        DS_TRY(series_walk_next(&walk, &range.series));
    }
    return DS_OK;
}

ds_code storage_get_volatility_surface(struct storage *storage, struct ds_call *call,
                                       const Storage__GetVolatilitySurfaceRequest *request,
                                       Storage__GetVolatilitySurfaceResponse *response)
{
    int32_t minutes = 0;
    bool found = false;
    int64_t newest_us = 0;
    DS_TRY(request_check_product(call, request->product));
    DS_TRY(window_read(
        call, request->_window_case == STORAGE__GET_VOLATILITY_SURFACE_REQUEST___WINDOW_WINDOW,
        request->window, WINDOW_MAX_MINUTES, &minutes));
    DS_TRY(find_newest(storage, call, request->product, &found, &newest_us));
    if (!found) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND), "there is no quote of %s",
                              request->product);
    }
    struct collection collection = {.quotes = {.arena = ds_call_arena(call)}};
    DS_TRY(collect(storage, call, request->product, newest_us - window_us(minutes), newest_us,
                   &collection));
    Google__Protobuf__Timestamp *timestamp = ds_arena_alloc(ds_call_arena(call), sizeof *timestamp);
    if (timestamp == NULL || volatility_surface_fill(&collection.quotes, response) != DS_OK) {
        return fail_collection(storage, call, DS_RESOURCE_EXHAUSTED);
    }
    google__protobuf__timestamp__init(timestamp);
    moment_set_us(timestamp, newest_us);
    response->product = request->product;
    response->timestamp = timestamp;
    return DS_OK;
}
