#include "ds/nng_subscriber.h"

#include "ds/nng_redial.h"
#include "ds/nng_socket.h"

#include <nng/protocol/pubsub0/sub.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 250
/* How long the first dialer has; long enough for its own tries to have come first. */
#define CONNECT_CHECK_MS 400

struct ds_nng_subscriber {
    nng_socket socket;
    nng_aio *aio;
    struct ds_nng_redial redial; /* of who receives */
    atomic_int connection_count;
    char url[DS_NNG_URL_BYTES_MAX];
    nng_msg *message; /* that was received last; NULL: none */
};

/* ADD_PRE and not ADD_POST, which does not come for a peer of another protocol, while REM_POST
 * does. */
static void connection_changed(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct ds_nng_subscriber *subscriber = argument;
    (void)pipe;
    atomic_fetch_add(&subscriber->connection_count, event == NNG_PIPE_EV_ADD_PRE ? 1 : -1);
}

static void configure(struct ds_nng_subscriber *subscriber,
                      const struct ds_nng_subscriber_options *options)
{
    const nng_socket socket = subscriber->socket;
    ds_nng_check(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, options->message_bytes_max));
    ds_nng_check(nng_socket_set_int(socket, NNG_OPT_RECVBUF, options->queue_max));
    ds_nng_check(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN));
    ds_nng_check(nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX));
    ds_nng_check(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, connection_changed, subscriber));
    ds_nng_check(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, connection_changed, subscriber));
}

ds_code ds_nng_subscriber_open(const struct ds_nng_subscriber_options *options,
                               struct ds_nng_subscriber **ret_subscriber)
{
    struct ds_nng_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber == NULL) {
        abort();
    }
    const int length = snprintf(subscriber->url, sizeof subscriber->url, "%s", options->url);
    if (length >= DS_NNG_URL_BYTES_MAX) {
        free(subscriber);
        return DS_INVALID_ARGUMENT;
    }
    ds_nng_check(nng_sub0_open(&subscriber->socket));
    configure(subscriber, options);
    subscriber->redial = (struct ds_nng_redial){
        .socket = subscriber->socket,
        .url = subscriber->url,
        .check_ms = options->connect_check_ms > 0 ? options->connect_check_ms : CONNECT_CHECK_MS};
    if (!ds_nng_redial_begin(&subscriber->redial)) {
        nng_close(subscriber->socket);
        free(subscriber);
        return DS_INVALID_ARGUMENT;
    }
    ds_nng_check(nng_aio_alloc(&subscriber->aio, NULL, NULL));
    *ret_subscriber = subscriber;
    return DS_OK;
}

void ds_nng_subscriber_add(struct ds_nng_subscriber *subscriber, struct ds_bytes beginning)
{
    ds_nng_check(
        nng_socket_set(subscriber->socket, NNG_OPT_SUB_SUBSCRIBE, beginning.data, beginning.size));
}

static void free_message(struct ds_nng_subscriber *subscriber)
{
    if (subscriber->message != NULL) {
        nng_msg_free(subscriber->message);
        subscriber->message = NULL;
    }
}

bool ds_nng_subscriber_receive(struct ds_nng_subscriber *subscriber, int timeout_ms,
                               struct ds_bytes *ret_message)
{
    free_message(subscriber);
    nng_aio_set_timeout(subscriber->aio, timeout_ms);
    nng_recv_aio(subscriber->socket, subscriber->aio);
    nng_aio_wait(subscriber->aio);
    if (nng_aio_result(subscriber->aio) != 0) {
        if (atomic_load(&subscriber->connection_count) == 0) {
            ds_nng_redial_again(&subscriber->redial);
        }
        return false;
    }
    subscriber->message = nng_aio_get_msg(subscriber->aio);
    *ret_message = ds_bytes_of(nng_msg_body(subscriber->message), nng_msg_len(subscriber->message));
    return true;
}

void ds_nng_subscriber_interrupt(struct ds_nng_subscriber *subscriber)
{
    nng_aio_cancel(subscriber->aio);
}

void ds_nng_subscriber_close(struct ds_nng_subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    free_message(subscriber);
    nng_aio_stop(subscriber->aio);
    nng_aio_free(subscriber->aio);
    if (ds_nng_sockets_close(&subscriber->socket, 1)) {
        free(subscriber);
    }
}
