#include "storage/rpc/symbol_terms.h"

#include "storage/core/quote_summary.h"
#include "storage/rpc/row_walk.h"

struct terms_reader {
    struct symbol_terms terms;
    bool damaged;
};

static bool read_terms(void *context, const struct market_row *row)
{
    struct terms_reader *reader = context;
    struct quote_summary summary;
    if (!quote_summary_read(row->value, &summary)) {
        reader->damaged = true;
        return false;
    }
    if (summary.expiry.size == EXPIRY_BYTES) {
        memcpy(reader->terms.expiry, summary.expiry.data, EXPIRY_BYTES);
    }
    reader->terms.has_strike = summary.has_strike;
    reader->terms.strike = summary.strike;
    return false;
}

ds_code symbol_terms_read(struct storage *storage, struct ds_call *call, struct ds_bytes symbol,
                          struct symbol_terms *ret_terms)
{
    struct terms_reader reader = {.damaged = false};
    const struct market_scan newest = row_walk_newest(MARKET_QUOTES, symbol, 1);
    DS_TRY(row_walk(storage, call, &newest, read_terms, &reader));
    if (reader.damaged) {
        return storage_fail_store(storage, call, DS_DATA_LOSS);
    }
    *ret_terms = reader.terms;
    return DS_OK;
}
