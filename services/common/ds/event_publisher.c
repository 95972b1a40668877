#include "ds/event_publisher.h"

#include "ds/event_pump.h"
#include "ds/log.h"
#include "ds/rpc_internal.h"
#include "ds/sp_publisher.h"

#include <pthread.h>
#include <stdlib.h>

struct ds_event_publisher {
    struct ds_event_journal *journal;
    const struct ds_clock *clock;
    struct ds_sp_publisher *socket;
    struct ds_event_pump *pump; /* the thread's */

    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool has_news;
    bool is_ending;
};

/* On the thread that publishes. */
static void note_news(void *context)
{
    struct ds_event_publisher *publisher = context;
    pthread_mutex_lock(&publisher->mutex);
    if (!publisher->has_news) {
        publisher->has_news = true;
        pthread_cond_signal(&publisher->changed);
    }
    pthread_mutex_unlock(&publisher->mutex);
}

/* Waits for events or for the moment; false once the publisher ends. */
static bool wait_for_turn(struct ds_event_publisher *publisher, int64_t until_us)
{
    pthread_mutex_lock(&publisher->mutex);
    bool has_time = true;
    while (!publisher->has_news && !publisher->is_ending && has_time) {
        has_time = ds_clock_wait_until(&publisher->changed, &publisher->mutex, until_us);
    }
    publisher->has_news = false;
    const bool is_ending = publisher->is_ending;
    pthread_mutex_unlock(&publisher->mutex);
    return !is_ending;
}

static void *publisher_main(void *argument)
{
    struct ds_event_publisher *publisher = argument;
    int64_t due_us = 0;
    while (wait_for_turn(publisher, due_us)) {
        due_us = ds_event_pump_turn(publisher->pump, ds_clock_monotonic_us(ds_clock_system()),
                                    ds_clock_wall_us(publisher->clock));
    }
    return NULL;
}

static void hand_to_nng(void *context, struct ds_bytes message)
{
    ds_sp_publisher_send(context, message);
}

static bool has_subscribers(void *context)
{
    return ds_sp_publisher_connection_count(context) > 0;
}

struct ds_event_publisher *ds_event_publisher_create(struct ds_event_journal *journal,
                                                     const struct ds_clock *clock)
{
    struct ds_event_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL) {
        abort();
    }
    publisher->journal = journal;
    publisher->clock = clock != NULL ? clock : ds_clock_system();
    publisher->socket = ds_sp_publisher_create(DS_EVENT_BURST_MAX);
    publisher->pump = ds_event_pump_create(&(struct ds_event_pump_options){
        .journal = journal,
        .send = hand_to_nng,
        .has_subscribers = has_subscribers,
        .context = publisher->socket,
    });
    pthread_mutex_init(&publisher->mutex, NULL);
    pthread_cond_init(&publisher->changed, NULL);
    ds_event_journal_set_listener(journal, note_news, publisher);
    if (pthread_create(&publisher->thread, NULL, publisher_main, publisher) != 0) {
        abort();
    }
    return publisher;
}

ds_code ds_event_publisher_listen(struct ds_event_publisher *publisher, const char *url,
                                  const char **ret_url)
{
    DS_TRY(ds_rpc_listen_check(url));
    const ds_code code = ds_sp_publisher_listen(publisher->socket, url, ret_url);
    if (code != DS_OK) {
        ds_log(DS_LOG_ERROR, "listen_refused", DS_LOG_TEXT("url", url),
               DS_LOG_TEXT("reason", code == DS_ALREADY_EXISTS
                                         ? "the address is in use"
                                         : "the address can't be listened on"));
    }
    return code;
}

struct ds_event_publisher_figures
ds_event_publisher_figures(const struct ds_event_publisher *publisher)
{
    const struct ds_event_pump_totals totals = ds_event_pump_totals(publisher->pump);
    return (struct ds_event_publisher_figures){
        .subscriber_count = ds_sp_publisher_connection_count(publisher->socket),
        .message_count = totals.message_count,
        .event_count = totals.event_count,
        .left_out_count = totals.left_out_count,
    };
}

void ds_event_publisher_destroy(struct ds_event_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    ds_event_journal_set_listener(publisher->journal, NULL, NULL);
    pthread_mutex_lock(&publisher->mutex);
    publisher->is_ending = true;
    pthread_cond_signal(&publisher->changed);
    pthread_mutex_unlock(&publisher->mutex);
    pthread_join(publisher->thread, NULL);
    ds_sp_publisher_close(publisher->socket);
    ds_event_pump_destroy(publisher->pump);
    pthread_cond_destroy(&publisher->changed);
    pthread_mutex_destroy(&publisher->mutex);
    free(publisher);
}
