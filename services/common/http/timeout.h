/*
 * Time limits of one kind each: since every limit of a kind is equally long, the list is in the
 * order of the deadlines, and both setting one and finding the next is a few pointers' work.
 */
#ifndef HTTP_TIMEOUT_H
#define HTTP_TIMEOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_timeout_kind {
    HTTP_TIMEOUT_HEADERS,
    HTTP_TIMEOUT_BODY,
    HTTP_TIMEOUT_WRITE,
    HTTP_TIMEOUT_IDLE,
    HTTP_TIMEOUT_LINGER,
    HTTP_TIMEOUT_HALF_CLOSED,
    HTTP_TIMEOUT_KIND_COUNT,
};

struct http_timeout {
    struct http_timeout *previous; /* NULL while it is not set */
    struct http_timeout *next;
    uint64_t deadline_ms;
    uint8_t kind; /* enum http_timeout_kind */
};

struct http_timeout_lists {
    struct http_timeout heads[HTTP_TIMEOUT_KIND_COUNT]; /* rings */
    uint32_t duration_ms[HTTP_TIMEOUT_KIND_COUNT];
};

/* duration_ms is filled by the caller. */
void http_timeout_lists_init(struct http_timeout_lists *lists);

/* Sets or moves the limit: it ends one duration after now_ms. */
void http_timeout_set(struct http_timeout_lists *lists, struct http_timeout *timeout,
                      enum http_timeout_kind kind, uint64_t now_ms);

void http_timeout_clear(struct http_timeout *timeout);

static inline bool http_timeout_is_set(const struct http_timeout *timeout)
{
    return timeout->previous != NULL;
}

/* Takes a limit that has passed off its list; NULL where none has. */
struct http_timeout *http_timeout_take_passed(struct http_timeout_lists *lists, uint64_t now_ms);

/* The earliest deadline; UINT64_MAX where nothing is set. */
uint64_t http_timeout_next_ms(const struct http_timeout_lists *lists);

#endif
