/*
 * What a publisher sends and when: follows a journal, makes messages of its events, and heartbeats
 * of each kind. Knows nothing of sockets, threads and clocks. Private to ds_common.
 */
#ifndef DS_EVENT_PUMP_H
#define DS_EVENT_PUMP_H

#include "ds/events.h"

#define DS_EVENT_HEARTBEAT_US 250000
/*
 * Who is further behind than this goes to the newest event at once and tells by a heartbeat:
 * subscribers ask for what was left out, a thousand rows a call, which costs both sides less than a
 * message a row does. Also the length of nng's queue for a subscriber that reads slowly, so that
 * together with DS_EVENT_MESSAGE_BYTES_MAX it bounds the memory for those.
 */
#define DS_EVENT_BURST_MAX 1024

struct ds_event_pump;

struct ds_event_pump_options {
    struct ds_event_journal *journal;
    /* Sends a message to whoever subscribes; must not block. */
    void (*send)(void *context, struct ds_bytes message);
    /* Whether anybody would get an event that is sent now. */
    bool (*has_subscribers)(void *context);
    void *context;
};

/* The events that the journal has already are past. */
struct ds_event_pump *ds_event_pump_create(const struct ds_event_pump_options *options);
/* Takes NULL. */
void ds_event_pump_destroy(struct ds_event_pump *pump);

/*
 * Sends the events that the journal has got, and the heartbeats that are due. Returns when the next
 * one is due, on the monotonic clock that now_us is of. `wall_us` is what heartbeats say.
 */
int64_t ds_event_pump_turn(struct ds_event_pump *pump, int64_t now_us, int64_t wall_us);

struct ds_event_pump_totals {
    uint64_t message_count; /* heartbeats are none */
    uint64_t event_count;
    uint64_t left_out_count; /* events that subscribers had to ask for */
};

/* Any thread. */
struct ds_event_pump_totals ds_event_pump_totals(const struct ds_event_pump *pump);

#endif
