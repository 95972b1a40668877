/*
 * The rows of the newest moments that a tail has shown or passed over: of each key the content that
 * was last. A row whose content is that of its key's last one is known. Rows behind the begin of
 * the window are forgotten now and then, so that memory is bounded by what the window holds. Not
 * thread-safe.
 */
#ifndef CLI_TAIL_WINDOW_H
#define CLI_TAIL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tail_window_row {
    uint64_t key; /* hash of what tells the row from others; 0: a free place */
    uint64_t content;
    int64_t time_us;
};

struct tail_window {
    struct tail_window_row *rows;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    size_t limit; /* of the rows that are within the window */
};

void tail_window_init(struct tail_window *window, size_t limit);
void tail_window_deinit(struct tail_window *window);

/* Whether `content` is what the key had last. */
bool tail_window_knows(const struct tail_window *window, uint64_t key, uint64_t content);

/* Notes what a key has now. Rows before `begin_us` may be forgotten. False where `limit` rows or
 * more are not before it; up to twice as many may have been taken until that is found out. */
bool tail_window_note(struct tail_window *window, const struct tail_window_row *row,
                      int64_t begin_us);

#endif
