/* Who wants which key: a hash of (kind, key) to the subscriptions that have it. */
#ifndef GATEWAY_LIVE_INDEX_H
#define GATEWAY_LIVE_INDEX_H

#include "ds/bytes.h"
#include "gateway/live_list.h"

struct live_subscription;

struct live_key {
    struct live_key *next; /* of the bucket */
    uint64_t hash;
    struct live_node links; /* of struct live_link */
    uint8_t kind;
    uint8_t size;
    uint8_t text[];
};

/* That a subscription has a key. */
struct live_link {
    struct live_node in_key;
    struct live_key *key;
    struct live_subscription *subscription;
};

struct live_index {
    struct live_key **buckets;
    size_t bucket_count; /* a power of two */
    size_t key_count;
    size_t link_count;
    uint64_t secret; /* so that nobody can choose keys of one bucket */
};

void live_index_init(struct live_index *index);
/* All links are gone. */
void live_index_deinit(struct live_index *index);

uint64_t live_index_hash(const struct live_index *index, unsigned int kind, struct ds_bytes text);

/* NULL where nobody has it. */
struct live_key *live_index_find(const struct live_index *index, unsigned int kind,
                                 struct ds_bytes text);

/* A text has at most 255 bytes. */
struct live_link *live_index_link(struct live_index *index, unsigned int kind, struct ds_bytes text,
                                  struct live_subscription *subscription);
void live_index_unlink(struct live_index *index, struct live_link *link);

#endif
