#include "ds/channel.h"
#include "ds/channel_retrier.h"
#include "ds/tls.h"
#include "ds/wire.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

void ds_channel_init(struct ds_channel *channel, const struct ds_channel_ops *ops,
                     const struct ds_channel_options *options)
{
    *channel = (struct ds_channel){
        .ops = ops,
        .clock = options->clock != NULL ? options->clock : ds_clock_system(),
        .metrics = options->metrics,
        .compress = options->compress,
        .is_encrypted = options->url != NULL && ds_url_is_tls(options->url),
    };
    for (size_t i = 0; i < options->url_count; i++) {
        channel->is_encrypted = channel->is_encrypted || ds_url_is_tls(options->urls[i]);
    }
    if (options->retry != NULL || options->url_count > 1) {
        channel->retrier = ds_retrier_create(channel, options);
    }
}

ds_code ds_channel_open(const struct ds_channel_options *options, struct ds_channel **ret_channel)
{
    if (options->server != NULL) {
        *ret_channel = ds_channel_direct_open(options);
        return DS_OK;
    }
    return options->url_count > 0 ? ds_channel_balanced_open(options, ret_channel)
                                  : ds_channel_sp_open(options, ret_channel);
}

bool ds_channel_is_encrypted(const struct ds_channel *channel)
{
    return channel->is_encrypted;
}

void ds_channel_close(struct ds_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    struct ds_retrier *retrier = channel->retrier;
    if (retrier != NULL) {
        ds_retrier_stop(retrier);
    }
    channel->ops->close(channel);
    ds_retrier_destroy(retrier);
}

/* An endpoint's traffic is that of the channel that it belongs to. */
void ds_channel_count_message(struct ds_channel *channel, size_t call_count,
                              size_t compressed_call_count)
{
    struct ds_channel *whole = channel->balanced != NULL ? channel->balanced : channel;
    atomic_fetch_add_explicit(&whole->messages_sent, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&whole->calls_sent, call_count, memory_order_relaxed);
    atomic_fetch_add_explicit(&whole->compressed_calls_sent, compressed_call_count,
                              memory_order_relaxed);
}

struct ds_channel_traffic ds_channel_traffic(struct ds_channel *channel)
{
    return (struct ds_channel_traffic){
        .messages = atomic_load_explicit(&channel->messages_sent, memory_order_relaxed),
        .calls = atomic_load_explicit(&channel->calls_sent, memory_order_relaxed),
        .compressed_calls =
            atomic_load_explicit(&channel->compressed_calls_sent, memory_order_relaxed),
        .repeated_calls = atomic_load_explicit(&channel->repeated_calls, memory_order_relaxed),
    };
}

bool ds_client_call_may_compress(const struct ds_channel *channel,
                                 const struct ds_client_call *call)
{
    const struct ds_channel *whole = channel->balanced != NULL ? channel->balanced : channel;
    const bool is_wanted = call->compression == DS_COMPRESSION_ON ||
                           (call->compression == DS_COMPRESSION_OF_CHANNEL && whole->compress);
    return is_wanted && call->method->may_compress;
}

enum ds_channel_state ds_channel_state(struct ds_channel *channel)
{
    return channel->ops->state(channel);
}

enum ds_channel_state ds_channel_endpoint_state(struct ds_channel *channel, size_t place)
{
    return ds_channel_balanced_endpoint_state(channel, place);
}

void ds_client_call_push(struct ds_client_call_list *list, struct ds_client_call *call)
{
    call->next = NULL;
    if (list->first == NULL) {
        list->first = call;
    } else {
        list->last->next = call;
    }
    list->last = call;
}

struct ds_client_call *ds_client_call_pop(struct ds_client_call_list *list)
{
    struct ds_client_call *call = list->first;
    if (call != NULL) {
        list->first = call->next;
        call->next = NULL;
    }
    return call;
}

uint32_t ds_client_call_timeout_ms(const struct ds_client_call *call)
{
    return call->timeout_ms > 0 ? call->timeout_ms : call->method->timeout_ms;
}

int64_t ds_client_call_deadline_us(const struct ds_client_call *call)
{
    return call->begun_us + (int64_t)ds_client_call_timeout_ms(call) * 1000;
}

bool ds_client_call_may_repeat(const struct ds_channel *channel, const struct ds_client_call *call)
{
    const struct ds_channel *whole = channel->balanced != NULL ? channel->balanced : channel;
    return whole->retrier != NULL && ds_retrier_may_repeat(whole->retrier, call);
}

void ds_client_call_finish(struct ds_channel *channel, struct ds_client_call *call)
{
    if (channel->balanced != NULL) {
        channel = channel->balanced;
        ds_channel_balanced_note(channel, call);
    }
    if (channel->retrier != NULL && ds_retrier_take(channel->retrier, call)) {
        return;
    }
    if (channel->metrics != NULL) {
        const int64_t duration_us = ds_clock_monotonic_us(channel->clock) - call->begun_us;
        ds_metrics_call_done(channel->metrics, call->method, call->code, duration_us);
        ds_metrics_call_end(channel->metrics);
    }
    call->done(call);
}

void ds_client_call_fail(struct ds_channel *channel, struct ds_client_call *call, ds_code code,
                         const char *message)
{
    call->code = code;
    call->message = message;
    ds_client_call_finish(channel, call);
}

const char *ds_client_failure_text(ds_code code)
{
    switch (code) {
    case DS_CANCELLED:
        return "the call was cancelled";
    case DS_DEADLINE_EXCEEDED:
        return "the service did not answer in time";
    case DS_UNAVAILABLE:
        return "the service can't be reached";
    default:
        return "the call failed";
    }
}

void ds_client_call_clear(struct ds_client_call *call)
{
    ds_client_call_release(call);
    call->code = DS_UNKNOWN;
    call->message = "";
    call->status_details = (struct ds_bytes){.data = NULL, .size = 0};
    call->response = (struct ds_bytes){.data = NULL, .size = 0};
    call->response_metadata = NULL;
    call->response_metadata_count = 0;
    call->has_retry_pushback = false;
    call->retry_pushback_ms = 0;
    call->queue_us = 0;
    call->execution_us = 0;
}

void ds_client_call_start(struct ds_channel *channel, struct ds_client_call *call)
{
    call->reply = NULL;
    ds_client_call_clear(call);
    call->in_flight = NULL;
    call->is_unexecuted = false;
    channel->ops->call(channel, call);
}

const char *ds_client_metadata_refusal(const struct ds_metadata_entry *entries, size_t count)
{
    const char *why = count > DS_METADATA_ENTRIES_MAX ? "metadata has at most 64 entries" : NULL;
    size_t size = 0;
    for (size_t i = 0; i < count && why == NULL; i++) {
        size += strlen(entries[i].key) + entries[i].value.size;
        why = size > DS_METADATA_BYTES_MAX ? "metadata has at most 8192 bytes"
                                           : ds_metadata_refusal(entries[i].key, entries[i].value);
    }
    return why;
}

bool ds_client_call_metadata_get(const struct ds_client_call *call, const char *key,
                                 struct ds_bytes *ret_value)
{
    for (size_t i = 0; i < call->response_metadata_count; i++) {
        if (strcmp(call->response_metadata[i].key, key) == 0) {
            *ret_value = call->response_metadata[i].value;
            return true;
        }
    }
    return false;
}

void ds_channel_call(struct ds_channel *channel, struct ds_client_call *call)
{
    assert(ds_client_metadata_refusal(call->metadata, call->metadata_count) == NULL);
    call->attempt = 0;
    call->retried_count = 0;
    call->backoff_step = 0;
    call->has_gone_elsewhere = false;
    call->may_have_run = false;
    call->run_epoch = 0;
    call->is_given_up = false;
    call->is_waiting = false;
    call->cancelled = false;
    call->begun_us = ds_clock_monotonic_us(channel->clock);
    call->attempt_begun_us = call->begun_us;
    if (channel->metrics != NULL) {
        ds_metrics_call_begin(channel->metrics);
    }
    ds_client_call_start(channel, call);
}

void ds_channel_flush(struct ds_channel *channel)
{
    channel->ops->flush(channel);
}

void ds_channel_cancel(struct ds_channel *channel, struct ds_client_call *call)
{
    if (channel->retrier != NULL && ds_retrier_cancel(channel->retrier, call)) {
        ds_client_call_fail(channel, call, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
        return;
    }
    channel->ops->cancel(channel, call);
}

void ds_client_call_release(struct ds_client_call *call)
{
    struct ds_client_reply *reply = call->reply;
    if (reply != NULL) {
        call->reply = NULL;
        reply->release(reply);
    }
}

struct waiter {
    pthread_mutex_t mutex; /* guards is_done */
    pthread_cond_t done;
    bool is_done;
};

static void wake(struct ds_client_call *call)
{
    struct waiter *waiter = call->context;
    pthread_mutex_lock(&waiter->mutex);
    waiter->is_done = true;
    pthread_cond_signal(&waiter->done);
    pthread_mutex_unlock(&waiter->mutex);
}

ds_code ds_channel_call_wait(struct ds_channel *channel, struct ds_client_call *call)
{
    struct waiter waiter = {.is_done = false};
    pthread_mutex_init(&waiter.mutex, NULL);
    pthread_cond_init(&waiter.done, NULL);
    call->done = wake;
    call->context = &waiter;
    ds_channel_call(channel, call);
    ds_channel_flush(channel);
    pthread_mutex_lock(&waiter.mutex);
    while (!waiter.is_done) {
        pthread_cond_wait(&waiter.done, &waiter.mutex);
    }
    pthread_mutex_unlock(&waiter.mutex);
    pthread_cond_destroy(&waiter.done);
    pthread_mutex_destroy(&waiter.mutex);
    return call->code;
}

/* The content of the first length-delimited field of that number; empty where there is none. */
static struct ds_bytes find_bytes(struct ds_wire_reader *reader, uint32_t wanted)
{
    uint32_t number;
    enum ds_wire_type type;
    struct ds_bytes content;
    while (!ds_wire_at_end(reader) && ds_wire_read_tag(reader, &number, &type)) {
        if (number == wanted && type == DS_WIRE_BYTES) {
            return ds_wire_read_bytes(reader, &content) ? content : (struct ds_bytes){0};
        }
        if (!ds_wire_skip(reader, type)) {
            break;
        }
    }
    reader->next = reader->end;
    return (struct ds_bytes){0};
}

static struct ds_bytes find_bytes_in(struct ds_bytes message, uint32_t wanted)
{
    if (message.size == 0) {
        return message;
    }
    struct ds_wire_reader reader = ds_wire_reader_of(message);
    return find_bytes(&reader, wanted);
}

static ds_reason reason_of_name(struct ds_bytes name)
{
    char text[64];
    if (name.size == 0 || name.size >= sizeof text) {
        return DS_REASON(REASON_UNSPECIFIED);
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value_by_name(&rpc__reason__descriptor, text);
    return value != NULL ? (ds_reason)value->value : DS_REASON(REASON_UNSPECIFIED);
}

ds_reason ds_status_reason(struct ds_bytes status_details)
{
    if (status_details.size == 0) {
        return DS_REASON(REASON_UNSPECIFIED);
    }
    /* google.rpc.Status.details = 3, Any.type_url = 1 and value = 2, ErrorInfo.reason = 1 and
     * domain = 2. */
    struct ds_wire_reader details = ds_wire_reader_of(status_details);
    while (!ds_wire_at_end(&details)) {
        const struct ds_bytes any = find_bytes(&details, 3);
        const struct ds_bytes info = find_bytes_in(any, 2);
        if (ds_bytes_equal_text(find_bytes_in(any, 1),
                                "type.googleapis.com/google.rpc.ErrorInfo") &&
            ds_bytes_equal_text(find_bytes_in(info, 2), "deltastream")) {
            return reason_of_name(find_bytes_in(info, 1));
        }
    }
    return DS_REASON(REASON_UNSPECIFIED);
}
