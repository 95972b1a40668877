#include "ds/rate_limit.h"

#include "ds/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* A token has a million parts, of which a bucket gains per_second in each microsecond. */
#define PARTS_PER_TOKEN 1000000
#define FNV_PRIME UINT64_C(0x100000001b3)

struct bucket {
    uint8_t key[DS_RATE_KEY_BYTES_MAX];
    size_t key_bytes;
    int64_t level;       /* in parts of a token, as of updated_us */
    int64_t updated_us;  /* the latest time that it was told */
    struct bucket *next; /* in its slot */
    struct bucket *older;
    struct bucket *newer;
};

struct ds_rate_limiter {
    int64_t per_second;
    int64_t level_max;
    size_t buckets_max;
    size_t slot_mask;
    uint64_t seed;
    pthread_mutex_t mutex; /* guards what follows */
    size_t bucket_count;
    struct bucket *buckets; /* buckets_max of them, the first bucket_count in use */
    struct bucket **slots;
    struct bucket *oldest; /* by their last use */
    struct bucket *newest;
};

static void *calloc_or_abort(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

struct ds_rate_limiter *ds_rate_limiter_create(uint32_t per_second, uint32_t burst,
                                               size_t buckets_max)
{
    assert(per_second > 0 && per_second <= DS_RATE_PER_SECOND_MAX);
    assert(burst > 0 && burst <= DS_RATE_BURST_MAX && buckets_max > 0);
    struct ds_rate_limiter *limiter = calloc_or_abort(1, sizeof *limiter);
    size_t slots = 1;
    while (slots < buckets_max) {
        slots *= 2;
    }
    limiter->per_second = per_second;
    limiter->level_max = (int64_t)burst * PARTS_PER_TOKEN;
    limiter->buckets_max = buckets_max;
    limiter->slot_mask = slots - 1;
    limiter->seed = ds_epoch_draw();
    limiter->buckets = calloc_or_abort(buckets_max, sizeof *limiter->buckets);
    limiter->slots = calloc_or_abort(slots, sizeof *limiter->slots);
    pthread_mutex_init(&limiter->mutex, NULL);
    return limiter;
}

void ds_rate_limiter_destroy(struct ds_rate_limiter *limiter)
{
    if (limiter == NULL) {
        return;
    }
    pthread_mutex_destroy(&limiter->mutex);
    free(limiter->slots);
    free(limiter->buckets);
    free(limiter);
}

static struct bucket **slot_of(struct ds_rate_limiter *limiter, struct ds_bytes key)
{
    uint64_t hash = limiter->seed;
    for (size_t i = 0; i < key.size; i++) {
        hash = (hash ^ key.data[i]) * FNV_PRIME;
    }
    return &limiter->slots[(hash ^ hash >> 32) & limiter->slot_mask];
}

static struct ds_bytes key_of(const struct bucket *bucket)
{
    return ds_bytes_of(bucket->key, bucket->key_bytes);
}

static void age_unlink(struct ds_rate_limiter *limiter, struct bucket *bucket)
{
    *(bucket->older != NULL ? &bucket->older->newer : &limiter->oldest) = bucket->newer;
    *(bucket->newer != NULL ? &bucket->newer->older : &limiter->newest) = bucket->older;
}

static void age_push(struct ds_rate_limiter *limiter, struct bucket *bucket)
{
    bucket->newer = NULL;
    bucket->older = limiter->newest;
    *(limiter->newest != NULL ? &limiter->newest->newer : &limiter->oldest) = bucket;
    limiter->newest = bucket;
}

static void slot_unlink(struct ds_rate_limiter *limiter, struct bucket *bucket)
{
    struct bucket **link = slot_of(limiter, key_of(bucket));
    while (*link != bucket) {
        link = &(*link)->next;
    }
    *link = bucket->next;
}

/* An unused bucket, or the oldest one. */
static struct bucket *take_bucket(struct ds_rate_limiter *limiter)
{
    if (limiter->bucket_count < limiter->buckets_max) {
        return &limiter->buckets[limiter->bucket_count++];
    }
    struct bucket *bucket = limiter->oldest;
    age_unlink(limiter, bucket);
    slot_unlink(limiter, bucket);
    return bucket;
}

static struct bucket *add_bucket(struct ds_rate_limiter *limiter, struct ds_bytes key,
                                 int64_t now_us)
{
    struct bucket *bucket = take_bucket(limiter);
    struct bucket **slot = slot_of(limiter, key);
    *bucket = (struct bucket){
        .key_bytes = key.size, .level = limiter->level_max, .updated_us = now_us, .next = *slot};
    if (key.size > 0) {
        memcpy(bucket->key, key.data, key.size);
    }
    *slot = bucket;
    age_push(limiter, bucket);
    return bucket;
}

static struct bucket *bucket_of(struct ds_rate_limiter *limiter, struct ds_bytes key,
                                int64_t now_us)
{
    for (struct bucket *bucket = *slot_of(limiter, key); bucket != NULL; bucket = bucket->next) {
        if (ds_bytes_equal(key_of(bucket), key)) {
            age_unlink(limiter, bucket);
            age_push(limiter, bucket);
            return bucket;
        }
    }
    return add_bucket(limiter, key, now_us);
}

/* Threads may tell their times in another order than they read the clock. */
static void fill(const struct ds_rate_limiter *limiter, struct bucket *bucket, int64_t now_us)
{
    const int64_t elapsed_us = now_us - bucket->updated_us;
    if (elapsed_us <= 0) {
        return;
    }
    const int64_t lacking = limiter->level_max - bucket->level;
    bucket->level = elapsed_us > lacking / limiter->per_second
                        ? limiter->level_max
                        : bucket->level + elapsed_us * limiter->per_second;
    bucket->updated_us = now_us;
}

bool ds_rate_limiter_take(struct ds_rate_limiter *limiter, struct ds_bytes key, int64_t now_us,
                          int64_t *ret_wait_us)
{
    if (key.size > DS_RATE_KEY_BYTES_MAX) {
        key.size = DS_RATE_KEY_BYTES_MAX;
    }
    pthread_mutex_lock(&limiter->mutex);
    struct bucket *bucket = bucket_of(limiter, key, now_us);
    fill(limiter, bucket, now_us);
    const int64_t lacking = PARTS_PER_TOKEN - bucket->level;
    if (lacking <= 0) {
        bucket->level -= PARTS_PER_TOKEN;
    }
    pthread_mutex_unlock(&limiter->mutex);
    if (lacking > 0) {
        *ret_wait_us = (lacking + limiter->per_second - 1) / limiter->per_second;
    }
    return lacking <= 0;
}
