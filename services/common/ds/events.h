/*
 * What happened, told after it is durable. A sink takes events; the journal is a sink that
 * remembers the newest ones of each kind, numbered without gaps, so that a subscriber can find out
 * what it missed. An event's kind is what its topic has before the first '/'.
 */
#ifndef DS_EVENTS_H
#define DS_EVENTS_H

#include "ds/bytes.h"
#include "ds/clock.h"
#include "ds/code.h"

#define DS_EVENT_KINDS_MAX 8
/* What a subscriber may have missed of a kind and still be told. */
#define DS_EVENTS_REMEMBERED_DEFAULT 65536

struct ds_event {
    struct ds_bytes topic;     /* "ticks/NIFTY" */
    struct ds_bytes body_head; /* what the publisher has in front of the body; empty when read */
    struct ds_bytes body;      /* wire bytes of the row */
    /* Filled by the journal. */
    uint64_t epoch;          /* of the publisher's start */
    uint64_t sequence;       /* from 1 within the epoch and the kind */
    int64_t published_at_us; /* wall clock */
};

/* Takes events in the order of their commits, from one thread at a time; must not block. Views die
 * with the call. */
struct ds_event_sink {
    void (*publish)(void *context, const struct ds_event *events, size_t event_count);
    void *context;
};

struct ds_event_journal;

struct ds_event_journal_options {
    const char *const *kinds; /* "ticks"; static */
    size_t kind_count;        /* at most DS_EVENT_KINDS_MAX */
    uint64_t epoch;           /* 0: one is drawn */
    size_t event_max; /* that are remembered of each kind; 0: DS_EVENTS_REMEMBERED_DEFAULT */
    size_t bytes_max; /* of topics and bodies of each kind; the oldest go first */
    const struct ds_clock *clock; /* NULL: the system's */
};

struct ds_event_journal *ds_event_journal_create(const struct ds_event_journal_options *options);
/* Takes NULL. Nobody may publish or read any more. */
void ds_event_journal_destroy(struct ds_event_journal *journal);

/* The journal as a sink; lives as long as the journal. The topic of each event must be of one of
 * the journal's kinds. */
struct ds_event_sink ds_event_journal_sink(struct ds_event_journal *journal);

/* Called after each publish, on the publisher's thread; must not block. NULL: nobody. Not to be
 * changed while events are published. */
void ds_event_journal_set_listener(struct ds_event_journal *journal,
                                   void (*published)(void *context), void *context);

uint64_t ds_event_journal_epoch(const struct ds_event_journal *journal);
size_t ds_event_journal_kind_count(const struct ds_event_journal *journal);
/* Static storage. */
const char *ds_event_journal_kind_name(const struct ds_event_journal *journal, size_t kind);
/* False where the journal has no kind of that name. */
bool ds_event_journal_find_kind(const struct ds_event_journal *journal, const char *name,
                                size_t *ret_kind);

/* The newest sequence number of the kind; 0 before its first event. Any thread. */
uint64_t ds_event_journal_newest(struct ds_event_journal *journal, size_t kind);

/* How many events of all kinds there have been. Any thread. */
uint64_t ds_event_journal_total(struct ds_event_journal *journal);

/* Takes an event whose views die with the call; false where it does not want it, which ends the
 * read. */
typedef bool (*ds_event_take_fn)(void *context, const struct ds_event *event);

/*
 * Calls `take` for each remembered event of the kind after `sequence`, oldest first, with the
 * journal locked: `take` must be short and must not call the journal. DS_OUT_OF_RANGE where events
 * after `sequence` are forgotten already or `epoch` is another one: a gap. Any thread.
 */
DS_MUST_USE ds_code ds_event_journal_read(struct ds_event_journal *journal, size_t kind,
                                          uint64_t epoch, uint64_t sequence, ds_event_take_fn take,
                                          void *context);

#endif
