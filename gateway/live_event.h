/* An event's memory: made on a service's thread, then the loop's. */
#ifndef GATEWAY_LIVE_EVENT_H
#define GATEWAY_LIVE_EVENT_H

#include "ds/events.h"
#include "gateway/live.h"

/* A copy with one reference that belongs to no hub yet. Any thread. */
struct live_event *live_event_create(enum live_kind kind, const struct ds_event *event);

/* The loop: from now on its memory counts among the hub's. */
void live_event_adopt(struct live *live, struct live_event *event);

struct live_event *live_event_ref(struct live_event *event);
void live_event_unref(struct live_event *event);

#endif
