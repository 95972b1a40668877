/*
 * Events from the subscription's thread to the program's. Bounded: who puts waits for room, so that
 * a slow reader holds up the subscription, which asks for what it missed or finds a gap.
 */
#ifndef CLI_EVENT_QUEUE_H
#define CLI_EVENT_QUEUE_H

#include "ds/bytes.h"

#include <stdbool.h>

#define EVENT_QUEUE_BYTES_MAX (1024 * 1024)

struct event_queue;

struct queued_event {
    /* The store must be read before what comes behind is complete. Then nothing else is there. */
    bool is_break;
    uint64_t missed; /* of a break: events of the kind that could not be got; 0: not known */
    struct ds_bytes topic;
    struct ds_bytes row;
};

/* Never NULL. */
struct event_queue *event_queue_create(void);
/* Takes NULL. Nobody may use it any more. */
void event_queue_destroy(struct event_queue *queue);

/* Copies the event in, which may wait for room. One event is let in whatever its size. Does nothing
 * where the queue is closed. Any thread. */
void event_queue_put(struct event_queue *queue, const struct queued_event *event);

/* The oldest event, whose views stay until the next call; false where there is none. One thread. */
bool event_queue_take(struct event_queue *queue, struct queued_event *ret_event);

/* Forgets the events; who waits for room, and who puts later, gives up. Any thread. */
void event_queue_close(struct event_queue *queue);

/* Takes events again. The thread that takes, while nobody puts. */
void event_queue_reopen(struct event_queue *queue);

/* Readable while there are events. */
int event_queue_descriptor(const struct event_queue *queue);

#endif
