#include "ds/event_subscriber.h"

#include "deltastream/rpc/v1/events.pb-c.h"
#include "ds/event_list.h"
#include "ds/sp_subscriber.h"
#include "schema.gen.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST_TIMEOUT_MS 2000
/* HelloResponse.event_urls. */
#define HELLO_EVENT_URLS 9

struct ds_event_subscriber {
    struct ds_event_subscriber_options options;
    struct ds_event_follower *follower; /* the thread's */
    struct ds_sp_subscriber *socket;    /* NULL: the service is asked alone */
    struct ds_client_call call;         /* the thread's; ListEvents, released before the next one */
    atomic_ullong message_count;
    atomic_ullong answer_count;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards is_ending */
    pthread_cond_t changed;
    bool is_ending;
};

static ds_code list(void *context, const struct ds_event_list_query *query,
                    struct ds_bytes *ret_response)
{
    struct ds_event_subscriber *subscriber = context;
    Rpc__ListEventsRequest request = RPC__LIST_EVENTS_REQUEST__INIT;
    request.kind = (char *)(uintptr_t)query->kind;
    request.topic_prefix = (char *)(uintptr_t)query->topic_prefix;
    request.epoch = query->epoch;
    request.after_sequence = query->after_sequence;
    request.numbers_only = query->numbers_only;
    uint8_t *packed = malloc(rpc__list_events_request__get_packed_size(&request));
    if (packed == NULL) {
        abort();
    }
    ds_client_call_release(&subscriber->call);
    subscriber->call = (struct ds_client_call){
        .method = subscriber->options.list_method,
        .payload = ds_bytes_of(packed, rpc__list_events_request__pack(&request, packed)),
        .timeout_ms = LIST_TIMEOUT_MS,
        .authorization = subscriber->options.authorization,
        .principal = subscriber->options.principal,
    };
    const ds_code code = ds_channel_call_wait(subscriber->options.channel, &subscriber->call);
    free(packed);
    *ret_response = subscriber->call.response;
    if (code == DS_OK) {
        atomic_fetch_add(&subscriber->answer_count, 1);
    }
    return code;
}

static bool is_ending(struct ds_event_subscriber *subscriber)
{
    pthread_mutex_lock(&subscriber->mutex);
    const bool is_ending = subscriber->is_ending;
    pthread_mutex_unlock(&subscriber->mutex);
    return is_ending;
}

/* Where there is no socket to wait for. */
static void wait_for_end(struct ds_event_subscriber *subscriber, int timeout_ms)
{
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + (int64_t)timeout_ms * 1000;
    pthread_mutex_lock(&subscriber->mutex);
    while (!subscriber->is_ending &&
           ds_clock_wait_until(&subscriber->changed, &subscriber->mutex, until_us)) {
    }
    pthread_mutex_unlock(&subscriber->mutex);
}

static bool receive(struct ds_event_subscriber *subscriber, int timeout_ms,
                    struct ds_bytes *ret_message)
{
    if (subscriber->socket != NULL) {
        return ds_sp_subscriber_receive(subscriber->socket, timeout_ms, ret_message);
    }
    wait_for_end(subscriber, timeout_ms);
    return false;
}

static void *subscriber_main(void *argument)
{
    struct ds_event_subscriber *subscriber = argument;
    const bool asks = subscriber->options.asks;
    bool is_silent = subscriber->socket == NULL;
    while (!is_ending(subscriber)) {
        struct ds_bytes message;
        const int timeout_ms = is_silent ? DS_EVENT_ASK_MS : DS_EVENT_SILENCE_MS;
        if (receive(subscriber, asks ? timeout_ms : -1, &message)) {
            is_silent = false;
            atomic_fetch_add(&subscriber->message_count, 1);
            /* What is no message of ours shows as a hole. */
            (void)ds_event_follower_message(subscriber->follower, message);
        } else if (asks && !is_ending(subscriber)) {
            is_silent = true;
            /* Without an answer nothing is heard, which answer_count shows. */
            (void)ds_event_follower_ask(subscriber->follower);
        }
    }
    return NULL;
}

static void subscribe(struct ds_event_subscriber *subscriber)
{
    for (size_t i = 0; i < subscriber->options.interest_count; i++) {
        char topic[DS_EVENT_TOPIC_BYTES_MAX + 1];
        /* All of the kind, since only whoever gets all of its numbers sees which are missing. */
        snprintf(topic, sizeof topic, "%s/", subscriber->options.interests[i].kind);
        ds_sp_subscriber_add(subscriber->socket, ds_bytes_of_text(topic));
    }
}

ds_code ds_event_subscriber_open(const struct ds_event_subscriber_options *options,
                                 struct ds_event_subscriber **ret_subscriber)
{
    struct ds_sp_subscriber *socket = NULL;
    assert(options->interest_count > 0 && (options->url != NULL || options->asks));
    if (options->url != NULL) {
        DS_TRY(ds_sp_subscriber_open(
            &(struct ds_sp_subscriber_options){.url = options->url,
                                               .message_bytes_max = DS_EVENT_MESSAGE_BYTES_MAX},
            &socket));
    }
    struct ds_event_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber == NULL) {
        abort();
    }
    subscriber->options = *options;
    subscriber->socket = socket;
    subscriber->follower = ds_event_follower_create(&(struct ds_event_follower_options){
        .interests = options->interests,
        .interest_count = options->interest_count,
        .notice = options->notice,
        .notice_context = options->context,
        .list = list,
        .list_context = subscriber,
    });
    pthread_mutex_init(&subscriber->mutex, NULL);
    pthread_cond_init(&subscriber->changed, NULL);
    if (socket != NULL) {
        subscribe(subscriber);
    }
    if (pthread_create(&subscriber->thread, NULL, subscriber_main, subscriber) != 0) {
        abort();
    }
    *ret_subscriber = subscriber;
    return DS_OK;
}

void ds_event_subscriber_close(struct ds_event_subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    pthread_mutex_lock(&subscriber->mutex);
    subscriber->is_ending = true;
    pthread_cond_signal(&subscriber->changed);
    pthread_mutex_unlock(&subscriber->mutex);
    if (subscriber->socket != NULL) {
        ds_sp_subscriber_interrupt(subscriber->socket);
    }
    pthread_join(subscriber->thread, NULL);
    ds_client_call_release(&subscriber->call);
    ds_sp_subscriber_close(subscriber->socket);
    ds_event_follower_destroy(subscriber->follower);
    pthread_cond_destroy(&subscriber->changed);
    pthread_mutex_destroy(&subscriber->mutex);
    free(subscriber);
}

uint64_t ds_event_subscriber_message_count(const struct ds_event_subscriber *subscriber)
{
    return atomic_load(&subscriber->message_count);
}

uint64_t ds_event_subscriber_answer_count(const struct ds_event_subscriber *subscriber)
{
    return atomic_load(&subscriber->answer_count);
}

static ds_code first_url(struct ds_bytes hello, char ret_url[DS_EVENT_URL_BYTES_MAX])
{
    struct ds_wire_reader reader = ds_wire_reader_of(hello);
    while (!ds_wire_at_end(&reader)) {
        uint32_t field;
        enum ds_wire_type type;
        struct ds_bytes url;
        if (!ds_wire_read_tag(&reader, &field, &type)) {
            return DS_INTERNAL;
        }
        if (field != HELLO_EVENT_URLS || type != DS_WIRE_BYTES) {
            if (!ds_wire_skip(&reader, type)) {
                return DS_INTERNAL;
            }
            continue;
        }
        if (!ds_wire_read_bytes(&reader, &url) || url.size >= DS_EVENT_URL_BYTES_MAX) {
            return DS_INTERNAL;
        }
        snprintf(ret_url, DS_EVENT_URL_BYTES_MAX, "%.*s", (int)url.size, (const char *)url.data);
        return DS_OK;
    }
    return DS_NOT_FOUND;
}

ds_code ds_event_url_ask(struct ds_channel *channel, char ret_url[DS_EVENT_URL_BYTES_MAX])
{
    struct ds_client_call call = {.method = ds_method_control_hello};
    ds_code code = ds_channel_call_wait(channel, &call);
    if (code == DS_OK) {
        code = first_url(call.response, ret_url);
    }
    ds_client_call_release(&call);
    return code;
}
