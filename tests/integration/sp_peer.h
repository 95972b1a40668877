/* A publisher of the Scalability Protocols on a plain socket, which does whatever a test says. Runs
 * on the test's own thread, in turn with the subscriber. */
#ifndef TESTS_INTEGRATION_SP_PEER_H
#define TESTS_INTEGRATION_SP_PEER_H

#include "ds/sp_subscriber.h"

#define SP_PATIENCE_MS 60000

struct sp_peer {
    bool is_tcp;
    char folder[32];
    char path[64];
    char url[80];
    int listener;   /* -1: nobody listens */
    int connection; /* -1: none */
};

void sp_peer_open(struct sp_peer *peer, bool is_tcp);
void sp_peer_close(struct sp_peer *peer);

/* At the same address again and again. */
void sp_peer_listen(struct sp_peer *peer);
void sp_peer_listen_no_more(struct sp_peer *peer);

/* Opens a subscriber of everything, or of the topic. `clock` NULL: the machine's. */
struct ds_sp_subscriber *sp_peer_subscribe(const struct sp_peer *peer, const char *topic,
                                           const struct ds_clock *clock);

/* Lets the subscriber connect, and reads and checks its greeting. */
void sp_peer_accept(struct sp_peer *peer, struct ds_sp_subscriber *subscriber);

void sp_peer_send(const struct sp_peer *peer, const void *bytes, size_t size);
/* The greeting of that protocol. */
void sp_peer_greet(const struct sp_peer *peer, uint8_t protocol);
/* What announces a message of that size. */
void sp_peer_send_head(const struct sp_peer *peer, uint64_t size);
void sp_peer_send_message(const struct sp_peer *peer, const char *text);
void sp_peer_hang_up(struct sp_peer *peer);

/* Lets the subscriber work until it has hung up. */
void sp_peer_await_hang_up(struct sp_peer *peer, struct ds_sp_subscriber *subscriber);
/* Whether the subscriber has hung up; waits for nothing. */
bool sp_peer_was_left(const struct sp_peer *peer);

/* Accepts and greets as a publisher. */
void sp_peer_meet(struct sp_peer *peer, struct ds_sp_subscriber *subscriber);
/* The next message is this one. */
void sp_peer_assert_received(struct ds_sp_subscriber *subscriber, const char *text);

#endif
