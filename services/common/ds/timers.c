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
    while (place > 1 && timers->heap[place / 2 - 1]->at > timer->at) {
        put(timers, timers->heap[place / 2 - 1], place);
        place /= 2;
    }
    for (size_t child = place * 2; child <= timers->count; child = place * 2) {
        if (child < timers->count && timers->heap[child]->at < timers->heap[child - 1]->at) {
            child++;
        }
        if (timers->heap[child - 1]->at >= timer->at) {
            break;
        }
        put(timers, timers->heap[child - 1], place);
        place = child;
    }
    put(timers, timer, place);
}

void ds_timers_set(struct ds_timers *timers, struct ds_timer *timer, int64_t at)
{
    timer->at = at;
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

void ds_timers_shift(struct ds_timers *timers, int64_t by)
{
    for (size_t i = 0; i < timers->count; i++) {
        timers->heap[i]->at += by;
    }
}

bool ds_timers_due(const struct ds_timers *timers, int64_t *ret_at)
{
    if (timers->count == 0) {
        return false;
    }
    *ret_at = timers->heap[0]->at;
    return true;
}

void ds_timers_fire(struct ds_timers *timers, int64_t now)
{
    /* One that is set again for now waits for the next turn: the loop must get to its sockets. */
    for (size_t left = timers->count; left > 0 && timers->count > 0; left--) {
        struct ds_timer *timer = timers->heap[0];
        if (timer->at > now) {
            return;
        }
        ds_timers_stop(timers, timer);
        timer->fire(timer);
    }
}
