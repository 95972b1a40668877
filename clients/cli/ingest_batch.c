#include "clients/cli/ingest_batch.h"

#include "clients/cli/ingest.h"
#include "clients/cli/status.h"
#include "clients/common/ingest_call.h"
#include "ds/wire.h"

#include <stdlib.h>

/* Well below what the methods take, so that one more row always fits. */
#define BATCH_BYTES_FULL (4 * 1024 * 1024)
#define BATCH_REPLY_ARENA_BYTES_MAX (64 * 1024 * 1024)
#define BATCH_REJECTIONS_MAX 1000
#define BATCH_REJECTION_BYTES_MAX                                                                  \
    (ROW_READER_FIELD_BYTES_MAX + ROW_READER_REASON_BYTES_MAX + sizeof(struct batch_rejection) + 64)

struct batch {
    struct batch_sender *sender;
    size_t rows_max;
    struct ds_buffer request;
    struct row_place *places; /* of the rows in the request */
    size_t row_count;
    struct ds_arena *arena;             /* of the rejections' texts */
    struct batch_rejection *rejections; /* of rows that were not sent */
    size_t rejection_count;
    struct row_place first;
    struct row_place last;
    struct row_place end;
    struct answer answer; /* without a method: none was sent */
    bool is_done;         /* nothing is under way; guarded by the sender's lock */
};

/* In the order of ingest_conflict_choices. */
static const uint64_t conflict_policies[] = {STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR,
                                             STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_FIRST,
                                             STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_LAST};

void batch_sender_init(struct batch_sender *sender, const struct connection *connection,
                       enum row_kind kind, int conflict)
{
    *sender = (struct batch_sender){.connection = connection,
                                    .method = row_kind_ingest_method(kind),
                                    .policy = conflict_policies[conflict]};
    pthread_mutex_init(&sender->lock, NULL);
    pthread_cond_init(&sender->done, NULL);
}

void batch_sender_deinit(struct batch_sender *sender)
{
    pthread_cond_destroy(&sender->done);
    pthread_mutex_destroy(&sender->lock);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

struct batch *batch_create(struct batch_sender *sender, size_t rows_max)
{
    struct batch *batch = allocate(1, sizeof(*batch));
    batch->sender = sender;
    batch->rows_max = rows_max;
    batch->places = allocate(rows_max, sizeof(batch->places[0]));
    batch->rejections = allocate(BATCH_REJECTIONS_MAX, sizeof(batch->rejections[0]));
    batch->arena = ds_arena_create(BATCH_REJECTIONS_MAX * BATCH_REJECTION_BYTES_MAX);
    batch->is_done = true;
    batch->answer.message = "";
    ds_buffer_init(&batch->request, sender->method->request_bytes_max);
    return batch;
}

void batch_destroy(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    const ds_code code = batch_wait(batch);
    (void)code;
    answer_release(&batch->answer);
    ds_buffer_deinit(&batch->request);
    ds_arena_destroy(batch->arena);
    free(batch->rejections);
    free(batch->places);
    free(batch);
}

void batch_clear(struct batch *batch)
{
    answer_release(&batch->answer);
    batch->answer = (struct answer){.message = ""};
    ds_buffer_clear(&batch->request);
    if (batch->rejection_count > 0) {
        ds_arena_destroy(batch->arena);
        batch->arena = ds_arena_create(BATCH_REJECTIONS_MAX * BATCH_REJECTION_BYTES_MAX);
    }
    batch->row_count = 0;
    batch->rejection_count = 0;
}

static void note_place(struct batch *batch, struct row_place place, struct row_place end)
{
    if (batch_is_empty(batch)) {
        batch->first = place;
    }
    batch->last = place;
    batch->end = end;
}

void batch_add(struct batch *batch, const struct row *row, struct row_place end)
{
    note_place(batch, row->place, end);
    ds_wire_write_bytes_field(&batch->request, INGEST_CALL_ROWS, row->wire);
    batch->places[batch->row_count++] = row->place;
}

void batch_reject(struct batch *batch, const struct row_fault *fault, struct row_place end)
{
    note_place(batch, fault->place, end);
    batch->rejections[batch->rejection_count++] = (struct batch_rejection){
        .place = fault->place,
        .field = ds_arena_copy_text(batch->arena, fault->field, strlen(fault->field)),
        .reason = ds_arena_copy_text(batch->arena, fault->reason, strlen(fault->reason))};
}

bool batch_is_full(const struct batch *batch)
{
    return batch->row_count == batch->rows_max || batch->request.size >= BATCH_BYTES_FULL ||
           batch->rejection_count == BATCH_REJECTIONS_MAX;
}

bool batch_is_empty(const struct batch *batch)
{
    return batch->row_count == 0 && batch->rejection_count == 0;
}

/* A deltastream_done_fn. */
static void finish_call(void *context, struct deltastream_reply *reply)
{
    struct batch *batch = context;
    struct batch_sender *sender = batch->sender;
    connection_take_reply(sender->method, reply, &batch->answer);
    pthread_mutex_lock(&sender->lock);
    batch->is_done = true;
    pthread_cond_broadcast(&sender->done);
    pthread_mutex_unlock(&sender->lock);
}

void batch_send(struct batch *batch)
{
    const struct batch_sender *sender = batch->sender;
    if (sender->connection == NULL || batch->row_count == 0) {
        return;
    }
    if (batch->answer.method == NULL) {
        ds_wire_write_varint_field(&batch->request, INGEST_CALL_CONFLICT_POLICY, sender->policy);
    }
    answer_release(&batch->answer);
    batch->is_done = false;
    connection_begin(sender->connection, sender->method, ds_buffer_bytes(&batch->request),
                     finish_call, batch);
}

bool batch_is_done(struct batch *batch)
{
    pthread_mutex_lock(&batch->sender->lock);
    const bool is_done = batch->is_done;
    pthread_mutex_unlock(&batch->sender->lock);
    return is_done;
}

ds_code batch_wait(struct batch *batch)
{
    pthread_mutex_lock(&batch->sender->lock);
    while (!batch->is_done) {
        pthread_cond_wait(&batch->sender->done, &batch->sender->lock);
    }
    pthread_mutex_unlock(&batch->sender->lock);
    return batch->answer.code;
}

static bool is_before(struct row_place a, struct row_place b)
{
    return a.line != b.line ? a.line < b.line : a.offset < b.offset;
}

/* Where the reply's list names the row; the batch's end where it names none of this batch. */
static struct row_place place_of(const struct batch *batch, int32_t index)
{
    const bool is_known = index >= 0 && (size_t)index < batch->row_count;
    return is_known ? batch->places[index] : batch->end;
}

/* Both lists are in the order of the input. */
static void tell_merged(const struct batch *batch, const Storage__IngestTicksResponse *reply,
                        void (*tell)(void *context, const struct batch_rejection *rejection),
                        void *context)
{
    const size_t refused_count = reply == NULL ? 0 : reply->n_rejected;
    size_t own = 0;
    size_t refused = 0;
    while (own < batch->rejection_count || refused < refused_count) {
        struct batch_rejection next = {.field = ""};
        if (refused < refused_count) {
            next.place = place_of(batch, reply->rejected[refused]->index);
            next.reason = reply->rejected[refused]->reason;
        }
        if (refused == refused_count ||
            (own < batch->rejection_count && is_before(batch->rejections[own].place, next.place))) {
            next = batch->rejections[own++];
        } else {
            refused++;
        }
        tell(context, &next);
    }
}

static void count_reply(const Storage__IngestTicksResponse *reply, struct batch_counts *counts)
{
    counts->accepted = (uint64_t)reply->accepted;
    counts->duplicate = (uint64_t)reply->duplicate;
    counts->late = (uint64_t)reply->late;
    counts->rejected += reply->n_rejected;
}

ds_code batch_read_reply(struct batch *batch, struct batch_counts *ret_counts,
                         void (*tell)(void *context, const struct batch_rejection *rejection),
                         void *context)
{
    struct batch_counts counts = {.row_count = batch->row_count + batch->rejection_count,
                                  .rejected = batch->rejection_count};
    if (batch->answer.method == NULL) {
        tell_merged(batch, NULL, tell, context);
        *ret_counts = counts;
        return DS_OK;
    }
    struct ds_arena *arena = ds_arena_create(BATCH_REPLY_ARENA_BYTES_MAX);
    const Storage__IngestTicksResponse *reply = NULL;
    const ds_code code = ingest_call_read(&batch->answer, arena, &reply);
    if (code == DS_OK) {
        count_reply(reply, &counts);
        tell_merged(batch, reply, tell, context);
        *ret_counts = counts;
    } else {
        status_print(stderr, code, batch->answer.message, batch->answer.status_details);
    }
    ds_arena_destroy(arena);
    return code;
}

const struct answer *batch_answer(const struct batch *batch)
{
    return &batch->answer;
}

struct row_place batch_first_place(const struct batch *batch)
{
    return batch->first;
}

struct row_place batch_last_place(const struct batch *batch)
{
    return batch->last;
}

struct row_place batch_end(const struct batch *batch)
{
    return batch->end;
}
