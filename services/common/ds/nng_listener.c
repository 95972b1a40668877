#include "ds/nng_listener.h"

#include "ds/clock.h"
#include "ds/log.h"
#include "ds/nng_hangup.h"
#include "ds/nng_socket.h"
#include "ds/ticker.h"

#include <arpa/inet.h>
#include <assert.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* A peer that does not take a reply in this time is hung up on: its unread replies would
 * otherwise stop the whole REP socket for everybody. */
#define REPLY_QUEUE_TIMEOUT_MS 2000
/* A TLS handshake takes three journeys over the network; who takes longer does not mean it. */
#define HANDSHAKE_MS_MAX 10000
/* How many connections one look may end. */
#define OVERDUE_PER_LOOK_MAX 256

enum exchange_state {
    EXCHANGE_RECEIVING,
    EXCHANGE_IN_WORK,
    EXCHANGE_SENDING,
};

/* One REP context: takes a request, waits for its reply, sends it, and begins again. Only the
 * thread that holds the request or the callback of `aio` touches it. */
struct ds_nng_exchange {
    struct ds_nng_listener *listener;
    nng_ctx context;
    nng_aio *aio;
    nng_msg *message; /* the request while it is in work */
    nng_pipe pipe;    /* it came by */
    bool is_over_limit;
    enum exchange_state state;
};

struct ds_nng_listener {
    struct ds_nng_listener_options options;
    nng_socket socket;
    struct ds_nng_address address; /* the watchdog's once that runs, but for its url */
    struct ds_peers *peers;
    atomic_size_t connection_count; /* of those whose end has not been told yet */
    struct ds_ticker *watchdog;
    pthread_mutex_t owner_mutex; /* guards has_owner, and keeps the owner while it is called */
    bool has_owner;              /* false where nng could not close the socket: it tells us on */

    size_t exchange_count;
    struct ds_nng_exchange exchanges[];
};

static void exchange_receive(struct ds_nng_exchange *exchange)
{
    exchange->state = EXCHANGE_RECEIVING;
    nng_aio_set_timeout(exchange->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(exchange->context, exchange->aio);
}

static uint32_t peer_id_of(nng_pipe pipe)
{
    return (uint32_t)nng_pipe_id(pipe);
}

static void exchange_received(struct ds_nng_exchange *exchange)
{
    struct ds_nng_listener *listener = exchange->listener;
    exchange->message = nng_aio_get_msg(exchange->aio);
    exchange->pipe = nng_msg_get_pipe(exchange->message);
    exchange->is_over_limit = !ds_peers_request_begin(listener->peers, peer_id_of(exchange->pipe));
    exchange->state = EXCHANGE_IN_WORK;
    listener->options.receive(
        listener->options.context, exchange,
        ds_bytes_of(nng_msg_body(exchange->message), nng_msg_len(exchange->message)));
}

static void exchange_sent(struct ds_nng_exchange *exchange, int outcome)
{
    if (outcome != 0) {
        nng_msg_free(nng_aio_get_msg(exchange->aio));
    }
    /* Once for all replies that wait for the same peer; the next look hangs up. */
    if (outcome == NNG_ETIMEDOUT &&
        ds_peers_mark_overdue(exchange->listener->peers, peer_id_of(exchange->pipe))) {
        ds_log(DS_LOG_WARNING, "peer_does_not_read",
               DS_LOG_INT("pipe", nng_pipe_id(exchange->pipe)));
    }
}

static void exchange_callback(void *argument)
{
    struct ds_nng_exchange *exchange = argument;
    const int outcome = nng_aio_result(exchange->aio);
    if (exchange->state == EXCHANGE_RECEIVING && outcome == 0) {
        exchange_received(exchange);
        return;
    }
    if (exchange->state == EXCHANGE_SENDING) {
        exchange_sent(exchange, outcome);
        ds_peers_request_end(exchange->listener->peers, peer_id_of(exchange->pipe));
    }
    if (outcome != NNG_ECLOSED && outcome != NNG_ECANCELED) {
        exchange_receive(exchange);
    }
}

/* nng 1.5.2 has no cap on connections. Before the first byte of a request is read. */
static void peer_came(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct ds_nng_listener *listener = argument;
    (void)event;
    struct sockaddr_storage peer;
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    if (!ds_nng_address_find_peer(&listener->address, pipe, &peer) ||
        !ds_peers_admit(listener->peers, peer_id_of(pipe), ds_peer_address_of(&peer), now_us)) {
        ds_log(DS_LOG_DEBUG, "connection_refused", DS_LOG_TEXT("url", listener->address.url));
        nng_pipe_close(pipe); /* Does no harm here: nng has not begun to receive. */
        return;
    }
    atomic_fetch_add(&listener->connection_count, 1);
}

static void peer_left(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct ds_nng_listener *listener = argument;
    (void)event;
    if (!ds_peers_has(listener->peers, peer_id_of(pipe))) {
        return; /* It was not admitted. */
    }
    ds_peers_leave(listener->peers, peer_id_of(pipe));
    pthread_mutex_lock(&listener->owner_mutex);
    if (listener->has_owner) {
        listener->options.peer_left(listener->options.context, peer_id_of(pipe));
    }
    pthread_mutex_unlock(&listener->owner_mutex);
    atomic_fetch_sub(&listener->connection_count, 1);
}

/* A half-sent request has no time limit in nng 1.5.2. Whoever is still there is in the next look,
 * which goes on with it. */
static void hang_up_on_overdue(struct ds_nng_listener *listener)
{
    uint32_t ids[OVERDUE_PER_LOOK_MAX];
    struct ds_nng_ends ends[OVERDUE_PER_LOOK_MAX];
    size_t end_count = 0;
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    const size_t count = ds_peers_overdue(listener->peers, now_us, ids, OVERDUE_PER_LOOK_MAX);
    for (size_t i = 0; i < count; i++) {
        end_count += ds_nng_ends_of((nng_pipe){.id = ids[i]}, &ends[end_count]) ? 1 : 0;
    }
    if (end_count > 0) {
        const size_t found = ds_nng_hang_up(ends, end_count);
        ds_log(DS_LOG_DEBUG, "connections_overdue", DS_LOG_TEXT("url", listener->address.url),
               DS_LOG_INT("overdue", (int64_t)count), DS_LOG_INT("found", (int64_t)found));
    }
}

static void exchange_open(struct ds_nng_listener *listener, struct ds_nng_exchange *exchange)
{
    exchange->listener = listener;
    ds_nng_check(nng_ctx_open(&exchange->context, listener->socket));
    ds_nng_check(nng_aio_alloc(&exchange->aio, exchange_callback, exchange));
}

static void look_after(void *context)
{
    struct ds_nng_listener *listener = context;
    hang_up_on_overdue(listener);
    ds_nng_address_look_after(&listener->address);
}

/* False where nng can't: the listener then stays without its owner, for what nng still tells it. */
static bool listener_close_socket(struct ds_nng_listener *listener)
{
    const bool is_closed = ds_nng_sockets_close(&listener->socket, 1);
    pthread_mutex_lock(&listener->owner_mutex);
    listener->has_owner = false;
    pthread_mutex_unlock(&listener->owner_mutex);
    return is_closed;
}

static void listener_free(struct ds_nng_listener *listener)
{
    ds_peers_destroy(listener->peers);
    pthread_mutex_destroy(&listener->owner_mutex);
    free(listener);
}

static int handshake_ms(const struct ds_peer_limits *limits)
{
    return limits->first_request_ms < HANDSHAKE_MS_MAX ? limits->first_request_ms
                                                       : HANDSHAKE_MS_MAX;
}

ds_code ds_nng_listen(const struct ds_nng_listener_options *options,
                      struct ds_nng_listener **ret_listener)
{
    const size_t count = options->exchange_count;
    struct ds_nng_listener *listener =
        calloc(1, sizeof *listener + count * sizeof *listener->exchanges);
    if (listener == NULL) {
        abort();
    }
    listener->options = *options;
    ds_nng_check(nng_rep0_open(&listener->socket));
    ds_nng_check(
        nng_socket_set_size(listener->socket, NNG_OPT_RECVMAXSZ, options->message_bytes_max));
    struct ds_peer_limits limits = options->peer_limits;
    if (ds_nng_url_is_ipc(options->url)) {
        limits.first_request_ms = 0; /* Whoever may enter the socket's folder may be silent. */
    }
    listener->peers = ds_peers_create(&limits);
    pthread_mutex_init(&listener->owner_mutex, NULL);
    listener->has_owner = true;
    ds_nng_check(nng_pipe_notify(listener->socket, NNG_PIPE_EV_ADD_PRE, peer_came, listener));
    ds_nng_check(nng_pipe_notify(listener->socket, NNG_PIPE_EV_REM_POST, peer_left, listener));
    const ds_code code = ds_nng_address_open(
        &(struct ds_nng_address_options){
            .socket = listener->socket,
            .url = options->url,
            .message_bytes_max = options->message_bytes_max,
            .identity = options->identity,
            .connections_max = options->peer_limits.connections_max,
            .connections_per_address_max = options->peer_limits.connections_per_address_max,
            .handshake_ms = handshake_ms(&options->peer_limits),
        },
        &listener->address);
    if (code != DS_OK) {
        if (listener_close_socket(listener)) {
            listener_free(listener);
        }
        return code;
    }
    listener->options.url = listener->address.url;
    for (size_t i = 0; i < count; i++) {
        exchange_open(listener, &listener->exchanges[i]);
        listener->exchange_count++;
    }
    for (size_t i = 0; i < count; i++) {
        exchange_receive(&listener->exchanges[i]);
    }
    listener->watchdog = ds_ticker_create(DS_NNG_LOOK_INTERVAL_MS, look_after, listener);
    *ret_listener = listener;
    return DS_OK;
}

const char *ds_nng_listener_url(const struct ds_nng_listener *listener)
{
    return listener->address.url;
}

void ds_nng_listener_set_identity(struct ds_nng_listener *listener,
                                  struct ds_tls_identity *identity)
{
    if (listener->address.is_tls) {
        ds_tls_relay_set_identity(listener->address.relay, identity);
    }
}

bool ds_nng_listener_is_trusted(const struct ds_nng_listener *listener)
{
    return listener->address.is_ipc;
}

size_t ds_nng_listener_connection_count(const struct ds_nng_listener *listener)
{
    return atomic_load(&listener->connection_count);
}

void ds_nng_listener_close(struct ds_nng_listener *listener)
{
    ds_ticker_destroy(listener->watchdog);
    for (size_t i = 0; i < listener->exchange_count; i++) {
        nng_aio_stop(listener->exchanges[i].aio);
    }
    if (!listener_close_socket(listener)) {
        return;
    }
    ds_nng_address_close(&listener->address);
    for (size_t i = 0; i < listener->exchange_count; i++) {
        nng_aio_free(listener->exchanges[i].aio);
    }
    listener_free(listener);
}

bool ds_nng_exchange_is_trusted(const struct ds_nng_exchange *exchange)
{
    return exchange->listener->address.is_ipc;
}

static void write_peer(const struct ds_nng_listener *listener, nng_pipe pipe, char *target,
                       size_t target_bytes_max)
{
    struct sockaddr_storage peer;
    char host[INET6_ADDRSTRLEN];
    target[0] = '\0';
    if (!ds_nng_address_find_peer(&listener->address, pipe, &peer)) {
        return;
    }
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&peer;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(target, target_bytes_max, "%s:%u", host, ntohs(four->sin_port));
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&peer;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(target, target_bytes_max, "[%s]:%u", host, ntohs(six->sin6_port));
    }
}

void ds_nng_exchange_peer(const struct ds_nng_exchange *exchange, char *target,
                          size_t target_bytes_max)
{
    write_peer(exchange->listener, exchange->pipe, target, target_bytes_max);
}

static int compare_ages(const void *left, const void *right)
{
    const struct ds_peer_view *first = left;
    const struct ds_peer_view *second = right;
    return (first->came_us > second->came_us) - (first->came_us < second->came_us);
}

void ds_nng_listener_connections(struct ds_nng_listener *listener, size_t max,
                                 ds_connection_view_fn take, void *context)
{
    struct ds_peer_view *peers = calloc(max, sizeof *peers);
    if (peers == NULL) {
        abort();
    }
    const size_t count = ds_peers_list(listener->peers, peers, max);
    qsort(peers, count, sizeof *peers, compare_ages);
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    for (size_t i = 0; i < count; i++) {
        struct ds_connection_view view = {.is_trusted = ds_nng_listener_is_trusted(listener),
                                          .age_us = now_us - peers[i].came_us,
                                          .request_count = peers[i].request_count,
                                          .requests_in_work = peers[i].requests_in_work};
        snprintf(view.listener, sizeof view.listener, "%.*s", (int)sizeof view.listener - 1,
                 ds_nng_listener_url(listener));
        write_peer(listener, (nng_pipe){.id = peers[i].id}, view.peer, sizeof view.peer);
        take(context, &view);
    }
    free(peers);
}

uint32_t ds_nng_exchange_peer_id(const struct ds_nng_exchange *exchange)
{
    return peer_id_of(exchange->pipe);
}

bool ds_nng_exchange_has_peer(const struct ds_nng_exchange *exchange)
{
    return ds_peers_has(exchange->listener->peers, peer_id_of(exchange->pipe));
}

bool ds_nng_exchange_is_over_limit(const struct ds_nng_exchange *exchange)
{
    return exchange->is_over_limit;
}

void ds_nng_exchange_reply(struct ds_nng_exchange *exchange, const struct ds_bytes *parts,
                           size_t part_count)
{
    assert(exchange->state == EXCHANGE_IN_WORK);
    nng_msg_free(exchange->message);
    exchange->message = NULL;
    if (!ds_nng_exchange_has_peer(exchange)) {
        exchange_receive(exchange); /* REP forgets the request that was not answered. */
        return;
    }
    nng_msg *reply = ds_nng_message_of(parts, part_count);
    exchange->state = EXCHANGE_SENDING;
    nng_aio_set_msg(exchange->aio, reply);
    nng_aio_set_timeout(exchange->aio, REPLY_QUEUE_TIMEOUT_MS);
    nng_ctx_send(exchange->context, exchange->aio);
}
