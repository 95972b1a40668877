/*
 * Rows on their way to the storage service: collected by kind, sent in batches through the RPCs,
 * and counted by what became of them. One thread at a time.
 */
#ifndef FEED_SENDER_H
#define FEED_SENDER_H

#include "clients/common/answer.h"
#include "clients/common/row_kind.h"
#include "ds/buffer.h"

/* Of a row: 1 MiB is also what import takes. */
#define SENDER_ROW_BYTES_MAX (1024 * 1024)

struct sender_counts {
    uint64_t rows; /* that the service answered for */
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t late;
    uint64_t rejected;
};

struct sender_options {
    answer_call_fn call; /* to the storage service */
    void *call_context;
    uint32_t batch_rows; /* sent together at most; 0: 1000; at most 10000 */
    /*
     * How often a batch is sent again that the service could not take just now, as
     * ingest_call_may_retry() says; 0: never. `wait` waits in between, as long as
     * ingest_call_retry_ms() says, and returns false where it's over; NULL only with retry_max 0.
     */
    uint32_t retry_max;
    bool (*wait)(void *context, uint32_t milliseconds);
    /* Tells about a call that failed and is not made again; NULL: nobody is told. */
    void (*tell_failure)(void *context, const struct answer *answer);
    /* Tells about a row that the service refused; NULL: it is only counted. */
    void (*tell_rejected)(void *context, enum row_kind kind, const char *reason);
    void *context;
};

struct sender;

struct sender *sender_create(const struct sender_options *options);

/* Takes NULL. Rows that were not sent are lost. */
void sender_destroy(struct sender *sender);

/*
 * Takes a row of that kind, which is not ROW_KIND_AUTO, on the wire, and sends a batch that is full
 * with it. A failure is that of the call; DS_CANCELLED where `wait` ended the work;
 * DS_INVALID_ARGUMENT for a row above SENDER_ROW_BYTES_MAX. A batch that could not be sent is
 * dropped.
 */
DS_MUST_USE ds_code sender_add(struct sender *sender, enum row_kind kind, struct ds_bytes row);

/* Sends what is collected; behind a batch that fails the others are dropped. Codes as of
 * sender_add().
 */
DS_MUST_USE ds_code sender_flush(struct sender *sender);

/* What became of the rows of one kind so far. */
struct sender_counts sender_counts(const struct sender *sender, enum row_kind kind);

/* The same of all kinds together. */
struct sender_counts sender_total(const struct sender *sender);

/* How many rows it took, sent or not. */
uint64_t sender_added(const struct sender *sender);

/* How often a batch was sent again. */
uint64_t sender_retries(const struct sender *sender);

#endif
