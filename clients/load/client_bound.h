/*
 * Whether the figures of a run are those of the client and not of the server. That is so where
 *  - a thread of ours used more than 90 % of a core,
 *  - all of them together used more than 90 % of the cores that this process may use,
 *  - in the open models, flows were begun later than planned: at the 99th percentile by more than
 *    1 ms and by more than a tenth of the latency's 99th percentile. What waits for a connection
 *    or for the server has begun and does not count.
 */
#ifndef LOAD_CLIENT_BOUND_H
#define LOAD_CLIENT_BOUND_H

#include <stdint.h>

struct load_client_use {
    double busiest_share; /* of a core, by the busiest thread */
    double whole_share;   /* of the cores that this process may use */
    int64_t lateness_p99_ns;
    int64_t latency_p99_ns;
};

/* Why, static; "" where they are not. */
const char *load_client_bound(const struct load_client_use *use);

#endif
