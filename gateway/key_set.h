/* The keys of a live subscription, as its client named them: each once. */
#ifndef GATEWAY_KEY_SET_H
#define GATEWAY_KEY_SET_H

#include "ds/buffer.h"
#include "gateway/live.h"

struct key_set {
    struct ds_buffer text; /* of each its length in one byte, and its bytes */
    size_t count;          /* at most LIVE_KEYS_MAX */
};

void key_set_init(struct key_set *keys);
void key_set_deinit(struct key_set *keys);

/* NULL, or what is wrong with the key, or with one more of them; there is no harm in one that is
 * there already. */
const char *key_set_add(struct key_set *keys, struct ds_bytes key);

bool key_set_has(const struct key_set *keys, struct ds_bytes key);

/* False where it was not there. */
bool key_set_remove(struct key_set *keys, struct ds_bytes key);

/* Views, good until the keys change; returns how many they are. */
size_t key_set_view(const struct key_set *keys, struct ds_bytes views[LIVE_KEYS_MAX]);

#endif
