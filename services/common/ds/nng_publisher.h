/* A PUB socket of nng 1.5.2. Messages are whole; what is in them is the business of event_frame.h.
 * Private to ds_common. */
#ifndef DS_NNG_PUBLISHER_H
#define DS_NNG_PUBLISHER_H

#include "ds/bytes.h"
#include "ds/code.h"

/* Of a publisher, on all of its addresses. */
#define DS_NNG_SUBSCRIBERS_MAX 256
#define DS_NNG_SUBSCRIBERS_PER_ADDRESS_MAX 64
#define DS_NNG_PUBLISHER_ADDRESSES_MAX 16

struct ds_nng_publisher;

/* queue_max messages wait for each subscriber; then the oldest is dropped. Never NULL. */
struct ds_nng_publisher *ds_nng_publisher_create(int queue_max);

/* Opens an address; the URL in use stays as long as the publisher. DS_ALREADY_EXISTS: the address
 * is in use; DS_INVALID_ARGUMENT: none that can be listened on; DS_RESOURCE_EXHAUSTED: one too
 * many. By one thread at a time. */
DS_MUST_USE ds_code ds_nng_publisher_listen(struct ds_nng_publisher *publisher, const char *url,
                                            const char **ret_url);

/* To whoever subscribes to a beginning of it. Never blocks. */
void ds_nng_publisher_send(struct ds_nng_publisher *publisher, struct ds_bytes message);

/* Any thread. */
size_t ds_nng_publisher_connection_count(const struct ds_nng_publisher *publisher);

/* Takes NULL. */
void ds_nng_publisher_close(struct ds_nng_publisher *publisher);

#endif
