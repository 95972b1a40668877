/*
 * Bytes that grow up to a limit. The first append that would pass the limit sets `overflow` and it
 * and all later ones do nothing, so that a writer checks once, at the end. Running out of memory
 * aborts. Not thread-safe.
 */
#ifndef DS_BUFFER_H
#define DS_BUFFER_H

#include "ds/bytes.h"

struct ds_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t limit; /* of size, in bytes */
    bool overflow;
};

/* An empty buffer; allocates nothing yet. */
void ds_buffer_init(struct ds_buffer *buffer, size_t limit);

/* Frees the bytes and leaves an empty buffer with the same limit. */
void ds_buffer_deinit(struct ds_buffer *buffer);

/* Forgets the content (and an overflow) but keeps the memory. */
void ds_buffer_clear(struct ds_buffer *buffer);

/* What a buffer keeps of its memory for its next use: this much in any case, more out of a budget
 * that many share. */
#define DS_BUFFER_KEPT_BYTES_MAX ((size_t)32 * 1024)
#define DS_BUFFER_KEPT_LARGE_BYTES_MAX ((size_t)256 * 1024)

/* Forgets the content. Memory of more than DS_BUFFER_KEPT_BYTES_MAX is freed unless it is taken
 * from *budget_bytes; returns how much was, which the next user gives back. */
size_t ds_buffer_recycle(struct ds_buffer *buffer, size_t *budget_bytes);

/*
 * Room for `size` more bytes at data + size, which the caller fills and then counts with
 * ds_buffer_commit(). NULL and overflow when the limit is in the way.
 */
uint8_t *ds_buffer_reserve_slow(struct ds_buffer *buffer, size_t size);

static inline uint8_t *ds_buffer_reserve(struct ds_buffer *buffer, size_t size)
{
    if (!buffer->overflow && buffer->capacity - buffer->size >= size) {
        return buffer->data + buffer->size;
    }
    return ds_buffer_reserve_slow(buffer, size);
}

static inline void ds_buffer_commit(struct ds_buffer *buffer, size_t size)
{
    buffer->size += size;
}

static inline void ds_buffer_append(struct ds_buffer *buffer, const void *data, size_t size)
{
    uint8_t *room = size == 0 ? NULL : ds_buffer_reserve(buffer, size);
    if (room != NULL) {
        memcpy(room, data, size);
        buffer->size += size;
    }
}

static inline void ds_buffer_append_byte(struct ds_buffer *buffer, uint8_t byte)
{
    ds_buffer_append(buffer, &byte, 1);
}

static inline void ds_buffer_append_text(struct ds_buffer *buffer, const char *text)
{
    ds_buffer_append(buffer, text, strlen(text));
}

void ds_buffer_printf(struct ds_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct ds_bytes ds_buffer_bytes(const struct ds_buffer *buffer)
{
    return ds_bytes_of(buffer->data, buffer->size);
}

#endif
