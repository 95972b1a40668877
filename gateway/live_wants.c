/* The keys of a subscription. */
#include "ds/utf8.h"
#include "gateway/live_internal.h"

#include <stdlib.h>

static struct ds_bytes text_of(const struct live_link *link)
{
    return ds_bytes_of(link->key->text, link->key->size);
}

bool live_product_of(struct ds_bytes key, struct ds_bytes *ret_product)
{
    for (size_t size = key.size; size > 1; size--) {
        if (key.data[size - 1] == '/') {
            *ret_product = ds_bytes_of(key.data, size - 1);
            return true;
        }
    }
    return false;
}

/* Its place among the links; link_count where it is none of them. */
static size_t place_of(const struct live_subscription *subscription, struct ds_bytes key)
{
    size_t place = 0;
    const struct live_key *found =
        live_index_find(&subscription->live->index, subscription->kind, key);
    while (place < subscription->link_count &&
           (found == NULL || subscription->links[place]->key != found)) {
        place++;
    }
    return place;
}

static bool has_key(const struct live_subscription *subscription, struct ds_bytes key)
{
    return place_of(subscription, key) < subscription->link_count;
}

bool live_wants(const struct live_subscription *subscription, struct ds_bytes key)
{
    struct ds_bytes product;
    return subscription->wants_all || has_key(subscription, key) ||
           (subscription->kind == LIVE_CHAINS && live_product_of(key, &product) &&
            has_key(subscription, product));
}

size_t live_wants_prefix(const struct live_subscription *subscription,
                         char ret_prefix[LIVE_KEY_BYTES_MAX])
{
    if (subscription->wants_all || subscription->link_count == 0) {
        return 0;
    }
    const struct ds_bytes first = text_of(subscription->links[0]);
    size_t size = first.size;
    for (size_t i = 1; i < subscription->link_count; i++) {
        const struct ds_bytes other = text_of(subscription->links[i]);
        size_t shared = 0;
        while (shared < size && shared < other.size && other.data[shared] == first.data[shared]) {
            shared++;
        }
        size = shared;
    }
    /* Not within a character. */
    while (size < first.size && size > 0 && (first.data[size] & 0xC0) == 0x80) {
        size--;
    }
    memcpy(ret_prefix, first.data, size);
    return size;
}

static bool is_key(struct ds_bytes key)
{
    return key.size > 0 && key.size <= LIVE_KEY_BYTES_MAX && ds_utf8_valid_without_nul(key);
}

static ds_code check(const struct live_subscription *subscription, const struct ds_bytes *keys,
                     size_t key_count)
{
    const struct live_index *all = &subscription->live->index;
    size_t new_count = 0;
    for (size_t i = 0; i < key_count; i++) {
        if (!is_key(keys[i])) {
            return DS_INVALID_ARGUMENT;
        }
        new_count += has_key(subscription, keys[i]) ? 0 : 1;
    }
    if (key_count > LIVE_KEYS_MAX || subscription->link_count + new_count > LIVE_KEYS_MAX) {
        return DS_INVALID_ARGUMENT;
    }
    return all->link_count + new_count > LIVE_KEYS_TOTAL_MAX ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

ds_code live_wants_add(struct live_subscription *subscription, const struct ds_bytes *keys,
                       size_t key_count)
{
    struct live_index *all = &subscription->live->index;
    DS_TRY(check(subscription, keys, key_count));
    if (key_count == 0) {
        return DS_OK;
    }
    subscription->links = realloc(subscription->links, (subscription->link_count + key_count) *
                                                           sizeof(subscription->links[0]));
    if (subscription->links == NULL) {
        abort();
    }
    for (size_t i = 0; i < key_count; i++) {
        if (!has_key(subscription, keys[i])) {
            subscription->links[subscription->link_count++] =
                live_index_link(all, subscription->kind, keys[i], subscription);
        }
    }
    return DS_OK;
}

void live_wants_clear(struct live_subscription *subscription)
{
    for (size_t i = 0; i < subscription->link_count; i++) {
        live_index_unlink(&subscription->live->index, subscription->links[i]);
    }
    free(subscription->links);
    subscription->links = NULL;
    subscription->link_count = 0;
}

ds_code live_add_keys(struct live_subscription *subscription, const struct ds_bytes *keys,
                      size_t key_count)
{
    if (subscription->wants_all) {
        return DS_INVALID_ARGUMENT;
    }
    DS_TRY(live_wants_add(subscription, keys, key_count));
    live_resume_widen(subscription);
    return DS_OK;
}

void live_remove_keys(struct live_subscription *subscription, const struct ds_bytes *keys,
                      size_t key_count)
{
    for (size_t i = 0; i < key_count; i++) {
        const size_t place = place_of(subscription, keys[i]);
        if (place < subscription->link_count) {
            live_index_unlink(&subscription->live->index, subscription->links[place]);
            subscription->links[place] = subscription->links[--subscription->link_count];
        }
    }
    live_queue_filter(subscription, live_wants);
}

size_t live_key_count(const struct live_subscription *subscription)
{
    return subscription->link_count;
}
