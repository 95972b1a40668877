#include "ds/arena_chunks.h"

#include "ds/sanitizer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct kept_chunk {
    struct kept_chunk *next;
};

/* Nobody waits for the list: who finds it in use goes to the heap. */
static atomic_flag list_is_in_use = ATOMIC_FLAG_INIT;
static struct kept_chunk *kept_first; /* guarded by that, as its count is */
static size_t kept_count;

static bool list_enter(void)
{
    /* With AddressSanitizer memory is to be freed, so that whoever still uses it is found. */
    return !DS_HAS_ADDRESS_SANITIZER &&
           !atomic_flag_test_and_set_explicit(&list_is_in_use, memory_order_acquire);
}

static void list_leave(void)
{
    atomic_flag_clear_explicit(&list_is_in_use, memory_order_release);
}

void *ds_arena_chunk_take(void)
{
    struct kept_chunk *chunk = NULL;
    if (list_enter()) {
        chunk = kept_first;
        if (chunk != NULL) {
            kept_first = chunk->next;
            kept_count--;
        }
        list_leave();
    }
    void *memory = chunk != NULL ? chunk : malloc(DS_ARENA_FIRST_BYTES);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void ds_arena_chunk_give(void *memory)
{
    struct kept_chunk *chunk = memory;
    bool is_kept = false;
    if (list_enter()) {
        is_kept = kept_count < DS_ARENA_CHUNKS_KEPT_MAX;
        if (is_kept) {
            chunk->next = kept_first;
            kept_first = chunk;
            kept_count++;
        }
        list_leave();
    }
    if (!is_kept) {
        free(memory);
    }
}
