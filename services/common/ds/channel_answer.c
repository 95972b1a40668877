/* The end of a message: its calls get their answers, or are lost together. */
#include "ds/channel_reply.h"
#include "ds/channel_sp.h"
#include "ds/frame_header.h"

#include <stdlib.h>

/* The place of the call that a response answers; call_count where it is none of the message's. */
static size_t answered_call(const struct ds_sp_message *message,
                            const struct ds_response_header *header)
{
    uint64_t call_id = 0;
    if (header->call_id.size != DS_SP_CALL_ID_BYTES) {
        return message->call_count;
    }
    memcpy(&call_id, header->call_id.data, sizeof call_id);
    const uint64_t place = call_id - message->first_call_id;
    return place < message->call_count ? (size_t)place : message->call_count;
}

static void note_epoch(struct ds_sp_channel *channel, uint64_t server_epoch)
{
    pthread_mutex_lock(&channel->mutex);
    channel->server_epoch = server_epoch;
    ds_hello_gate_note_epoch(&channel->gate, server_epoch);
    pthread_mutex_unlock(&channel->mutex);
}

/* Fills the calls that the reply answers and marks them in `answered`. */
static void take_answers(const struct ds_sp_message *message, struct ds_shared_reply *shared,
                         bool answered[])
{
    struct ds_bytes rest = ds_shared_reply_bytes(shared);
    struct ds_frame frame;
    struct ds_response_header header;
    uint64_t server_epoch = 0;
    while (rest.size > 0 && ds_frame_next(&rest, &frame) == DS_OK) {
        if (frame.type != DS_FRAME_RESPONSE || !ds_response_header_read(frame.header, &header)) {
            continue;
        }
        server_epoch = header.server_epoch;
        const size_t place = answered_call(message, &header);
        if (place < message->call_count && message->calls[place] != NULL && !answered[place]) {
            answered[place] = ds_shared_reply_take(shared, &header, &frame, message->calls[place]);
        }
    }
    if (server_epoch != 0) {
        note_epoch(message->channel, server_epoch);
    }
}

static bool is_share_overflow(const struct ds_client_call *call)
{
    return call->code == DS_UNAVAILABLE &&
           ds_status_reason(call->status_details) == DS_REASON(SHARE_OVERFLOW);
}

static void deliver_answer(struct ds_sp_message *message, struct ds_client_call *call,
                           bool answered)
{
    struct ds_sp_channel *channel = message->channel;
    if (!answered) {
        ds_client_call_fail(&channel->base, call, DS_INTERNAL, "the service's reply can't be read");
        return;
    }
    if (message->call_count > 1 && is_share_overflow(call)) {
        /* The server has not executed it: it travels again alone, which is no retry. */
        ds_client_call_clear(call);
        ds_sp_channel_send_alone(channel, call);
        return;
    }
    ds_client_call_finish(&channel->base, call);
}

static void deliver_answers(struct ds_sp_message *message, struct ds_sp_reply *reply)
{
    struct ds_shared_reply *shared = ds_shared_reply_create(reply);
    bool answered[DS_FRAMES_PER_MESSAGE_MAX] = {false};
    take_answers(message, shared, answered);
    for (size_t i = 0; i < message->call_count; i++) {
        if (message->calls[i] != NULL) {
            deliver_answer(message, message->calls[i], answered[i]);
        }
    }
    ds_shared_reply_unref(shared);
}

/* How a call ends whose message got no answer. */
static ds_code lost_code_locked(const struct ds_sp_message *message,
                                const struct ds_client_call *call, ds_code code)
{
    return code == DS_CANCELLED && message->is_aborted && !call->cancelled ? DS_UNAVAILABLE : code;
}

/* Of attempts that nobody answered the first one counts: its server may have executed the call. */
static void note_loss(const struct ds_sp_message *message, struct ds_client_call *call,
                      bool is_lost)
{
    if (is_lost && !call->may_have_run) {
        call->may_have_run = true;
        call->run_epoch = message->server_epoch;
    }
}

void ds_sp_message_lose(struct ds_sp_message *message, const char *why)
{
    for (size_t i = 0; i < message->call_count; i++) {
        struct ds_client_call *call = message->calls[i];
        if (call != NULL) {
            ds_client_call_fail(&message->channel->base, call, call->code,
                                why != NULL && call->code == DS_UNAVAILABLE
                                    ? why
                                    : ds_client_failure_text(call->code));
        }
    }
}

void ds_sp_message_finished(void *context, ds_code code, struct ds_sp_reply *reply)
{
    struct ds_sp_message *message = context;
    struct ds_sp_channel *channel = message->channel;
    pthread_mutex_lock(&channel->mutex);
    struct ds_sp_request *request = message->request;
    const bool was_sent = ds_sp_request_was_sent(request);
    const char *why = ds_sp_request_failure(request);
    for (size_t i = 0; i < message->call_count; i++) {
        struct ds_client_call *call = message->calls[i];
        if (call == NULL) {
            continue;
        }
        call->in_flight = NULL;
        call->is_unexecuted = !was_sent;
        note_loss(message, call, was_sent && code != DS_OK);
        call->code = lost_code_locked(message, call, code);
    }
    ds_sp_message_leave_locked(message);
    channel->has_failed = code == DS_UNAVAILABLE;
    pthread_mutex_unlock(&channel->mutex);
    ds_sp_channel_pass_on(channel, request);
    if (code == DS_OK) {
        deliver_answers(message, reply);
    } else {
        ds_sp_message_lose(message, why);
    }
    free(message);
}
