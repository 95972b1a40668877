/* The newest tick that is stored of a product: where a feed that starts again goes on. */
#ifndef FEED_LATEST_TICK_H
#define FEED_LATEST_TICK_H

#include "clients/feed/direct_call.h"
#include "clients/feed/walk.h"

/* DS_NOT_FOUND where the product has no ticks; another failure is the call's and is logged. What
 * the tick does not have is its price, and tick_id -1. Waits for the reply. */
DS_MUST_USE ds_code latest_tick_read(struct direct_caller *caller, const struct product *product,
                                     struct walk_tick *ret_tick, int64_t *ret_timestamp_us);

#endif
