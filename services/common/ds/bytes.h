/* A view of bytes that somebody else owns. */
#ifndef DS_BYTES_H
#define DS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ds_bytes {
    const uint8_t *data; /* NULL only when size is 0 */
    size_t size;
};

static inline struct ds_bytes ds_bytes_of(const void *data, size_t size)
{
    return (struct ds_bytes){.data = data, .size = size};
}

/* The characters of `text` without its terminator. */
static inline struct ds_bytes ds_bytes_of_text(const char *text)
{
    return ds_bytes_of(text, strlen(text));
}

static inline bool ds_bytes_equal(struct ds_bytes a, struct ds_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool ds_bytes_equal_text(struct ds_bytes a, const char *text)
{
    return ds_bytes_equal(a, ds_bytes_of_text(text));
}

/* Order of memcmp; a prefix comes before what it is a prefix of. */
static inline int ds_bytes_compare(struct ds_bytes a, struct ds_bytes b)
{
    const size_t shared = a.size < b.size ? a.size : b.size;
    const int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

/* Takes `size` bytes off the front, which has that many. */
static inline void ds_bytes_skip(struct ds_bytes *bytes, size_t size)
{
    if (size > 0) {
        bytes->data += size;
        bytes->size -= size;
    }
}

#endif
