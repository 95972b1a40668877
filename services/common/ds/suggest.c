#include "ds/suggest.h"

#include <ctype.h>
#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int folded(char character)
{
    return tolower((unsigned char)character);
}

size_t ds_word_distance(const char *a, const char *b)
{
    const size_t a_bytes = strlen(a);
    const size_t b_bytes = strlen(b);
    if (a_bytes >= DS_SUGGEST_BYTES_MAX || b_bytes >= DS_SUGGEST_BYTES_MAX) {
        return DS_SUGGEST_BYTES_MAX;
    }

    /* The three newest rows of the table of distances between prefixes of a and prefixes of b. */
    size_t rows[3][DS_SUGGEST_BYTES_MAX];
    for (size_t column = 0; column <= b_bytes; column++) {
        rows[0][column] = column;
    }
    for (size_t line = 1; line <= a_bytes; line++) {
        size_t *now = rows[line % 3];
        const size_t *before = rows[(line - 1) % 3];
        now[0] = line;
        for (size_t column = 1; column <= b_bytes; column++) {
            const size_t differ = folded(a[line - 1]) != folded(b[column - 1]);
            now[column] =
                smaller(before[column - 1] + differ, smaller(before[column], now[column - 1]) + 1);
            if (line > 1 && column > 1 && folded(a[line - 1]) == folded(b[column - 2]) &&
                folded(a[line - 2]) == folded(b[column - 1])) {
                now[column] = smaller(now[column], rows[(line - 2) % 3][column - 2] + 1);
            }
        }
    }
    return rows[a_bytes % 3][b_bytes];
}

void ds_suggest_begin(struct ds_suggestion *suggestion, const char *word)
{
    /* A third of the word may be wrong, so that short words do not suggest just anything. */
    *suggestion = (struct ds_suggestion){.word = word, .distance = strlen(word) / 3 + 2};
}

void ds_suggest_offer(struct ds_suggestion *suggestion, const char *candidate)
{
    const size_t distance = ds_word_distance(suggestion->word, candidate);
    if (distance < suggestion->distance) {
        suggestion->distance = distance;
        suggestion->best = candidate;
    }
}
