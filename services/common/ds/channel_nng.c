/*
 * The channel over nng: calls become frames, frames messages. Calls of inline methods that are
 * flushed together share a message; everything else travels alone.
 */
#include "ds/channel.h"
#include "ds/channel_reply.h"
#include "ds/frame.h"
#include "ds/frame_header.h"
#include "ds/nng_transport.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* Messages under way at a time: more of them are no faster and only lengthen the tail. */
#define REQUESTS_MAX 64
/* What a head takes beside its texts. */
#define HEAD_BYTES_MAX (DS_FRAME_PREFACE_BYTES + DS_FRAME_HEADER_BYTES_MAX)
#define CALL_ID_BYTES 8
#define CLIENT_ID_BYTES 16
#define CANCEL_TIMEOUT_MS 1000

struct nng_channel {
    struct ds_channel base;
    struct ds_nng_dialer *dialer;
    uint8_t client_id[CLIENT_ID_BYTES]; /* random: who knows it may cancel our calls */

    pthread_mutex_t mutex; /* guards all that follows, and `request` and `calls` of every message */
    struct ds_client_call_list collected;
    struct message *waiting_first; /* messages for which no request was free */
    struct message *waiting_last;
    struct message *in_flight; /* messages that have a request */
    uint64_t next_call_id;
    bool has_failed; /* the newest end of a message was that the server can't be reached */
    bool closing;
};

/* Calls that travel together. */
struct message {
    struct nng_channel *channel;
    struct ds_nng_request *request; /* NULL while it waits for one */
    int64_t begun_us;               /* when its first call's attempt began */
    int64_t deadline_us;            /* of all its calls */
    uint64_t first_call_id;         /* call i has first_call_id + i */
    size_t call_count;
    struct ds_client_call *calls[DS_FRAMES_PER_MESSAGE_MAX];
    struct message *next;     /* waiting or in flight */
    struct message *previous; /* in flight */
    bool is_waiting;          /* for a request */
    bool is_aborted;
};

static void append_head(struct ds_buffer *heads, const struct ds_client_call *call,
                        const struct ds_request_stamp *stamp)
{
    const uint8_t preface[DS_FRAME_PREFACE_BYTES] = {0};
    const size_t begin = heads->size;
    ds_buffer_append(heads, preface, sizeof preface);
    ds_request_header_write(heads, call, stamp);
    ds_frame_write_preface(heads->data + begin, DS_FRAME_REQUEST, 0,
                           heads->size - begin - sizeof preface, call->payload.size);
}

static void message_finished(void *context, ds_code code, struct ds_nng_reply *reply);

/* Inline calls are over before anybody could cancel them. */
static bool message_can_be_cancelled(const struct message *message)
{
    return message->call_count == 1 && message->calls[0]->method->pool != DS_POOL_INLINE;
}

static int message_waited_ms(const struct message *message)
{
    return (int)((ds_clock_monotonic_us(message->channel->base.clock) - message->begun_us) / 1000);
}

/* Puts a message's frames on the wire; it has a request and calls whose deadline has not passed. */
static void message_send(struct message *message, uint32_t timeout_ms)
{
    const int64_t sent_at_us = ds_clock_wall_us(message->channel->base.clock);
    const struct ds_bytes client_id = ds_bytes_of(
        message->channel->client_id, message_can_be_cancelled(message) ? CLIENT_ID_BYTES : 0);
    struct ds_buffer heads;
    size_t ends[DS_FRAMES_PER_MESSAGE_MAX];
    ds_buffer_init(&heads, HEAD_BYTES_MAX * message->call_count);
    for (size_t i = 0; i < message->call_count; i++) {
        const uint64_t call_id = message->first_call_id + i;
        append_head(&heads, message->calls[i],
                    &(struct ds_request_stamp){
                        .call_id = ds_bytes_of(&call_id, CALL_ID_BYTES),
                        .client_id = client_id,
                        .timeout_ms = timeout_ms,
                        .attempt = message->calls[i]->attempt,
                        .sent_at_us = sent_at_us,
                    });
        ends[i] = heads.size;
    }
    struct ds_bytes parts[2 * DS_FRAMES_PER_MESSAGE_MAX];
    size_t begin = 0;
    for (size_t i = 0; i < message->call_count; i++) {
        parts[2 * i] = ds_bytes_of(heads.data + begin, ends[i] - begin);
        parts[2 * i + 1] = message->calls[i]->payload;
        begin = ends[i];
    }
    const struct ds_nng_request_times times = {
        .timeout_ms = (int)timeout_ms,
        .waited_ms = message_waited_ms(message),
    };
    ds_nng_request_send(message->request, parts, 2 * message->call_count, &times, message_finished,
                        message);
    ds_buffer_deinit(&heads);
}

/* How much time a message has left; 0 when it is too late. */
static uint32_t message_left_ms(const struct message *message)
{
    const int64_t left_us =
        message->deadline_us - ds_clock_monotonic_us(message->channel->base.clock);
    return left_us > 0 ? (uint32_t)((left_us + 999) / 1000) : 0;
}

static void fail_all(struct message *message, ds_code code)
{
    for (size_t i = 0; i < message->call_count; i++) {
        ds_client_call_fail(&message->channel->base, message->calls[i], code,
                            ds_client_failure_text(code));
    }
}

static void in_flight_add_locked(struct message *message)
{
    struct nng_channel *channel = message->channel;
    message->previous = NULL;
    message->next = channel->in_flight;
    if (message->next != NULL) {
        message->next->previous = message;
    }
    channel->in_flight = message;
}

static void in_flight_remove_locked(struct message *message)
{
    if (message->previous != NULL) {
        message->previous->next = message->next;
    } else {
        message->channel->in_flight = message->next;
    }
    if (message->next != NULL) {
        message->next->previous = message->previous;
    }
}

static struct message *waiting_pop_locked(struct nng_channel *channel)
{
    struct message *message = channel->waiting_first;
    if (message != NULL) {
        channel->waiting_first = message->next;
        message->is_waiting = false;
    }
    return message;
}

static void waiting_push_locked(struct nng_channel *channel, struct message *message)
{
    message->next = NULL;
    message->is_waiting = true;
    if (channel->waiting_first == NULL) {
        channel->waiting_first = message;
    } else {
        channel->waiting_last->next = message;
    }
    channel->waiting_last = message;
}

static void waiting_remove_locked(struct nng_channel *channel, struct message *message)
{
    struct message *before = NULL;
    for (struct message *other = channel->waiting_first; other != message; other = other->next) {
        before = other;
    }
    if (before == NULL) {
        channel->waiting_first = message->next;
    } else {
        before->next = message->next;
    }
    if (channel->waiting_last == message) {
        channel->waiting_last = before;
    }
}

/* Gives a request that has become free to the first waiting message that is not too late. It is
 * ended and begun again, so that a late cancel of the last message does not hit the next one. */
static void request_pass_on(struct nng_channel *channel, struct ds_nng_request *request)
{
    for (;;) {
        pthread_mutex_lock(&channel->mutex);
        ds_nng_request_end(request);
        struct message *message = channel->closing ? NULL : waiting_pop_locked(channel);
        if (message == NULL) {
            pthread_mutex_unlock(&channel->mutex);
            return;
        }
        request = ds_nng_request_begin(channel->dialer);
        message->request = request;
        const uint32_t left_ms = message_left_ms(message);
        if (left_ms > 0) {
            in_flight_add_locked(message);
        }
        pthread_mutex_unlock(&channel->mutex);
        if (left_ms > 0) {
            message_send(message, left_ms);
            return;
        }
        fail_all(message, DS_DEADLINE_EXCEEDED);
        free(message);
    }
}

static void message_start(struct message *message)
{
    struct nng_channel *channel = message->channel;
    const uint32_t left_ms = message_left_ms(message);
    pthread_mutex_lock(&channel->mutex);
    const bool closing = channel->closing;
    message->request = closing ? NULL : ds_nng_request_begin(channel->dialer);
    const bool waits = !closing && message->request == NULL;
    if (waits) {
        waiting_push_locked(channel, message);
    } else if (!closing) {
        in_flight_add_locked(message);
    }
    pthread_mutex_unlock(&channel->mutex);
    if (waits) {
        return;
    }
    if (closing) {
        fail_all(message, DS_CANCELLED);
        free(message);
        return;
    }
    message_send(message, left_ms > 0 ? left_ms : 1);
}

static struct message *message_create(struct nng_channel *channel, struct ds_client_call *first)
{
    struct message *message = calloc(1, sizeof *message);
    if (message == NULL) {
        abort();
    }
    message->channel = channel;
    message->begun_us = first->attempt_begun_us;
    message->deadline_us = ds_client_call_deadline_us(first);
    return message;
}

static void message_add(struct message *message, struct ds_client_call *call)
{
    message->calls[message->call_count++] = call;
}

/* Names the calls and makes them known to cancel; those that are cancelled already go to
 * ret_cancelled. */
static void message_register(struct message *message, struct ds_client_call_list *ret_cancelled)
{
    struct nng_channel *channel = message->channel;
    size_t kept = 0;
    pthread_mutex_lock(&channel->mutex);
    for (size_t i = 0; i < message->call_count; i++) {
        struct ds_client_call *call = message->calls[i];
        if (call->cancelled) {
            ds_client_call_push(ret_cancelled, call);
        } else {
            call->in_flight = message;
            message->calls[kept++] = call;
        }
    }
    message->call_count = kept;
    message->first_call_id = channel->next_call_id;
    channel->next_call_id += kept;
    pthread_mutex_unlock(&channel->mutex);
}

/* From here on the message may end at any time. */
static void message_depart(struct message *message)
{
    struct nng_channel *channel = message->channel;
    struct ds_client_call_list cancelled = {.first = NULL, .last = NULL};
    message_register(message, &cancelled);
    if (message->call_count > 0) {
        message_start(message);
    } else {
        free(message);
    }
    for (struct ds_client_call *call = ds_client_call_pop(&cancelled); call != NULL;
         call = ds_client_call_pop(&cancelled)) {
        ds_client_call_fail(&channel->base, call, DS_CANCELLED,
                            ds_client_failure_text(DS_CANCELLED));
    }
}

static void send_alone(struct nng_channel *channel, struct ds_client_call *call)
{
    struct message *message = message_create(channel, call);
    message_add(message, call);
    message_depart(message);
}

/* The place of the call that a response answers; call_count where it is none of the message's. */
static size_t answered_call(const struct message *message, const struct ds_response_header *header)
{
    uint64_t call_id = 0;
    if (header->call_id.size != CALL_ID_BYTES) {
        return message->call_count;
    }
    memcpy(&call_id, header->call_id.data, sizeof call_id);
    const uint64_t place = call_id - message->first_call_id;
    return place < message->call_count ? (size_t)place : message->call_count;
}

/* Fills the calls that the reply answers and marks them in `answered`. */
static void take_answers(const struct message *message, struct ds_shared_reply *shared,
                         bool answered[])
{
    struct ds_bytes rest = ds_shared_reply_bytes(shared);
    struct ds_frame frame;
    struct ds_response_header header;
    while (rest.size > 0 && ds_frame_next(&rest, &frame) == DS_OK) {
        if (frame.type != DS_FRAME_RESPONSE || !ds_response_header_read(frame.header, &header)) {
            continue;
        }
        const size_t place = answered_call(message, &header);
        if (place < message->call_count && !answered[place]) {
            ds_shared_reply_take(shared, &header, &frame, message->calls[place]);
            answered[place] = true;
        }
    }
}

static bool is_share_overflow(const struct ds_client_call *call)
{
    return call->code == DS_UNAVAILABLE &&
           ds_status_reason(call->status_details) == DS_REASON(SHARE_OVERFLOW);
}

static void deliver_answer(struct message *message, struct ds_client_call *call, bool answered)
{
    struct nng_channel *channel = message->channel;
    if (!answered) {
        ds_client_call_fail(&channel->base, call, DS_INTERNAL, "the service's reply can't be read");
        return;
    }
    if (message->call_count > 1 && is_share_overflow(call)) {
        /* The server has not executed it: it travels again alone, which is no retry. */
        ds_client_call_release(call);
        send_alone(channel, call);
        return;
    }
    ds_client_call_finish(&channel->base, call);
}

static void deliver_answers(struct message *message, struct ds_nng_reply *reply)
{
    struct ds_shared_reply *shared = ds_shared_reply_create(reply);
    bool answered[DS_FRAMES_PER_MESSAGE_MAX] = {false};
    take_answers(message, shared, answered);
    for (size_t i = 0; i < message->call_count; i++) {
        deliver_answer(message, message->calls[i], answered[i]);
    }
    ds_shared_reply_unref(shared);
}

/* How a call ends whose message got no answer. */
static ds_code lost_code_locked(const struct message *message, const struct ds_client_call *call,
                                ds_code code)
{
    return code == DS_CANCELLED && message->is_aborted && !call->cancelled ? DS_UNAVAILABLE : code;
}

static void lose_all(struct message *message)
{
    for (size_t i = 0; i < message->call_count; i++) {
        struct ds_client_call *call = message->calls[i];
        ds_client_call_fail(&message->channel->base, call, call->code,
                            ds_client_failure_text(call->code));
    }
}

static void message_finished(void *context, ds_code code, struct ds_nng_reply *reply)
{
    struct message *message = context;
    struct nng_channel *channel = message->channel;
    pthread_mutex_lock(&channel->mutex);
    struct ds_nng_request *request = message->request;
    const bool was_sent = ds_nng_request_was_sent(request);
    for (size_t i = 0; i < message->call_count; i++) {
        struct ds_client_call *call = message->calls[i];
        call->in_flight = NULL;
        call->is_unexecuted = !was_sent;
        call->code = lost_code_locked(message, call, code);
    }
    in_flight_remove_locked(message);
    channel->has_failed = code == DS_UNAVAILABLE;
    pthread_mutex_unlock(&channel->mutex);
    request_pass_on(channel, request);
    if (code == DS_OK) {
        deliver_answers(message, reply);
    } else {
        lose_all(message);
    }
    free(message);
}

static void nng_call(struct ds_channel *base, struct ds_client_call *call)
{
    struct nng_channel *channel = (struct nng_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    ds_client_call_push(&channel->collected, call);
    pthread_mutex_unlock(&channel->mutex);
}

static bool may_share(const struct message *message, size_t message_bytes,
                      const struct ds_client_call *call)
{
    return message->call_count < DS_FRAMES_PER_MESSAGE_MAX &&
           message_bytes + call->payload.size <= DS_SHARED_REQUEST_BYTES_MAX &&
           ds_client_call_timeout_ms(call) == ds_client_call_timeout_ms(message->calls[0]);
}

/* Sends the calls of one flush: inline ones together as far as the rules allow, the others alone,
 * and so does what is made again, whose deadline is nearer. */
static void send_collected(struct nng_channel *channel, struct ds_client_call_list *list)
{
    struct message *shared = NULL;
    size_t shared_bytes = 0;
    for (struct ds_client_call *call = ds_client_call_pop(list); call != NULL;
         call = ds_client_call_pop(list)) {
        if (call->method->pool != DS_POOL_INLINE || call->attempt > 0) {
            send_alone(channel, call);
            continue;
        }
        if (shared != NULL && !may_share(shared, shared_bytes, call)) {
            message_depart(shared);
            shared = NULL;
        }
        if (shared == NULL) {
            shared = message_create(channel, call);
            shared_bytes = 0;
        }
        message_add(shared, call);
        shared_bytes += call->payload.size;
    }
    if (shared != NULL) {
        message_depart(shared);
    }
}

static void nng_flush(struct ds_channel *base)
{
    struct nng_channel *channel = (struct nng_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    struct ds_client_call_list list = channel->collected;
    channel->collected = (struct ds_client_call_list){.first = NULL, .last = NULL};
    pthread_mutex_unlock(&channel->mutex);
    send_collected(channel, &list);
}

/* A CANCEL frame on its way. */
struct cancel {
    struct nng_channel *channel;
    struct ds_nng_request *request;
};

/* Whether the server still had the call makes no difference to anybody. */
static void cancel_finished(void *context, ds_code code, struct ds_nng_reply *reply)
{
    struct cancel *cancel = context;
    (void)code;
    ds_nng_reply_free(reply);
    request_pass_on(cancel->channel, cancel->request);
    free(cancel);
}

/* Tells the server by a connection of its own, since the call's is taken until its answer. */
static void cancel_send(struct nng_channel *channel, struct ds_nng_request *request,
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
    ds_cancel_header_write(&header, ds_bytes_of(&call_id, CALL_ID_BYTES),
                           ds_bytes_of(channel->client_id, CLIENT_ID_BYTES));
    ds_frame_write_preface(preface, DS_FRAME_CANCEL, 0, header.size, 0);
    const struct ds_bytes parts[] = {ds_bytes_of(preface, sizeof preface),
                                     ds_buffer_bytes(&header)};
    const struct ds_nng_request_times times = {.timeout_ms = CANCEL_TIMEOUT_MS};
    ds_nng_request_send(request, parts, 2, &times, cancel_finished, cancel);
    ds_buffer_deinit(&header);
}

/* A call that shares its message is left to its answer, which an inline method gives soon. Where
 * all connections are taken, the server is not told: it has its own deadline. */
static void nng_cancel(struct ds_channel *base, struct ds_client_call *call)
{
    struct nng_channel *channel = (struct nng_channel *)base;
    struct ds_nng_request *request = NULL;
    struct message *untaken = NULL;
    uint64_t call_id = 0;
    pthread_mutex_lock(&channel->mutex);
    call->cancelled = true;
    struct message *message = call->in_flight;
    if (message != NULL && message->call_count == 1 && message->request != NULL) {
        ds_nng_request_cancel(message->request);
        call_id = message->first_call_id;
        request = message_can_be_cancelled(message) ? ds_nng_request_begin(channel->dialer) : NULL;
    } else if (message != NULL && message->call_count == 1 && message->is_waiting) {
        untaken = message;
        waiting_remove_locked(channel, message);
        call->in_flight = NULL;
    }
    pthread_mutex_unlock(&channel->mutex);
    if (request != NULL) {
        cancel_send(channel, request, call_id);
    }
    if (untaken != NULL) {
        fail_all(untaken, DS_CANCELLED);
        free(untaken);
    }
}

static bool message_may_repeat(const struct message *message)
{
    for (size_t i = 0; i < message->call_count; i++) {
        if (!ds_client_call_may_repeat(&message->channel->base, message->calls[i])) {
            return false;
        }
    }
    return true;
}

/* What waits here for a request has not been sent, so all of that ends; on the wire, what is not to
 * be made twice goes on. */
static void nng_abort(struct ds_channel *base)
{
    struct nng_channel *channel = (struct nng_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    for (struct message *message = channel->in_flight; message != NULL; message = message->next) {
        if (!message->is_aborted && message_may_repeat(message)) {
            message->is_aborted = true;
            ds_nng_request_cancel(message->request);
        }
    }
    struct message *waiting = channel->waiting_first;
    channel->waiting_first = NULL;
    for (struct message *message = waiting; message != NULL; message = message->next) {
        for (size_t i = 0; i < message->call_count; i++) {
            struct ds_client_call *call = message->calls[i];
            call->in_flight = NULL; /* Out of a cancel's reach. */
            call->is_unexecuted = true;
            call->code = call->cancelled ? DS_CANCELLED : DS_UNAVAILABLE;
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    while (waiting != NULL) {
        struct message *next = waiting->next;
        lose_all(waiting);
        free(waiting);
        waiting = next;
    }
}

static enum ds_channel_state nng_state(struct ds_channel *base)
{
    struct nng_channel *channel = (struct nng_channel *)base;
    const bool is_connected = ds_nng_dialer_is_connected(channel->dialer);
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

static void nng_close(struct ds_channel *base)
{
    struct nng_channel *channel = (struct nng_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    channel->closing = true;
    struct message *waiting = channel->waiting_first;
    channel->waiting_first = NULL;
    pthread_mutex_unlock(&channel->mutex);
    while (waiting != NULL) {
        struct message *next = waiting->next;
        fail_all(waiting, DS_CANCELLED);
        free(waiting);
        waiting = next;
    }
    for (struct ds_client_call *call = ds_client_call_pop(&channel->collected); call != NULL;
         call = ds_client_call_pop(&channel->collected)) {
        ds_client_call_fail(base, call, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
    }
    ds_nng_dialer_close(channel->dialer);
    pthread_mutex_destroy(&channel->mutex);
    free(channel);
}

ds_code ds_channel_nng_open(const struct ds_channel_options *options,
                            struct ds_channel **ret_channel)
{
    static const struct ds_channel_ops ops = {
        .call = nng_call,
        .flush = nng_flush,
        .cancel = nng_cancel,
        .close = nng_close,
        .state = nng_state,
        .abort = nng_abort,
    };
    struct ds_nng_dialer *dialer = NULL;
    DS_TRY(ds_nng_dial(
        &(struct ds_nng_dialer_options){
            .url = options->url,
            .message_bytes_max = DS_MESSAGE_BYTES_MAX,
            .request_count = REQUESTS_MAX,
        },
        &dialer));
    struct nng_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        abort();
    }
    ds_channel_init(&channel->base, &ops, options);
    channel->dialer = dialer;
    if (getrandom(channel->client_id, CLIENT_ID_BYTES, 0) != CLIENT_ID_BYTES) {
        abort(); /* Never, for so few bytes. */
    }
    pthread_mutex_init(&channel->mutex, NULL);
    *ret_channel = &channel->base;
    return DS_OK;
}
