/*
 * A subscriber of the Scalability Protocols over plain sockets. It knows no nng: nng 1.5.2's own
 * may stop the whole process's connections when it is closed in the middle of a message
 * (docs/rpc-guards.md). It has no thread; all it does is done by ds_sp_subscriber_receive().
 * Messages that nobody receives wait in the kernel and in the publisher, which drops the oldest.
 * Private to ds_common.
 */
#ifndef DS_SP_SUBSCRIBER_H
#define DS_SP_SUBSCRIBER_H

#include "ds/bytes.h"
#include "ds/clock.h"
#include "ds/code.h"

/* One for each kind of events, and more than those. */
#define DS_SP_TOPICS_MAX 16
#define DS_SP_TOPIC_BYTES_MAX 255
/* How long a peer may take to accept a connection, and then to greet; nng's own limit. */
#define DS_SP_HANDSHAKE_MS 10000
/* The wait after a connection that brought no message is doubled, from MIN to MAX. */
#define DS_SP_RECONNECT_MS_MIN 10
#define DS_SP_RECONNECT_MS_MAX 250

struct ds_sp_subscriber;

struct ds_sp_subscriber_options {
    const char *url;              /* see ds_sp_address_read() */
    size_t message_bytes_max;     /* a peer that announces a larger one is hung up on */
    const struct ds_clock *clock; /* NULL: the machine's */
};

/* DS_INVALID_ARGUMENT for a URL of another form, DS_RESOURCE_EXHAUSTED where there is no descriptor
 * left. Connects when it is received from. */
DS_MUST_USE ds_code ds_sp_subscriber_open(const struct ds_sp_subscriber_options *options,
                                          struct ds_sp_subscriber **ret_subscriber);

/* From now on messages that begin so are received, too: at most DS_SP_TOPICS_MAX of them, of at
 * most DS_SP_TOPIC_BYTES_MAX. */
void ds_sp_subscriber_add(struct ds_sp_subscriber *subscriber, struct ds_bytes topic);

/* Waits at most timeout_ms, below 0 without an end; connects by itself, and again. False where no
 * message came. The view stays until the next call. By one thread at a time. */
bool ds_sp_subscriber_receive(struct ds_sp_subscriber *subscriber, int timeout_ms,
                              struct ds_bytes *ret_message);

/* Ends the receive that waits, or else the next one that would. Any thread. */
void ds_sp_subscriber_interrupt(struct ds_sp_subscriber *subscriber);

/* At any moment of a connection, without waiting for anything. Takes NULL. Nobody may receive any
 * more. */
void ds_sp_subscriber_close(struct ds_sp_subscriber *subscriber);

#endif
