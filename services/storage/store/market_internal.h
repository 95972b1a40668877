/* What the engines of the market store share and nobody else needs. */
#ifndef STORAGE_STORE_MARKET_INTERNAL_H
#define STORAGE_STORE_MARKET_INTERNAL_H

#include "storage/store/market_store.h"

/* Whether series of the kind belong to groups. */
bool market_kind_is_grouped(enum market_kind kind);

/* Assert what market_store.h asks of its callers: they check their input before. */
void market_batch_assert(const struct market_batch *batch);
void market_scan_assert(const struct market_scan *scan);
void market_delete_assert(const struct market_delete *order);

/* What tells a series of chains from others of its group: what follows the group and '/'. */
struct market_tie market_member_of(struct ds_bytes series, struct ds_bytes group);

/* The bytes of all values, series' and groups' names of the batch. */
size_t market_batch_bytes(const struct market_batch *batch);

/* What becomes of a row whose key is stored already. With MARKET_ACCEPTED it takes the stored one's
 * place. */
enum market_outcome market_outcome_of_stored(enum market_conflict conflict, struct ds_bytes stored,
                                             const struct market_row *row);

/* Publishes the accepted rows of a batch whose outcomes stand, in their order. */
void market_publish_accepted(const struct ds_event_sink *sink, const struct market_batch *batch);

#endif
