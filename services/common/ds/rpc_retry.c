#include "ds/rpc_retry.h"

#define MULTIPLIER_DEFAULT 2.0
#define TOKEN_RATIO_DEFAULT 0.1
#define THOUSAND 1000
#define TOKENS_LIMIT 1000000

uint32_t ds_retry_backoff_ms(const struct ds_retry_policy *policy, uint32_t attempt,
                             uint32_t random)
{
    const double multiplier =
        policy->backoff_multiplier > 0 ? policy->backoff_multiplier : MULTIPLIER_DEFAULT;
    double backoff_ms = policy->initial_backoff_ms;
    for (uint32_t i = 1; i < attempt && backoff_ms < policy->backoff_ms_max; i++) {
        backoff_ms *= multiplier;
    }
    if (backoff_ms > policy->backoff_ms_max) {
        backoff_ms = policy->backoff_ms_max;
    }
    const double draw = 2.0 * random / UINT32_MAX - 1.0; /* from -1 to 1 */
    return (uint32_t)(backoff_ms * (1.0 + policy->jitter * draw) + 0.5);
}

void ds_retry_bucket_init(struct ds_retry_bucket *bucket, const struct ds_retry_policy *policy)
{
    const double ratio = policy->token_ratio > 0 ? policy->token_ratio : TOKEN_RATIO_DEFAULT;
    const uint32_t tokens = policy->tokens_max < TOKENS_LIMIT ? policy->tokens_max : TOKENS_LIMIT;
    bucket->full = (int32_t)(tokens * THOUSAND);
    bucket->gain = (int32_t)(ratio * THOUSAND + 0.5);
    atomic_init(&bucket->filled, bucket->full);
}

static void add(struct ds_retry_bucket *bucket, int32_t difference)
{
    int32_t before = atomic_load(&bucket->filled);
    int32_t after;
    do {
        after = before + difference;
        after = after < 0 ? 0 : after;
        after = after > bucket->full ? bucket->full : after;
    } while (!atomic_compare_exchange_weak(&bucket->filled, &before, after));
}

void ds_retry_bucket_give(struct ds_retry_bucket *bucket)
{
    /* The common case is a full bucket, which is only read: every call passes here. */
    if (atomic_load_explicit(&bucket->filled, memory_order_relaxed) < bucket->full) {
        add(bucket, bucket->gain);
    }
}

bool ds_retry_bucket_take(struct ds_retry_bucket *bucket)
{
    if (bucket->full == 0) {
        return true;
    }
    add(bucket, -THOUSAND);
    return atomic_load(&bucket->filled) > bucket->full / 2;
}
