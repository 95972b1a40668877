#include "storage/rpc/newest_chain.h"

#include "storage/core/chain.h"
#include "storage/core/moment.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/row_walk.h"

struct copy {
    struct ds_arena *arena;
    bool found;
    uint8_t *data; /* NULL where the arena's budget is used up */
    size_t size;
    int64_t timestamp_us;
};

static bool take_chain(void *context, const struct market_row *row)
{
    struct copy *copy = context;
    copy->found = true;
    copy->timestamp_us = row->timestamp_us;
    copy->size = row->value.size;
    copy->data = ds_arena_alloc(copy->arena, copy->size);
    if (copy->data != NULL && copy->size > 0) {
        memcpy(copy->data, row->value.data, copy->size);
    }
    return false;
}

ds_code newest_chain_read(struct storage *storage, struct ds_call *call, const char *product,
                          const char *expiry, struct newest_chain *ret_chain)
{
    DS_TRY(request_check_product(call, product));
    DS_TRY(request_check_expiry(call, expiry));
    char series[CHAIN_SERIES_TEXT_MAX];
    const struct market_scan newest =
        row_walk_newest(MARKET_CHAINS, chain_series(product, expiry, series), 1);
    struct copy copy = {.arena = ds_call_arena(call)};
    DS_TRY(row_walk(storage, call, &newest, take_chain, &copy));
    if (!copy.found) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND),
                              "there is no chain of %s that expires on %s", product, expiry);
    }
    struct newest_chain chain = {.value = ds_bytes_of(copy.data, copy.size)};
    chain.timestamp = ds_arena_alloc(copy.arena, sizeof *chain.timestamp);
    if (copy.data == NULL || chain.timestamp == NULL) {
        return storage_fail_memory(call);
    }
    google__protobuf__timestamp__init(chain.timestamp);
    moment_set_us(chain.timestamp, copy.timestamp_us);
    if (!chain_summary_read(chain.value, &chain.summary)) {
        return storage_fail_store(storage, call, DS_DATA_LOSS);
    }
    if (!chain.summary.has_spot_price) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND),
                              "the newest chain of %s that expires on %s has no spot_price",
                              product, expiry);
    }
    *ret_chain = chain;
    return DS_OK;
}
