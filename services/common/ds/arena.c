#include "ds/arena.h"

#include "ds/arena_chunks.h"
#include "ds/sanitizer.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGNMENT 16
#define ARENA_CHUNK_BYTES_MAX (1024 * 1024)
#define ARENA_BUDGET_BYTES_MAX (SIZE_MAX / 4) /* keeps sums of sizes from wrapping */

/* What comes after the header, up to `end`, is the chunk's room. */
struct chunk {
    struct chunk *previous;
    uint8_t *end;
};

/* The arena and its first chunk are one allocation, so a small request costs one malloc at most. */
struct ds_arena {
    uint8_t *next; /* free bytes of the newest chunk: next to end */
    uint8_t *end;
    struct chunk *newest; /* NULL while there is only the first one, behind this struct */
    size_t next_chunk_bytes;
    size_t used_bytes;
    size_t budget_bytes;
    ProtobufCAllocator allocator;
};

static uint8_t *align_up(uint8_t *address)
{
    return address + (-(uintptr_t)address & (ARENA_ALIGNMENT - 1));
}

static void *allocate_or_abort(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void *allocator_alloc(void *arena, size_t size)
{
    return ds_arena_alloc(arena, size);
}

static void allocator_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static void set_room(struct ds_arena *arena, uint8_t *begin, uint8_t *end)
{
    arena->next = align_up(begin);
    arena->end = end;
    ASAN_POISON_MEMORY_REGION(arena->next, (size_t)(end - arena->next));
}

struct ds_arena *ds_arena_create(size_t budget_bytes)
{
    struct ds_arena *arena = ds_arena_chunk_take();
    *arena = (struct ds_arena){
        .next_chunk_bytes = (size_t)2 * DS_ARENA_FIRST_BYTES,
        .budget_bytes =
            budget_bytes < ARENA_BUDGET_BYTES_MAX ? budget_bytes : ARENA_BUDGET_BYTES_MAX,
        .allocator = {.alloc = allocator_alloc, .free = allocator_free, .allocator_data = arena},
    };
    set_room(arena, (uint8_t *)(arena + 1), (uint8_t *)arena + DS_ARENA_FIRST_BYTES);
    return arena;
}

void ds_arena_destroy(struct ds_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    for (struct chunk *chunk = arena->newest; chunk != NULL;) {
        struct chunk *previous = chunk->previous;
        ASAN_UNPOISON_MEMORY_REGION(chunk, (size_t)(chunk->end - (uint8_t *)chunk));
        free(chunk);
        chunk = previous;
    }
    ASAN_UNPOISON_MEMORY_REGION(arena, DS_ARENA_FIRST_BYTES);
    ds_arena_chunk_give(arena);
}

static struct chunk *add_chunk(struct ds_arena *arena, size_t bytes)
{
    struct chunk *chunk = allocate_or_abort(bytes);
    chunk->previous = arena->newest;
    chunk->end = (uint8_t *)chunk + bytes;
    arena->newest = chunk;
    return chunk;
}

/* Something large gets a chunk of its own, so that the rest of the present one stays in use. */
static void *alloc_alone(struct ds_arena *arena, size_t size)
{
    return align_up(
        (uint8_t *)(add_chunk(arena, sizeof(struct chunk) + ARENA_ALIGNMENT + size) + 1));
}

static void *alloc_slow(struct ds_arena *arena, size_t size)
{
    if (size > arena->next_chunk_bytes / 4) {
        return alloc_alone(arena, size);
    }
    struct chunk *chunk = add_chunk(arena, arena->next_chunk_bytes);
    if (arena->next_chunk_bytes < ARENA_CHUNK_BYTES_MAX) {
        arena->next_chunk_bytes *= 2;
    }
    set_room(arena, (uint8_t *)(chunk + 1), chunk->end);
    uint8_t *memory = arena->next;
    arena->next += size;
    return memory;
}

void ds_arena_extend(struct ds_arena *arena, size_t bytes)
{
    const size_t room_bytes = ARENA_BUDGET_BYTES_MAX - arena->budget_bytes;
    arena->budget_bytes += bytes < room_bytes ? bytes : room_bytes;
}

void *ds_arena_alloc(struct ds_arena *arena, size_t size)
{
    assert(arena != NULL);
    if (size > arena->budget_bytes - arena->used_bytes) {
        return NULL;
    }
    /* At least one unit, so that two pointers are never the same. */
    const size_t units = size / ARENA_ALIGNMENT + (size % ARENA_ALIGNMENT != 0 || size == 0);
    const size_t rounded = units * ARENA_ALIGNMENT;
    if (rounded > arena->budget_bytes - arena->used_bytes) {
        return NULL;
    }
    arena->used_bytes += rounded;

    uint8_t *memory = arena->next;
    if (rounded <= (size_t)(arena->end - memory)) {
        arena->next += rounded;
    } else {
        memory = alloc_slow(arena, rounded);
    }
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

void *ds_arena_zalloc(struct ds_arena *arena, size_t size)
{
    void *memory = ds_arena_alloc(arena, size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

char *ds_arena_copy_text(struct ds_arena *arena, const char *text, size_t size)
{
    char *copy = size == SIZE_MAX ? NULL : ds_arena_alloc(arena, size + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (size > 0) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    return copy;
}

char *ds_arena_vprintf(struct ds_arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(length >= 0);

    char *text = ds_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    }
    return text;
}

char *ds_arena_printf(struct ds_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = ds_arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

size_t ds_arena_used_bytes(const struct ds_arena *arena)
{
    return arena->used_bytes;
}

ProtobufCAllocator *ds_arena_allocator(struct ds_arena *arena)
{
    return &arena->allocator;
}
