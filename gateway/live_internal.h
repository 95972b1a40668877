/*
 * The insides of the hub. It knows no sockets, threads and loops: what it needs of those are the
 * functions of struct live_ops, and what comes of them is handed to live_turn(), live_retry() and
 * live_listing_finish().
 */
#ifndef GATEWAY_LIVE_INTERNAL_H
#define GATEWAY_LIVE_INTERNAL_H

#include "ds/event_list.h"
#include "ds/histogram.h"
#include "gateway/completion.h"
#include "gateway/gateway.h"
#include "gateway/live.h"
#include "gateway/live_inbox.h"
#include "gateway/live_index.h"

#include <stdatomic.h>

/* Of one turn of the loop, so that what clients have taken is written in between. */
#define LIVE_ITEMS_PER_TURN 256
#define LIVE_DELIVERIES_PER_TURN 16384
/* ListEvents of all resuming subscriptions under way at a time; others wait for their turn. */
#define LIVE_LISTINGS_MAX 16
/* A listing that failed because the service can't be reached is tried again so soon, and so often.
 */
#define LIVE_RETRY_MS 250
#define LIVE_LISTING_TRIES_MAX 240
#define LIVE_LISTING_TIMEOUT_MS 2000
#define LIVE_LISTING_REQUEST_BYTES_MAX 512

/* What the kinds are, by enum live_kind. */
struct live_kind_row {
    const char *name; /* of the journal's kind: "ticks" */
    const struct ds_message *row;
    const struct ds_method *const *list_events; /* of the service that publishes it */
};
extern const struct live_kind_row live_kinds[LIVE_KIND_COUNT];

struct live_listing;

struct live_ops {
    /* live_turn() is to come soon. Any thread. */
    void (*wake)(void *context);
    /* Opens the source of that kind where it is not open; false where nobody publishes it. */
    bool (*open)(void *context, enum live_kind kind);
    /* Makes listing->call; live_listing_finish() is to come of it, not before this has returned. */
    void (*list)(void *context, struct live_listing *listing, enum live_kind kind);
    void (*cancel)(void *context, struct live_listing *listing);
    /* live_retry() is to come in LIVE_RETRY_MS. */
    void (*pause)(void *context);
    /* Ends the sources. */
    void (*stop)(void *context);
    bool (*is_closed)(const void *context);
    void (*destroy)(void *context); /* the sources have ended */
};

/* A call of ListEvents, and then its reply as long as events of it are to be taken. */
struct live_listing {
    struct completion completion;
    struct ds_client_call call;
    struct live *live;
    struct live_subscription *subscription; /* NULL: it has gone */
    uint8_t request[LIVE_LISTING_REQUEST_BYTES_MAX];
    /* How far it counts: keys that were added while it was under way are not in it. */
    uint64_t through_max;
    struct ds_event_list list; /* what the reply says beside its events */
    struct ds_wire_reader reader;
};

/* An event or a gap that waits. */
struct live_entry {
    struct live_event *event;
    struct live_gap *gap;
};

/* What waits for a subscription: a ring. */
struct live_queue {
    struct live_entry *entries;
    size_t capacity;
    size_t first;
    size_t count;
    size_t event_count;
    size_t event_bytes;
};

enum live_resume_state {
    LIVE_RESUME_OVER,    /* or there was none */
    LIVE_RESUME_WAITING, /* for a listing to begin */
    LIVE_RESUME_LISTING,
    LIVE_RESUME_PAGE, /* the listing's events are being taken */
};

struct live_resume {
    uint8_t state; /* enum live_resume_state */
    uint64_t epoch;
    uint64_t through; /* everything up to it has been taken, or is of no interest */
    uint64_t until;   /* what is behind it comes live; UINT64_MAX: not known yet */
    uint32_t tries;   /* that failed, in a row */
    bool is_claimed;  /* the client was farther than the hub: the service has yet to confirm it */
    struct live_listing *listing;
};

struct live_subscription {
    struct live *live;
    enum live_kind kind;
    bool wants_all;
    struct live_link **links;
    size_t link_count;
    void (*ready)(void *context);
    void *context;

    struct live_node in_feed;
    struct live_node in_everything; /* alone where it has keys */
    struct live_node in_ready;
    struct live_node in_slow; /* alone where nothing of it takes memory */
    struct live_node in_resumes;

    bool has_begun;     /* the source has told where it is */
    bool owes_start;    /* LIVE_STARTED has not been taken */
    bool is_stale_told; /* the last of LIVE_STALE and LIVE_STARTED was the former */
    bool is_ready_told;
    bool is_failure_told;
    const char *failure;       /* NULL: none */
    uint64_t epoch;            /* of what was taken last */
    uint64_t taken;            /* the newest that was taken, or behind which it begins */
    bool is_joined;            /* what comes live is for it */
    uint64_t seen;             /* the newest that came live, or behind which that begins */
    struct live_resume resume; /* what comes before the queue */
    struct live_queue queue;
    struct live_event *current; /* of the last notice */
};

/* A kind, as its source has told of it. */
struct live_feed {
    bool has_started;
    bool is_stale;
    uint64_t epoch;
    uint64_t newest;
    struct live_node subscriptions; /* all */
    struct live_node everything;    /* those to all keys */
};

struct live_counts {
    atomic_size_t clients;
    atomic_size_t bytes; /* that wait for clients, and what is queued around them */
    atomic_size_t waiting_events;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t events[LIVE_KIND_COUNT]; /* of the sources */
    atomic_uint_fast64_t delivered;               /* that were taken */
    atomic_uint_fast64_t source_gaps;             /* by kind of events, told to whoever is there */
    atomic_uint_fast64_t client_gaps;             /* of slow clients */
    atomic_uint_fast64_t resume_gaps;
    atomic_bool is_stale[LIVE_KIND_COUNT];
    struct ds_histogram lag; /* from publishing to the loop */
};

struct live {
    const struct live_ops *ops;
    void *context;
    const struct ds_clock *clock;
    const live_render_fn *renders;
    struct live_limits limits;
    bool is_stopping;
    bool is_turning; /* whoever becomes ready is told at the end of the turn */
    struct live_feed feeds[LIVE_KIND_COUNT];
    struct live_index index;
    struct live_node ready; /* subscriptions whose `ready` is to be called */
    struct live_node slow; /* those that keep memory; the one that took nothing for longest first */
    struct live_node resumes; /* those that wait for a listing */
    struct live_node paused;  /* the same, after a failure */
    size_t listing_count;     /* calls under way */
    size_t delivery_count;    /* of this turn */
    struct live_batch batch;
    struct live_inbox inbox;
    struct ds_buffer json;
    struct ds_buffer rendered;
    struct live_counts counts;
};

/* live.c */
struct live *live_open(const struct live_ops *ops, void *context, const struct ds_clock *clock,
                       const live_render_fn *renders, const struct live_limits *limits);
void live_turn(struct live *live);
void live_retry(struct live *live);
/* Something has come that live_take() gives. */
void live_mark_ready(struct live_subscription *subscription);

/* live_feed.c: a source's word, and a subscription to the feed. */
void live_feed_take(struct live *live, const struct live_item *item);
void live_feed_set_stale(struct live *live, enum live_kind kind, bool is_stale);
/* The source has started: the subscription begins. */
void live_feed_begin(struct live_subscription *subscription);

/* live_queue.c */
void live_queue_put_event(struct live_subscription *subscription, struct live_event *event);
void live_queue_put_gap(struct live_subscription *subscription, const struct live_gap *gap);
/* In front of all that waits. */
void live_queue_put_gap_first(struct live_subscription *subscription, const struct live_gap *gap);
/* Whether it had something. The entry's event and gap are the caller's. */
bool live_queue_take(struct live_subscription *subscription, struct live_entry *ret_entry);
/* Takes out the events that the function does not want. */
void live_queue_filter(struct live_subscription *subscription,
                       bool (*wants)(const struct live_subscription *subscription,
                                     struct ds_bytes key));
void live_queue_deinit(struct live_subscription *subscription);
/* It has just taken something, or has got its first: it goes behind the other slow ones, or out. */
void live_note_progress(struct live_subscription *subscription);
/* Takes from the slowest what is more than LIVE_BYTES_MAX. */
void live_bound_bytes(struct live *live);
void live_count_bytes(struct live *live, size_t bytes);
void live_discount_bytes(struct live *live, size_t bytes);

/* live_resume.c */
void live_resume_begin(struct live_subscription *subscription, uint64_t epoch, uint64_t sequence);
/* The next event of the page; false where there is none now. The reference is the caller's. */
bool live_resume_take(struct live_subscription *subscription, struct live_event **ret_event);
/* Keys have been added: what comes of them from now on must come. */
void live_resume_widen(struct live_subscription *subscription);
/* What is left of it is a gap, and what comes live is for the subscription. */
void live_resume_give_up(struct live_subscription *subscription);
/* Ends it where it is not over, and drops what waits behind it: what comes next says so. */
void live_resume_abandon(struct live_subscription *subscription);
/* Begins the listings that there is room for. */
void live_resume_list(struct live *live);
/* listing->call is done. Frees the listing, or keeps it. */
void live_listing_finish(struct live_listing *listing);

/* live_wants.c: the keys of a subscription. */
bool live_wants(const struct live_subscription *subscription, struct ds_bytes key);
/* "NIFTY" of "NIFTY/2025-01-25"; false where it has none. */
bool live_product_of(struct ds_bytes key, struct ds_bytes *ret_product);
/* What all of its keys begin with, for ListEvents. */
size_t live_wants_prefix(const struct live_subscription *subscription,
                         char ret_prefix[LIVE_KEY_BYTES_MAX]);
DS_MUST_USE ds_code live_wants_add(struct live_subscription *subscription,
                                   const struct ds_bytes *keys, size_t key_count);
void live_wants_clear(struct live_subscription *subscription);

#endif
