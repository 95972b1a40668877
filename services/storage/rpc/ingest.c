/*
 * IngestTicks: checks each row by itself, stores the good ones as one batch and answers when they
 * are on disk.
 */
#include "storage/core/tick.h"
#include "storage/rpc/service.h"

#define CONFLICT_FAULT "another row with this product, timestamp and tick_id is stored"

/* A call between its handler and its answer. Everything is of the call's arena and made before the
 * rows are stored, so that nothing can fail behind that. */
struct ingest {
    struct storage *storage;
    struct ds_call *call;
    Storage__IngestTicksResponse *response;
    size_t tick_count;
    const char **faults; /* by the row's place in the request; NULL: it is in the batch */
    struct market_row *rows;
    Storage__RejectedRow *rejected; /* tick_count of them */
    struct market_batch batch;
};

static struct ingest *ingest_create(struct storage *storage, struct ds_call *call,
                                    size_t tick_count)
{
    struct ds_arena *arena = ds_call_arena(call);
    struct ingest *ingest = ds_arena_zalloc(arena, sizeof(*ingest));
    if (ingest == NULL) {
        return NULL;
    }
    ingest->storage = storage;
    ingest->call = call;
    ingest->tick_count = tick_count;
    ingest->faults = ds_arena_zalloc(arena, tick_count * sizeof(*ingest->faults));
    ingest->rows = ds_arena_alloc(arena, tick_count * sizeof(*ingest->rows));
    ingest->rejected = ds_arena_alloc(arena, tick_count * sizeof(*ingest->rejected));
    ingest->batch.outcomes = ds_arena_alloc(arena, tick_count * sizeof(*ingest->batch.outcomes));
    ingest->batch.rows = ingest->rows;
    const bool complete = ingest->faults != NULL && ingest->rows != NULL &&
                          ingest->rejected != NULL && ingest->batch.outcomes != NULL;
    return complete ? ingest : NULL;
}

static ds_code fail_memory(struct ds_call *call)
{
    return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(REQUEST_TOO_LARGE),
                          "the request needs more memory than a call may use");
}

static ds_code read_conflict(struct ds_call *call, Storage__ConflictPolicy policy,
                             enum market_conflict *ret_conflict)
{
    switch (policy) {
    case STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_UNSPECIFIED:
    case STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR:
        *ret_conflict = MARKET_CONFLICT_ERROR;
        return DS_OK;
    case STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_FIRST:
        *ret_conflict = MARKET_CONFLICT_FIRST;
        return DS_OK;
    case STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_LAST:
        *ret_conflict = MARKET_CONFLICT_LAST;
        return DS_OK;
    default:
        return ds_fail_field(call, "conflict_policy",
                             "conflict_policy must be CONFLICT_POLICY_FIRST, _LAST or _ERROR");
    }
}

static ds_code check_count(struct ds_call *call, size_t tick_count)
{
    if (tick_count == 0) {
        return ds_fail_field(call, "ticks", "ticks must have 1 to %d rows", MARKET_BATCH_ROWS_MAX);
    }
    if (tick_count > MARKET_BATCH_ROWS_MAX) {
        return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(REQUEST_TOO_LARGE),
                              "ticks has %zu rows; a request takes at most %d", tick_count,
                              MARKET_BATCH_ROWS_MAX);
    }
    return DS_OK;
}

/* Sorts the rows into the batch and the faults. */
static ds_code read_ticks(struct ingest *ingest, const Storage__IngestTicksRequest *request)
{
    const int64_t now_us = ds_clock_wall_us(ingest->storage->clock);
    struct ds_arena *arena = ds_call_arena(ingest->call);
    size_t row_count = 0;
    for (size_t i = 0; i < ingest->tick_count; i++) {
        const ds_code code = tick_to_row(arena, request->ticks[i], now_us, &ingest->rows[row_count],
                                         &ingest->faults[i]);
        if (code == DS_RESOURCE_EXHAUSTED) {
            return fail_memory(ingest->call);
        }
        if (code == DS_OK) {
            row_count++;
        }
    }
    ingest->batch.row_count = row_count;
    return DS_OK;
}

static void respond_reject(struct ingest *ingest, size_t index, const char *fault)
{
    Storage__IngestTicksResponse *response = ingest->response;
    Storage__RejectedRow *row = response->rejected[response->n_rejected++];
    row->index = (int32_t)index;
    row->reason = (char *)(uintptr_t)fault;
}

static void respond_outcome(struct ingest *ingest, size_t index, enum market_outcome outcome)
{
    Storage__IngestTicksResponse *response = ingest->response;
    switch (outcome) {
    case MARKET_ACCEPTED_LATE:
        response->late++;
        response->accepted++;
        break;
    case MARKET_ACCEPTED:
        response->accepted++;
        break;
    case MARKET_DUPLICATE:
        response->duplicate++;
        break;
    case MARKET_CONFLICT:
        respond_reject(ingest, index, CONFLICT_FAULT);
        break;
    }
}

static void respond(struct ingest *ingest)
{
    size_t row = 0;
    for (size_t i = 0; i < ingest->tick_count; i++) {
        if (ingest->faults[i] != NULL) {
            respond_reject(ingest, i, ingest->faults[i]);
        } else {
            respond_outcome(ingest, i, ingest->batch.outcomes[row++]);
        }
    }
}

/* On the store's thread, or within put. */
static void ingest_done(struct market_batch *batch)
{
    struct ingest *ingest = batch->context;
    if (batch->code != DS_OK) {
        ds_call_complete(ingest->call,
                         storage_fail_store(ingest->storage, ingest->call, batch->code));
        return;
    }
    respond(ingest);
    ds_call_complete(ingest->call, DS_OK);
}

/* Makes the response's list of rejected rows as long as it can get, still empty. */
static bool response_prepare(struct ingest *ingest, Storage__IngestTicksResponse *response)
{
    struct ds_arena *arena = ds_call_arena(ingest->call);
    response->rejected = ds_arena_alloc(arena, ingest->tick_count * sizeof(*response->rejected));
    if (response->rejected == NULL) {
        return false;
    }
    for (size_t i = 0; i < ingest->tick_count; i++) {
        storage__rejected_row__init(&ingest->rejected[i]);
        response->rejected[i] = &ingest->rejected[i];
    }
    ingest->response = response;
    return true;
}

ds_code storage_ingest_ticks(struct storage *storage, struct ds_call *call,
                             const Storage__IngestTicksRequest *request,
                             Storage__IngestTicksResponse *response)
{
    DS_TRY(check_count(call, request->n_ticks));
    struct ingest *ingest = ingest_create(storage, call, request->n_ticks);
    if (ingest == NULL || !response_prepare(ingest, response)) {
        return fail_memory(call);
    }
    DS_TRY(read_conflict(call, request->conflict_policy, &ingest->batch.conflict));
    DS_TRY(read_ticks(ingest, request));
    if (ingest->batch.row_count == 0) {
        respond(ingest);
        return DS_OK;
    }
    ingest->batch.kind = MARKET_TICKS;
    ingest->batch.done = ingest_done;
    ingest->batch.context = ingest;
    /* From here on the call belongs to ingest_done(), which may have ended it already. */
    storage->store->ops->put(storage->store, &ingest->batch);
    return DS_DEFERRED;
}
