/* The demo feed: a synthetic market that writes ticks, quotes and chains through the RPCs from a
 * thread of its own. */
#ifndef FEED_FEED_H
#define FEED_FEED_H

#include "ds/rpc_client.h"

struct feed;

struct feed_options {
    struct ds_channel *channel;   /* to the storage service; outlives the feed */
    const struct ds_clock *clock; /* NULL: the system's; of the rows' times */
    uint64_t seed;
    uint32_t interval_ms;        /* between two ticks of a product; 0: 250 */
    uint32_t option_interval_ms; /* between two chains of a product, and their quotes; 0: 15,000; in
                                    whole intervals of ticks */
    uint32_t expiry_count;       /* of each product; 0: 2, the next weekly one and a monthly one */
};

/*
 * Fills in the past of products that have none (ticks of two hours, quotes and chains of five
 * minutes), lets the others go on where they are, then starts the thread. Rows of the past are
 * there when it returns. Waits for the service. A failure is that of a call; its reason is in the
 * log.
 */
DS_MUST_USE ds_code feed_start(const struct feed_options *options, struct feed **ret_feed);

/* Ends the thread after the call it is in. Takes NULL. */
void feed_stop(struct feed *feed);

#endif
