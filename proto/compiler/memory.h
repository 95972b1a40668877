/* Memory of one run of the compiler: taken freely, given back all at once. */
#ifndef COMPILER_MEMORY_H
#define COMPILER_MEMORY_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct memory;

struct memory *memory_create(void);

/* Takes NULL. Every pointer from `memory` dies. */
void memory_destroy(struct memory *memory);

/* `size` cleared bytes; never NULL, running out ends the program. */
void *memory_alloc(struct memory *memory, size_t size);

/* printf into memory. */
char *memory_printf(struct memory *memory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first `size` characters of `text`, terminated. */
char *memory_copy_text(struct memory *memory, const char *text, size_t size);

/*
 * Makes room for one more in an array of `count` elements and returns the array, moved where it had
 * to grow. The capacity is the power of two at or above the count, so it needs no field of its own.
 */
void *memory_grow(struct memory *memory, void *array, size_t count, size_t element_bytes);

/* For protobuf-c's unpack functions; its free does nothing. */
ProtobufCAllocator *memory_allocator(struct memory *memory);

#endif
