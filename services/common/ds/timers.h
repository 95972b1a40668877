/*
 * What is to happen at a time: a binary heap of timers that belong to their owners. One thread at a
 * time. Setting and stopping cost the logarithm of how many are set. All times of a heap are of one
 * clock and in one unit, the owner's.
 */
#ifndef DS_TIMERS_H
#define DS_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is a timer that is not set. */
struct ds_timer {
    int64_t at;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*fire)(struct ds_timer *timer);
};

struct ds_timers {
    struct ds_timer **heap;
    size_t count;
    size_t capacity;
};

void ds_timers_init(struct ds_timers *timers);
void ds_timers_deinit(struct ds_timers *timers);

/* Sets the timer, or sets it anew; timer->fire is the owner's. */
void ds_timers_set(struct ds_timers *timers, struct ds_timer *timer, int64_t at);

/* Takes one that is not set, too. */
void ds_timers_stop(struct ds_timers *timers, struct ds_timer *timer);

/* Moves all that are set by so much. */
void ds_timers_shift(struct ds_timers *timers, int64_t by);

/* When the next one is due; false where none is set. */
bool ds_timers_due(const struct ds_timers *timers, int64_t *ret_at);

/* Fires those that were due at `now` when this was called, in the order of their times. They
 * may set and stop timers. */
void ds_timers_fire(struct ds_timers *timers, int64_t now);

#endif
