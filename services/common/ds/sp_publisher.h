/*
 * A PUB socket of the Scalability Protocols (nanomsg's RFC sp-publish-subscribe-01): each message
 * goes to every subscriber, which picks its topics itself. Messages are whole; what is in them is
 * the business of event_frame.h. A subscriber that does not take them loses the oldest and holds
 * nobody up. Private to ds_common.
 */
#ifndef DS_SP_PUBLISHER_H
#define DS_SP_PUBLISHER_H

#include "ds/bytes.h"
#include "ds/code.h"

/* Of a publisher, on all of its addresses. */
#define DS_SP_SUBSCRIBERS_MAX 256
#define DS_SP_SUBSCRIBERS_PER_ADDRESS_MAX 64
#define DS_SP_PUBLISHER_ADDRESSES_MAX 16

struct ds_sp_publisher;

/* queue_max messages wait for each subscriber; then the oldest is dropped. Has a thread of its own;
 * aborts where there is none left. Never NULL. */
struct ds_sp_publisher *ds_sp_publisher_create(size_t queue_max);

/* Opens an address, ipc://PATH or tcp://HOST:PORT; the URL in use stays as long as the publisher.
 * DS_ALREADY_EXISTS: the address is in use; DS_INVALID_ARGUMENT: none that can be listened on;
 * DS_RESOURCE_EXHAUSTED: one too many. By one thread at a time. */
DS_MUST_USE ds_code ds_sp_publisher_listen(struct ds_sp_publisher *publisher, const char *url,
                                           const char **ret_url);

/* To every subscriber. Never blocks. */
void ds_sp_publisher_send(struct ds_sp_publisher *publisher, struct ds_bytes message);

/* Any thread. */
size_t ds_sp_publisher_connection_count(const struct ds_sp_publisher *publisher);

/* Sends nothing more. Nobody may send any more. Takes NULL. */
void ds_sp_publisher_close(struct ds_sp_publisher *publisher);

#endif
