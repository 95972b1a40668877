/*
 * Calls that store rows, as every client makes them. IngestTicks, IngestQuotes and IngestChains
 * differ in the type of their rows only: the fields of their requests and replies have the same
 * numbers, so that one piece serves all three. Nothing here blocks; any thread.
 */
#ifndef CLIENTS_INGEST_CALL_H
#define CLIENTS_INGEST_CALL_H

#include "clients/common/answer.h"
#include "deltastream/storage/v1/ingest.pb-c.h"
#include "ds/arena.h"

/* The numbers of a request's fields. */
#define INGEST_CALL_ROWS 1
#define INGEST_CALL_CONFLICT_POLICY 2

/* No wait between two attempts is longer, whatever the service asks for. */
#define INGEST_CALL_RETRY_MS_MAX 10000

/* The reply of a call that ended with DS_OK, whichever the method; as reply_unpack(). */
DS_MUST_USE ds_code ingest_call_read(struct answer *answer, struct ds_arena *arena,
                                     const Storage__IngestTicksResponse **ret_reply);

/* Whether a call that failed is worth making again as it is: the service is away, has no room or
 * was too slow. Rows that were stored all the same are duplicates then. */
bool ingest_call_may_retry(const struct answer *answer);

/* How long to wait before it is made again: longer with every attempt, of which the first is 0, and
 * at least as long as the service asked for. */
uint32_t ingest_call_retry_ms(const struct answer *answer, uint32_t attempt);

#endif
