#include "storage/rpc/ingest.h"

#include "ds/frame.h"
#include "ds/wire.h"
#include "storage/core/row.h"

/* The numbers of IngestTicksResponse's fields, which are those of the others too. */
#define ACCEPTED_FIELD 1
#define DUPLICATE_FIELD 2
#define LATE_FIELD 3
#define REJECTED_FIELD 4
/* And those of RejectedRow. */
#define INDEX_FIELD 1
#define REASON_FIELD 2

/* Tags, lengths and the index of a rejected row. */
#define REJECTED_FRAMING_BYTES_MAX 32

_Static_assert(MARKET_BATCH_ROWS_MAX *(ROW_FAULT_BYTES_MAX + REJECTED_FRAMING_BYTES_MAX) <
                   DS_FRAME_PAYLOAD_BYTES_MAX / 2,
               "every row may be rejected");

/* A call between its handler and its answer. Everything is of the call's arena and made before the
 * rows are stored, so that nothing can fail behind that. */
struct ingest {
    struct storage *storage;
    struct ds_call *call;
    const struct ingest_form *form;
    size_t row_count;    /* of the request */
    const char **faults; /* by the row's place in the request; NULL: it is in the batch */
    struct market_row *rows;
    struct market_batch batch;
};

/* What is answered. */
struct ingest_counts {
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t late;
};

static struct ingest *ingest_create(struct storage *storage, struct ds_call *call,
                                    const struct ingest_form *form, size_t row_count)
{
    struct ds_arena *arena = ds_call_arena(call);
    struct ingest *ingest = ds_arena_zalloc(arena, sizeof(*ingest));
    if (ingest == NULL) {
        return NULL;
    }
    ingest->storage = storage;
    ingest->call = call;
    ingest->form = form;
    ingest->row_count = row_count;
    ingest->faults = ds_arena_zalloc(arena, row_count * sizeof(*ingest->faults));
    ingest->rows = ds_arena_alloc(arena, row_count * sizeof(*ingest->rows));
    ingest->batch.outcomes = ds_arena_alloc(arena, row_count * sizeof(*ingest->batch.outcomes));
    ingest->batch.rows = ingest->rows;
    const bool complete =
        ingest->faults != NULL && ingest->rows != NULL && ingest->batch.outcomes != NULL;
    return complete ? ingest : NULL;
}

static ds_code fail_memory(struct ds_call *call)
{
    return ds_fail_reason(
        call, DS_RESOURCE_EXHAUSTED, DS_REASON(REQUEST_TOO_LARGE),
        "the request needs more memory than a call may use: send fewer rows at once");
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

static ds_code check_count(struct ds_call *call, const char *list, size_t row_count)
{
    if (row_count == 0) {
        return ds_fail_field(call, list, "%s must have 1 to %d rows", list, MARKET_BATCH_ROWS_MAX);
    }
    if (row_count > MARKET_BATCH_ROWS_MAX) {
        return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(REQUEST_TOO_LARGE),
                              "%s has %zu rows; a request takes at most %d", list, row_count,
                              MARKET_BATCH_ROWS_MAX);
    }
    return DS_OK;
}

/* Sorts the rows into the batch and the faults. */
static ds_code read_rows(struct ingest *ingest, const ProtobufCMessage *request)
{
    const int64_t now_us = ds_clock_wall_us(ingest->storage->clock);
    struct ds_arena *arena = ds_call_arena(ingest->call);
    size_t row_count = 0;
    for (size_t i = 0; i < ingest->row_count; i++) {
        const ds_code code = ingest->form->make_row(arena, request, i, now_us,
                                                    &ingest->rows[row_count], &ingest->faults[i]);
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

static struct ingest_counts count_outcomes(const struct market_batch *batch)
{
    struct ingest_counts counts = {0};
    for (size_t i = 0; i < batch->row_count; i++) {
        const enum market_outcome outcome = batch->outcomes[i];
        counts.accepted += outcome == MARKET_ACCEPTED || outcome == MARKET_ACCEPTED_LATE;
        counts.late += outcome == MARKET_ACCEPTED_LATE;
        counts.duplicate += outcome == MARKET_DUPLICATE;
    }
    return counts;
}

static void write_rejected(struct ds_buffer *reply, size_t index, const char *reason)
{
    const struct ds_bytes text = ds_bytes_of_text(reason);
    const size_t index_size = index == 0 ? 0 : 1 + ds_varint_size(index);
    ds_wire_write_tag(reply, REJECTED_FIELD, DS_WIRE_BYTES);
    ds_wire_write_varint(reply, index_size + 1 + ds_varint_size(text.size) + text.size);
    if (index > 0) {
        ds_wire_write_varint_field(reply, INDEX_FIELD, index);
    }
    ds_wire_write_bytes_field(reply, REASON_FIELD, text);
}

static void write_count(struct ds_buffer *reply, uint32_t field, uint64_t count)
{
    if (count > 0) {
        ds_wire_write_varint_field(reply, field, count);
    }
}

/* The three responses have the same fields, so one writes the bytes of all. */
static void respond(struct ingest *ingest)
{
    const struct market_batch *batch = &ingest->batch;
    const struct ingest_counts counts = count_outcomes(batch);
    struct ds_buffer *reply = ds_call_raw_response(ingest->call);
    write_count(reply, ACCEPTED_FIELD, counts.accepted);
    write_count(reply, DUPLICATE_FIELD, counts.duplicate);
    write_count(reply, LATE_FIELD, counts.late);
    size_t row = 0;
    for (size_t i = 0; i < ingest->row_count; i++) {
        if (ingest->faults[i] != NULL) {
            write_rejected(reply, i, ingest->faults[i]);
        } else if (batch->outcomes[row++] == MARKET_CONFLICT) {
            write_rejected(reply, i, ingest->form->conflict_fault);
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

ds_code ingest_rows(struct storage *storage, struct ds_call *call, const struct ingest_form *form,
                    const ProtobufCMessage *request, size_t row_count,
                    Storage__ConflictPolicy policy)
{
    DS_TRY(check_count(call, form->list, row_count));
    struct ingest *ingest = ingest_create(storage, call, form, row_count);
    if (ingest == NULL) {
        return fail_memory(call);
    }
    DS_TRY(read_conflict(call, policy, &ingest->batch.conflict));
    DS_TRY(read_rows(ingest, request));
    if (ingest->batch.row_count == 0) {
        respond(ingest);
        return DS_OK;
    }
    ingest->batch.kind = form->kind;
    ingest->batch.done = ingest_done;
    ingest->batch.context = ingest;
    /* From here on the call belongs to ingest_done(), which may have ended it already. */
    storage->store->ops->put(storage->store, &ingest->batch);
    return DS_DEFERRED;
}
