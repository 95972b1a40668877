/* "Did you mean": the known word that is nearest to a mistyped one. */
#ifndef DS_SUGGEST_H
#define DS_SUGGEST_H

#include <stddef.h>

/* Longer words are never near enough to be meant. */
#define DS_SUGGEST_BYTES_MAX 64

/*
 * How many characters must be inserted, deleted, replaced or swapped with their neighbour to make
 * `a` from `b`, whatever their case; DS_SUGGEST_BYTES_MAX where one of them is too long.
 */
size_t ds_word_distance(const char *a, const char *b);

/* Candidates are offered one by one; the nearest so far is kept. */
struct ds_suggestion {
    const char *word; /* what was typed */
    const char *best; /* NULL while nothing is near enough */
    size_t distance;
};

void ds_suggest_begin(struct ds_suggestion *suggestion, const char *word);

/* `candidate` must outlive the suggestion. */
void ds_suggest_offer(struct ds_suggestion *suggestion, const char *candidate);

#endif
