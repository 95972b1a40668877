/*
 * The event loop of one thread: sockets, timers, and a bell that other threads ring. Times are
 * nanoseconds since the start of the run, on the machine's monotonic clock; before the start they
 * are negative.
 */
#ifndef LOAD_LOOP_H
#define LOAD_LOOP_H

#include "ds/timers.h"

#define LOAD_LOOP_EVENTS_MAX 256 /* taken at once; the others come with the next turn */
#define LOAD_LOOP_INPUT_BYTES 65536

/* A socket, which its owner adds to `poll` by itself with data.ptr. Events may come for what has
 * just been closed, so the owner bears those that are not its own. */
struct load_source {
    void (*ready)(struct load_source *source, uint32_t events);
};

struct load_loop {
    int poll; /* epoll */
    int bell; /* eventfd */
    struct load_source bell_source;
    struct ds_timers timers;
    int64_t started_ns; /* the clock's */
    uint8_t *input;     /* LOAD_LOOP_INPUT_BYTES for whoever reads a socket */
};

/* Machine's monotonic clock. */
int64_t load_clock_ns(void);

void load_loop_init(struct load_loop *loop);
void load_loop_deinit(struct load_loop *loop);

int64_t load_loop_now_ns(const struct load_loop *loop);

/* The run starts at that time of the clock; timers that are set fire when they would have. */
void load_loop_start(struct load_loop *loop, int64_t started_ns);

struct epoll_event;

/* Waits for events, at most until `until_ns` or the next timer; returns how many. */
int load_loop_wait(struct load_loop *loop, int64_t until_ns, struct epoll_event *ret_events);

/* Hands out the events and fires the timers that are due. */
void load_loop_handle(struct load_loop *loop, struct epoll_event *events, int event_count);

/* Ends a wait, this one or the next. Any thread. */
void load_loop_ring(struct load_loop *loop);

#endif
