#include "clients/c/client.h"
#include "clients/c/fork.h"
#include "clients/common/row_kind.h"
#include "ds/event_frame.h"
#include "ds/event_subscriber.h"
#include "schema.gen.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SUBSCRIPTION_OPTIONS_BYTES_MIN sizeof(struct deltastream_subscription_options)
/* Texts of the options. */
#define ARENA_BYTES_MAX (64 * 1024)

_Static_assert(DELTASTREAM_EVENT_URL_BYTES_MAX == DS_EVENT_URL_BYTES_MAX, "one limit");

struct deltastream_subscription {
    struct ds_event_subscriber *subscriber;
    struct ds_arena *arena;
    deltastream_event_fn event;
    void *context;
    char topic[DS_EVENT_TOPIC_BYTES_MAX + 1]; /* of the event that is being told */
};

static void event_fill(struct deltastream_subscription *subscription,
                       const struct ds_event_notice *notice, struct deltastream_event *event)
{
    const struct ds_bytes topic = notice->event->topic;
    const size_t topic_bytes =
        topic.size < sizeof subscription->topic ? topic.size : sizeof subscription->topic - 1;
    memcpy(subscription->topic, topic.data, topic_bytes);
    subscription->topic[topic_bytes] = '\0';
    event->topic = subscription->topic;
    event->published_at_us = notice->event->published_at_us;
    event->payload = notice->event->body.size > 0 ? notice->event->body.data : NULL;
    event->payload_bytes = notice->event->body.size;
}

static void pass_on(void *context, const struct ds_event_notice *notice)
{
    struct deltastream_subscription *subscription = context;
    struct deltastream_event event = {
        .type = (enum deltastream_event_type)notice->type,
        .kind = notice->kind,
        .epoch = notice->epoch,
        .sequence = notice->sequence,
        .missing_from = notice->from,
        .missing_to = notice->to,
        .is_new_epoch = notice->is_new_epoch,
    };
    if (notice->type == DS_EVENT_ARRIVED) {
        event_fill(subscription, notice, &event);
    }
    subscription->event(subscription->context, &event);
}

static bool kind_is_known(const char *kind)
{
    for (int i = ROW_KIND_TICKS; kind != NULL && i < ROW_KIND_COUNT; i++) {
        if (strcmp(kind, row_kind_choices[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL where it may be tried, else what is wrong. */
static const char *options_refusal(const struct deltastream_subscription_options *options)
{
    if (options->event == NULL) {
        return "event: there is nobody to tell";
    }
    if (options->interests == NULL || options->interest_count == 0 ||
        options->interest_count > DS_EVENT_KINDS_MAX) {
        return "interests: there are 1 to 8";
    }
    for (size_t i = 0; i < options->interest_count; i++) {
        const struct deltastream_interest *interest = &options->interests[i];
        if (!kind_is_known(interest->kind)) {
            return "interests: a kind is one of ticks, quotes and chains";
        }
        if (interest->topic_prefix != NULL &&
            strlen(interest->topic_prefix) > DS_EVENT_TOPIC_BYTES_MAX) {
            return "interests: a topic has at most 255 bytes";
        }
    }
    return NULL;
}

static const char *copy_text(struct ds_arena *arena, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    ds_arena_extend(arena, strlen(text) + 1);
    const char *copy = ds_arena_copy_text(arena, text, strlen(text));
    assert(copy != NULL);
    return copy;
}

static ds_code subscriber_open(struct deltastream_subscription *subscription,
                               struct deltastream_client *client,
                               const struct deltastream_subscription_options *options,
                               const char *url)
{
    struct ds_event_interest interests[DS_EVENT_KINDS_MAX];
    for (size_t i = 0; i < options->interest_count; i++) {
        const struct deltastream_interest *given = &options->interests[i];
        interests[i] = (struct ds_event_interest){
            .kind = copy_text(subscription->arena, given->kind),
            .topic_prefix = copy_text(subscription->arena, given->topic_prefix),
            .epoch = given->epoch,
            .sequence = given->sequence,
        };
    }
    pthread_mutex_lock(&client->mutex);
    const char *authorization = copy_text(subscription->arena, client->authorization);
    pthread_mutex_unlock(&client->mutex);
    return ds_event_subscriber_open(
        &(struct ds_event_subscriber_options){
            .url = url,
            .channel = client->channel,
            .list_method = ds_method_storage_list_events,
            .authorization = authorization,
            .principal = client->principal,
            .interests = interests,
            .interest_count = options->interest_count,
            .notice = pass_on,
            .context = subscription,
        },
        &subscription->subscriber);
}

static enum deltastream_code
subscription_open(struct deltastream_client *client,
                  const struct deltastream_subscription_options *options, const char *url,
                  struct deltastream_subscription **ret_subscription)
{
    struct deltastream_subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL) {
        abort();
    }
    subscription->arena = ds_arena_create(ARENA_BYTES_MAX);
    subscription->event = options->event;
    subscription->context = options->context;
    const ds_code code = subscriber_open(subscription, client, options, url);
    if (code != DS_OK) {
        ds_arena_destroy(subscription->arena);
        free(subscription);
        return (enum deltastream_code)code;
    }
    *ret_subscription = subscription;
    return DELTASTREAM_OK;
}

/* DS_OK: ret_url is where the events are, else ret_why says why nobody knows. */
static ds_code url_find(struct deltastream_client *client, const char *given,
                        char ret_url[DS_EVENT_URL_BYTES_MAX], const char **ret_why)
{
    if (given != NULL) {
        *ret_why = "event_url: it has at most 255 bytes";
        return snprintf(ret_url, DS_EVENT_URL_BYTES_MAX, "%s", given) < DS_EVENT_URL_BYTES_MAX
                   ? DS_OK
                   : DS_INVALID_ARGUMENT;
    }
    const ds_code code = ds_event_url_ask(client->channel, ret_url);
    *ret_why = code == DS_NOT_FOUND ? "the service publishes nothing that can be reached from here"
                                    : ds_client_failure_text(code);
    return code;
}

/* Whether events can be found on this thread, else ret_why says why not. */
static ds_code may_ask(const struct deltastream_client *client, const char **ret_why)
{
    if (client->url_count > 1) {
        *ret_why = "events are of one server: open a client with its url alone";
        return DS_FAILED_PRECONDITION;
    }
    if (thread_is_in_callback()) {
        *ret_why = "a callback must not wait: ask for events elsewhere";
        return DS_FAILED_PRECONDITION;
    }
    return DS_OK;
}

enum deltastream_code deltastream_event_url(struct deltastream_client *client, char *ret_url,
                                            size_t url_bytes, char *ret_message,
                                            size_t message_bytes)
{
    assert(client != NULL && ret_url != NULL && url_bytes > 0);
    fork_mind();
    char url[DS_EVENT_URL_BYTES_MAX];
    const char *why = "";
    ds_code code = may_ask(client, &why);
    if (code == DS_OK) {
        code = url_find(client, NULL, url, &why);
    }
    if (code == DS_OK) {
        snprintf(ret_url, url_bytes, "%s", url);
    } else {
        message_write(ret_message, message_bytes, "%s", why);
    }
    return (enum deltastream_code)code;
}

enum deltastream_code deltastream_subscribe(struct deltastream_client *client,
                                            const struct deltastream_subscription_options *given,
                                            struct deltastream_subscription **ret_subscription,
                                            char *ret_message, size_t message_bytes)
{
    assert(client != NULL && given != NULL && ret_subscription != NULL);
    fork_mind();
    struct deltastream_subscription_options options;
    const char *why = "struct_size is not that of this release or an earlier one";
    ds_code code = DS_INVALID_ARGUMENT;
    if (struct_take(&options, sizeof options, SUBSCRIPTION_OPTIONS_BYTES_MIN, given)) {
        why = options_refusal(&options);
        code = why != NULL ? DS_INVALID_ARGUMENT : DS_OK;
    }
    if (code == DS_OK) {
        code = may_ask(client, &why);
    }
    char url[DS_EVENT_URL_BYTES_MAX];
    if (code == DS_OK) {
        code = url_find(client, options.event_url, url, &why);
    }
    if (code == DS_OK) {
        why = "event_url: not of the form ipc:///path or tcp://host:port";
        code = (ds_code)subscription_open(client, &options, url, ret_subscription);
    }
    if (code != DS_OK) {
        message_write(ret_message, message_bytes, "%s", why);
    }
    return (enum deltastream_code)code;
}

uint64_t deltastream_subscription_message_count(const struct deltastream_subscription *subscription)
{
    return ds_event_subscriber_message_count(subscription->subscriber);
}

void deltastream_unsubscribe(struct deltastream_subscription *subscription)
{
    if (subscription == NULL || fork_is_orphan) { /* Its thread is the parent's. */
        return;
    }
    ds_event_subscriber_close(subscription->subscriber);
    ds_arena_destroy(subscription->arena);
    free(subscription);
}
