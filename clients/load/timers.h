/*
 * What is to happen at a time: a binary heap of timers that belong to their owners. One thread.
 * Setting and stopping cost the logarithm of how many are set.
 */
#ifndef LOAD_TIMERS_H
#define LOAD_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_timer {
    int64_t at_ns;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*fire)(struct load_timer *timer);
};

struct load_timers {
    struct load_timer **heap;
    size_t count;
    size_t capacity;
};

void load_timers_init(struct load_timers *timers);
void load_timers_deinit(struct load_timers *timers);

/* Sets the timer, or sets it anew; timer->fire is the owner's. */
void load_timers_set(struct load_timers *timers, struct load_timer *timer, int64_t at_ns);

/* Takes one that is not set, too. */
void load_timers_stop(struct load_timers *timers, struct load_timer *timer);

/* Moves all that are set by so much. */
void load_timers_shift(struct load_timers *timers, int64_t by_ns);

/* When the next one is due; false where none is set. */
bool load_timers_due(const struct load_timers *timers, int64_t *ret_at_ns);

/* Fires those that were due at `now_ns` when this was called, in the order of their times. They
 * may set and stop timers. */
void load_timers_fire(struct load_timers *timers, int64_t now_ns);

#endif
