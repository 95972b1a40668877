/* The channel over connections, as callers use it: calls are collected, flushed, cancelled. */
#include "ds/channel_sp.h"

#include "ds/frame_header.h"

#include <stdlib.h>
#include <sys/random.h>

/* Messages under way at a time: more of them are no faster and only lengthen the tail. */
#define REQUESTS_MAX 64
/* What a head takes beside its texts. */
#define HEAD_BYTES_MAX (DS_FRAME_PREFACE_BYTES + DS_FRAME_HEADER_BYTES_MAX)
#define CANCEL_TIMEOUT_MS 1000

static void sp_call(struct ds_channel *base, struct ds_client_call *call)
{
    struct ds_sp_channel *channel = (struct ds_sp_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    ds_client_call_push(&channel->collected, call);
    pthread_mutex_unlock(&channel->mutex);
}

static void sp_flush(struct ds_channel *base)
{
    struct ds_sp_channel *channel = (struct ds_sp_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    struct ds_client_call_list list = channel->collected;
    channel->collected = (struct ds_client_call_list){.first = NULL, .last = NULL};
    pthread_mutex_unlock(&channel->mutex);
    ds_sp_channel_send(channel, &list);
}

/* A CANCEL frame on its way. */
struct cancel {
    struct ds_sp_channel *channel;
    struct ds_sp_request *request;
};

/* Whether the server still had the call makes no difference to anybody. */
static void cancel_finished(void *context, ds_code code, struct ds_sp_reply *reply)
{
    struct cancel *cancel = context;
    (void)code;
    ds_sp_reply_free(reply);
    ds_sp_channel_pass_on(cancel->channel, cancel->request);
    free(cancel);
}

static void cancel_send(struct ds_sp_channel *channel, struct ds_sp_request *request,
                        uint64_t call_id)
{
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    struct ds_buffer header;
    struct cancel *cancel = calloc(1, sizeof *cancel);
    if (cancel == NULL) {
        abort();
    }
    *cancel = (struct cancel){.channel = channel, .request = request};
    ds_buffer_init(&header, HEAD_BYTES_MAX);
    ds_cancel_header_write(&header, ds_bytes_of(&call_id, DS_SP_CALL_ID_BYTES),
                           ds_bytes_of(channel->client_id, DS_SP_CLIENT_ID_BYTES));
    ds_frame_write_preface(preface, DS_FRAME_CANCEL, 0, header.size, 0);
    const struct ds_bytes parts[] = {ds_bytes_of(preface, sizeof preface),
                                     ds_buffer_bytes(&header)};
    const struct ds_sp_request_times times = {.timeout_ms = CANCEL_TIMEOUT_MS};
    ds_sp_request_send(request, parts, 2, &times, cancel_finished, cancel);
    ds_buffer_deinit(&header);
}

/* Ends a message without calls; returns it where it is to be freed. */
static struct ds_sp_message *message_give_up_locked(struct ds_sp_message *message)
{
    if (!message->is_waiting) {
        ds_sp_request_cancel(message->request);
        return NULL;
    }
    ds_sp_message_stop_waiting_locked(message);
    return message;
}

/* A call that shares its message ends without the others; the server is not told, since an inline
 * method is over before that. Nor is it where all requests are taken: it has its own deadline.
 */
static void sp_cancel(struct ds_channel *base, struct ds_client_call *call)
{
    struct ds_sp_channel *channel = (struct ds_sp_channel *)base;
    struct ds_sp_request *request = NULL;
    struct ds_sp_message *untaken = NULL;
    bool is_detached = false;
    uint64_t call_id = 0;
    pthread_mutex_lock(&channel->mutex);
    call->cancelled = true;
    struct ds_sp_message *message = call->in_flight;
    if (message != NULL && message->call_count == 1 && message->request != NULL) {
        ds_sp_request_cancel(message->request);
        call_id = message->first_call_id;
        request =
            ds_sp_message_can_be_cancelled(message) ? ds_sp_request_begin(channel->dialer) : NULL;
    } else if (message != NULL && (message->is_waiting || message->is_built)) {
        is_detached = true;
        if (!ds_sp_message_detach_locked(message, call)) {
            untaken = message_give_up_locked(message);
        }
    } else if (message == NULL) {
        is_detached = ds_hello_gate_remove(&channel->gate, call);
    }
    pthread_mutex_unlock(&channel->mutex);
    if (is_detached) {
        ds_client_call_fail(base, call, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
    }
    if (request != NULL) {
        cancel_send(channel, request, call_id);
    }
    free(untaken);
}

static bool message_may_repeat(const struct ds_sp_message *message)
{
    for (size_t i = 0; i < message->call_count; i++) {
        const struct ds_client_call *call = message->calls[i];
        if (call != NULL && !ds_client_call_may_repeat(&message->channel->base, call)) {
            return false;
        }
    }
    return true;
}

/* What waits here for a request has not been sent, so all of that ends; on the wire, what is not to
 * be made twice goes on. */
static void sp_abort(struct ds_channel *base)
{
    struct ds_sp_channel *channel = (struct ds_sp_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    for (struct ds_sp_message *message = channel->in_flight; message != NULL;
         message = message->next) {
        if (!message->is_aborted && message_may_repeat(message)) {
            message->is_aborted = true;
            ds_sp_request_cancel(message->request);
        }
    }
    struct ds_client_call_list held = channel->gate.held;
    channel->gate.held = (struct ds_client_call_list){.first = NULL, .last = NULL};
    if (channel->hello_request != NULL) {
        ds_sp_request_cancel(channel->hello_request);
    }
    struct ds_sp_message *waiting = ds_sp_waiting_take_locked(channel);
    for (struct ds_sp_message *message = waiting; message != NULL; message = message->next) {
        for (size_t i = 0; i < message->call_count; i++) {
            struct ds_client_call *call = message->calls[i];
            if (call == NULL) {
                continue;
            }
            call->in_flight = NULL; /* Out of a cancel's reach. */
            call->is_unexecuted = true;
            call->code = call->cancelled ? DS_CANCELLED : DS_UNAVAILABLE;
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    ds_sp_channel_fail(channel, &held, DS_UNAVAILABLE, NULL);
    while (waiting != NULL) {
        struct ds_sp_message *next = waiting->next;
        ds_sp_message_lose(waiting, NULL);
        free(waiting);
        waiting = next;
    }
}

static enum ds_channel_state sp_state(struct ds_channel *base)
{
    struct ds_sp_channel *channel = (struct ds_sp_channel *)base;
    const bool is_connected = ds_sp_dialer_is_connected(channel->dialer);
    pthread_mutex_lock(&channel->mutex);
    const bool closing = channel->closing;
    const bool has_failed = channel->has_failed;
    pthread_mutex_unlock(&channel->mutex);
    if (closing) {
        return DS_CHANNEL_SHUTDOWN;
    }
    if (is_connected) {
        return DS_CHANNEL_READY;
    }
    return has_failed ? DS_CHANNEL_TRANSIENT_FAILURE : DS_CHANNEL_CONNECTING;
}

static void sp_close(struct ds_channel *base)
{
    struct ds_sp_channel *channel = (struct ds_sp_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    channel->closing = true;
    struct ds_client_call_list held = channel->gate.held;
    channel->gate.held = (struct ds_client_call_list){.first = NULL, .last = NULL};
    struct ds_sp_message *waiting = ds_sp_waiting_take_locked(channel);
    for (struct ds_sp_message *message = waiting; message != NULL; message = message->next) {
        ds_sp_message_forget_locked(message);
    }
    pthread_mutex_unlock(&channel->mutex);
    ds_sp_waiting_end(channel);
    ds_sp_channel_fail(channel, &held, DS_CANCELLED, NULL);
    while (waiting != NULL) {
        struct ds_sp_message *next = waiting->next;
        ds_sp_message_fail(waiting, DS_CANCELLED);
        free(waiting);
        waiting = next;
    }
    for (struct ds_client_call *call = ds_client_call_pop(&channel->collected); call != NULL;
         call = ds_client_call_pop(&channel->collected)) {
        ds_client_call_fail(base, call, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
    }
    ds_sp_dialer_close(channel->dialer);
    pthread_mutex_destroy(&channel->mutex);
    free(channel);
}

ds_code ds_channel_sp_open(const struct ds_channel_options *options,
                           struct ds_channel **ret_channel)
{
    static const struct ds_channel_ops ops = {
        .call = sp_call,
        .flush = sp_flush,
        .cancel = sp_cancel,
        .close = sp_close,
        .state = sp_state,
        .abort = sp_abort,
    };
    struct ds_sp_dialer *dialer = NULL;
    DS_TRY(ds_sp_dial(
        &(struct ds_sp_dialer_options){
            .url = options->url,
            .message_bytes_max = DS_MESSAGE_BYTES_MAX,
            .request_count = REQUESTS_MAX,
            .tls = options->tls,
        },
        &dialer));
    struct ds_sp_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        abort();
    }
    ds_channel_init(&channel->base, &ops, options);
    channel->dialer = dialer;
    if (getrandom(channel->client_id, DS_SP_CLIENT_ID_BYTES, 0) != DS_SP_CLIENT_ID_BYTES) {
        abort(); /* Never, for so few bytes. */
    }
    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->waiting_changed, NULL);
    *ret_channel = &channel->base;
    return DS_OK;
}
