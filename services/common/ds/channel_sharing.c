/*
 * The calls of a flush become messages: those of inline methods share them, as soon as Hello has
 * told that the server allows it, everything else travels alone.
 */
#include "ds/channel_frames.h"
#include "ds/channel_sp.h"
#include "schema.gen.h"

#include <errno.h>
#include <stdio.h>

/* Calls share a message whose deadlines are no further apart: where nobody answers they end
 * together. */
#define SHARED_SPAN_US 20000
/* With the client's text, which is below 128 so that its length has one byte. */
#define HELLO_BYTES_MAX 112
#define HELLO_CLIENT_TAG 0x0a /* field 1 of HelloRequest, a text */

/* Whether a message that then has so many bytes may have the call, too. */
static bool may_share(const struct ds_sp_message *message, size_t bytes,
                      const struct ds_client_call *call)
{
    const int64_t apart_us =
        ds_client_call_deadline_us(call) - ds_client_call_deadline_us(message->calls[0]);
    return message->call_count < DS_FRAMES_PER_MESSAGE_MAX &&
           bytes <= DS_SHARED_REQUEST_BYTES_MAX && apart_us <= SHARED_SPAN_US &&
           apart_us >= -SHARED_SPAN_US;
}

/* Sends calls that share messages, as few as the rules allow. */
static void send_shared(struct ds_sp_channel *channel, struct ds_client_call_list *calls)
{
    struct ds_sp_message *shared = NULL;
    size_t shared_bytes = 0;
    for (struct ds_client_call *call = ds_client_call_pop(calls); call != NULL;
         call = ds_client_call_pop(calls)) {
        const size_t bytes = ds_call_frame_bytes_max(call);
        if (shared != NULL && !may_share(shared, shared_bytes + bytes, call)) {
            ds_sp_message_depart(shared);
            shared = NULL;
        }
        if (shared == NULL && !ds_sp_call_fits(call)) {
            ds_sp_channel_refuse_oversize(channel, call);
            continue;
        }
        if (shared == NULL) {
            shared = ds_sp_message_create(channel, call);
            shared_bytes = 0;
        }
        ds_sp_message_add(shared, call);
        shared_bytes += bytes;
    }
    if (shared != NULL) {
        ds_sp_message_depart(shared);
    }
}

static void send_each(struct ds_sp_channel *channel, struct ds_client_call_list *calls)
{
    for (struct ds_client_call *call = ds_client_call_pop(calls); call != NULL;
         call = ds_client_call_pop(calls)) {
        ds_sp_channel_send_alone(channel, call);
    }
}

void ds_sp_channel_fail(struct ds_sp_channel *channel, struct ds_client_call_list *calls,
                        ds_code code, const char *why)
{
    for (struct ds_client_call *call = ds_client_call_pop(calls); call != NULL;
         call = ds_client_call_pop(calls)) {
        call->is_unexecuted = true;
        ds_client_call_fail(&channel->base, call, code,
                            why != NULL ? why : ds_client_failure_text(code));
    }
}

/* DS_OK and *ret_hello where the message answers Hello. */
static ds_code hello_read(struct ds_sp_reply *reply, struct ds_server_hello *ret_hello)
{
    struct ds_bytes rest = ds_sp_reply_bytes(reply);
    struct ds_frame frame;
    struct ds_response_header header;
    DS_TRY(ds_frame_next(&rest, &frame));
    if (frame.type != DS_FRAME_RESPONSE || frame.flags != 0 ||
        !ds_response_header_read(frame.header, &header)) {
        return DS_INVALID_ARGUMENT;
    }
    return header.code != DS_OK ? header.code : ds_server_hello_read(frame.payload, ret_hello);
}

static void hello_finished(void *context, ds_code code, struct ds_sp_reply *reply);

/* A HelloRequest that says who asks: the program's name and the release of what speaks for it. */
static struct ds_bytes hello_payload(uint8_t target[HELLO_BYTES_MAX])
{
    const size_t head_bytes = 2;
    char *text = (char *)target + head_bytes;
    const int size = snprintf(text, HELLO_BYTES_MAX - head_bytes, "%.64s libdeltastream/%s",
                              program_invocation_short_name, DS_VERSION);
    for (int i = 0; i < size; i++) {
        text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?'; /* Texts are UTF-8. */
    }
    target[0] = HELLO_CLIENT_TAG;
    target[1] = (uint8_t)size;
    return ds_bytes_of(target, head_bytes + (size_t)size);
}

/* Asks the server what it is; the calls that wait for that go on in hello_finished(). */
static void hello_send(struct ds_sp_channel *channel, struct ds_sp_request *request,
                       int64_t deadline_us)
{
    uint8_t payload[HELLO_BYTES_MAX];
    const struct ds_client_call call = {.method = ds_method_control_hello,
                                        .payload = hello_payload(payload)};
    const int64_t left_us = deadline_us - ds_clock_monotonic_us(channel->base.clock);
    const uint32_t left_ms = left_us > 1000 ? (uint32_t)((left_us + 999) / 1000) : 1;
    struct ds_bytes parts[DS_CALL_FRAMES_PARTS_MAX];
    struct ds_call_frames frames;
    ds_call_frames_init(&frames, 1);
    ds_call_frames_add(&frames, &call, &(struct ds_request_stamp){.timeout_ms = left_ms});
    const size_t part_count = ds_call_frames_parts(&frames, parts);
    const struct ds_sp_request_times times = {.timeout_ms = (int)left_ms};
    ds_sp_request_send(request, parts, part_count, &times, hello_finished, channel);
    ds_call_frames_deinit(&frames);
}

void ds_sp_channel_send(struct ds_sp_channel *channel, struct ds_client_call_list *calls)
{
    struct ds_sorted_calls sorted;
    struct ds_client_call_list unasked = {.first = NULL, .last = NULL};
    struct ds_sp_request *request = NULL;
    pthread_mutex_lock(&channel->mutex);
    ds_hello_gate_sort(&channel->gate, &channel->base, calls, &sorted);
    const int64_t hello_us = channel->gate.hello_us;
    if (sorted.asks_hello) {
        request = channel->closing ? NULL : ds_sp_request_begin(channel->dialer);
        channel->hello_request = request;
        if (request == NULL) {
            unasked = ds_hello_gate_end(&channel->gate, &channel->base, NULL);
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    if (request != NULL) {
        hello_send(channel, request, hello_us);
    }
    send_shared(channel, &sorted.shared);
    send_each(channel, &sorted.alone);
    send_each(channel, &unasked);
}

static void hello_finished(void *context, ds_code code, struct ds_sp_reply *reply)
{
    struct ds_sp_channel *channel = context;
    struct ds_server_hello hello;
    const bool is_known = code == DS_OK && hello_read(reply, &hello) == DS_OK;
    ds_sp_reply_free(reply);
    pthread_mutex_lock(&channel->mutex);
    struct ds_sp_request *request = channel->hello_request;
    const char *why = code == DS_UNAVAILABLE ? ds_sp_request_failure(request) : NULL;
    channel->hello_request = NULL;
    struct ds_client_call_list held =
        ds_hello_gate_end(&channel->gate, &channel->base, is_known ? &hello : NULL);
    const bool closing = channel->closing;
    pthread_mutex_unlock(&channel->mutex);
    ds_sp_channel_pass_on(channel, request);
    if (closing || code == DS_UNAVAILABLE) {
        ds_sp_channel_fail(channel, &held, closing ? DS_CANCELLED : DS_UNAVAILABLE,
                           closing ? NULL : why);
    } else {
        ds_sp_channel_send(channel, &held);
    }
}
