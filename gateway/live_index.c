#include "gateway/live_index.h"

#include "ds/epoch.h"

#include <assert.h>
#include <stdlib.h>

#define BUCKETS_MIN 64

static struct live_key **buckets_create(size_t count)
{
    struct live_key **buckets = calloc(count, sizeof(*buckets));
    if (buckets == NULL) {
        abort();
    }
    return buckets;
}

void live_index_init(struct live_index *index)
{
    *index = (struct live_index){.buckets = buckets_create(BUCKETS_MIN),
                                 .bucket_count = BUCKETS_MIN,
                                 .secret = ds_epoch_draw()};
}

void live_index_deinit(struct live_index *index)
{
    assert(index->key_count == 0 && index->link_count == 0);
    free(index->buckets);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t live_index_hash(const struct live_index *index, unsigned int kind, struct ds_bytes text)
{
    static const uint64_t odd = 0x9E3779B97F4A7C15U;
    uint64_t hash = mix(index->secret ^ text.size, odd ^ kind);
    while (text.size > 0) {
        uint64_t word = 0;
        const size_t bytes = text.size < sizeof word ? text.size : sizeof word;
        memcpy(&word, text.data, bytes);
        hash = mix(hash ^ word, index->secret | 1);
        ds_bytes_skip(&text, bytes);
    }
    return mix(hash, odd);
}

static struct live_key **bucket_of(const struct live_index *index, uint64_t hash)
{
    return &index->buckets[hash & (index->bucket_count - 1)];
}

static struct live_key *find(const struct live_index *index, uint64_t hash, unsigned int kind,
                             struct ds_bytes text)
{
    for (struct live_key *key = *bucket_of(index, hash); key != NULL; key = key->next) {
        if (key->hash == hash && key->kind == kind &&
            ds_bytes_equal(ds_bytes_of(key->text, key->size), text)) {
            return key;
        }
    }
    return NULL;
}

struct live_key *live_index_find(const struct live_index *index, unsigned int kind,
                                 struct ds_bytes text)
{
    return find(index, live_index_hash(index, kind, text), kind, text);
}

static void grow(struct live_index *index)
{
    struct live_key **old = index->buckets;
    const size_t old_count = index->bucket_count;
    index->bucket_count = 2 * old_count;
    index->buckets = buckets_create(index->bucket_count);
    for (size_t i = 0; i < old_count; i++) {
        struct live_key *next = NULL;
        for (struct live_key *key = old[i]; key != NULL; key = next) {
            struct live_key **bucket = bucket_of(index, key->hash);
            next = key->next;
            key->next = *bucket;
            *bucket = key;
        }
    }
    free(old);
}

static struct live_key *add(struct live_index *index, uint64_t hash, unsigned int kind,
                            struct ds_bytes text)
{
    struct live_key *key = malloc(sizeof(*key) + text.size);
    if (key == NULL) {
        abort();
    }
    assert(text.size > 0 && text.size <= UINT8_MAX);
    if (index->key_count == index->bucket_count) {
        grow(index);
    }
    struct live_key **bucket = bucket_of(index, hash);
    *key = (struct live_key){
        .next = *bucket, .hash = hash, .kind = (uint8_t)kind, .size = (uint8_t)text.size};
    memcpy(key->text, text.data, text.size);
    live_node_init(&key->links);
    *bucket = key;
    index->key_count++;
    return key;
}

struct live_link *live_index_link(struct live_index *index, unsigned int kind, struct ds_bytes text,
                                  struct live_subscription *subscription)
{
    const uint64_t hash = live_index_hash(index, kind, text);
    struct live_key *key = find(index, hash, kind, text);
    if (key == NULL) {
        key = add(index, hash, kind, text);
    }
    struct live_link *link = malloc(sizeof(*link));
    if (link == NULL) {
        abort();
    }
    *link = (struct live_link){.key = key, .subscription = subscription};
    live_node_init(&link->in_key);
    live_list_append(&key->links, &link->in_key);
    index->link_count++;
    return link;
}

static void drop(struct live_index *index, struct live_key *key)
{
    struct live_key **place = bucket_of(index, key->hash);
    while (*place != key) {
        place = &(*place)->next;
    }
    *place = key->next;
    index->key_count--;
    free(key);
}

void live_index_unlink(struct live_index *index, struct live_link *link)
{
    struct live_key *key = link->key;
    live_node_remove(&link->in_key);
    free(link);
    index->link_count--;
    if (live_node_is_alone(&key->links)) {
        drop(index, key);
    }
}
