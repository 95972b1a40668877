#include "clients/cli/tail_window.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST 1024

void tail_window_init(struct tail_window *window, size_t limit)
{
    *window = (struct tail_window){.limit = limit};
}

void tail_window_deinit(struct tail_window *window)
{
    free(window->rows);
    tail_window_init(window, window->limit);
}

/* 0 marks a free place, so it is kept as another number. */
static uint64_t place_key(uint64_t key)
{
    return key == 0 ? 1 : key;
}

/* The place of the key, or the free one where it belongs. */
static struct tail_window_row *find_place(const struct tail_window *window, uint64_t key)
{
    size_t at = (size_t)(key ^ key >> 32) & (window->capacity - 1);
    while (window->rows[at].key != 0 && window->rows[at].key != key) {
        at = (at + 1) & (window->capacity - 1);
    }
    return &window->rows[at];
}

bool tail_window_knows(const struct tail_window *window, uint64_t key, uint64_t content)
{
    if (window->capacity == 0) {
        return false;
    }
    const struct tail_window_row *row = find_place(window, place_key(key));
    return row->key != 0 && row->content == content;
}

static size_t count_from(const struct tail_window *window, int64_t begin_us)
{
    size_t count = 0;
    for (size_t i = 0; i < window->capacity; i++) {
        count += window->rows[i].key != 0 && window->rows[i].time_us >= begin_us;
    }
    return count;
}

/* With room for as many rows again as stay, so that each is moved but a few times. */
static void rebuild(struct tail_window *window, size_t count, int64_t begin_us)
{
    struct tail_window next = {.capacity = ROWS_FIRST, .count = count, .limit = window->limit};
    while (next.capacity < 4 * count) {
        next.capacity *= 2;
    }
    next.rows = calloc(next.capacity, sizeof(next.rows[0]));
    if (next.rows == NULL) {
        abort();
    }
    for (size_t i = 0; i < window->capacity; i++) {
        const struct tail_window_row *row = &window->rows[i];
        if (row->key != 0 && row->time_us >= begin_us) {
            *find_place(&next, row->key) = *row;
        }
    }
    free(window->rows);
    *window = next;
}

bool tail_window_note(struct tail_window *window, const struct tail_window_row *row,
                      int64_t begin_us)
{
    const uint64_t key = place_key(row->key);
    if (2 * (window->count + 1) > window->capacity) {
        const size_t count = count_from(window, begin_us);
        if (count >= window->limit) {
            return false;
        }
        rebuild(window, count, begin_us);
    }
    struct tail_window_row *place = find_place(window, key);
    window->count += place->key == 0;
    *place = *row;
    place->key = key;
    return true;
}
