/*
 * When a call that failed is made again: gRPC's proposal A6. A channel has one policy and one
 * bucket of tokens; every failure takes a token and every success gives a part of one back, so that
 * a service in trouble is not asked twice by everybody.
 */
#ifndef DS_RPC_RETRY_H
#define DS_RPC_RETRY_H

#include "ds/code.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DS_RETRY_ATTEMPTS_MAX 5

#define DS_RETRY_ON(code) (1U << (unsigned int)(code))

struct ds_retry_policy {
    uint32_t attempts_max; /* with the first; 0 or 1: none but the first; limited to
                              DS_RETRY_ATTEMPTS_MAX */
    uint32_t initial_backoff_ms;
    uint32_t backoff_ms_max;
    double backoff_multiplier; /* over 1; 0: 2 */
    double jitter;             /* 0.2: each wait is drawn from 80 % to 120 % of what is due */
    uint32_t retryable_codes;  /* DS_RETRY_ON(DS_UNAVAILABLE) | … */
    bool reads_only;           /* methods of NO_SIDE_EFFECTS, and not what is merely idempotent */
    uint32_t tokens_max;       /* of the bucket; 0: no bucket */
    double token_ratio;        /* what a success gives back; 0: 0.1 */
};

/*
 * How long to wait before attempt `attempt` (1: the first retry): the initial backoff, multiplied
 * for each attempt before, at most the longest, with jitter by `random` (each value as likely as
 * any other).
 */
uint32_t ds_retry_backoff_ms(const struct ds_retry_policy *policy, uint32_t attempt,
                             uint32_t random);

/* The bucket, in thousandths of a token. Any thread. */
struct ds_retry_bucket {
    int32_t full; /* 0: always enough */
    int32_t gain;
    _Atomic int32_t filled;
};

void ds_retry_bucket_init(struct ds_retry_bucket *bucket, const struct ds_retry_policy *policy);
void ds_retry_bucket_give(struct ds_retry_bucket *bucket);

/* Takes a token; true where more than half of the bucket is left, so that a retry may be made. */
bool ds_retry_bucket_take(struct ds_retry_bucket *bucket);

#endif
