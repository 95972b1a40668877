#include "clients/cli/hash_set.h"

#include <stdlib.h>
#include <string.h>

#define HASH_SET_FIRST 1024

void hash_set_init(struct hash_set *set, size_t limit)
{
    *set = (struct hash_set){.limit = limit};
}

void hash_set_deinit(struct hash_set *set)
{
    free(set->slots);
    hash_set_init(set, set->limit);
}

void hash_set_clear(struct hash_set *set)
{
    if (set->capacity > 0) {
        memset(set->slots, 0, set->capacity * sizeof(set->slots[0]));
    }
    set->count = 0;
}

/* 0 marks a free slot, so it is kept as another number. */
static uint64_t slot_value(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

/* The slot of the hash, or the free one where it belongs. */
static size_t find_slot(const struct hash_set *set, uint64_t value)
{
    size_t at = (size_t)(value ^ value >> 32) & (set->capacity - 1);
    while (set->slots[at] != 0 && set->slots[at] != value) {
        at = (at + 1) & (set->capacity - 1);
    }
    return at;
}

bool hash_set_has(const struct hash_set *set, uint64_t hash)
{
    const uint64_t value = slot_value(hash);
    return set->capacity > 0 && set->slots[find_slot(set, value)] == value;
}

static void grow(struct hash_set *set)
{
    struct hash_set bigger = *set;
    bigger.capacity = set->capacity == 0 ? HASH_SET_FIRST : 2 * set->capacity;
    bigger.slots = calloc(bigger.capacity, sizeof(bigger.slots[0]));
    if (bigger.slots == NULL) {
        abort();
    }
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i] != 0) {
            bigger.slots[find_slot(&bigger, set->slots[i])] = set->slots[i];
        }
    }
    free(set->slots);
    *set = bigger;
}

bool hash_set_add(struct hash_set *set, uint64_t hash)
{
    const uint64_t value = slot_value(hash);
    if (hash_set_has(set, hash)) {
        return true;
    }
    if (set->count == set->limit) {
        return false;
    }
    if (set->count * 2 >= set->capacity) {
        grow(set);
    }
    set->slots[find_slot(set, value)] = value;
    set->count++;
    return true;
}
