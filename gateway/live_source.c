#include "gateway/live_source.h"

#include "ds/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Between two looks whether something has been heard since. */
#define LOOK_MS DS_EVENT_SILENCE_MS

static const char *const permissions[] = {"market:read"};
const struct ds_principal live_principal = {.subject = "service:gateway",
                                            .authentication_method = "internal",
                                            .permissions = permissions,
                                            .permission_count = 1};

/* A kind that the source tells of, and how far it is: the subscriber's thread's while there is one.
 */
struct source_kind {
    enum live_kind kind;
    uint64_t epoch; /* 0: it has told nothing */
    uint64_t sequence;
};

struct live_source {
    struct live_source_options options;
    struct source_kind kinds[LIVE_KIND_COUNT];
    size_t kind_count;

    /* The thread's. */
    struct ds_event_subscriber *subscriber;
    char url[DS_EVENT_URL_BYTES_MAX]; /* of the subscriber; "": the service is asked alone */
    uint64_t message_count;           /* when it was looked at last */
    uint64_t answer_count;
    bool is_stale;
    bool must_find; /* where the events are is not known for sure */

    pthread_t thread;
    pthread_mutex_t mutex; /* guards is_stopping */
    pthread_cond_t changed;
    bool is_stopping;
    atomic_bool has_ended;
};

static struct source_kind *kind_of(struct live_source *source, const char *name)
{
    for (size_t i = 0; i < source->kind_count; i++) {
        if (strcmp(live_kinds[source->kinds[i].kind].name, name) == 0) {
            return &source->kinds[i];
        }
    }
    return NULL;
}

static bool put(struct live_source *source, const struct source_kind *kind,
                const struct ds_event_notice *notice)
{
    struct live_inbox *inbox = source->options.inbox;
    if (notice->type == DS_EVENT_STARTED) {
        return live_inbox_put_start(inbox, kind->kind, notice->epoch, notice->sequence);
    }
    if (notice->type == DS_EVENT_ARRIVED) {
        return live_inbox_put_event(inbox, kind->kind, notice->event);
    }
    return live_inbox_put_gap(inbox, kind->kind,
                              &(struct live_gap){.epoch = notice->epoch,
                                                 .from = notice->from,
                                                 .to = notice->to,
                                                 .is_new_epoch = notice->is_new_epoch});
}

/* On the subscriber's thread. */
static void take_notice(void *context, const struct ds_event_notice *notice)
{
    struct live_source *source = context;
    struct source_kind *kind = kind_of(source, notice->kind);
    assert(kind != NULL);
    kind->epoch = notice->epoch;
    kind->sequence = notice->type == DS_EVENT_GAP ? notice->to : notice->sequence;
    if (put(source, kind, notice)) {
        source->options.wake(source->options.context);
    }
}

static void close_events(struct live_source *source)
{
    ds_event_subscriber_close(source->subscriber);
    source->subscriber = NULL;
}

/* Goes on where the one before was. */
static void open_events(struct live_source *source)
{
    struct ds_event_interest interests[LIVE_KIND_COUNT];
    for (size_t i = 0; i < source->kind_count; i++) {
        interests[i] = (struct ds_event_interest){.kind = live_kinds[source->kinds[i].kind].name,
                                                  .epoch = source->kinds[i].epoch,
                                                  .sequence = source->kinds[i].sequence};
    }
    struct ds_event_subscriber_options options = {
        .url = source->url[0] != '\0' ? source->url : NULL,
        .channel = source->options.channel,
        .list_method = source->options.list_events,
        .principal = &live_principal,
        .interests = interests,
        .interest_count = source->kind_count,
        .asks = true,
        .notice = take_notice,
        .context = source,
    };
    source->message_count = 0;
    source->answer_count = 0;
    ds_code code = ds_event_subscriber_open(&options, &source->subscriber);
    if (code != DS_OK) {
        /* That address can't be listened at, or not now: the service is asked instead. */
        source->must_find = code == DS_RESOURCE_EXHAUSTED;
        source->url[0] = '\0';
        options.url = NULL;
        code = ds_event_subscriber_open(&options, &source->subscriber);
        assert(code == DS_OK);
    }
}

/*
 * Listens where the service says now, which after a restart can be elsewhere. Not through TLS: what
 * it names are addresses of its own machine, and events travel in the clear.
 */
static void find_events(struct live_source *source)
{
    char url[DS_EVENT_URL_BYTES_MAX] = "";
    const ds_code code = ds_channel_is_encrypted(source->options.channel)
                             ? DS_NOT_FOUND
                             : ds_event_url_ask(source->options.channel, url);
    source->must_find = code != DS_OK && code != DS_NOT_FOUND;
    if (source->subscriber != NULL && (source->must_find || strcmp(url, source->url) == 0)) {
        return;
    }
    close_events(source);
    snprintf(source->url, sizeof source->url, "%s", url);
    open_events(source);
    ds_log(DS_LOG_INFO, "live_source_opened",
           DS_LOG_TEXT("url", source->url[0] != '\0' ? source->url : "none, it is asked"));
}

static void set_stale(struct live_source *source, bool is_stale)
{
    bool is_news = false;
    if (source->is_stale == is_stale) {
        return;
    }
    source->is_stale = is_stale;
    for (size_t i = 0; i < source->kind_count; i++) {
        is_news |= live_inbox_set_stale(source->options.inbox, source->kinds[i].kind, is_stale);
    }
    ds_log(is_stale ? DS_LOG_WARNING : DS_LOG_INFO,
           is_stale ? "live_source_silent" : "live_source_heard",
           DS_LOG_TEXT("service", source->options.list_events->service->full_name));
    if (is_news) {
        source->options.wake(source->options.context);
    }
}

/* Whether something was heard since the last time. Where it was by calls alone, the events may have
 * gone elsewhere. */
static void look(struct live_source *source)
{
    const uint64_t messages = ds_event_subscriber_message_count(source->subscriber);
    const uint64_t answers = ds_event_subscriber_answer_count(source->subscriber);
    const bool has_messages = messages != source->message_count;
    const bool has_answers = answers != source->answer_count;
    const bool is_missed = !has_messages && (source->url[0] != '\0' || !has_answers);
    source->message_count = messages;
    source->answer_count = answers;
    set_stale(source, !has_messages && !has_answers);
    if (is_missed || source->must_find) {
        find_events(source);
    }
}

/* False once it is to end. */
static bool wait_for_look(struct live_source *source)
{
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + LOOK_MS * 1000;
    pthread_mutex_lock(&source->mutex);
    while (!source->is_stopping &&
           ds_clock_wait_until(&source->changed, &source->mutex, until_us)) {
    }
    const bool is_stopping = source->is_stopping;
    pthread_mutex_unlock(&source->mutex);
    return !is_stopping;
}

static void *source_main(void *argument)
{
    struct live_source *source = argument;
    find_events(source);
    while (wait_for_look(source)) {
        look(source);
    }
    close_events(source);
    atomic_store(&source->has_ended, true);
    source->options.wake(source->options.context);
    return NULL;
}

struct live_source *live_source_open(const struct live_source_options *options)
{
    struct live_source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        abort();
    }
    source->options = *options;
    for (size_t kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        if (*live_kinds[kind].list_events == options->list_events) {
            source->kinds[source->kind_count++].kind = (enum live_kind)kind;
        }
    }
    assert(source->kind_count > 0);
    pthread_mutex_init(&source->mutex, NULL);
    pthread_cond_init(&source->changed, NULL);
    if (pthread_create(&source->thread, NULL, source_main, source) != 0) {
        abort();
    }
    return source;
}

void live_source_stop(struct live_source *source)
{
    pthread_mutex_lock(&source->mutex);
    source->is_stopping = true;
    pthread_cond_signal(&source->changed);
    pthread_mutex_unlock(&source->mutex);
}

bool live_source_has_ended(const struct live_source *source)
{
    return atomic_load(&source->has_ended);
}

void live_source_close(struct live_source *source)
{
    if (source == NULL) {
        return;
    }
    live_source_stop(source);
    pthread_join(source->thread, NULL);
    pthread_cond_destroy(&source->changed);
    pthread_mutex_destroy(&source->mutex);
    free(source);
}
