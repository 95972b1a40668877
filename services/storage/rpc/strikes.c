/* ListStrikes. */
#include "storage/core/chain.h"
#include "storage/core/quote_summary.h"
#include "storage/core/row_reader.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/row_walk.h"
#include "storage/rpc/series_walk.h"
#include "storage/rpc/symbol_terms.h"

#include <stdlib.h>

#define STRIKES_FIRST 256
/* Each option once or twice: 4,000 of the chain, the others of quotes. */
#define STRIKES_MAX 65536

struct strikes {
    struct ds_arena *arena;
    double *list;
    size_t count;
    size_t capacity;
    bool too_many;
    bool damaged;
};

/* Twice the room, of the arena; a list keeps less than its own size there. */
static bool strikes_grow(struct strikes *strikes)
{
    const size_t capacity = strikes->capacity == 0 ? STRIKES_FIRST : 2 * strikes->capacity;
    double *list =
        capacity > STRIKES_MAX ? NULL : ds_arena_alloc(strikes->arena, capacity * sizeof(*list));
    if (list == NULL) {
        strikes->too_many = true;
        return false;
    }
    if (strikes->count > 0) {
        memcpy(list, strikes->list, strikes->count * sizeof(*list));
    }
    strikes->list = list;
    strikes->capacity = capacity;
    return true;
}

static void strikes_add(struct strikes *strikes, double strike)
{
    if (strikes->count < strikes->capacity || strikes_grow(strikes)) {
        strikes->list[strikes->count++] = strike;
    }
}

static bool take_chain(void *context, const struct market_row *row)
{
    struct strikes *strikes = context;
    struct ds_wire_reader reader = ds_wire_reader_of(row->value);
    struct row_field field;
    while (row_field_next(&reader, &field)) {
        struct quote_summary option;
        if (field.type != DS_WIRE_BYTES ||
            (field.number != CHAIN_FIELD_CALLS && field.number != CHAIN_FIELD_PUTS)) {
            continue;
        }
        if (!quote_summary_read(field.bytes, &option)) {
            strikes->damaged = true;
        } else if (option.has_strike) {
            strikes_add(strikes, option.strike);
        }
    }
    strikes->damaged |= !ds_wire_at_end(&reader);
    return false;
}

static ds_code add_of_chain(struct storage *storage, struct ds_call *call,
                            const Storage__ListStrikesRequest *request, struct strikes *strikes)
{
    char series[CHAIN_SERIES_TEXT_MAX];
    const struct market_scan newest =
        row_walk_newest(MARKET_CHAINS, chain_series(request->product, request->expiry, series), 1);
    DS_TRY(row_walk(storage, call, &newest, take_chain, strikes));
    return strikes->damaged ? storage_fail_store(storage, call, DS_DATA_LOSS) : DS_OK;
}

static ds_code add_of_quotes(struct storage *storage, struct ds_call *call,
                             const Storage__ListStrikesRequest *request, struct strikes *strikes)
{
    struct series_walk walk;
    const struct page_name from_first = {.size = 0};
    DS_TRY(series_walk_begin(storage, call, MARKET_QUOTES, ds_bytes_of_text(request->product),
                             &from_first, &walk));
    while (!strikes->too_many) {
        struct ds_bytes symbol;
        struct symbol_terms terms;
        DS_TRY(series_walk_next(&walk, &symbol));
        if (symbol.size == 0) {
            return DS_OK;
        }
        DS_TRY(symbol_terms_read(storage, call, symbol, &terms));
        if (terms.has_strike && strcmp(terms.expiry, request->expiry) == 0) {
            strikes_add(strikes, terms.strike);
        }
    }
    return DS_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Sorts, and keeps one of each. */
static void strikes_sort(struct strikes *strikes)
{
    size_t kept = 0;
    if (strikes->count > 0) {
        qsort(strikes->list, strikes->count, sizeof(*strikes->list), compare_doubles);
    }
    for (size_t i = 0; i < strikes->count; i++) {
        if (kept == 0 || strikes->list[i] != strikes->list[kept - 1]) {
            strikes->list[kept++] = strikes->list[i];
        }
    }
    strikes->count = kept;
}

ds_code storage_list_strikes(struct storage *storage, struct ds_call *call,
                             const Storage__ListStrikesRequest *request,
                             Storage__ListStrikesResponse *response)
{
    DS_TRY(request_check_product(call, request->product));
    DS_TRY(request_check_expiry(call, request->expiry));
    struct strikes strikes = {.arena = ds_call_arena(call)};
    DS_TRY(add_of_chain(storage, call, request, &strikes));
    DS_TRY(add_of_quotes(storage, call, request, &strikes));
    if (strikes.too_many) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "there are too many strikes for a reply");
    }
    strikes_sort(&strikes);
    response->product = request->product;
    response->expiry = request->expiry;
    response->n_strikes = strikes.count;
    response->strikes = strikes.list;
    return DS_OK;
}
