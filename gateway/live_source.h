/*
 * Where events of a service come from: its subscription, which a thread of the source's own opens,
 * looks after and closes, since all three may wait. What is told goes into the hub's inbox.
 */
#ifndef GATEWAY_LIVE_SOURCE_H
#define GATEWAY_LIVE_SOURCE_H

#include "ds/event_subscriber.h"
#include "gateway/live_internal.h"

struct live_source;

struct live_source_options {
    struct live_inbox *inbox;
    struct ds_channel *channel;
    const struct ds_method *list_events;
    void (*wake)(void *context); /* any thread; the inbox has something, or the source has ended */
    void *context;
};

/* Of the kinds whose ListEvents that is. Waits for nothing. */
struct live_source *live_source_open(const struct live_source_options *options);

/* It is to end; waits for nothing. */
void live_source_stop(struct live_source *source);
bool live_source_has_ended(const struct live_source *source);

/* Waits for its end. Takes NULL. */
void live_source_close(struct live_source *source);

/* Who the gateway is to services when it asks for events. */
extern const struct ds_principal live_principal;

#endif
