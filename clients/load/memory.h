/* Memory that is there or ends the program. */
#ifndef LOAD_MEMORY_H
#define LOAD_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

/* Cleared, and for at least one. free() frees it. */
static inline void *load_allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* As realloc(), of more than nothing. */
static inline void *load_reallocate(void *memory, size_t bytes)
{
    void *moved = realloc(memory, bytes);
    if (moved == NULL) {
        abort();
    }
    return moved;
}

#endif
