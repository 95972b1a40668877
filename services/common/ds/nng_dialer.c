#include "ds/nng_dialer.h"

#include "ds/clock.h"
#include "ds/log.h"
#include "ds/nng_redial.h"
#include "ds/nng_socket.h"
#include "ds/tls_prober.h"

#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* How long a request waits for a connection where there is none, in time that the process runs. */
#define CONNECT_PATIENCE_MS 1000
/* How much longer it waits for one whose peer is known to be there: shaking hands takes time. */
#define HANDSHAKE_PATIENCE_MS 4000
/* How often it looks while nothing is left of its patience and a probe is under way. */
#define PROBE_CHECK_MS 50
/* How often it looks meanwhile; long enough for nng's own tries to have come first. */
#define CONNECT_CHECK_MS 400
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 250

static int64_t now_ms(void)
{
    return ds_clock_monotonic_us(ds_clock_system()) / 1000;
}

static int smaller_of(int a, int b)
{
    return a < b ? a : b;
}

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
    struct ds_nng_redial redial;
    atomic_int pipe_count;
    nng_ctx context;
    nng_aio *aio;
    enum request_state state;
    bool was_sent;
    atomic_bool is_cancelled;
    int64_t deadline_ms; /* monotonic */
    int patience_ms;     /* what is left of it, without a connection */
    int check_ms;        /* how long the look that is under way waits */
    uint64_t probe_ticket;
    const char *failure; /* what a probe has found; NULL: nothing */
    ds_nng_done_fn done;
    void *done_context;
    struct ds_nng_request *next_free;
};

struct ds_nng_dialer {
    struct ds_nng_dialer_options options;
    char url[DS_NNG_URL_BYTES_MAX];
    int check_ms;
    nng_tls_config *tls_config; /* NULL unless it is tls+tcp, as is `prober` */
    struct ds_tls_prober *prober;
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

static int next_check_ms(const struct ds_nng_request *request)
{
    int check_ms = smaller_of(request->dialer->check_ms, remaining_ms(request));
    if (atomic_load(&request->pipe_count) == 0) {
        const bool is_probing = request->dialer->prober != NULL && request->patience_ms <= 0;
        check_ms = smaller_of(check_ms, is_probing ? PROBE_CHECK_MS : request->patience_ms);
    }
    return check_ms > 0 ? check_ms : 1;
}

/* Hands the message in `aio` to nng, which keeps it until a connection takes it or until it is time
 * to look whether there is one. */
static void request_post(struct ds_nng_request *request)
{
    request->check_ms = next_check_ms(request);
    nng_aio_set_timeout(request->aio, request->check_ms);
    nng_ctx_send(request->context, request->aio);
    request_cancel_if_marked(request);
}

/* Whether a request without a connection waits on. Of TLS it has to be known first whether that is
 * what is in the way; if so, waiting is of no use. */
static bool has_hope(struct ds_nng_request *request)
{
    struct ds_tls_prober *prober = request->dialer->prober;
    struct ds_tls_finding finding;
    if (prober == NULL) {
        return request->patience_ms > 0;
    }
    if (!ds_tls_prober_ask(prober, &request->probe_ticket, &finding)) {
        return true;
    }
    request->failure = finding.reason;
    switch (finding.verdict) {
    case DS_TLS_REFUSED:
        return false;
    case DS_TLS_TRUSTED:
        return request->patience_ms > -HANDSHAKE_PATIENCE_MS;
    default:
        return request->patience_ms > 0;
    }
}

/*
 * Whether a request that nng gave back untaken may go on waiting. A connection that is there is
 * busy with what is left of a request that was given up. Patience goes by what the looks were to
 * take, not by the clock: a process that was stopped for longer has had no time to connect.
 */
static bool may_wait_on(struct ds_nng_request *request)
{
    if (remaining_ms(request) == 0) {
        return false;
    }
    if (atomic_load(&request->pipe_count) > 0) {
        return true;
    }
    request->patience_ms -= request->check_ms;
    ds_nng_redial_again(&request->redial);
    /* Where others of the channel are connected the service is there, and this connection is on its
     * way: 64 of TLS at once take a busy machine more than the patience. */
    return ds_nng_dialer_is_connected(request->dialer) || has_hope(request);
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
    ds_nng_check(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE));
    ds_nng_check(
        nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, request->dialer->options.message_bytes_max));
    ds_nng_check(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN));
    ds_nng_check(nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX));
    ds_nng_check(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, pipe_changed, request));
    ds_nng_check(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, pipe_changed, request));
}

static bool request_open(struct ds_nng_dialer *dialer, struct ds_nng_request *request)
{
    request->dialer = dialer;
    ds_nng_check(nng_req0_open(&request->socket));
    request_configure(request);
    ds_nng_check(nng_ctx_open(&request->context, request->socket));
    request->redial = (struct ds_nng_redial){.socket = request->socket,
                                             .url = dialer->url,
                                             .check_ms = dialer->check_ms,
                                             .tls_config = dialer->tls_config};
    if (!ds_nng_redial_begin(&request->redial)) {
        nng_close(request->socket);
        return false;
    }
    ds_nng_check(nng_aio_alloc(&request->aio, request_callback, request));
    return true;
}

static ds_code dialer_prepare_tls(struct ds_nng_dialer *dialer)
{
    struct ds_tls_trust *trust = NULL;
    struct ds_tls_refusal refusal;
    nng_tls_config *config = NULL;
    if (!ds_url_is_tls(dialer->url)) {
        return DS_OK;
    }
    const ds_code code = ds_tls_trust_load(dialer->options.tls, dialer->url, &trust, &refusal);
    if (code != DS_OK) {
        ds_log(DS_LOG_ERROR, "tls_refused", DS_LOG_TEXT("setting", refusal.setting),
               DS_LOG_TEXT("reason", refusal.reason));
        return code;
    }
    ds_nng_check(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT));
    ds_nng_check(nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED));
    ds_nng_check(nng_tls_config_ca_chain(config, ds_tls_trust_authorities(trust), NULL));
    /* Without a name mbedTLS would take a certificate for any host. */
    ds_nng_check(nng_tls_config_server_name(config, ds_tls_trust_server_name(trust)));
    dialer->tls_config = config;
    dialer->prober = ds_tls_prober_create(trust);
    return DS_OK;
}

static void dialer_free(struct ds_nng_dialer *dialer)
{
    if (dialer->tls_config != NULL) {
        nng_tls_config_free(dialer->tls_config);
    }
    ds_tls_prober_destroy(dialer->prober);
    free(dialer);
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
    ds_code code = length < DS_NNG_URL_BYTES_MAX ? dialer_prepare_tls(dialer) : DS_INVALID_ARGUMENT;
    if (code == DS_OK && !request_open(dialer, &dialer->requests[0])) {
        code = DS_INVALID_ARGUMENT;
    }
    dialer->options.tls = NULL;
    if (code != DS_OK) {
        dialer_free(dialer);
        return code;
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
    const bool is_closed = ds_nng_sockets_close(sockets, dialer->open_count);
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
    dialer_free(dialer);
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
    request->patience_ms = CONNECT_PATIENCE_MS - times->waited_ms;
    request->probe_ticket = 0;
    request->failure = NULL;
    request->done = done;
    request->done_context = context;
    nng_aio_set_msg(request->aio, ds_nng_message_of(parts, part_count));
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

const char *ds_nng_request_failure(const struct ds_nng_request *request)
{
    return request->failure;
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
