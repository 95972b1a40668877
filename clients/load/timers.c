#include "clients/load/timers.h"

#include "clients/load/memory.h"

#include <stdlib.h>

void load_timers_init(struct load_timers *timers)
{
    *timers = (struct load_timers){.heap = NULL};
}

void load_timers_deinit(struct load_timers *timers)
{
    free(timers->heap);
    *timers = (struct load_timers){.heap = NULL};
}

static void put(struct load_timers *timers, struct load_timer *timer, size_t place)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

/* Moves the timer from a free place up or down to where it belongs. */
static void sift(struct load_timers *timers, struct load_timer *timer, size_t place)
{
    while (place > 1 && timers->heap[place / 2 - 1]->at_ns > timer->at_ns) {
        put(timers, timers->heap[place / 2 - 1], place);
        place /= 2;
    }
    for (size_t child = place * 2; child <= timers->count; child = place * 2) {
        if (child < timers->count && timers->heap[child]->at_ns < timers->heap[child - 1]->at_ns) {
            child++;
        }
        if (timers->heap[child - 1]->at_ns >= timer->at_ns) {
            break;
        }
        put(timers, timers->heap[child - 1], place);
        place = child;
    }
    put(timers, timer, place);
}

void load_timers_set(struct load_timers *timers, struct load_timer *timer, int64_t at_ns)
{
    timer->at_ns = at_ns;
    if (timer->place > 0) {
        sift(timers, timer, timer->place);
        return;
    }
    if (timers->count == timers->capacity) {
        timers->capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
        timers->heap = load_reallocate(timers->heap, timers->capacity * sizeof *timers->heap);
    }
    timers->count++;
    sift(timers, timer, timers->count);
}

void load_timers_stop(struct load_timers *timers, struct load_timer *timer)
{
    if (timer->place == 0) {
        return;
    }
    const size_t place = timer->place;
    struct load_timer *last = timers->heap[timers->count - 1];
    timers->count--;
    timer->place = 0;
    if (last != timer) {
        sift(timers, last, place);
    }
}

void load_timers_shift(struct load_timers *timers, int64_t by_ns)
{
    for (size_t i = 0; i < timers->count; i++) {
        timers->heap[i]->at_ns += by_ns;
    }
}

bool load_timers_due(const struct load_timers *timers, int64_t *ret_at_ns)
{
    if (timers->count == 0) {
        return false;
    }
    *ret_at_ns = timers->heap[0]->at_ns;
    return true;
}

void load_timers_fire(struct load_timers *timers, int64_t now_ns)
{
    /* One that is set again for now waits for the next turn: the loop must get to its sockets. */
    for (size_t left = timers->count; left > 0 && timers->count > 0; left--) {
        struct load_timer *timer = timers->heap[0];
        if (timer->at_ns > now_ns) {
            return;
        }
        load_timers_stop(timers, timer);
        timer->fire(timer);
    }
}
