#include "memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    max_align_t content[];
};

struct memory {
    struct block *blocks;
    ProtobufCAllocator allocator;
};

static void *unpack_alloc(void *memory, size_t size)
{
    return memory_alloc(memory, size);
}

static void unpack_free(void *memory, void *pointer)
{
    (void)memory;
    (void)pointer;
}

struct memory *memory_create(void)
{
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL) {
        abort();
    }
    memory->allocator = (ProtobufCAllocator){
        .alloc = unpack_alloc,
        .free = unpack_free,
        .allocator_data = memory,
    };
    return memory;
}

void memory_destroy(struct memory *memory)
{
    if (memory == NULL) {
        return;
    }
    while (memory->blocks != NULL) {
        struct block *next = memory->blocks->next;
        free(memory->blocks);
        memory->blocks = next;
    }
    free(memory);
}

void *memory_alloc(struct memory *memory, size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);
    if (block == NULL) {
        abort();
    }
    block->next = memory->blocks;
    memory->blocks = block;
    return block->content;
}

char *memory_printf(struct memory *memory, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        abort();
    }
    char *text = memory_alloc(memory, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

char *memory_copy_text(struct memory *memory, const char *text, size_t size)
{
    char *copy = memory_alloc(memory, size + 1);
    memcpy(copy, text, size);
    return copy;
}

void *memory_grow(struct memory *memory, void *array, size_t count, size_t element_bytes)
{
    const bool is_full = (count & (count - 1)) == 0; /* also for 0 */
    if (!is_full) {
        return array;
    }
    const size_t capacity = count == 0 ? 1 : 2 * count;
    void *larger = memory_alloc(memory, capacity * element_bytes);
    if (count > 0) {
        memcpy(larger, array, count * element_bytes);
    }
    return larger;
}

ProtobufCAllocator *memory_allocator(struct memory *memory)
{
    return &memory->allocator;
}
