/* What the engines of the market store share and nobody else needs. */
#ifndef STORAGE_STORE_MARKET_INTERNAL_H
#define STORAGE_STORE_MARKET_INTERNAL_H

#include "storage/store/market_store.h"

/* "ticks": the first part of an event's topic and the name of what an engine keeps the rows in. */
const char *market_kind_name(enum market_kind kind);

/* Asserts what market_store.h asks of a batch: its callers check their input before. */
void market_batch_assert(const struct market_batch *batch);

/* The bytes of all values and series names of the batch. */
size_t market_batch_bytes(const struct market_batch *batch);

/* What becomes of a row whose key is stored already. With MARKET_ACCEPTED it takes the stored one's
 * place. */
enum market_outcome market_outcome_of_stored(enum market_conflict conflict, struct ds_bytes stored,
                                             const struct market_row *row);

/* Publishes the accepted rows of a batch whose outcomes stand, in their order. */
void market_publish_accepted(const struct ds_event_sink *sink, const struct market_batch *batch);

#endif
