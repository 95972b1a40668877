#include "gateway/key_set.h"

_Static_assert(LIVE_KEY_BYTES_MAX == 128 && LIVE_KEYS_MAX == 256, "the texts below name them");

void key_set_init(struct key_set *keys)
{
    ds_buffer_init(&keys->text, (size_t)LIVE_KEYS_MAX * (LIVE_KEY_BYTES_MAX + 1));
    keys->count = 0;
}

void key_set_deinit(struct key_set *keys)
{
    ds_buffer_deinit(&keys->text);
    keys->count = 0;
}

/* The key's place in the text; SIZE_MAX where it is not there. */
static size_t find(const struct key_set *keys, struct ds_bytes key)
{
    size_t at = 0;
    while (at < keys->text.size) {
        const size_t size = keys->text.data[at];
        if (ds_bytes_equal(ds_bytes_of(keys->text.data + at + 1, size), key)) {
            return at;
        }
        at += 1 + size;
    }
    return SIZE_MAX;
}

const char *key_set_add(struct key_set *keys, struct ds_bytes key)
{
    if (key.size == 0) {
        return "a key is empty";
    }
    if (key.size > LIVE_KEY_BYTES_MAX) {
        return "a key has more than 128 bytes";
    }
    if (find(keys, key) != SIZE_MAX) {
        return NULL;
    }
    if (keys->count == LIVE_KEYS_MAX) {
        return "there are more than 256 keys; without any, all come";
    }
    ds_buffer_append_byte(&keys->text, (uint8_t)key.size);
    ds_buffer_append(&keys->text, key.data, key.size);
    keys->count++;
    return NULL;
}

bool key_set_has(const struct key_set *keys, struct ds_bytes key)
{
    return find(keys, key) != SIZE_MAX;
}

bool key_set_remove(struct key_set *keys, struct ds_bytes key)
{
    const size_t at = find(keys, key);
    if (at == SIZE_MAX) {
        return false;
    }
    const size_t end = at + 1 + key.size;
    memmove(keys->text.data + at, keys->text.data + end, keys->text.size - end);
    keys->text.size -= 1 + key.size;
    keys->count--;
    return true;
}

size_t key_set_view(const struct key_set *keys, struct ds_bytes views[LIVE_KEYS_MAX])
{
    size_t count = 0;
    size_t at = 0;
    while (at < keys->text.size) {
        const size_t size = keys->text.data[at];
        views[count++] = ds_bytes_of(keys->text.data + at + 1, size);
        at += 1 + size;
    }
    return count;
}
