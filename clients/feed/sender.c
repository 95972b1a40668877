#include "clients/feed/sender.h"

#include "clients/common/ingest_call.h"
#include "ds/wire.h"

#include <assert.h>
#include <stdlib.h>

#define DEFAULT_BATCH_ROWS 1000
#define BATCH_ROWS_MAX 10000
/* A batch is sent that has so much; with one row more it stays below what the methods take. */
#define BATCH_BYTES (1024 * 1024)
#define BATCH_BYTES_MAX (4 * 1024 * 1024)
#define REPLY_ARENA_BYTES_MAX (8 * 1024 * 1024)

/* The rows of one kind. */
struct batch {
    const struct ds_method *method;
    struct ds_buffer request;
    uint32_t row_count; /* in the request */
    struct sender_counts counts;
};

struct sender {
    struct sender_options options;
    struct batch batches[ROW_KIND_COUNT]; /* without that of ROW_KIND_AUTO */
    uint64_t added_count;
    uint64_t retry_count;
};

struct sender *sender_create(const struct sender_options *options)
{
    struct sender *sender = calloc(1, sizeof(*sender));
    if (sender == NULL) {
        abort();
    }
    assert(options->retry_max == 0 || options->wait != NULL);
    assert(options->batch_rows <= BATCH_ROWS_MAX);
    sender->options = *options;
    if (sender->options.batch_rows == 0) {
        sender->options.batch_rows = DEFAULT_BATCH_ROWS;
    }
    for (int i = ROW_KIND_TICKS; i < ROW_KIND_COUNT; i++) {
        struct batch *batch = &sender->batches[i];
        batch->method = row_kind_ingest_method((enum row_kind)i);
        ds_buffer_init(&batch->request, BATCH_BYTES_MAX);
    }
    return sender;
}

void sender_destroy(struct sender *sender)
{
    if (sender == NULL) {
        return;
    }
    for (int i = ROW_KIND_TICKS; i < ROW_KIND_COUNT; i++) {
        ds_buffer_deinit(&sender->batches[i].request);
    }
    free(sender);
}

static void count_reply(struct sender *sender, enum row_kind kind,
                        const Storage__IngestTicksResponse *reply)
{
    struct batch *batch = &sender->batches[kind];
    batch->counts.rows += batch->row_count;
    batch->counts.accepted += (uint64_t)reply->accepted;
    batch->counts.duplicate += (uint64_t)reply->duplicate;
    batch->counts.late += (uint64_t)reply->late;
    batch->counts.rejected += reply->n_rejected;
    if (sender->options.tell_rejected == NULL) {
        return;
    }
    for (size_t i = 0; i < reply->n_rejected; i++) {
        sender->options.tell_rejected(sender->options.context, kind, reply->rejected[i]->reason);
    }
}

static ds_code read_reply(struct sender *sender, enum row_kind kind, struct answer *answer)
{
    struct ds_arena *arena = ds_arena_create(REPLY_ARENA_BYTES_MAX);
    const Storage__IngestTicksResponse *reply = NULL;
    const ds_code code = ingest_call_read(answer, arena, &reply);
    if (code == DS_OK) {
        count_reply(sender, kind, reply);
    }
    ds_arena_destroy(arena);
    return code;
}

static void tell_failure(const struct sender *sender, const struct answer *answer)
{
    if (sender->options.tell_failure != NULL) {
        sender->options.tell_failure(sender->options.context, answer);
    }
}

/* Makes the call until it comes through or may not be made again. The caller releases the answer.
 */
static ds_code call_with_retries(struct sender *sender, const struct batch *batch,
                                 struct answer *answer)
{
    const struct sender_options *options = &sender->options;
    for (uint32_t attempt = 0;; attempt++) {
        options->call(options->call_context, batch->method, ds_buffer_bytes(&batch->request),
                      answer);
        if (answer->code == DS_OK || attempt == options->retry_max ||
            !ingest_call_may_retry(answer)) {
            return answer->code;
        }
        if (!options->wait(options->context, ingest_call_retry_ms(answer, attempt))) {
            return DS_CANCELLED;
        }
        answer_release(answer);
        sender->retry_count++;
    }
}

static void batch_drop(struct batch *batch)
{
    ds_buffer_clear(&batch->request);
    batch->row_count = 0;
}

static ds_code send_batch(struct sender *sender, enum row_kind kind)
{
    struct batch *batch = &sender->batches[kind];
    if (batch->row_count == 0) {
        return DS_OK;
    }
    struct answer answer;
    ds_code code = call_with_retries(sender, batch, &answer);
    if (code == DS_OK) {
        code = read_reply(sender, kind, &answer);
    }
    if (code != DS_OK) {
        tell_failure(sender, &answer);
    }
    answer_release(&answer);
    batch_drop(batch);
    return code;
}

ds_code sender_add(struct sender *sender, enum row_kind kind, struct ds_bytes row)
{
    struct batch *batch = &sender->batches[kind];
    if (row.size > SENDER_ROW_BYTES_MAX) {
        return DS_INVALID_ARGUMENT;
    }
    ds_wire_write_bytes_field(&batch->request, INGEST_CALL_ROWS, row);
    batch->row_count++;
    sender->added_count++;
    assert(!batch->request.overflow);
    if (batch->row_count == sender->options.batch_rows || batch->request.size >= BATCH_BYTES) {
        return send_batch(sender, kind);
    }
    return DS_OK;
}

ds_code sender_flush(struct sender *sender)
{
    ds_code code = DS_OK;
    for (int i = ROW_KIND_TICKS; i < ROW_KIND_COUNT; i++) {
        if (code == DS_OK) {
            code = send_batch(sender, (enum row_kind)i);
        } else {
            /* One failure is told once, and waited for once. */
            batch_drop(&sender->batches[i]);
        }
    }
    return code;
}

struct sender_counts sender_counts(const struct sender *sender, enum row_kind kind)
{
    return sender->batches[kind].counts;
}

struct sender_counts sender_total(const struct sender *sender)
{
    struct sender_counts total = {0};
    for (int i = ROW_KIND_TICKS; i < ROW_KIND_COUNT; i++) {
        const struct sender_counts *counts = &sender->batches[i].counts;
        total.rows += counts->rows;
        total.accepted += counts->accepted;
        total.duplicate += counts->duplicate;
        total.late += counts->late;
        total.rejected += counts->rejected;
    }
    return total;
}

uint64_t sender_added(const struct sender *sender)
{
    return sender->added_count;
}

uint64_t sender_retries(const struct sender *sender)
{
    return sender->retry_count;
}
