/* A SUB socket of nng 1.5.2. Private to ds_common. */
#ifndef DS_NNG_SUBSCRIBER_H
#define DS_NNG_SUBSCRIBER_H

#include "ds/bytes.h"
#include "ds/code.h"

struct ds_nng_subscriber;

struct ds_nng_subscriber_options {
    const char *url;
    size_t message_bytes_max;
    int queue_max;        /* messages that wait to be received; then the oldest is dropped */
    int connect_check_ms; /* how long it is patient without a connection; 0: 400 */
};

/* Connects by itself, and again. DS_INVALID_ARGUMENT for a URL of another form. */
DS_MUST_USE ds_code ds_nng_subscriber_open(const struct ds_nng_subscriber_options *options,
                                           struct ds_nng_subscriber **ret_subscriber);

/* From now on messages that begin so are received, too. */
void ds_nng_subscriber_add(struct ds_nng_subscriber *subscriber, struct ds_bytes beginning);

/* Waits at most timeout_ms; false where no message came. The view stays until the next call. By one
 * thread at a time. */
bool ds_nng_subscriber_receive(struct ds_nng_subscriber *subscriber, int timeout_ms,
                               struct ds_bytes *ret_message);

/* Makes a receive that is under way end soon. Any thread. */
void ds_nng_subscriber_interrupt(struct ds_nng_subscriber *subscriber);

/* Takes NULL. Nobody may receive any more. */
void ds_nng_subscriber_close(struct ds_nng_subscriber *subscriber);

#endif
