/*
 * The way of a message: its calls are named, it gets a request or waits for one, its frames go out.
 */
#include "ds/channel_frames.h"
#include "ds/channel_sp.h"
#include "ds/compress.h"

#include <limits.h>
#include <stdlib.h>

bool ds_sp_message_detach_locked(struct ds_sp_message *message, struct ds_client_call *call)
{
    bool any_left = false;
    for (size_t i = 0; i < message->call_count; i++) {
        if (message->calls[i] == call) {
            message->calls[i] = NULL;
        }
        any_left = any_left || message->calls[i] != NULL;
    }
    call->in_flight = NULL;
    return any_left;
}

void ds_sp_message_forget_locked(struct ds_sp_message *message)
{
    for (size_t i = 0; i < message->call_count; i++) {
        if (message->calls[i] != NULL) {
            message->calls[i]->in_flight = NULL;
        }
    }
}

bool ds_sp_message_can_be_cancelled(const struct ds_sp_message *message)
{
    return message->call_count == 1 && message->calls[0]->method->pool != DS_POOL_INLINE;
}

/* How long a message waited for a request; by those of others it knows that there is no
 * connection. */
static int message_waited_ms(const struct ds_sp_message *message)
{
    if (!message->has_waited) {
        return 0;
    }
    return (int)((ds_clock_monotonic_us(message->channel->base.clock) - message->begun_us) / 1000);
}

/* How much time a call has left, at least a millisecond. */
static uint32_t call_left_ms(const struct ds_sp_message *message, const struct ds_client_call *call)
{
    const int64_t left_us =
        ds_client_call_deadline_us(call) - ds_clock_monotonic_us(message->channel->base.clock);
    return left_us > 1000 ? (uint32_t)((left_us + 999) / 1000) : 1;
}

static void add_frame(struct ds_sp_message *message, size_t place, int64_t sent_at_us,
                      struct ds_call_frames *frames)
{
    const struct ds_channel *base = &message->channel->base;
    const struct ds_client_call *call = message->calls[place];
    const uint64_t call_id = message->first_call_id + place;
    const bool may_compress = ds_client_call_may_compress(base, call);
    const struct ds_request_stamp stamp = {
        .call_id = ds_bytes_of(&call_id, DS_SP_CALL_ID_BYTES),
        .client_id =
            ds_bytes_of(message->channel->client_id,
                        ds_sp_message_can_be_cancelled(message) ? DS_SP_CLIENT_ID_BYTES : 0),
        .timeout_ms = call_left_ms(message, call),
        .attempt = call->attempt,
        .sent_at_us = sent_at_us,
        .accept_encodings = may_compress ? DS_ENCODING_ZSTD : 0,
    };
    if (may_compress && message->server_reads_zstd && message->call_count == 1) {
        ds_call_frames_add_packed(frames, call, &stamp);
    } else {
        ds_call_frames_add(frames, call, &stamp);
    }
}

/* The frames of a shared message are copies from now on, so that each of its calls can end alone;
 * those that were cancelled before do. */
static void message_built(struct ds_sp_message *message)
{
    struct ds_sp_channel *channel = message->channel;
    struct ds_client_call_list cancelled = {.first = NULL, .last = NULL};
    pthread_mutex_lock(&channel->mutex);
    message->is_built = true;
    for (size_t i = 0; i < message->call_count; i++) {
        struct ds_client_call *call = message->calls[i];
        if (call != NULL && call->cancelled) {
            ds_sp_message_detach_locked(message, call);
            ds_client_call_push(&cancelled, call);
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    for (struct ds_client_call *call = ds_client_call_pop(&cancelled); call != NULL;
         call = ds_client_call_pop(&cancelled)) {
        ds_client_call_fail(&channel->base, call, DS_CANCELLED,
                            ds_client_failure_text(DS_CANCELLED));
    }
}

/* Puts a message's frames on the wire; it has a request and calls whose deadline has not passed. */
static void message_send(struct ds_sp_message *message, uint32_t timeout_ms)
{
    const int64_t sent_at_us = ds_clock_wall_us(message->channel->base.clock);
    struct ds_call_frames frames;
    ds_call_frames_init(&frames, message->call_count);
    for (size_t i = 0; i < message->call_count; i++) {
        if (message->calls[i] != NULL) {
            add_frame(message, i, sent_at_us, &frames);
        }
    }
    if (message->call_count > 1) {
        ds_call_frames_keep(&frames);
        message_built(message);
    }
    struct ds_bytes parts[DS_CALL_FRAMES_PARTS_MAX];
    const size_t part_count = ds_call_frames_parts(&frames, parts);
    const struct ds_sp_request_times times = {
        .timeout_ms = timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX,
        .waited_ms = message_waited_ms(message),
    };
    ds_channel_count_message(&message->channel->base, frames.count, frames.packed_count);
    ds_sp_request_send(message->request, parts, part_count, &times, ds_sp_message_finished,
                       message);
    ds_call_frames_deinit(&frames);
}

/* How much time a message has left; 0 when it is too late. */
static uint32_t message_left_ms(const struct ds_sp_message *message)
{
    const int64_t left_us =
        message->deadline_us - ds_clock_monotonic_us(message->channel->base.clock);
    return left_us > 0 ? (uint32_t)((left_us + 999) / 1000) : 0;
}

void ds_sp_message_fail(struct ds_sp_message *message, ds_code code)
{
    for (size_t i = 0; i < message->call_count; i++) {
        if (message->calls[i] != NULL) {
            ds_client_call_fail(&message->channel->base, message->calls[i], code,
                                ds_client_failure_text(code));
        }
    }
}

static void in_flight_add_locked(struct ds_sp_message *message)
{
    struct ds_sp_channel *channel = message->channel;
    message->previous = NULL;
    message->next = channel->in_flight;
    if (message->next != NULL) {
        message->next->previous = message;
    }
    channel->in_flight = message;
}

void ds_sp_message_leave_locked(struct ds_sp_message *message)
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

/* The request is ended and begun again, so that a late cancel of the last message does not hit the
 * next one. */
void ds_sp_channel_pass_on(struct ds_sp_channel *channel, struct ds_sp_request *request)
{
    for (;;) {
        pthread_mutex_lock(&channel->mutex);
        ds_sp_request_end(request);
        struct ds_sp_message *message = channel->closing ? NULL : ds_sp_waiting_pop_locked(channel);
        if (message == NULL) {
            pthread_mutex_unlock(&channel->mutex);
            return;
        }
        request = ds_sp_request_begin(channel->dialer);
        message->request = request;
        const uint32_t left_ms = message_left_ms(message);
        if (left_ms > 0) {
            in_flight_add_locked(message);
        } else {
            ds_sp_message_forget_locked(message);
        }
        pthread_mutex_unlock(&channel->mutex);
        if (left_ms > 0) {
            message_send(message, left_ms);
            return;
        }
        ds_sp_message_fail(message, DS_DEADLINE_EXCEEDED);
        free(message);
    }
}

enum departure {
    DEPARTS, /* it has a request */
    WAITS,   /* for one */
    IS_EMPTY,
    IS_TOO_LATE, /* the channel is being closed */
};

static enum departure message_start_locked(struct ds_sp_message *message)
{
    struct ds_sp_channel *channel = message->channel;
    if (message->call_count == 0) {
        return IS_EMPTY;
    }
    if (channel->closing) {
        return IS_TOO_LATE;
    }
    message->request = ds_sp_request_begin(channel->dialer);
    if (message->request == NULL) {
        ds_sp_waiting_push_locked(channel, message);
        return WAITS;
    }
    in_flight_add_locked(message);
    return DEPARTS;
}

struct ds_sp_message *ds_sp_message_create(struct ds_sp_channel *channel,
                                           struct ds_client_call *first)
{
    struct ds_sp_message *message = calloc(1, sizeof *message);
    if (message == NULL) {
        abort();
    }
    message->channel = channel;
    message->begun_us = first->attempt_begun_us;
    message->deadline_us = ds_client_call_deadline_us(first);
    return message;
}

void ds_sp_message_add(struct ds_sp_message *message, struct ds_client_call *call)
{
    const int64_t deadline_us = ds_client_call_deadline_us(call);
    message->calls[message->call_count++] = call;
    message->deadline_us = deadline_us > message->deadline_us ? deadline_us : message->deadline_us;
}

/* Names the calls and makes them known to cancel; those that are cancelled already go to
 * ret_cancelled. */
static void message_register_locked(struct ds_sp_message *message,
                                    struct ds_client_call_list *ret_cancelled)
{
    struct ds_sp_channel *channel = message->channel;
    size_t kept = 0;
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
    message->server_epoch = channel->server_epoch;
    message->server_reads_zstd = ds_hello_gate_reads_zstd(&channel->gate);
    channel->next_call_id += kept;
}

void ds_sp_message_depart(struct ds_sp_message *message)
{
    struct ds_sp_channel *channel = message->channel;
    struct ds_client_call_list cancelled = {.first = NULL, .last = NULL};
    const uint32_t left_ms = message_left_ms(message);
    pthread_mutex_lock(&channel->mutex);
    message_register_locked(message, &cancelled);
    const enum departure departure = message_start_locked(message);
    if (departure == IS_TOO_LATE) {
        ds_sp_message_forget_locked(message);
    }
    pthread_mutex_unlock(&channel->mutex);
    if (departure == DEPARTS) {
        message_send(message, left_ms > 0 ? left_ms : 1);
    } else if (departure != WAITS) {
        ds_sp_message_fail(message, DS_CANCELLED);
        free(message);
    }
    for (struct ds_client_call *call = ds_client_call_pop(&cancelled); call != NULL;
         call = ds_client_call_pop(&cancelled)) {
        ds_client_call_fail(&channel->base, call, DS_CANCELLED,
                            ds_client_failure_text(DS_CANCELLED));
    }
}

/* A server hangs up on a larger one, which would look as if it could not be reached and be worth
 * another attempt. */
bool ds_sp_call_fits(const struct ds_client_call *call)
{
    return call->payload.size <= DS_FRAME_PAYLOAD_BYTES_MAX &&
           ds_request_header_bytes_max(call) <= DS_FRAME_HEADER_BYTES_MAX;
}

void ds_sp_channel_refuse_oversize(struct ds_sp_channel *channel, struct ds_client_call *call)
{
    ds_client_call_fail(&channel->base, call, DS_INVALID_ARGUMENT,
                        "the request is larger than 16 MiB, or what goes with it than 64 KiB");
}

void ds_sp_channel_send_alone(struct ds_sp_channel *channel, struct ds_client_call *call)
{
    if (!ds_sp_call_fits(call)) {
        ds_sp_channel_refuse_oversize(channel, call);
        return;
    }
    struct ds_sp_message *message = ds_sp_message_create(channel, call);
    ds_sp_message_add(message, call);
    ds_sp_message_depart(message);
}
