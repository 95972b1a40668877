/*
 * What services tell, on its way from their threads to the loop. Bounded: what finds no room is
 * lost, and told as a gap in its place.
 */
#ifndef GATEWAY_LIVE_INBOX_H
#define GATEWAY_LIVE_INBOX_H

#include "ds/events.h"
#include "gateway/live.h"

#include <pthread.h>

struct live_gap {
    uint64_t epoch;
    uint64_t from;
    uint64_t to;
    bool is_new_epoch;
};

enum live_item_type { LIVE_ITEM_STARTED, LIVE_ITEM_EVENT, LIVE_ITEM_GAP };

struct live_item {
    uint8_t type; /* enum live_item_type */
    uint8_t kind; /* enum live_kind */
    struct live_event *event;
    struct live_gap gap; /* GAP; STARTED: epoch and `to`, the place that it begins behind */
};

/* What the loop has taken; its own. */
struct live_batch {
    struct live_item *items;
    size_t capacity;
    size_t count;
    size_t next;                    /* the first that has not been worked on */
    size_t bytes;                   /* of the events */
    bool is_stale[LIVE_KIND_COUNT]; /* what held when it was taken */
};

struct live_inbox {
    pthread_mutex_t mutex; /* guards what follows */
    struct live_item *items;
    size_t capacity;
    size_t count;
    size_t item_count; /* those of the batch in work, too */
    size_t bytes;      /* the same */
    bool has_lost[LIVE_KIND_COUNT];
    struct live_gap lost[LIVE_KIND_COUNT];
    bool is_stale[LIVE_KIND_COUNT];
    uint64_t lost_gap_count;
};

void live_inbox_init(struct live_inbox *inbox);
/* Nobody puts any more. */
void live_inbox_deinit(struct live_inbox *inbox);

/* Any thread. True where the loop is to be woken: it has been told of nothing since it took. */
bool live_inbox_put_start(struct live_inbox *inbox, enum live_kind kind, uint64_t epoch,
                          uint64_t sequence);
bool live_inbox_put_event(struct live_inbox *inbox, enum live_kind kind,
                          const struct ds_event *event);
bool live_inbox_put_gap(struct live_inbox *inbox, enum live_kind kind, const struct live_gap *gap);
bool live_inbox_set_stale(struct live_inbox *inbox, enum live_kind kind, bool is_stale);

/* The loop. The batch has been worked on, or is new; it gets what has come since. */
void live_inbox_take(struct live_inbox *inbox, struct live_batch *batch);
void live_batch_deinit(struct live_batch *batch);

/* How often something was lost. Any thread. */
uint64_t live_inbox_lost_gap_count(struct live_inbox *inbox);

/* Appends the newer gap to the older one: one without a hole. */
void live_gap_extend(struct live_gap *gap, const struct live_gap *newer);

#endif
