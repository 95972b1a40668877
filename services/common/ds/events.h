/*
 * What happened, told after it is durable. A sink takes events; the journal is a sink that
 * remembers the newest ones of each kind, numbered without gaps, so that a subscriber can find out
 * what it missed.
 */
#ifndef DS_EVENTS_H
#define DS_EVENTS_H

#include "ds/bytes.h"
#include "ds/code.h"

struct ds_event {
    struct ds_bytes topic; /* "ticks/NIFTY" */
    struct ds_bytes body;  /* wire bytes of the row */
    uint64_t epoch;        /* of the publisher's start; filled by the journal */
    uint64_t sequence;     /* from 1 within the epoch; filled by the journal */
};

/* Takes events in the order of their commits, from one thread at a time; must not block. Views die
 * with the call. */
struct ds_event_sink {
    void (*publish)(void *context, const struct ds_event *events, size_t event_count);
    void *context;
};

struct ds_event_journal;

/* Remembers at most event_max (over 0) events and bytes_max bytes of topics and bodies; the oldest
 * go first. epoch 0 draws one. */
struct ds_event_journal *ds_event_journal_create(uint64_t epoch, size_t event_max,
                                                 size_t bytes_max);
/* Takes NULL. Nobody may publish or read any more. */
void ds_event_journal_destroy(struct ds_event_journal *journal);

/* The journal as a sink; lives as long as the journal. */
struct ds_event_sink ds_event_journal_sink(struct ds_event_journal *journal);

uint64_t ds_event_journal_epoch(const struct ds_event_journal *journal);

/* The newest sequence number; 0 before the first event. Any thread. */
uint64_t ds_event_journal_newest(struct ds_event_journal *journal);

/*
 * Calls `take` for each remembered event after `sequence`, oldest first, at most event_max of them,
 * with the journal locked: `take` must be short and must not call the journal. DS_OUT_OF_RANGE
 * where events after `sequence` are forgotten already or `epoch` is another one: a gap. Any thread.
 */
DS_MUST_USE ds_code ds_event_journal_read(struct ds_event_journal *journal, uint64_t epoch,
                                          uint64_t sequence, size_t event_max,
                                          void (*take)(void *context, const struct ds_event *event),
                                          void *context);

#endif
