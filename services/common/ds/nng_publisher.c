#include "ds/nng_publisher.h"

#include "ds/clock.h"
#include "ds/log.h"
#include "ds/nng_socket.h"
#include "ds/peers.h"
#include "ds/ticker.h"

#include <nng/protocol/pubsub0/pub.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Subscribers have nothing to say; nng hangs up on one that does, once its message is there whole:
 * it is not receiving then. */
#define RECEIVED_BYTES_MAX 64

/* One address and what looks after it. */
struct place {
    struct ds_nng_address address;
    struct ds_ticker *watchdog;
};

struct ds_nng_publisher {
    nng_socket socket;
    struct ds_peers *peers;
    atomic_size_t connection_count;
    size_t place_count;
    struct place places[DS_NNG_PUBLISHER_ADDRESSES_MAX];
};

static void subscriber_came(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    static const struct ds_nng_address any_plain_one;
    struct ds_nng_publisher *publisher = argument;
    struct sockaddr_storage peer;
    (void)event;
    const uint32_t id = (uint32_t)nng_pipe_id(pipe);
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    if (!ds_nng_address_find_peer(&any_plain_one, pipe, &peer) ||
        !ds_peers_admit(publisher->peers, id, ds_peer_address_of(&peer), now_us)) {
        ds_log(DS_LOG_DEBUG, "subscriber_refused", DS_LOG_INT("pipe", nng_pipe_id(pipe)));
        nng_pipe_close(pipe); /* Does no harm here: nng has not begun to receive. */
        return;
    }
    atomic_fetch_add(&publisher->connection_count, 1);
}

static void subscriber_left(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct ds_nng_publisher *publisher = argument;
    (void)event;
    const uint32_t id = (uint32_t)nng_pipe_id(pipe);
    if (ds_peers_has(publisher->peers, id)) {
        ds_peers_leave(publisher->peers, id);
        atomic_fetch_sub(&publisher->connection_count, 1);
    }
}

struct ds_nng_publisher *ds_nng_publisher_create(int queue_max)
{
    static const struct ds_peer_limits limits = {
        .connections_max = DS_NNG_SUBSCRIBERS_MAX,
        .connections_per_address_max = DS_NNG_SUBSCRIBERS_PER_ADDRESS_MAX,
    };
    struct ds_nng_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL) {
        abort();
    }
    publisher->peers = ds_peers_create(&limits);
    ds_nng_check(nng_pub0_open(&publisher->socket));
    ds_nng_check(nng_socket_set_int(publisher->socket, NNG_OPT_SENDBUF, queue_max));
    ds_nng_check(
        nng_pipe_notify(publisher->socket, NNG_PIPE_EV_ADD_PRE, subscriber_came, publisher));
    ds_nng_check(
        nng_pipe_notify(publisher->socket, NNG_PIPE_EV_REM_POST, subscriber_left, publisher));
    return publisher;
}

static void look_after(void *context)
{
    struct place *place = context;
    ds_nng_address_look_after(&place->address);
}

ds_code ds_nng_publisher_listen(struct ds_nng_publisher *publisher, const char *url,
                                const char **ret_url)
{
    if (publisher->place_count == DS_NNG_PUBLISHER_ADDRESSES_MAX) {
        return DS_RESOURCE_EXHAUSTED;
    }
    struct place *place = &publisher->places[publisher->place_count];
    DS_TRY(ds_nng_address_open(
        &(struct ds_nng_address_options){
            .socket = publisher->socket,
            .url = url,
            .message_bytes_max = RECEIVED_BYTES_MAX,
        },
        &place->address));
    publisher->place_count++;
    if (place->address.is_ipc) {
        place->watchdog = ds_ticker_create(DS_NNG_LOOK_INTERVAL_MS, look_after, place);
    }
    *ret_url = place->address.url;
    return DS_OK;
}

void ds_nng_publisher_send(struct ds_nng_publisher *publisher, struct ds_bytes message)
{
    nng_msg *sent = ds_nng_message_of(&message, 1);
    if (nng_sendmsg(publisher->socket, sent, NNG_FLAG_NONBLOCK) != 0) {
        nng_msg_free(sent); /* The socket is closed. */
    }
}

size_t ds_nng_publisher_connection_count(const struct ds_nng_publisher *publisher)
{
    return atomic_load(&publisher->connection_count);
}

void ds_nng_publisher_close(struct ds_nng_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    for (size_t i = 0; i < publisher->place_count; i++) {
        ds_ticker_destroy(publisher->places[i].watchdog);
    }
    if (ds_nng_sockets_close(&publisher->socket, 1)) {
        ds_peers_destroy(publisher->peers);
        free(publisher);
    }
}
