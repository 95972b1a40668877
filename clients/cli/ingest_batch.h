/* Rows that are sent together, and what became of each. Private to ingest. */
#ifndef CLI_INGEST_BATCH_H
#define CLI_INGEST_BATCH_H

#include "clients/cli/connection.h"
#include "clients/cli/row_reader.h"

#include <pthread.h>

/* What the batches of one run share. */
struct batch_sender {
    const struct connection *connection; /* NULL: nothing is sent */
    const struct ds_method *method;
    uint64_t policy;
    pthread_mutex_t lock; /* guards the batches' is_done */
    pthread_cond_t done;
};

struct batch_rejection {
    struct row_place place;
    const char *field; /* "" where the whole row is at fault */
    const char *reason;
};

struct batch_counts {
    uint64_t row_count; /* sound or not */
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t late;
    uint64_t rejected;
};

struct batch;

/* `conflict` is one of ingest_conflict_choices. */
void batch_sender_init(struct batch_sender *sender, const struct connection *connection,
                       enum row_kind kind, int conflict);
void batch_sender_deinit(struct batch_sender *sender);

struct batch *batch_create(struct batch_sender *sender, size_t rows_max);

/* Takes NULL. Waits for its call. */
void batch_destroy(struct batch *batch);

/* Empty again, its call's answer given back. Not while it is under way. */
void batch_clear(struct batch *batch);

/* Neither is called on a full batch. `end` is behind the row. */
void batch_add(struct batch *batch, const struct row *row, struct row_place end);
void batch_reject(struct batch *batch, const struct row_fault *fault, struct row_place end);

bool batch_is_full(const struct batch *batch);
bool batch_is_empty(const struct batch *batch);

/* Makes its call, or none where there is nothing to send. Does not wait. */
void batch_send(struct batch *batch);

/* Whether batch_wait() would not wait. */
bool batch_is_done(struct batch *batch);
ds_code batch_wait(struct batch *batch);

/* Of a batch that was answered: what became of its rows. `tell` gets the rejected ones in the order
 * of the input. DS_DATA_LOSS, which has been told, where the reply is damaged. */
DS_MUST_USE ds_code batch_read_reply(struct batch *batch, struct batch_counts *ret_counts,
                                     void (*tell)(void *context,
                                                  const struct batch_rejection *rejection),
                                     void *context);

const struct answer *batch_answer(const struct batch *batch);
struct row_place batch_first_place(const struct batch *batch);
struct row_place batch_last_place(const struct batch *batch);
struct row_place batch_end(const struct batch *batch);

#endif
