/* ListSymbols. */
#include "ds/wire.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/series_walk.h"
#include "storage/rpc/symbol_terms.h"

#define PRODUCT_FIELD 1
#define SYMBOLS_FIELD 2
#define NEXT_PAGE_TOKEN_FIELD 3

/* Of how many symbols one call looks at the newest quote; the next page goes on behind them. */
#define LOOKED_AT_MAX 20000

static const struct list_limits symbol_limits = {.unasked = 1000, .max = 10000};

/* A reply while it is written. */
struct symbol_list {
    struct series_walk walk;
    struct ds_buffer *reply;
    const char *expiry; /* "": of all expiries */
    size_t limit;
    size_t count;
    size_t looked_at;
    struct page_name last; /* the newest symbol looked at */
    bool more;
};

static ds_code is_wanted(struct symbol_list *list, struct ds_bytes symbol, bool *ret_wanted)
{
    struct symbol_terms terms;
    if (list->expiry[0] == '\0') {
        *ret_wanted = true;
        return DS_OK;
    }
    DS_TRY(symbol_terms_read(list->walk.storage, list->walk.call, symbol, &terms));
    *ret_wanted = strcmp(terms.expiry, list->expiry) == 0;
    return DS_OK;
}

static void remember(struct symbol_list *list, struct ds_bytes symbol)
{
    list->last.size = symbol.size;
    memcpy(list->last.data, symbol.data, symbol.size);
    list->looked_at++;
}

/* Ends with the symbol behind the last of the page, so that a page without a successor is known. */
static ds_code reply_symbols(struct symbol_list *list)
{
    for (;;) {
        struct ds_bytes symbol;
        DS_TRY(series_walk_next(&list->walk, &symbol));
        if (symbol.size == 0) {
            return DS_OK;
        }
        if (list->looked_at == LOOKED_AT_MAX) {
            list->more = true;
            return DS_OK;
        }
        bool wanted;
        DS_TRY(is_wanted(list, symbol, &wanted));
        if (wanted && list->count == list->limit) {
            list->more = true;
            return DS_OK;
        }
        remember(list, symbol);
        if (wanted) {
            ds_wire_write_bytes_field(list->reply, SYMBOLS_FIELD, symbol);
            list->count++;
        }
    }
}

ds_code storage_list_symbols(struct storage *storage, struct ds_call *call,
                             const Storage__ListSymbolsRequest *request,
                             Storage__ListSymbolsResponse *response)
{
    (void)response;
    DS_TRY(request_check_product(call, request->product));
    if (request->expiry[0] != '\0') {
        DS_TRY(request_check_expiry(call, request->expiry));
    }
    struct symbol_list list = {.reply = ds_call_raw_response(call), .expiry = request->expiry};
    const struct page_scope scope = {
        .kind = MARKET_QUOTES,
        .ascending = true,
        .series = ds_bytes_of_text(request->product),
        .filter = ds_bytes_of_text(request->expiry),
    };
    struct page_name after;
    const bool has_limit = request->_limit_case == STORAGE__LIST_SYMBOLS_REQUEST___LIMIT_LIMIT;
    DS_TRY(request_read_limit(call, has_limit, request->limit, &symbol_limits, &list.limit));
    DS_TRY(request_read_name_token(call, request->page_token, &scope, &after));
    DS_TRY(series_walk_begin(storage, call, MARKET_QUOTES, scope.series, &after, &list.walk));
    ds_wire_write_bytes_field(list.reply, PRODUCT_FIELD, scope.series);
    DS_TRY(reply_symbols(&list));
    if (list.more) {
        char token[PAGE_NAME_TOKEN_TEXT_MAX];
        page_name_token_write(&scope, ds_bytes_of(list.last.data, list.last.size), token);
        ds_wire_write_bytes_field(list.reply, NEXT_PAGE_TOKEN_FIELD, ds_bytes_of_text(token));
    }
    return DS_OK;
}
