/* IngestTicks, IngestQuotes and IngestChains. */
#include "storage/core/chain.h"
#include "storage/core/quote.h"
#include "storage/core/tick.h"
#include "storage/rpc/ingest.h"

static ds_code make_tick_row(struct ds_arena *arena, const ProtobufCMessage *request, size_t index,
                             int64_t now_us, struct market_row *ret_row, const char **ret_fault)
{
    const Storage__IngestTicksRequest *rows = (const Storage__IngestTicksRequest *)request;
    return tick_to_row(arena, rows->ticks[index], now_us, ret_row, ret_fault);
}

static ds_code make_quote_row(struct ds_arena *arena, const ProtobufCMessage *request, size_t index,
                              int64_t now_us, struct market_row *ret_row, const char **ret_fault)
{
    const Storage__IngestQuotesRequest *rows = (const Storage__IngestQuotesRequest *)request;
    return quote_to_row(arena, rows->quotes[index], now_us, ret_row, ret_fault);
}

static ds_code make_chain_row(struct ds_arena *arena, const ProtobufCMessage *request, size_t index,
                              int64_t now_us, struct market_row *ret_row, const char **ret_fault)
{
    const Storage__IngestChainsRequest *rows = (const Storage__IngestChainsRequest *)request;
    return chain_to_row(arena, rows->chains[index], now_us, ret_row, ret_fault);
}

static const struct ingest_form tick_ingest = {
    .kind = MARKET_TICKS,
    .list = "ticks",
    .conflict_fault = "another row with this product, timestamp and tick_id is stored",
    .make_row = make_tick_row,
};

static const struct ingest_form quote_ingest = {
    .kind = MARKET_QUOTES,
    .list = "quotes",
    .conflict_fault = "another row with this symbol and timestamp is stored",
    .make_row = make_quote_row,
};

static const struct ingest_form chain_ingest = {
    .kind = MARKET_CHAINS,
    .list = "chains",
    .conflict_fault = "another row with this product, expiry and timestamp is stored",
    .make_row = make_chain_row,
};

ds_code storage_ingest_ticks(struct storage *storage, struct ds_call *call,
                             const Storage__IngestTicksRequest *request,
                             Storage__IngestTicksResponse *response)
{
    (void)response;
    return ingest_rows(storage, call, &tick_ingest, &request->base, request->n_ticks,
                       request->conflict_policy);
}

ds_code storage_ingest_quotes(struct storage *storage, struct ds_call *call,
                              const Storage__IngestQuotesRequest *request,
                              Storage__IngestQuotesResponse *response)
{
    (void)response;
    return ingest_rows(storage, call, &quote_ingest, &request->base, request->n_quotes,
                       request->conflict_policy);
}

ds_code storage_ingest_chains(struct storage *storage, struct ds_call *call,
                              const Storage__IngestChainsRequest *request,
                              Storage__IngestChainsResponse *response)
{
    (void)response;
    return ingest_rows(storage, call, &chain_ingest, &request->base, request->n_chains,
                       request->conflict_policy);
}
