/*
 * DeleteRange: chunk by chunk through the store's writer, chunks of several series at a time, so
 * that they share its syncs. They follow one another by the store's `done`, so that a deletion of
 * millions of rows holds no thread of the read pool while it waits for the disk, and what is
 * ingested meanwhile gets its turn between two transactions.
 */
#include "storage/core/chain.h"
#include "storage/core/expiry.h"
#include "storage/core/moment.h"
#include "storage/core/product.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/service.h"

#include <inttypes.h>

/* The series of a product's chains, listed by one read of the store. */
#define LIST_SERIES_MAX 1024
/* Series of which the store has a chunk at a time. */
#define CHUNKS_MAX 16

struct named_series {
    struct ds_bytes name;
    struct named_series *next;
};

/* A call between its handler and its answer; all of it is of the call's arena. */
struct deletion {
    struct storage *storage;
    struct ds_call *call;
    Storage__DeleteRangeResponse *response;
    struct named_series *series; /* those to come */
    struct named_series **end;
    struct market_delete order; /* what is the same of all */
    struct market_delete orders[CHUNKS_MAX];
    size_t order_count;
    /* Orders that are not done, and one until all are sent: whoever takes the last goes on. */
    atomic_size_t pending;
    bool out_of_memory;
};

static ds_code check_key(struct ds_call *call, enum market_kind kind, const char *key)
{
    const char *fault = kind == MARKET_QUOTES ? symbol_fault(key) : product_fault(key);
    return fault == NULL ? DS_OK : ds_fail_field(call, "key", "key: %s", fault);
}

static ds_code check_expiry(struct ds_call *call, enum market_kind kind, const char *expiry)
{
    if (expiry[0] == '\0') {
        return DS_OK;
    }
    if (kind != MARKET_CHAINS) {
        return ds_fail_field(call, "expiry", "expiry goes with kind CHAINS only");
    }
    const char *fault = expiry_fault(expiry);
    return fault == NULL ? DS_OK : ds_fail_field(call, "expiry", "%s", fault);
}

static ds_code check_moment(struct ds_call *call, const char *field,
                            const Google__Protobuf__Timestamp *moment)
{
    if (moment == NULL) {
        return ds_fail_field(call, field, "%s is required: both ends of what is deleted are named",
                             field);
    }
    return request_check_moment(call, field, moment);
}

static bool is_before(const Google__Protobuf__Timestamp *a, const Google__Protobuf__Timestamp *b)
{
    return a->seconds != b->seconds ? a->seconds < b->seconds : a->nanos < b->nanos;
}

static ds_code read_request(struct ds_call *call, const Storage__DeleteRangeRequest *request,
                            struct market_delete *order)
{
    const enum market_kind kind = (enum market_kind)request->kind;
    if (kind < MARKET_KIND_FIRST || kind > MARKET_KIND_MAX) {
        return ds_fail_field(call, "kind", "kind must be TICKS, QUOTES or CHAINS");
    }
    DS_TRY(check_key(call, kind, request->key));
    DS_TRY(check_expiry(call, kind, request->expiry));
    DS_TRY(check_moment(call, "start", request->start));
    DS_TRY(check_moment(call, "end", request->end));
    order->kind = kind;
    order->start_us = moment_ceil_us(request->start);
    order->end_us = moment_floor_us(request->end);
    order->row_max = MARKET_DELETE_ROWS_MAX;
    return is_before(request->end, request->start)
               ? ds_fail_field(call, "end", "end must not be before start")
               : DS_OK;
}

static void add_series(void *context, struct ds_bytes name, struct ds_bytes group)
{
    (void)group;
    struct deletion *deletion = context;
    struct ds_arena *arena = ds_call_arena(deletion->call);
    struct named_series *series = ds_arena_alloc(arena, sizeof(*series));
    char *copy = ds_arena_copy_text(arena, (const char *)name.data, name.size);
    if (series == NULL || copy == NULL) {
        deletion->out_of_memory = true;
        return;
    }
    *series = (struct named_series){.name = ds_bytes_of(copy, name.size)};
    *deletion->end = series;
    deletion->end = &series->next;
    deletion->order.series = series->name;
}

/* The chains of all expiries. */
static ds_code list_chain_series(struct deletion *deletion, const char *product)
{
    struct market_store *store = deletion->storage->store;
    struct market_series_query query = {
        .kind = MARKET_CHAINS, .group = ds_bytes_of_text(product), .series_max = LIST_SERIES_MAX};
    bool more = true;
    while (more && !deletion->out_of_memory) {
        DS_TRY(ds_fail_if_abandoned(deletion->call));
        const ds_code code = store->ops->list_series(store, &query, add_series, deletion, &more);
        if (code != DS_OK) {
            return storage_fail_store(deletion->storage, deletion->call, code);
        }
        query.after = deletion->order.series;
    }
    return DS_OK;
}

static ds_code list_series(struct deletion *deletion, const Storage__DeleteRangeRequest *request)
{
    char text[CHAIN_SERIES_TEXT_MAX];
    if (deletion->order.kind != MARKET_CHAINS) {
        add_series(deletion, ds_bytes_of_text(request->key), (struct ds_bytes){0});
    } else if (request->expiry[0] != '\0') {
        add_series(deletion, chain_series(request->key, request->expiry, text),
                   (struct ds_bytes){0});
    } else {
        DS_TRY(list_chain_series(deletion, request->key));
    }
    return deletion->out_of_memory
               ? ds_fail(deletion->call, DS_RESOURCE_EXHAUSTED,
                         "the product has more expiries than a call can list; name one by one")
               : DS_OK;
}

/* What is deleted stays so: a caller that gets a failure has to know how far it went. */
static ds_code fail_half_way(struct deletion *deletion, ds_code code)
{
    const int64_t deleted = deletion->response->deleted;
    return deleted == 0
               ? code
               : ds_fail_add(deletion->call, code, "%" PRId64 " rows were deleted before", deleted);
}

/* Whether there are other chunks to delete; sets the code to end with where there are none. */
static bool chunks_next(struct deletion *deletion, ds_code *ret_code)
{
    struct ds_call *call = deletion->call;
    for (; deletion->series != NULL && deletion->order_count < CHUNKS_MAX;
         deletion->series = deletion->series->next) {
        struct market_delete *order = &deletion->orders[deletion->order_count++];
        *order = deletion->order;
        order->series = deletion->series->name;
    }
    if (deletion->order_count == 0) {
        *ret_code = DS_OK;
        return false;
    }
    if (atomic_load(&deletion->storage->stopping)) {
        const ds_code code = ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(SERVICE_UNAVAILABLE),
                                            "the service is shutting down");
        *ret_code = fail_half_way(deletion, code);
        return false;
    }
    const ds_code code = ds_fail_if_abandoned(call);
    *ret_code = code == DS_OK ? DS_OK : fail_half_way(deletion, code);
    return code == DS_OK;
}

/* Takes what the chunks brought, and keeps the orders that have rows left. */
static ds_code chunks_take(struct deletion *deletion)
{
    const size_t count = deletion->order_count;
    ds_code code = DS_OK;
    deletion->order_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct market_delete *order = &deletion->orders[i];
        if (order->code != DS_OK) {
            code = order->code;
            continue;
        }
        deletion->response->deleted += (int64_t)order->deleted_count;
        if (order->more) {
            deletion->orders[deletion->order_count++] = *order;
        }
    }
    if (code == DS_OK) {
        return DS_OK;
    }
    return fail_half_way(deletion, storage_fail_store(deletion->storage, deletion->call, code));
}

static bool pending_take(struct deletion *deletion)
{
    return atomic_fetch_sub(&deletion->pending, 1) == 1;
}

/*
 * Sends chunks for as long as all are done before the last delete_rows() returns: a loop where
 * chunk_done() calling again would pile up stack frames. Where one is done later, its chunk_done()
 * goes on and the deletion is no longer this thread's.
 */
static void chunks_send(struct deletion *deletion)
{
    struct market_store *store = deletion->storage->store;
    ds_code code = DS_OK;
    while (code == DS_OK && chunks_next(deletion, &code)) {
        atomic_store(&deletion->pending, deletion->order_count + 1);
        for (size_t i = 0; i < deletion->order_count; i++) {
            store->ops->delete_rows(store, &deletion->orders[i]);
        }
        if (!pending_take(deletion)) {
            return;
        }
        code = chunks_take(deletion);
    }
    ds_call_complete(deletion->call, code);
}

/* On the store's thread, or within delete_rows(). */
static void chunk_done(struct market_delete *order)
{
    struct deletion *deletion = order->context;
    if (!pending_take(deletion)) {
        return;
    }
    const ds_code code = chunks_take(deletion);
    if (code != DS_OK) {
        ds_call_complete(deletion->call, code);
        return;
    }
    chunks_send(deletion);
}

ds_code storage_delete_range(struct storage *storage, struct ds_call *call,
                             const Storage__DeleteRangeRequest *request,
                             Storage__DeleteRangeResponse *response)
{
    struct deletion *deletion = ds_arena_zalloc(ds_call_arena(call), sizeof(*deletion));
    if (deletion == NULL) {
        return storage_fail_memory(call);
    }
    deletion->storage = storage;
    deletion->call = call;
    deletion->response = response;
    deletion->end = &deletion->series;
    deletion->order.done = chunk_done;
    deletion->order.context = deletion;
    DS_TRY(read_request(call, request, &deletion->order));
    if (deletion->order.start_us > deletion->order.end_us) {
        /* Both ends lie within one microsecond, and no row between them. */
        return DS_OK;
    }
    DS_TRY(list_series(deletion, request));
    chunks_send(deletion);
    return DS_DEFERRED;
}
