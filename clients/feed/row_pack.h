/* The market's numbers as rows on the wire. Derived fields of a chain are left to the service. */
#ifndef FEED_ROW_PACK_H
#define FEED_ROW_PACK_H

#include "clients/feed/option_chain.h"
#include "clients/feed/walk.h"
#include "ds/buffer.h"

/* Each appends one message to `target`; its limit sets overflow. */
void row_pack_tick(const struct product *product, const struct walk_tick *tick,
                   int64_t timestamp_us, struct ds_buffer *target);

/* Quote number `index` of the chain's calls or puts. */
void row_pack_quote(const struct option_chain *chain, bool is_put, size_t index,
                    struct ds_buffer *target);

/* The quotes in it are those of row_pack_quote(), field by field. */
void row_pack_chain(const struct option_chain *chain, struct ds_buffer *target);

#endif
