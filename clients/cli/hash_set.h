/* A set of 64-bit hashes that grows up to a limit. Not thread-safe. */
#ifndef CLI_HASH_SET_H
#define CLI_HASH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_set {
    uint64_t *slots; /* 0: free */
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    size_t limit; /* of count */
};

void hash_set_init(struct hash_set *set, size_t limit);
void hash_set_deinit(struct hash_set *set);

/* Forgets the hashes but keeps the memory. */
void hash_set_clear(struct hash_set *set);

bool hash_set_has(const struct hash_set *set, uint64_t hash);

/* False where the set is at its limit. */
bool hash_set_add(struct hash_set *set, uint64_t hash);

#endif
