#include "http/timeout.h"

#include <stddef.h>

void http_timeout_lists_init(struct http_timeout_lists *lists)
{
    for (int i = 0; i < HTTP_TIMEOUT_KIND_COUNT; i++) {
        lists->heads[i].previous = &lists->heads[i];
        lists->heads[i].next = &lists->heads[i];
    }
}

void http_timeout_clear(struct http_timeout *timeout)
{
    if (timeout->previous == NULL) {
        return;
    }
    timeout->previous->next = timeout->next;
    timeout->next->previous = timeout->previous;
    timeout->previous = NULL;
    timeout->next = NULL;
}

void http_timeout_set(struct http_timeout_lists *lists, struct http_timeout *timeout,
                      enum http_timeout_kind kind, uint64_t now_ms)
{
    http_timeout_clear(timeout);
    struct http_timeout *head = &lists->heads[kind];
    timeout->kind = (uint8_t)kind;
    timeout->deadline_ms = now_ms + lists->duration_ms[kind];
    timeout->previous = head->previous;
    timeout->next = head;
    head->previous->next = timeout;
    head->previous = timeout;
}

struct http_timeout *http_timeout_take_passed(struct http_timeout_lists *lists, uint64_t now_ms)
{
    for (int i = 0; i < HTTP_TIMEOUT_KIND_COUNT; i++) {
        struct http_timeout *first = lists->heads[i].next;
        if (first != &lists->heads[i] && first->deadline_ms <= now_ms) {
            http_timeout_clear(first);
            return first;
        }
    }
    return NULL;
}

uint64_t http_timeout_next_ms(const struct http_timeout_lists *lists)
{
    uint64_t next_ms = UINT64_MAX;
    for (int i = 0; i < HTTP_TIMEOUT_KIND_COUNT; i++) {
        const struct http_timeout *first = lists->heads[i].next;
        if (first != &lists->heads[i] && first->deadline_ms < next_ms) {
            next_ms = first->deadline_ms;
        }
    }
    return next_ms;
}
