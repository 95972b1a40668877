/*
 * Memory that lives as long as one request. Everything is given back at once by ds_arena_destroy();
 * nothing is freed singly. The budget bounds what hostile input can make us allocate. Not
 * thread-safe: one owner at a time.
 */
#ifndef DS_ARENA_H
#define DS_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stddef.h>

struct ds_arena;

/* An arena that hands out at most budget_bytes. Never NULL: running out of memory aborts. */
struct ds_arena *ds_arena_create(size_t budget_bytes);

/* Takes NULL. Every pointer from the arena dies. */
void ds_arena_destroy(struct ds_arena *arena);

/* `size` bytes aligned for any type, not cleared; NULL only when the budget is used up. size 0
 * gives a pointer. */
void *ds_arena_alloc(struct ds_arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));

/* The same, cleared. */
void *ds_arena_zalloc(struct ds_arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));

/* A terminated copy of `size` bytes; NULL only when the budget is used up. */
char *ds_arena_copy_text(struct ds_arena *arena, const char *text, size_t size);

/* printf into the arena; NULL only when the budget is used up. */
char *ds_arena_printf(struct ds_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *ds_arena_vprintf(struct ds_arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Lets the arena hand out so many bytes more. */
void ds_arena_extend(struct ds_arena *arena, size_t bytes);

/* What has been handed out so far, in bytes. */
size_t ds_arena_used_bytes(const struct ds_arena *arena);

/* An allocator for protobuf-c's unpack functions: its free does nothing. Lives as long as the
 * arena. */
ProtobufCAllocator *ds_arena_allocator(struct ds_arena *arena);

#endif
