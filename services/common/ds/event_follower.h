/*
 * What a subscriber makes of the messages of an event socket: each event once and in order, holes
 * filled by ListEvents, and gaps told where they can't be. Knows nothing of sockets and threads.
 */
#ifndef DS_EVENT_FOLLOWER_H
#define DS_EVENT_FOLLOWER_H

#include "ds/events.h"

/* A hole is tried to be filled so often while the service can't be reached, at each message; then
 * it is a gap. */
#define DS_EVENT_REFILL_TRIES 8

enum ds_event_notice_type {
    DS_EVENT_STARTED, /* what is published after `sequence` will come from here */
    DS_EVENT_ARRIVED,
    /*
     * Events `from` to `to` of `epoch` are missing and must be read by time. `is_new_epoch`: the
     * service was started anew; what came last in its epoch before is unknown too, so that this
     * comes even where nothing of the new one is missing (then `to` is `from` - 1).
     */
    DS_EVENT_GAP,
};

struct ds_event_notice {
    enum ds_event_notice_type type;
    const char *kind;
    uint64_t epoch;
    uint64_t sequence;            /* STARTED, ARRIVED */
    const struct ds_event *event; /* ARRIVED; its views die with the call */
    uint64_t from;                /* GAP */
    uint64_t to;                  /* GAP */
    bool is_new_epoch;            /* GAP */
};

typedef void (*ds_event_notice_fn)(void *context, const struct ds_event_notice *notice);

/* A kind that is followed. */
struct ds_event_interest {
    const char *kind;         /* "ticks" */
    const char *topic_prefix; /* only such events are told: "ticks/NIFTY"; NULL: all */
    uint64_t epoch;           /* go on behind `sequence` of that epoch; 0: begin with the newest */
    uint64_t sequence;
};

struct ds_event_list_query {
    const char *kind;
    const char *topic_prefix; /* "": none */
    uint64_t epoch;
    uint64_t after_sequence;
    bool numbers_only; /* where the publisher is, without events */
};

struct ds_event_follower_options {
    const struct ds_event_interest *interests; /* copied, but for the texts */
    size_t interest_count;                     /* at most DS_EVENT_KINDS_MAX */
    ds_event_notice_fn notice;
    void *notice_context;
    /* Calls ListEvents and gives the response's bytes, which stay until the next call. */
    ds_code (*list)(void *context, const struct ds_event_list_query *query,
                    struct ds_bytes *ret_response);
    void *list_context;
};

struct ds_event_follower;

/* Never NULL. */
struct ds_event_follower *ds_event_follower_create(const struct ds_event_follower_options *options);
/* Takes NULL. */
void ds_event_follower_destroy(struct ds_event_follower *follower);

/* Takes a message of the event socket. False where the message is none; its whole frames before the
 * fault have been taken. */
bool ds_event_follower_message(struct ds_event_follower *follower, struct ds_bytes message);

/* Where no messages come: asks for what heartbeats would tell. False where that is not answered. */
bool ds_event_follower_ask(struct ds_event_follower *follower);

#endif
