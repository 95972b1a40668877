#include "ds/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER_FIRST_BYTES 256

void ds_buffer_init(struct ds_buffer *buffer, size_t limit)
{
    *buffer = (struct ds_buffer){.limit = limit};
}

void ds_buffer_deinit(struct ds_buffer *buffer)
{
    free(buffer->data);
    ds_buffer_init(buffer, buffer->limit);
}

void ds_buffer_clear(struct ds_buffer *buffer)
{
    buffer->size = 0;
    buffer->overflow = false;
}

size_t ds_buffer_recycle(struct ds_buffer *buffer, size_t *budget_bytes)
{
    const size_t capacity = buffer->capacity;
    ds_buffer_clear(buffer);
    if (capacity <= DS_BUFFER_KEPT_BYTES_MAX) {
        return 0;
    }
    if (capacity > DS_BUFFER_KEPT_LARGE_BYTES_MAX || capacity > *budget_bytes) {
        ds_buffer_deinit(buffer);
        return 0;
    }
    *budget_bytes -= capacity;
    return capacity;
}

/* Twice the old capacity, or more where that is too little, but never above the limit. */
static size_t next_capacity(const struct ds_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < BUFFER_FIRST_BYTES ? BUFFER_FIRST_BYTES : buffer->capacity;
    while (capacity < needed) {
        capacity = capacity > buffer->limit / 2 ? buffer->limit : capacity * 2;
    }
    return capacity < buffer->limit ? capacity : buffer->limit;
}

uint8_t *ds_buffer_reserve_slow(struct ds_buffer *buffer, size_t size)
{
    assert(buffer->size <= buffer->limit);
    if (buffer->overflow || size > buffer->limit - buffer->size) {
        buffer->overflow = true;
        return NULL;
    }
    const size_t needed = buffer->size + size;
    if (needed > buffer->capacity || buffer->data == NULL) {
        const size_t capacity = next_capacity(buffer, needed);
        uint8_t *data = realloc(buffer->data, capacity == 0 ? 1 : capacity);
        if (data == NULL) {
            abort();
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

void ds_buffer_printf(struct ds_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(length >= 0);

    /* Not straight into the buffer: the terminator would need a byte that the limit may not allow.
     */
    char small[256];
    char *text = (size_t)length < sizeof small ? small : malloc((size_t)length + 1);
    if (text == NULL) {
        abort();
    }
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    ds_buffer_append(buffer, text, (size_t)length);
    if (text != small) {
        free(text);
    }
}
