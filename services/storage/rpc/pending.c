/* Methods that are yet to come; whoever writes one takes its line out. */
#include "storage/rpc/service.h"

#define PENDING(name, request_type, response_type)                                                 \
    ds_code storage_##name(struct storage *storage, struct ds_call *call,                          \
                           const request_type *request, response_type *response)                   \
    {                                                                                              \
        (void)storage;                                                                             \
        (void)request;                                                                             \
        (void)response;                                                                            \
        return ds_fail(call, DS_UNIMPLEMENTED, "not there yet");                                   \
    }

PENDING(as_of, Storage__AsOfRequest, Storage__Tick)
PENDING(latest_ticks, Storage__LatestTicksRequest, Storage__LatestTicksResponse)
PENDING(list_quotes, Storage__ListQuotesRequest, Storage__ListQuotesResponse)
PENDING(latest_quotes, Storage__LatestQuotesRequest, Storage__LatestQuotesResponse)
PENDING(list_chains, Storage__ListChainsRequest, Storage__ListChainsResponse)
PENDING(list_expiries, Storage__ListExpiriesRequest, Storage__ListExpiriesResponse)
PENDING(list_symbols, Storage__ListSymbolsRequest, Storage__ListSymbolsResponse)
PENDING(list_strikes, Storage__ListStrikesRequest, Storage__ListStrikesResponse)
PENDING(ingest_quotes, Storage__IngestQuotesRequest, Storage__IngestQuotesResponse)
PENDING(ingest_chains, Storage__IngestChainsRequest, Storage__IngestChainsResponse)
PENDING(get_bars, Storage__GetBarsRequest, Storage__GetBarsResponse)
PENDING(get_ohlc, Storage__GetOhlcRequest, Storage__GetOhlcResponse)
PENDING(get_pcr, Storage__GetPcrRequest, Storage__GetPcrResponse)
PENDING(get_max_pain, Storage__GetMaxPainRequest, Storage__GetMaxPainResponse)
PENDING(get_oi_buildup, Storage__GetOiBuildupRequest, Storage__GetOiBuildupResponse)
PENDING(get_volatility_surface, Storage__GetVolatilitySurfaceRequest,
        Storage__GetVolatilitySurfaceResponse)
PENDING(delete_range, Storage__DeleteRangeRequest, Storage__DeleteRangeResponse)
PENDING(run_retention, Storage__RunRetentionRequest, Storage__RunRetentionResponse)
PENDING(start_backup, Storage__StartBackupRequest, Storage__StartBackupResponse)
PENDING(read_backup, Storage__ReadBackupRequest, Storage__ReadBackupResponse)
PENDING(verify, Storage__VerifyRequest, Storage__VerifyResponse)
