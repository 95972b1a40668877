#include "ds/nng_transport.h"

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
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 1000
#define URL_BYTES_MAX 256
#define CLOSE_PATIENCE_S 2

static void check(int outcome)
{
    if (outcome != 0) {
        ds_log(DS_LOG_ERROR, "nng_failed", DS_LOG_TEXT("reason", nng_strerror(outcome)));
        abort(); /* Only for what fails for want of memory or by a mistake of ours. */
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
    nng_socket socket;
    pthread_mutex_t mutex; /* guards is_closed and is_abandoned */
    pthread_cond_t closed;
    bool is_closed;
    bool is_abandoned; /* nobody waits any more: the thread frees the struct */
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
    nng_close(closer->socket);
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
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSE_PATIENCE_S;
    int outcome = 0;
    while (!closer->is_closed && outcome == 0) {
        outcome = pthread_cond_timedwait(&closer->closed, &closer->mutex, &until);
    }
}

/* False where the socket could not be closed in time; what its callbacks use must then stay. */
static bool socket_close(nng_socket socket)
{
    struct closer *closer = calloc(1, sizeof *closer);
    pthread_t thread;
    if (closer == NULL) {
        abort();
    }
    closer->socket = socket;
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
        ds_log(DS_LOG_WARNING, "nng_close_is_stuck", DS_LOG_INT("socket", nng_socket_id(socket)));
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
    enum exchange_state state;
};

struct ds_nng_listener {
    struct ds_nng_listener_options options;
    nng_socket socket;
    bool trusted;
    char url[URL_BYTES_MAX];
    size_t exchange_count;
    struct ds_nng_exchange exchanges[];
};

static void exchange_receive(struct ds_nng_exchange *exchange)
{
    exchange->state = EXCHANGE_RECEIVING;
    nng_aio_set_timeout(exchange->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(exchange->context, exchange->aio);
}

static void exchange_received(struct ds_nng_exchange *exchange)
{
    struct ds_nng_listener *listener = exchange->listener;
    exchange->message = nng_aio_get_msg(exchange->aio);
    exchange->pipe = nng_msg_get_pipe(exchange->message);
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
    }
    if (outcome != NNG_ECLOSED && outcome != NNG_ECANCELED) {
        exchange_receive(exchange);
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
static void note_url(struct ds_nng_listener *listener, nng_listener nng_handle)
{
    const char *url = listener->options.url;
    const char *colon = strrchr(url, ':');
    int port = 0;
    if (!listener->trusted &&
        nng_listener_get_int(nng_handle, NNG_OPT_TCP_BOUND_PORT, &port) == 0) {
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
    if (started == 0) {
        note_url(listener, handle);
    }
    return started;
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
    listener->trusted = strncmp(options->url, "ipc://", strlen("ipc://")) == 0;
    check(nng_rep0_open(&listener->socket));
    check(nng_socket_set_size(listener->socket, NNG_OPT_RECVMAXSZ, options->message_bytes_max));
    const int outcome = listener_start(listener);
    if (outcome != 0) {
        if (socket_close(listener->socket)) {
            free(listener);
        }
        return listen_code(outcome);
    }
    for (size_t i = 0; i < count; i++) {
        exchange_open(listener, &listener->exchanges[i]);
        listener->exchange_count++;
    }
    for (size_t i = 0; i < count; i++) {
        exchange_receive(&listener->exchanges[i]);
    }
    listener->options.url = listener->url;
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

void ds_nng_listener_close(struct ds_nng_listener *listener)
{
    for (size_t i = 0; i < listener->exchange_count; i++) {
        nng_aio_stop(listener->exchanges[i].aio);
    }
    if (!socket_close(listener->socket)) {
        return;
    }
    for (size_t i = 0; i < listener->exchange_count; i++) {
        nng_aio_free(listener->exchanges[i].aio);
    }
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

void ds_nng_exchange_reply(struct ds_nng_exchange *exchange, const struct ds_bytes *parts,
                           size_t part_count)
{
    assert(exchange->state == EXCHANGE_IN_WORK);
    nng_msg *reply = message_of(parts, part_count);
    nng_msg_free(exchange->message);
    exchange->message = NULL;
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

/* One REQ context. Between begin and end it belongs to the caller; `aio` moves it along. */
struct ds_nng_request {
    struct ds_nng_dialer *dialer;
    nng_ctx context;
    nng_aio *aio;
    enum request_state state;
    atomic_bool is_cancelled;
    int64_t deadline_ms; /* monotonic */
    ds_nng_done_fn done;
    void *done_context;
    struct ds_nng_request *next_free;
};

struct ds_nng_dialer {
    nng_socket socket;
    atomic_int pipe_count;
    pthread_mutex_t mutex; /* guards free_requests */
    struct ds_nng_request *free_requests;
    size_t request_count;
    struct ds_nng_request requests[];
};

static int remaining_ms(const struct ds_nng_request *request)
{
    const int64_t left = request->deadline_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

static void request_finish(struct ds_nng_request *request, ds_code code, nng_msg *reply)
{
    request->state = REQUEST_FREE;
    atomic_store(&request->is_cancelled, false);
    request->done(request->done_context, code, (struct ds_nng_reply *)reply);
}

static ds_code request_failure(const struct ds_nng_request *request, int outcome)
{
    const bool connected = atomic_load(&request->dialer->pipe_count) > 0;
    switch (outcome) {
    case NNG_ETIMEDOUT:
        return connected || remaining_ms(request) == 0 ? DS_DEADLINE_EXCEEDED : DS_UNAVAILABLE;
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

static void request_callback(void *argument)
{
    struct ds_nng_request *request = argument;
    const int outcome = nng_aio_result(request->aio);
    if (outcome != 0) {
        if (request->state == REQUEST_SENDING) {
            nng_msg_free(nng_aio_get_msg(request->aio));
            nng_aio_set_msg(request->aio, NULL);
        }
        request_finish(request, request_failure(request, outcome), NULL);
        return;
    }
    if (request->state == REQUEST_SENDING) {
        /* Posting the receive any earlier would crash nng 1.5.2 when it is cancelled (nng issue
         * 1702). */
        request->state = REQUEST_WAITING;
        nng_aio_set_timeout(request->aio, remaining_ms(request));
        nng_ctx_recv(request->context, request->aio);
        request_cancel_if_marked(request);
        return;
    }
    request_finish(request, DS_OK, nng_aio_get_msg(request->aio));
}

static void pipe_changed(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    (void)pipe;
    struct ds_nng_dialer *dialer = argument;
    atomic_fetch_add(&dialer->pipe_count, event == NNG_PIPE_EV_ADD_POST ? 1 : -1);
}

static void request_open(struct ds_nng_dialer *dialer, struct ds_nng_request *request)
{
    request->dialer = dialer;
    check(nng_ctx_open(&request->context, dialer->socket));
    check(nng_aio_alloc(&request->aio, request_callback, request));
    request->next_free = dialer->free_requests;
    dialer->free_requests = request;
    dialer->request_count++;
}

static void dialer_configure(struct ds_nng_dialer *dialer, size_t message_bytes_max)
{
    /* By default REQ sends a request again to any peer within a millisecond of a disconnect;
     * whether a call may be made twice is for the channel to know. */
    check(nng_socket_set_ms(dialer->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE));
    check(nng_socket_set_size(dialer->socket, NNG_OPT_RECVMAXSZ, message_bytes_max));
    check(nng_socket_set_ms(dialer->socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN));
    check(nng_socket_set_ms(dialer->socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX));
    check(nng_pipe_notify(dialer->socket, NNG_PIPE_EV_ADD_POST, pipe_changed, dialer));
    check(nng_pipe_notify(dialer->socket, NNG_PIPE_EV_REM_POST, pipe_changed, dialer));
}

ds_code ds_nng_dial(const struct ds_nng_dialer_options *options, struct ds_nng_dialer **ret_dialer)
{
    struct ds_nng_dialer *dialer =
        calloc(1, sizeof *dialer + options->request_count * sizeof *dialer->requests);
    if (dialer == NULL) {
        abort();
    }
    check(nng_req0_open(&dialer->socket));
    pthread_mutex_init(&dialer->mutex, NULL);
    dialer_configure(dialer, options->message_bytes_max);
    for (size_t i = 0; i < options->request_count; i++) {
        request_open(dialer, &dialer->requests[i]);
    }
    if (nng_dial(dialer->socket, options->url, NULL, NNG_FLAG_NONBLOCK) != 0) {
        ds_nng_dialer_close(dialer);
        return DS_INVALID_ARGUMENT;
    }
    *ret_dialer = dialer;
    return DS_OK;
}

void ds_nng_dialer_close(struct ds_nng_dialer *dialer)
{
    for (size_t i = 0; i < dialer->request_count; i++) {
        nng_aio_stop(dialer->requests[i].aio);
    }
    if (!socket_close(dialer->socket)) {
        return;
    }
    for (size_t i = 0; i < dialer->request_count; i++) {
        nng_aio_free(dialer->requests[i].aio);
    }
    pthread_mutex_destroy(&dialer->mutex);
    free(dialer);
}

struct ds_nng_request *ds_nng_request_begin(struct ds_nng_dialer *dialer)
{
    pthread_mutex_lock(&dialer->mutex);
    struct ds_nng_request *request = dialer->free_requests;
    if (request != NULL) {
        dialer->free_requests = request->next_free;
    }
    pthread_mutex_unlock(&dialer->mutex);
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
                         size_t part_count, int timeout_ms, ds_nng_done_fn done, void *context)
{
    const bool connected = atomic_load(&request->dialer->pipe_count) > 0;
    const int patience_ms =
        connected || timeout_ms < CONNECT_PATIENCE_MS ? timeout_ms : CONNECT_PATIENCE_MS;
    request->state = REQUEST_SENDING;
    request->deadline_ms = now_ms() + timeout_ms;
    request->done = done;
    request->done_context = context;
    nng_aio_set_msg(request->aio, message_of(parts, part_count));
    nng_aio_set_timeout(request->aio, patience_ms);
    nng_ctx_send(request->context, request->aio);
    request_cancel_if_marked(request);
}

void ds_nng_request_cancel(struct ds_nng_request *request)
{
    atomic_store(&request->is_cancelled, true);
    nng_aio_cancel(request->aio);
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
