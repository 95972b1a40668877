#include "ds/nng_transport.h"

#include "ds/clock.h"
#include "ds/ipc_probe.h"
#include "ds/log.h"

#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A peer that does not take a reply in this time is disconnected: its unread replies would
 * otherwise stop the whole REP socket for everybody. */
#define REPLY_QUEUE_TIMEOUT_MS 2000
/* How long a request waits for a connection where there is none. */
#define CONNECT_PATIENCE_MS 1000
/* How often it looks meanwhile; long enough for nng's own tries to have come first. */
#define CONNECT_CHECK_MS 400
#define DIALERS_MAX 4
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 250
#define URL_BYTES_MAX 256
#define IPC_SCHEME "ipc://"
#define CLOSE_PATIENCE_US 2000000
/* How often a listener is looked after, how long it may take to answer, and how long the second
 * time before it counts as deaf. */
#define PROBE_INTERVAL_MS 1000
#define PROBE_TIMEOUT_MS 500
#define PROBE_AGAIN_TIMEOUT_MS 3000
/* How many connections one look may end. */
#define OVERDUE_PER_LOOK_MAX 256

static void check(int outcome)
{
    if (outcome != 0) {
        ds_log(DS_LOG_ERROR, "nng_failed", DS_LOG_TEXT("reason", nng_strerror(outcome)));
        abort(); /* Only for what fails for want of memory or by a mistake of ours. */
    }
}

static int64_t now_ms(void)
{
    return ds_clock_monotonic_us(ds_clock_system()) / 1000;
}

static nng_msg *message_of(const struct ds_bytes *parts, size_t part_count)
{
    size_t size = 0;
    for (size_t i = 0; i < part_count; i++) {
        size += parts[i].size;
    }
    nng_msg *message = NULL;
    check(nng_msg_alloc(&message, size));
    uint8_t *target = nng_msg_body(message);
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0) {
            memcpy(target, parts[i].data, parts[i].size);
            target += parts[i].size;
        }
    }
    return message;
}

/*
 * nng 1.5.2 can wait for ever in nng_close: a pipe that is closed between the header and the body
 * of a message never finishes its receive (mended in 1.6 for tcp, nng pull request 1636). So a
 * thread of its own closes, and we wait for it only so long.
 */
struct closer {
    pthread_mutex_t mutex; /* guards is_closed and is_abandoned */
    pthread_cond_t closed;
    bool is_closed;
    bool is_abandoned; /* nobody waits any more: the thread frees the struct */
    size_t socket_count;
    nng_socket sockets[];
};

static void closer_free(struct closer *closer)
{
    pthread_cond_destroy(&closer->closed);
    pthread_mutex_destroy(&closer->mutex);
    free(closer);
}

static void *closer_main(void *argument)
{
    struct closer *closer = argument;
    for (size_t i = 0; i < closer->socket_count; i++) {
        nng_close(closer->sockets[i]);
    }
    pthread_mutex_lock(&closer->mutex);
    closer->is_closed = true;
    const bool is_abandoned = closer->is_abandoned;
    pthread_cond_signal(&closer->closed);
    pthread_mutex_unlock(&closer->mutex);
    if (is_abandoned) {
        closer_free(closer);
    }
    return NULL;
}

static void wait_for_closer(struct closer *closer)
{
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + CLOSE_PATIENCE_US;
    bool has_time = true;
    while (!closer->is_closed && has_time) {
        has_time = ds_clock_wait_until(&closer->closed, &closer->mutex, until_us);
    }
}

/* False where the sockets could not be closed in time; what their callbacks use must then stay. */
static bool sockets_close(const nng_socket *sockets, size_t socket_count)
{
    struct closer *closer = calloc(1, sizeof *closer + socket_count * sizeof *sockets);
    pthread_t thread;
    if (closer == NULL) {
        abort();
    }
    closer->socket_count = socket_count;
    memcpy(closer->sockets, sockets, socket_count * sizeof *sockets);
    pthread_mutex_init(&closer->mutex, NULL);
    pthread_cond_init(&closer->closed, NULL);
    if (pthread_create(&thread, NULL, closer_main, closer) != 0) {
        abort();
    }
    pthread_detach(thread);
    pthread_mutex_lock(&closer->mutex);
    wait_for_closer(closer);
    const bool is_closed = closer->is_closed;
    closer->is_abandoned = !is_closed;
    pthread_mutex_unlock(&closer->mutex);
    if (is_closed) {
        closer_free(closer);
    } else {
        ds_log(DS_LOG_WARNING, "nng_close_is_stuck",
               DS_LOG_INT("socket", nng_socket_id(sockets[0])));
    }
    return is_closed;
}

/* ---- the listening side ---- */

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
    nng_listener handle; /* the watchdog's once that runs */
    bool trusted;
    char url[URL_BYTES_MAX];
    struct ds_peers *peers;
    atomic_size_t connection_count; /* of those whose end has not been told yet */

    pthread_t watchdog;
    pthread_mutex_t mutex; /* guards is_closing */
    pthread_cond_t closing;
    bool is_closing;

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
    if (outcome == NNG_ETIMEDOUT) {
        ds_log(DS_LOG_WARNING, "peer_does_not_read",
               DS_LOG_INT("pipe", nng_pipe_id(exchange->pipe)));
        nng_pipe_close(exchange->pipe);
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

/* The part of a peer's address that its cap goes by: of IPv6 the network, since whoever has one
 * address there has 2^64. 0 where there is none. */
static uint32_t address_of(nng_pipe pipe)
{
    nng_sockaddr address;
    uint32_t parts[2] = {0, 0};
    if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) != 0) {
        return 0;
    }
    if (address.s_family == NNG_AF_INET) {
        return address.s_in.sa_addr;
    }
    if (address.s_family == NNG_AF_INET6) {
        memcpy(parts, address.s_in6.sa_addr, sizeof parts);
        return (parts[0] * 31 ^ parts[1]) | 1;
    }
    return 0;
}

/* nng 1.5.2 has no cap on connections. Before the first byte of a request is read. */
static void peer_came(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct ds_nng_listener *listener = argument;
    (void)event;
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    if (!ds_peers_admit(listener->peers, peer_id_of(pipe), address_of(pipe), now_us)) {
        ds_log(DS_LOG_DEBUG, "connection_refused", DS_LOG_TEXT("url", listener->url));
        nng_pipe_close(pipe);
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
    listener->options.peer_left(listener->options.context, peer_id_of(pipe));
    atomic_fetch_sub(&listener->connection_count, 1);
}

/* A half-sent request has no time limit in nng 1.5.2. */
static void hang_up_on_overdue(struct ds_nng_listener *listener)
{
    uint32_t ids[OVERDUE_PER_LOOK_MAX];
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    const size_t count = ds_peers_overdue(listener->peers, now_us, ids, OVERDUE_PER_LOOK_MAX);
    for (size_t i = 0; i < count; i++) {
        ds_log(DS_LOG_DEBUG, "connection_overdue", DS_LOG_TEXT("url", listener->url));
        nng_pipe_close((nng_pipe){.id = ids[i]});
    }
}

static void exchange_open(struct ds_nng_listener *listener, struct ds_nng_exchange *exchange)
{
    exchange->listener = listener;
    check(nng_ctx_open(&exchange->context, listener->socket));
    check(nng_aio_alloc(&exchange->aio, exchange_callback, exchange));
}

static ds_code listen_code(int outcome)
{
    return outcome == NNG_EADDRINUSE ? DS_ALREADY_EXISTS : DS_INVALID_ARGUMENT;
}

/* nng reports port 0 as it was asked for; the port in use has an option of its own. */
static void note_url(struct ds_nng_listener *listener)
{
    const char *url = listener->options.url;
    const char *colon = strrchr(url, ':');
    int port = 0;
    if (!listener->trusted &&
        nng_listener_get_int(listener->handle, NNG_OPT_TCP_BOUND_PORT, &port) == 0) {
        snprintf(listener->url, sizeof listener->url, "%.*s:%d", (int)(colon - url), url, port);
        return;
    }
    snprintf(listener->url, sizeof listener->url, "%s", url);
}

static int listener_start(struct ds_nng_listener *listener)
{
    nng_listener handle;
    const int created = nng_listener_create(&handle, listener->socket, listener->options.url);
    if (created != 0) {
        return created;
    }
    /* The default is unlimited: a header of 16 bytes would reserve 16 GiB. */
    check(nng_listener_set_size(handle, NNG_OPT_RECVMAXSZ, listener->options.message_bytes_max));
    const int started = nng_listener_start(handle, 0);
    if (started != 0) {
        nng_listener_close(handle);
        return started;
    }
    listener->handle = handle;
    return 0;
}

/*
 * nng 1.5.2 (issue 1518) stops taking connections for good when a peer hangs up between its connect
 * and the greeting: it takes the EPIPE for a close of its own. It greets whoever comes then and
 * does nothing more with them. Only closing the listener gets rid of those, and of its good
 * connections with them: their clients dial again, and calls under way end with DS_UNAVAILABLE.
 */
static void listener_revive(struct ds_nng_listener *listener)
{
    nng_listener_close(listener->handle);
    const int outcome = listener_start(listener);
    if (outcome == 0) {
        ds_log(DS_LOG_WARNING, "listener_revived", DS_LOG_TEXT("url", listener->url));
    } else {
        ds_log(DS_LOG_ERROR, "listener_is_deaf", DS_LOG_TEXT("url", listener->url),
               DS_LOG_TEXT("reason", nng_strerror(outcome)));
    }
}

/* Waits until the next look; false once the listener closes. */
static bool watchdog_wait(struct ds_nng_listener *listener)
{
    const int64_t until_us = (now_ms() + PROBE_INTERVAL_MS) * 1000;
    pthread_mutex_lock(&listener->mutex);
    while (!listener->is_closing &&
           ds_clock_wait_until(&listener->closing, &listener->mutex, until_us)) {
    }
    const bool is_closing = listener->is_closing;
    pthread_mutex_unlock(&listener->mutex);
    return !is_closing;
}

static bool is_deaf(const char *path, int timeout_ms)
{
    const enum ds_ipc_probe probe = ds_ipc_probe(path, timeout_ms);
    return probe == DS_IPC_SILENT || probe == DS_IPC_GONE;
}

static void *watchdog_main(void *argument)
{
    struct ds_nng_listener *listener = argument;
    const char *path = listener->url + strlen(IPC_SCHEME);
    while (watchdog_wait(listener)) {
        if (!listener->trusted) {
            hang_up_on_overdue(listener);
        } else if (is_deaf(path, PROBE_TIMEOUT_MS) && is_deaf(path, PROBE_AGAIN_TIMEOUT_MS)) {
            listener_revive(listener);
        }
    }
    return NULL;
}

static void watchdog_start(struct ds_nng_listener *listener)
{
    pthread_mutex_init(&listener->mutex, NULL);
    pthread_cond_init(&listener->closing, NULL);
    if (pthread_create(&listener->watchdog, NULL, watchdog_main, listener) != 0) {
        abort();
    }
}

static void watchdog_stop(struct ds_nng_listener *listener)
{
    pthread_mutex_lock(&listener->mutex);
    listener->is_closing = true;
    pthread_cond_signal(&listener->closing);
    pthread_mutex_unlock(&listener->mutex);
    pthread_join(listener->watchdog, NULL);
    pthread_cond_destroy(&listener->closing);
    pthread_mutex_destroy(&listener->mutex);
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
    listener->trusted = strncmp(options->url, IPC_SCHEME, strlen(IPC_SCHEME)) == 0;
    check(nng_rep0_open(&listener->socket));
    check(nng_socket_set_size(listener->socket, NNG_OPT_RECVMAXSZ, options->message_bytes_max));
    listener->peers = ds_peers_create(&options->peer_limits);
    check(nng_pipe_notify(listener->socket, NNG_PIPE_EV_ADD_PRE, peer_came, listener));
    check(nng_pipe_notify(listener->socket, NNG_PIPE_EV_REM_POST, peer_left, listener));
    const int outcome = listener_start(listener);
    if (outcome != 0) {
        if (sockets_close(&listener->socket, 1)) {
            ds_peers_destroy(listener->peers);
            free(listener);
        }
        return listen_code(outcome);
    }
    note_url(listener);
    listener->options.url = listener->url;
    for (size_t i = 0; i < count; i++) {
        exchange_open(listener, &listener->exchanges[i]);
        listener->exchange_count++;
    }
    for (size_t i = 0; i < count; i++) {
        exchange_receive(&listener->exchanges[i]);
    }
    watchdog_start(listener);
    *ret_listener = listener;
    return DS_OK;
}

const char *ds_nng_listener_url(const struct ds_nng_listener *listener)
{
    return listener->url;
}

bool ds_nng_listener_is_trusted(const struct ds_nng_listener *listener)
{
    return listener->trusted;
}

size_t ds_nng_listener_connection_count(const struct ds_nng_listener *listener)
{
    return atomic_load(&listener->connection_count);
}

void ds_nng_listener_close(struct ds_nng_listener *listener)
{
    watchdog_stop(listener);
    for (size_t i = 0; i < listener->exchange_count; i++) {
        nng_aio_stop(listener->exchanges[i].aio);
    }
    if (!sockets_close(&listener->socket, 1)) {
        return;
    }
    for (size_t i = 0; i < listener->exchange_count; i++) {
        nng_aio_free(listener->exchanges[i].aio);
    }
    ds_peers_destroy(listener->peers);
    free(listener);
}

bool ds_nng_exchange_is_trusted(const struct ds_nng_exchange *exchange)
{
    return exchange->listener->trusted;
}

void ds_nng_exchange_peer(const struct ds_nng_exchange *exchange, char *target,
                          size_t target_bytes_max)
{
    nng_sockaddr address;
    target[0] = '\0';
    if (exchange->listener->trusted ||
        nng_pipe_get_addr(exchange->pipe, NNG_OPT_REMADDR, &address) != 0 ||
        address.s_family != NNG_AF_INET) {
        return;
    }
    const uint8_t *ip = (const uint8_t *)&address.s_in.sa_addr;
    const uint8_t *port = (const uint8_t *)&address.s_in.sa_port;
    snprintf(target, target_bytes_max, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3],
             (unsigned int)port[0] << 8 | port[1]);
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
    nng_msg *reply = message_of(parts, part_count);
    exchange->state = EXCHANGE_SENDING;
    nng_aio_set_msg(exchange->aio, reply);
    nng_aio_set_timeout(exchange->aio, REPLY_QUEUE_TIMEOUT_MS);
    nng_ctx_send(exchange->context, exchange->aio);
}

/* ---- the dialing side ---- */

enum request_state {
    REQUEST_FREE,
    REQUEST_SENDING,
    REQUEST_WAITING,
};

/*
 * One REQ socket with a connection of its own, which thus carries one message at a time. Where
 * requests share one, a peer's sudden end can make nng fail at sending one request while it is
 * between the header and the body of the reply to another; it then closes the connection itself,
 * and the fault told of above stops its only reaper: the process never connects again. Between
 * begin and end the request belongs to the caller; `aio` moves it along.
 */
struct ds_nng_request {
    struct ds_nng_dialer *dialer;
    nng_socket socket;
    nng_dialer dialers[DIALERS_MAX];
    int dialer_count;
    int64_t dialed_ms; /* when the newest of them was made, or all were found to be well */
    atomic_int pipe_count;
    nng_ctx context;
    nng_aio *aio;
    enum request_state state;
    bool was_sent;
    atomic_bool is_cancelled;
    int64_t deadline_ms;      /* monotonic */
    int64_t patient_until_ms; /* without a connection */
    ds_nng_done_fn done;
    void *done_context;
    struct ds_nng_request *next_free;
};

struct ds_nng_dialer {
    struct ds_nng_dialer_options options;
    char url[URL_BYTES_MAX];
    int check_ms;
    pthread_mutex_t mutex; /* guards free_requests and open_count */
    struct ds_nng_request *free_requests;
    size_t open_count;
    struct ds_nng_request requests[]; /* opened as they are needed */
};

static int remaining_ms(const struct ds_nng_request *request)
{
    const int64_t left = request->deadline_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

static void request_finish(struct ds_nng_request *request, ds_code code, nng_msg *reply)
{
    request->state = REQUEST_FREE;
    request->done(request->done_context, code, (struct ds_nng_reply *)reply);
}

static ds_code request_failure(const struct ds_nng_request *request, int outcome)
{
    switch (outcome) {
    case NNG_ETIMEDOUT:
        return remaining_ms(request) == 0 ? DS_DEADLINE_EXCEEDED : DS_UNAVAILABLE;
    case NNG_ECANCELED:
    case NNG_ECLOSED:
        return DS_CANCELLED;
    default:
        return DS_UNAVAILABLE;
    }
}

/* nng_aio_cancel does nothing to an aio that is just between its send and its receive, so whoever
 * posts the next step looks at the mark afterwards. */
static void request_cancel_if_marked(struct ds_nng_request *request)
{
    if (atomic_load(&request->is_cancelled)) {
        nng_aio_cancel(request->aio);
    }
}

static bool request_dial(struct ds_nng_request *request)
{
    nng_dialer dialer;
    request->dialed_ms = now_ms();
    if (nng_dial(request->socket, request->dialer->url, &dialer, NNG_FLAG_NONBLOCK) != 0) {
        return false;
    }
    request->dialers[request->dialer_count++] = dialer;
    return true;
}

/*
 * Whether a dialer has failed in the way in which those fail that give up; nng counts a close of
 * its own among the "other" errors. A dialer that waits in a backlog since its first try has none.
 * Where nng can't tell, it has failed.
 */
static bool dialer_has_failed(nng_stat *all, nng_dialer dialer)
{
    nng_stat *scope = all != NULL ? nng_stat_find_dialer(all, dialer) : NULL;
    if (scope == NULL) {
        return true;
    }
    for (nng_stat *stat = nng_stat_child(scope); stat != NULL; stat = nng_stat_next(stat)) {
        if (strcmp(nng_stat_name(stat), "other") == 0) {
            return nng_stat_value(stat) > 0;
        }
    }
    return true;
}

/* Makes room for new dialers where some have given up. */
static void request_close_failed_dialers(struct ds_nng_request *request)
{
    nng_stat *all = NULL;
    int kept = 0;
    if (nng_stats_get(&all) != 0) {
        all = NULL;
    }
    for (int i = 0; i < request->dialer_count; i++) {
        if (dialer_has_failed(all, request->dialers[i])) {
            nng_dialer_close(request->dialers[i]);
        } else {
            request->dialers[kept++] = request->dialers[i];
        }
    }
    request->dialer_count = kept;
    if (all != NULL) {
        nng_stats_free(all);
    }
}

/*
 * nng 1.5.2 dials again by itself, but gives up for good where the peer ends between the connect
 * and the greeting: it takes the EPIPE for a close of its own. So a request that has waited in vain
 * gets one more dialer. The old one stays for now: it may wait in the backlog of a peer that is
 * only slow, and a connection that is hung up before its greeting makes nng's listeners deaf by the
 * same mistake. Each wait is twice the one before; once there are DIALERS_MAX, those that have
 * failed make room.
 */
static void request_dial_anew(struct ds_nng_request *request)
{
    const int steps = request->dialer_count > 0 ? request->dialer_count - 1 : 0;
    if (now_ms() - request->dialed_ms < (int64_t)request->dialer->check_ms << steps) {
        return;
    }
    if (request->dialer_count == DIALERS_MAX) {
        request_close_failed_dialers(request);
    }
    if (request->dialer_count == DIALERS_MAX) {
        request->dialed_ms = now_ms();
        return;
    }
    if (!request_dial(request)) {
        ds_log(DS_LOG_WARNING, "dial_failed", DS_LOG_TEXT("url", request->dialer->url));
    }
}

static int next_check_ms(const struct ds_nng_request *request)
{
    const int64_t now = now_ms();
    int64_t until = now + request->dialer->check_ms;
    if (atomic_load(&request->pipe_count) == 0 && request->patient_until_ms < until) {
        until = request->patient_until_ms;
    }
    if (request->deadline_ms < until) {
        until = request->deadline_ms;
    }
    return until > now ? (int)(until - now) : 1;
}

/* Hands the message in `aio` to nng, which keeps it until a connection takes it or until it is time
 * to look whether there is one. */
static void request_post(struct ds_nng_request *request)
{
    nng_aio_set_timeout(request->aio, next_check_ms(request));
    nng_ctx_send(request->context, request->aio);
    request_cancel_if_marked(request);
}

/* Whether a request that nng gave back untaken may go on waiting. A connection that is there is
 * busy with what is left of a request that was given up. */
static bool may_wait_on(struct ds_nng_request *request)
{
    if (remaining_ms(request) == 0) {
        return false;
    }
    if (atomic_load(&request->pipe_count) > 0) {
        return true;
    }
    request_dial_anew(request);
    return now_ms() < request->patient_until_ms;
}

static void request_not_sent(struct ds_nng_request *request, int outcome)
{
    if (outcome == NNG_ETIMEDOUT && may_wait_on(request)) {
        request_post(request);
        return;
    }
    nng_msg_free(nng_aio_get_msg(request->aio));
    nng_aio_set_msg(request->aio, NULL);
    request_finish(request, request_failure(request, outcome), NULL);
}

static void request_sent(struct ds_nng_request *request)
{
    /* Posting the receive any earlier would crash nng 1.5.2 when it is cancelled (nng issue
     * 1702). */
    request->state = REQUEST_WAITING;
    request->was_sent = true;
    nng_aio_set_timeout(request->aio, remaining_ms(request));
    nng_ctx_recv(request->context, request->aio);
    request_cancel_if_marked(request);
}

static void request_callback(void *argument)
{
    struct ds_nng_request *request = argument;
    const int outcome = nng_aio_result(request->aio);
    if (request->state == REQUEST_SENDING && outcome == 0) {
        request_sent(request);
    } else if (request->state == REQUEST_SENDING) {
        request_not_sent(request, outcome);
    } else if (outcome == 0) {
        request_finish(request, DS_OK, nng_aio_get_msg(request->aio));
    } else {
        request_finish(request, request_failure(request, outcome), NULL);
    }
}

/*
 * The count lags: a connection is gone for its socket before nng's reaper tells us. So it says
 * nothing sure about a request that is about to be sent, and none may wait on its word until the
 * deadline. ADD_PRE and not ADD_POST, which does not come for a peer of another protocol, while
 * REM_POST does.
 */
static void pipe_changed(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    (void)pipe;
    struct ds_nng_request *request = argument;
    atomic_fetch_add(&request->pipe_count, event == NNG_PIPE_EV_ADD_PRE ? 1 : -1);
}

static void request_configure(struct ds_nng_request *request)
{
    const nng_socket socket = request->socket;
    /* By default REQ sends a request again to any peer within a millisecond of a disconnect;
     * whether a call may be made twice is for the channel to know. */
    check(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE));
    check(
        nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, request->dialer->options.message_bytes_max));
    check(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN));
    check(nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX));
    check(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, pipe_changed, request));
    check(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, pipe_changed, request));
}

static bool request_open(struct ds_nng_dialer *dialer, struct ds_nng_request *request)
{
    request->dialer = dialer;
    check(nng_req0_open(&request->socket));
    request_configure(request);
    check(nng_ctx_open(&request->context, request->socket));
    if (!request_dial(request)) {
        nng_close(request->socket);
        return false;
    }
    check(nng_aio_alloc(&request->aio, request_callback, request));
    return true;
}

ds_code ds_nng_dial(const struct ds_nng_dialer_options *options, struct ds_nng_dialer **ret_dialer)
{
    struct ds_nng_dialer *dialer =
        calloc(1, sizeof *dialer + options->request_count * sizeof *dialer->requests);
    if (dialer == NULL) {
        abort();
    }
    dialer->options = *options;
    dialer->check_ms = options->connect_check_ms > 0 ? options->connect_check_ms : CONNECT_CHECK_MS;
    const int length = snprintf(dialer->url, sizeof dialer->url, "%s", options->url);
    if (length >= URL_BYTES_MAX || !request_open(dialer, &dialer->requests[0])) {
        free(dialer);
        return DS_INVALID_ARGUMENT;
    }
    dialer->open_count = 1;
    dialer->free_requests = &dialer->requests[0];
    pthread_mutex_init(&dialer->mutex, NULL);
    *ret_dialer = dialer;
    return DS_OK;
}

/* nng drops what is posted to a stopped aio, without a callback: such a request is still to be
 * ended. */
static void request_end_dropped(struct ds_nng_request *request)
{
    if (request->state == REQUEST_SENDING) {
        request_not_sent(request, NNG_ECANCELED);
    } else if (request->state == REQUEST_WAITING) {
        request_finish(request, DS_CANCELLED, NULL);
    }
}

static bool dialer_close_sockets(struct ds_nng_dialer *dialer)
{
    nng_socket *sockets = calloc(dialer->open_count, sizeof *sockets);
    if (sockets == NULL) {
        abort();
    }
    for (size_t i = 0; i < dialer->open_count; i++) {
        sockets[i] = dialer->requests[i].socket;
    }
    const bool is_closed = sockets_close(sockets, dialer->open_count);
    free(sockets);
    return is_closed;
}

void ds_nng_dialer_close(struct ds_nng_dialer *dialer)
{
    for (size_t i = 0; i < dialer->open_count; i++) {
        nng_aio_stop(dialer->requests[i].aio);
    }
    for (size_t i = 0; i < dialer->open_count; i++) {
        request_end_dropped(&dialer->requests[i]);
    }
    if (!dialer_close_sockets(dialer)) {
        return;
    }
    for (size_t i = 0; i < dialer->open_count; i++) {
        nng_aio_free(dialer->requests[i].aio);
    }
    pthread_mutex_destroy(&dialer->mutex);
    free(dialer);
}

static struct ds_nng_request *begin_locked(struct ds_nng_dialer *dialer)
{
    struct ds_nng_request *request = dialer->free_requests;
    if (request != NULL) {
        dialer->free_requests = request->next_free;
        return request;
    }
    request = &dialer->requests[dialer->open_count];
    if (dialer->open_count == dialer->options.request_count || !request_open(dialer, request)) {
        return NULL;
    }
    dialer->open_count++;
    return request;
}

struct ds_nng_request *ds_nng_request_begin(struct ds_nng_dialer *dialer)
{
    pthread_mutex_lock(&dialer->mutex);
    struct ds_nng_request *request = begin_locked(dialer);
    pthread_mutex_unlock(&dialer->mutex);
    if (request != NULL) {
        /* Not sooner: the last user may cancel until it has heard of its end. */
        atomic_store(&request->is_cancelled, false);
    }
    return request;
}

void ds_nng_request_end(struct ds_nng_request *request)
{
    struct ds_nng_dialer *dialer = request->dialer;
    pthread_mutex_lock(&dialer->mutex);
    request->next_free = dialer->free_requests;
    dialer->free_requests = request;
    pthread_mutex_unlock(&dialer->mutex);
}

void ds_nng_request_send(struct ds_nng_request *request, const struct ds_bytes *parts,
                         size_t part_count, const struct ds_nng_request_times *times,
                         ds_nng_done_fn done, void *context)
{
    const int64_t now = now_ms();
    request->state = REQUEST_SENDING;
    request->was_sent = false;
    request->deadline_ms = now + times->timeout_ms;
    request->patient_until_ms = now + CONNECT_PATIENCE_MS - times->waited_ms;
    request->done = done;
    request->done_context = context;
    nng_aio_set_msg(request->aio, message_of(parts, part_count));
    request_post(request);
}

void ds_nng_request_cancel(struct ds_nng_request *request)
{
    atomic_store(&request->is_cancelled, true);
    nng_aio_cancel(request->aio);
}

bool ds_nng_request_was_sent(const struct ds_nng_request *request)
{
    return request->was_sent;
}

bool ds_nng_dialer_is_connected(struct ds_nng_dialer *dialer)
{
    bool is_connected = false;
    pthread_mutex_lock(&dialer->mutex);
    for (size_t i = 0; i < dialer->open_count && !is_connected; i++) {
        is_connected = atomic_load(&dialer->requests[i].pipe_count) > 0;
    }
    pthread_mutex_unlock(&dialer->mutex);
    return is_connected;
}

struct ds_bytes ds_nng_reply_bytes(const struct ds_nng_reply *reply)
{
    nng_msg *message = (nng_msg *)(uintptr_t)reply;
    return ds_bytes_of(nng_msg_body(message), nng_msg_len(message));
}

void ds_nng_reply_free(struct ds_nng_reply *reply)
{
    if (reply != NULL) {
        nng_msg_free((nng_msg *)reply);
    }
}
