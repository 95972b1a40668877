/*
 * Broadcasts the events of a journal on a service's event sockets, with heartbeats, from a thread
 * of its own: whoever publishes into the journal is never held up. What a subscriber misses it sees
 * by the events' numbers and asks for with ListEvents.
 */
#ifndef DS_EVENT_PUBLISHER_H
#define DS_EVENT_PUBLISHER_H

#include "ds/events.h"

struct ds_event_publisher;

/* Becomes the journal's listener; nobody may publish meanwhile. The journal outlives the publisher.
 * `clock` gives the time that heartbeats say; NULL: the system's. Never NULL. */
struct ds_event_publisher *ds_event_publisher_create(struct ds_event_journal *journal,
                                                     const struct ds_clock *clock);

/* Opens an event socket: ipc:///path or tcp://host:port, by the rules of ds_rpc_server_listen(),
 * whose codes it returns. The URL in use stays as long as the publisher. By one thread at a time.
 */
DS_MUST_USE ds_code ds_event_publisher_listen(struct ds_event_publisher *publisher, const char *url,
                                              const char **ret_url);

struct ds_event_publisher_figures {
    size_t subscriber_count;
    uint64_t message_count; /* heartbeats are none */
    uint64_t event_count;
    uint64_t left_out_count; /* events that subscribers had to ask for */
};

/* Any thread. */
struct ds_event_publisher_figures
ds_event_publisher_figures(const struct ds_event_publisher *publisher);

/* Nobody may publish any more. Takes NULL. */
void ds_event_publisher_destroy(struct ds_event_publisher *publisher);

#endif
