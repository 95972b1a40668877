/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/event_fixture.h"

#include "schema.gen.h"
#include "storage/store/market_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define JOURNAL_BYTES_MAX (16 * 1024 * 1024)

static const char *const permissions[] = {"market:read"};
static const struct ds_principal reader_principal = {.subject = "user:7",
                                                     .authentication_method = "none",
                                                     .permissions = permissions,
                                                     .permission_count = 1};

static ds_code admit(void *context, struct ds_call *call, struct ds_principal *ret_principal)
{
    (void)context;
    (void)call;
    *ret_principal = reader_principal;
    return DS_OK;
}

static void start(struct event_service *service, size_t event_max)
{
    static const char *const kinds[] = {"ticks", "quotes"};
    const char *url = NULL;
    char asked[128];
    service->journal = ds_event_journal_create(&(struct ds_event_journal_options){
        .kinds = kinds, .kind_count = 2, .event_max = event_max, .bytes_max = JOURNAL_BYTES_MAX});
    service->publisher = ds_event_publisher_create(service->journal, NULL);
    assert_int_equal(ds_event_publisher_listen(service->publisher, service->event_url, &url),
                     DS_OK);
    snprintf(service->event_url, sizeof service->event_url, "%s", url);
    service->store = market_memory_open(
        &(struct market_store_options){.events = ds_event_journal_sink(service->journal)});
    service->storage = storage_create(service->store, NULL);
    storage_set_events(service->storage, service->journal);
    service->server = ds_rpc_server_create(&(struct ds_rpc_server_options){
        .name = "events/1", .authenticator = {.authenticate = admit}});
    storage_serve(service->storage, service->server);
    ds_rpc_server_add_event_url(service->server, url);
    snprintf(asked, sizeof asked, "%s", service->rpc_url);
    assert_int_equal(
        ds_rpc_server_listen(service->server, asked, service->rpc_url, sizeof service->rpc_url),
        DS_OK);
}

void event_service_start(struct event_service *service)
{
    start(service, 0);
}

void event_service_stop(struct event_service *service)
{
    ds_rpc_server_drain(service->server, 5000);
    ds_rpc_server_destroy(service->server);
    storage_destroy(service->storage);
    service->store->ops->close(service->store);
    ds_event_publisher_destroy(service->publisher);
    ds_event_journal_destroy(service->journal);
}

void event_service_open(struct event_service *service, bool is_tcp, size_t event_max)
{
    *service = (struct event_service){.is_tcp = is_tcp, .folder = "/tmp/ds-events-XXXXXX"};
    assert_non_null(mkdtemp(service->folder));
    if (is_tcp) {
        strcpy(service->rpc_url, "tcp://127.0.0.1:0");
        strcpy(service->event_url, "tcp://127.0.0.1:0");
    } else {
        snprintf(service->rpc_url, sizeof service->rpc_url, "ipc://%s/rpc.sock", service->folder);
        snprintf(service->event_url, sizeof service->event_url, "ipc://%s/events.sock",
                 service->folder);
    }
    start(service, event_max);
}

void event_service_restart(struct event_service *service)
{
    event_service_stop(service);
    event_service_start(service);
}

void event_service_close(struct event_service *service)
{
    char path[96];
    event_service_stop(service);
    snprintf(path, sizeof path, "%s/rpc.sock", service->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/events.sock", service->folder);
    unlink(path);
    rmdir(service->folder);
}

void event_service_publish(struct event_service *service, const char *topic, uint64_t first,
                           size_t count)
{
    const struct ds_event_sink sink = ds_event_journal_sink(service->journal);
    for (size_t i = 0; i < count; i++) {
        char body[24];
        snprintf(body, sizeof body, "%llu", (unsigned long long)(first + i));
        const struct ds_event event = {.topic = ds_bytes_of_text(topic),
                                       .body = ds_bytes_of_text(body)};
        sink.publish(sink.context, &event, 1);
    }
}

static uint64_t number_of(struct ds_bytes body)
{
    char text[24];
    snprintf(text, sizeof text, "%.*s", (int)body.size, (const char *)body.data);
    return strtoull(text, NULL, 10);
}

static void note_locked(struct event_reader *reader, const struct ds_event_notice *notice)
{
    if (notice->type == DS_EVENT_STARTED) {
        reader->started_epoch = notice->epoch;
        reader->started_behind = notice->sequence;
        reader->newest = notice->sequence;
    } else if (notice->type == DS_EVENT_ARRIVED) {
        reader->disorder_count += notice->sequence > reader->newest ? 0 : 1;
        reader->event_count++;
        reader->newest = notice->sequence;
        reader->newest_number = number_of(notice->event->body);
    } else if (notice->is_new_epoch) {
        reader->new_epoch_count++;
        reader->newest = notice->to;
    } else {
        reader->gap_count++;
        reader->missing_count += notice->to - notice->from + 1;
        reader->newest = notice->to;
    }
}

static void note(void *context, const struct ds_event_notice *notice)
{
    struct event_reader *reader = context;
    pthread_mutex_lock(&reader->mutex);
    reader->waiting_count++;
    pthread_cond_broadcast(&reader->changed);
    while (reader->is_held) {
        pthread_cond_wait(&reader->changed, &reader->mutex);
    }
    reader->waiting_count--;
    note_locked(reader, notice);
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

void event_reader_open(struct event_reader *reader, const struct event_service *service,
                       const struct ds_event_interest *interest)
{
    char url[DS_EVENT_URL_BYTES_MAX];
    *reader = (struct event_reader){.channel = NULL};
    pthread_mutex_init(&reader->mutex, NULL);
    pthread_cond_init(&reader->changed, NULL);
    assert_int_equal(
        ds_channel_open(&(struct ds_channel_options){.url = service->rpc_url}, &reader->channel),
        DS_OK);
    assert_int_equal(ds_event_url_ask(reader->channel, url), DS_OK);
    assert_string_equal(url, service->event_url);
    assert_int_equal(
        ds_event_subscriber_open(
            &(struct ds_event_subscriber_options){.url = url,
                                                  .channel = reader->channel,
                                                  .list_method = ds_method_storage_list_events,
                                                  .interests = interest,
                                                  .interest_count = 1,
                                                  .notice = note,
                                                  .context = reader},
            &reader->subscriber),
        DS_OK);
}

void event_reader_close(struct event_reader *reader)
{
    event_reader_hold(reader, false);
    ds_event_subscriber_close(reader->subscriber);
    ds_channel_close(reader->channel);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->mutex);
}

void event_reader_hold(struct event_reader *reader, bool is_held)
{
    pthread_mutex_lock(&reader->mutex);
    reader->is_held = is_held;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

void event_reader_await_start(struct event_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    while (reader->started_epoch == 0) {
        pthread_cond_wait(&reader->changed, &reader->mutex);
    }
    pthread_mutex_unlock(&reader->mutex);
}

void event_reader_await_waiting(struct event_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    while (reader->waiting_count == 0) {
        pthread_cond_wait(&reader->changed, &reader->mutex);
    }
    pthread_mutex_unlock(&reader->mutex);
}

void event_reader_await_event(struct event_reader *reader, uint64_t sequence)
{
    pthread_mutex_lock(&reader->mutex);
    while (reader->newest < sequence) {
        pthread_cond_wait(&reader->changed, &reader->mutex);
    }
    pthread_mutex_unlock(&reader->mutex);
}

void event_reader_await_new_epoch(struct event_reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    while (reader->new_epoch_count == 0) {
        pthread_cond_wait(&reader->changed, &reader->mutex);
    }
    pthread_mutex_unlock(&reader->mutex);
}
