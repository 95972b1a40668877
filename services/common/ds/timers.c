#include "ds/timers.h"

#include <stdlib.h>

void ds_timers_init(struct ds_timers *timers)
{
    *timers = (struct ds_timers){.heap = NULL};
}

void ds_timers_deinit(struct ds_timers *timers)
{
    free(timers->heap);
    *timers = (struct ds_timers){.heap = NULL};
}

static void put(struct ds_timers *timers, struct ds_timer *timer, size_t place)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

/* Moves the timer from a free place up or down to where it belongs. */
static void sift(struct ds_timers *timers, struct ds_timer *timer, size_t place)
{
    while (place > 1 && timers->heap[place / 2 - 1]->at_us > timer->at_us) {
        put(timers, timers->heap[place / 2 - 1], place);
        place /= 2;
    }
    for (size_t child = place * 2; child <= timers->count; child = place * 2) {
        if (child < timers->count && timers->heap[child]->at_us < timers->heap[child - 1]->at_us) {
            child++;
        }
        if (timers->heap[child - 1]->at_us >= timer->at_us) {
            break;
        }
        put(timers, timers->heap[child - 1], place);
        place = child;
    }
    put(timers, timer, place);
}

void ds_timers_set(struct ds_timers *timers, struct ds_timer *timer, int64_t at_us)
{
    timer->at_us = at_us;
    if (timer->place > 0) {
        sift(timers, timer, timer->place);
        return;
    }
    if (timers->count == timers->capacity) {
        timers->capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
        timers->heap = realloc(timers->heap, timers->capacity * sizeof *timers->heap);
        if (timers->heap == NULL) {
            abort();
        }
    }
    timers->count++;
    sift(timers, timer, timers->count);
}

void ds_timers_stop(struct ds_timers *timers, struct ds_timer *timer)
{
    if (timer->place == 0) {
        return;
    }
    const size_t place = timer->place;
    struct ds_timer *last = timers->heap[timers->count - 1];
    timers->count--;
    timer->place = 0;
    if (last != timer) {
        sift(timers, last, place);
    }
}

bool ds_timers_due(const struct ds_timers *timers, int64_t *ret_at_us)
{
    if (timers->count == 0) {
        return false;
    }
    *ret_at_us = timers->heap[0]->at_us;
    return true;
}

void ds_timers_fire(struct ds_timers *timers, int64_t now_us)
{
    /* One that is set again for now waits for the next turn: the loop must get to its sockets. */
    for (size_t left = timers->count; left > 0 && timers->count > 0; left--) {
        struct ds_timer *timer = timers->heap[0];
        if (timer->at_us > now_us) {
            return;
        }
        ds_timers_stop(timers, timer);
        timer->fire(timer);
    }
}
