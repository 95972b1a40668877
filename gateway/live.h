/*
 * One subscription to each service's events, handed on to any number of clients. Loop's thread only
 * but for live_write_metrics(). Never blocks. A client that does not take its events loses them, is
 * told so by a gap, and costs nobody else.
 *
 * What a subscription is told is, in the order of the events' numbers: LIVE_STARTED first, with the
 * place that it begins behind; from there on every event of its keys is either an EVENT or within a
 * GAP. Nothing comes twice.
 *
 * Bounds: subscriptions by live_limits.subscriptions_max, their keys together by
 * LIVE_KEYS_TOTAL_MAX (some 57 MiB where all are distinct and of the greatest length), what a
 * subscription has not taken yet by live-queue-events-max and LIVE_QUEUE_BYTES_MAX, what all have
 * not taken by LIVE_BYTES_MAX: past that the one that has taken nothing for the longest time loses
 * first. What is on its way from the services' threads to the loop is bounded by
 * LIVE_INBOX_EVENTS_MAX and LIVE_INBOX_BYTES_MAX.
 */
#ifndef GATEWAY_LIVE_H
#define GATEWAY_LIVE_H

#include "ds/buffer.h"
#include "ds/code.h"
#include "http/piece.h"

enum live_kind { LIVE_TICKS, LIVE_QUOTES, LIVE_CHAINS, LIVE_KIND_COUNT };
enum live_form { LIVE_WEBSOCKET, LIVE_SSE, LIVE_NDJSON, LIVE_FORM_COUNT };

/* Setting live-clients-max: at a time; each may have one subscription of each kind. */
#define LIVE_CLIENTS_MAX 10000
/* Setting live-queue-events-max: that wait for a subscription. */
#define LIVE_QUEUE_EVENTS_MAX 1024
/* That wait for a subscription, but for one event whatever its size. */
#define LIVE_QUEUE_BYTES_MAX (4 * 1024 * 1024)
#define LIVE_KEYS_MAX 256          /* of a subscription */
#define LIVE_KEYS_TOTAL_MAX 262144 /* of all subscriptions */
#define LIVE_KEY_BYTES_MAX 128
#define LIVE_BYTES_MAX ((size_t)128 * 1024 * 1024) /* that wait for clients */
#define LIVE_INBOX_EVENTS_MAX 65536
#define LIVE_INBOX_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct live;

/* Immutable but for what is the hub's own, counted. */
struct live_event {
    struct live *live; /* the hub's own, with the next two */
    uint32_t reference_count;
    uint32_t bytes; /* of memory, without the forms */
    uint8_t kind;
    uint64_t epoch;
    uint64_t sequence;
    int64_t published_at_us;
    struct ds_bytes key;                       /* "NIFTY"; of a chain "NIFTY/2025-01-25" */
    struct ds_bytes row;                       /* wire bytes, whole row */
    struct http_piece *forms[LIVE_FORM_COUNT]; /* made at first use, shared by all clients */
};

/*
 * Of one form, made by its writer once: the complete bytes that go out (a WebSocket text frame,
 * "id:…\ndata:…\n\n", one line). The event's reference: send it, or take one of your own. NULL
 * where the row has no JSON form, as that of a service newer than this gateway might: tell that
 * number as a gap.
 */
struct http_piece *live_event_piece(struct live_event *event, enum live_form form);

/* `json` is the row as a GET of the canonical family writes it; the complete bytes are appended to
 * `bytes`, which is empty. */
typedef void (*live_render_fn)(const struct live_event *event, struct ds_bytes json,
                               struct ds_buffer *bytes);
extern const live_render_fn live_renders[LIVE_FORM_COUNT]; /* live_routes.c */

enum live_notice_type {
    LIVE_STARTED, /* first, and again after a LIVE_STALE once the source is heard again */
    LIVE_EVENT,
    LIVE_GAP,
    LIVE_STALE,  /* nothing is heard of the source, be it from the beginning on */
    LIVE_FAILED, /* the last one */
};

struct live_notice {
    enum live_notice_type type;
    enum live_kind kind;
    uint64_t epoch;           /* STARTED, EVENT, GAP */
    uint64_t sequence;        /* STARTED: what comes is behind it; EVENT: the event's; GAP: `to` */
    struct live_event *event; /* EVENT; the subscription's reference until the next call */
    uint64_t from;            /* GAP: events of `epoch` from..to must be read by time */
    uint64_t to;
    /* GAP: the service was started anew; what came last in its epoch before is unknown too, so that
     * this comes even where nothing of the new one is missing (then `to` is `from` - 1). */
    bool is_new_epoch;
    const char *reason; /* FAILED: "stopping" */
};

struct live_subscription;
struct gateway;

struct live_subscribe_options {
    enum live_kind kind;
    /* Views that die with the call. Of chains a key without "/" is a product: all of its expiries.
     * A key that comes twice counts once. */
    const struct ds_bytes *keys;
    size_t key_count; /* 0: all keys */
    uint64_t epoch;   /* resume behind after_sequence; 0: from now */
    uint64_t after_sequence;
    /*
     * Something can be taken; at most once until live_take() has returned false. Never from within
     * a function of this header but from the loop; also where live_subscribe() has something
     * at once. May take, subscribe and unsubscribe (itself and others).
     */
    void (*ready)(void *context);
    void *context;
};

/*
 * DS_RESOURCE_EXHAUSTED: subscriptions_max or LIVE_KEYS_TOTAL_MAX; DS_UNAVAILABLE: no service
 * publishes that kind, or the gateway stops; DS_INVALID_ARGUMENT: more than LIVE_KEYS_MAX keys, or
 * a key that is empty, longer than LIVE_KEY_BYTES_MAX, no UTF-8 or has a NUL. That the service is
 * away is no failure: the subscription starts when it comes, and is told LIVE_STALE meanwhile.
 */
DS_MUST_USE ds_code live_subscribe(struct live *live, const struct live_subscribe_options *options,
                                   struct live_subscription **ret_subscription);

/*
 * From now on these keys too, or no longer; keys that are there already, or are not, are passed
 * over. What waits of a removed key goes. Codes of adding as above, and then nothing is added;
 * DS_INVALID_ARGUMENT also for a subscription to all keys. One whose last key is removed is told of
 * no event. Not while a notice of live_take() is in use.
 */
DS_MUST_USE ds_code live_add_keys(struct live_subscription *subscription,
                                  const struct ds_bytes *keys, size_t key_count);
void live_remove_keys(struct live_subscription *subscription, const struct ds_bytes *keys,
                      size_t key_count);
size_t live_key_count(const struct live_subscription *subscription); /* 0: all */

/* False: nothing now. */
bool live_take(struct live_subscription *subscription, struct live_notice *ret_notice);

/*
 * Where a client may resume that has been told all that was taken: nothing of its keys is between
 * that and what comes next. Farther than the last event where the source published others since.
 * False before LIVE_STARTED was taken.
 */
bool live_position(const struct live_subscription *subscription, uint64_t *ret_epoch,
                   uint64_t *ret_sequence);

/* Takes NULL. Not while a notice of live_take() is in use. */
void live_unsubscribe(struct live_subscription *subscription);

struct live_limits {
    uint32_t subscriptions_max;
    uint32_t queue_events_max; /* of each; setting live-queue-events-max */
};

/* The source of a kind opens at the first subscription to it and stays. */
struct live *live_create(struct gateway *gateway, const struct live_limits *limits);
/* FAILED "stopping" to all; ends the sources. `closed` of the gateway's loop comes by
 * gateway_check_closed(). */
void live_drain(struct live *live);
/* Whether nothing of it is on the loop or in another thread any more. */
bool live_is_closed(const struct live *live);
/* After the loop has ended; nobody is subscribed any more. Takes NULL. */
void live_destroy(struct live *live);
/* Any thread. */
void live_write_metrics(struct live *live, struct ds_buffer *text);

#endif
