/* One moment of the market as rows in a sender. */
#ifndef FEED_MARKET_SEND_H
#define FEED_MARKET_SEND_H

#include "clients/feed/market.h"
#include "clients/feed/sender.h"

#define FEED_KINDS_OPTIONS (1U << ROW_KIND_QUOTES | 1U << ROW_KIND_CHAINS)
#define FEED_KINDS_ALL (1U << ROW_KIND_TICKS | FEED_KINDS_OPTIONS)

/*
 * Adds what the product shows at the moment it is at: `kinds` has a bit 1 << kind for each kind
 * that is wanted. `row` is room to pack a row in, used by nobody else. Codes as of sender_add().
 */
DS_MUST_USE ds_code market_send(const struct market *market, size_t product_index, uint32_t kinds,
                                struct ds_buffer *row, struct sender *sender);

#endif
