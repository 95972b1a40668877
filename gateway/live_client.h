/*
 * The clients of live data: what a WebSocket and a stream of HTTP have in common. A client takes
 * from the hub (live.h) only as fast as its connection takes from it; what it misses meanwhile, the
 * hub tells it by a gap. Loop's thread only but for live_clients_write_metrics().
 */
#ifndef GATEWAY_LIVE_CLIENT_H
#define GATEWAY_LIVE_CLIENT_H

#include "gateway/exchange.h"
#include "gateway/key_set.h"
#include "gateway/live.h"
#include "gateway/live_message.h"
#include "http/stream.h"

/* Of one client, unsent, beyond which nothing more is taken from the hub. */
#define LIVE_UNSENT_BYTES_MAX ((size_t)2 * HTTP_STREAM_HALF_BYTES)
/* The same of all clients: each may have its share of it, or one message. */
#define LIVE_UNSENT_TOTAL_BYTES_MAX ((uint64_t)128 * 1024 * 1024)
/* Of one client, answers to its messages that its stream had no room for; beyond it the client is
 * hung up on. */
#define LIVE_HELD_BYTES_MAX ((size_t)1024 * 1024)
#define LIVE_PING_MS 20000     /* setting live-ping */
#define LIVE_PATH_BYTES_MAX 64 /* of the routes here, with the terminator */

struct live_client;

struct live_client_ops {
    enum live_form form;
    unsigned int status; /* of the reply that the stream begins with */
    /* Tells the client that the server stops, and ends its stream. */
    void (*end)(struct live_client *client);
    /* Several times in each interval of pings. */
    void (*tick)(struct live_client *client, uint64_t now_ms);
    /* Of an upgraded connection; NULL for others. */
    void (*bytes)(struct live_client *client, struct ds_bytes bytes);
    /* There is room again; may be NULL. */
    void (*room)(struct live_client *client);
    /* Frees the client. */
    void (*destroy)(struct live_client *client);
};

/* What a client has of one kind. */
struct live_channel {
    struct live_subscription *subscription; /* NULL: none */
    struct key_set keys;                    /* none: all */
    struct live_id behind;                  /* what it was begun with */
};

/* First member of the client of each form. */
struct live_client {
    const struct live_client_ops *ops;
    struct live_clients *clients;
    struct live_client *next;
    struct live_client *previous;
    struct http_stream *stream; /* NULL: not begun */
    struct live_channel channels[LIVE_KIND_COUNT];
    struct http_piece *waiting; /* that the stream had no room for; NULL: none */
    struct ds_buffer held;      /* what is behind that */
    uint64_t sent_ms;           /* when something went out last */
    bool ended;                 /* nothing more is sent */

    /* For the access log and the metrics, at the end. */
    size_t route;
    int64_t began_us;
    uint64_t sent_bytes;
    uint64_t event_count;
    char path[LIVE_PATH_BYTES_MAX];
    char peer[HTTP_PEER_BYTES];
    char address[HTTP_PEER_BYTES]; /* http_request.client */
    const char *service;
    char request_id[REQUEST_ID_BYTES_MAX + 1];
    struct ds_trace trace;
};

/* All of a gateway. */
struct live_clients *live_clients_create(struct gateway *gateway, uint32_t clients_max,
                                         uint32_t ping_ms);
/* When none are left, before the loop ends. */
void live_clients_close(struct live_clients *clients);
void live_clients_destroy(struct live_clients *clients); /* takes NULL */

/* Whether one more may come; false fills ret_problem (503). */
bool live_clients_have_room(const struct live_clients *clients, struct problem *ret_problem);

uint32_t live_clients_ping_ms(const struct live_clients *clients);
uint64_t live_clients_now_ms(const struct live_clients *clients);

/* Any thread. */
void live_clients_write_metrics(const struct live_clients *clients, struct ds_buffer *text);

void live_client_init(struct live_client *client, const struct live_client_ops *ops,
                      struct live_clients *clients);
/* Of one that has not begun; others go with their streams. */
void live_client_deinit(struct live_client *client);

/*
 * Turns the exchange's reply, whose head has been begun and has its own fields, into the client's
 * stream. The exchange ends, and the client lives until its stream does. Who subscribed before
 * calls live_client_pump() then.
 */
void live_client_begin(struct live_client *client, struct exchange *exchange);

/* As live_subscribe(), with the channel's keys; also before the client has begun. False fills
 * ret_problem. */
bool live_client_subscribe(struct live_client *client, enum live_kind kind, struct live_id behind,
                           struct problem *ret_problem);
void live_client_unsubscribe(struct live_client *client, enum live_kind kind);

/* Where the client may resume that kind; no place where it is not known yet. */
struct live_id live_client_position(const struct live_client *client, enum live_kind kind);

/* Sends bytes in front of all events that are yet to be taken. */
void live_client_send(struct live_client *client, struct ds_bytes bytes);
void live_client_send_message(struct live_client *client, const struct live_message *message);

/* Takes from the hub what there is, and room for. */
void live_client_pump(struct live_client *client);

/* Whether the client takes what is sent to it: nothing of it waits here. */
bool live_client_is_idle(const struct live_client *client);

/* Whether it has to take some of what waits for it before it is given more, or read. Who finds that
 * so calls http_stream_await_progress(). */
bool live_client_has_enough(const struct live_client *client);

/* Whether its stream is full. */
bool live_client_is_held_up(const struct live_client *client);

/* After what has been sent: ends the stream, and the subscriptions at once. */
void live_client_finish(struct live_client *client);

#endif
