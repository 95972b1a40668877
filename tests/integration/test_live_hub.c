/* The live hub in a whole gateway, before a service that publishes: received and gaps together are
 * everything that was published, whatever happens meanwhile. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "gateway/gateway_internal.h"
#include "gateway/live.h"
#include "integration/event_fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STORAGE "deltastream.storage.v1.Storage"
#define CLIENTS_MAX 40
#define EVENTS_PER_ROUND 500

struct hub {
    struct event_service *service;
    struct ds_channel *channel;
    struct gateway *gateway;
    pthread_t thread;
    uv_timer_t begun;
    pthread_mutex_t mutex; /* guards has_begun, and what the clients are told */
    bool has_begun;
    pthread_cond_t changed;
};

/* A subscription to all ticks, and what it has been told: on the loop's thread. */
struct live_client {
    struct hub *hub;
    struct live_subscription *subscription;
    uint64_t wish_epoch; /* what it subscribes with */
    uint64_t wish_sequence;
    ds_code code;

    bool has_started;
    uint64_t epoch;
    uint64_t place; /* everything up to it has come, or is in a gap */
    uint64_t newest_number;
    uint64_t event_count;
    uint64_t gap_count;
    uint64_t missing_count;
    uint64_t new_epoch_count;
    uint64_t stale_count;
    uint64_t disorder_count;
    bool has_failed;
};

/* Something to do on the loop's thread. */
struct task {
    struct completion completion;
    struct hub *hub;
    void (*run)(void *context);
    void *context;
    bool is_done;
};

static void run_task(struct completion *completion)
{
    struct task *task = (struct task *)(void *)completion;
    task->run(task->context);
    pthread_mutex_lock(&task->hub->mutex);
    task->is_done = true;
    pthread_cond_broadcast(&task->hub->changed);
    pthread_mutex_unlock(&task->hub->mutex);
}

static void on_loop(struct hub *hub, void (*run)(void *context), void *context)
{
    struct task task = {
        .completion = {.finish = run_task}, .hub = hub, .run = run, .context = context};
    gateway_complete(hub->gateway, &task.completion);
    pthread_mutex_lock(&hub->mutex);
    while (!task.is_done) {
        pthread_cond_wait(&hub->changed, &hub->mutex);
    }
    pthread_mutex_unlock(&hub->mutex);
}

static void *run_gateway(void *context)
{
    gateway_run(context);
    return NULL;
}

static void on_begun(uv_timer_t *timer)
{
    struct hub *hub = timer->data;
    pthread_mutex_lock(&hub->mutex);
    hub->has_begun = true;
    pthread_cond_broadcast(&hub->changed);
    pthread_mutex_unlock(&hub->mutex);
    uv_close((uv_handle_t *)timer, NULL);
}

/* Runs the gateway; from here on there is a loop's thread. */
static void hub_run(struct hub *hub)
{
    uv_timer_init(&hub->gateway->loop, &hub->begun);
    hub->begun.data = hub;
    uv_timer_start(&hub->begun, on_begun, 0, 0);
    pthread_create(&hub->thread, NULL, run_gateway, hub->gateway);
    pthread_mutex_lock(&hub->mutex);
    while (!hub->has_begun) {
        pthread_cond_wait(&hub->changed, &hub->mutex);
    }
    pthread_mutex_unlock(&hub->mutex);
}

static void hub_open_at(struct hub *hub, struct event_service *service, const char *url)
{
    char address[64];
    *hub = (struct hub){.service = service};
    pthread_mutex_init(&hub->mutex, NULL);
    pthread_cond_init(&hub->changed, NULL);
    assert_int_equal(ds_channel_open(&(struct ds_channel_options){.url = url}, &hub->channel),
                     DS_OK);
    hub->gateway = gateway_create(&(struct gateway_options){.name = "test"});
    gateway_add_backend(hub->gateway, STORAGE, hub->channel);
    assert_int_equal(gateway_listen(hub->gateway, "127.0.0.1:0", address, sizeof address), DS_OK);
    hub_run(hub);
}

static void hub_open(struct hub *hub, struct event_service *service)
{
    hub_open_at(hub, service, service->rpc_url);
}

/* The gateway has been stopped, and nobody is subscribed. */
static void hub_close(struct hub *hub)
{
    gateway_stop(hub->gateway, 0);
    pthread_join(hub->thread, NULL);
    gateway_destroy(hub->gateway);
    ds_channel_close(hub->channel);
    pthread_cond_destroy(&hub->changed);
    pthread_mutex_destroy(&hub->mutex);
}

static void note_gap(struct live_client *client, const struct live_notice *notice)
{
    if (notice->is_new_epoch) {
        client->disorder_count += notice->from == 1 ? 0 : 1;
        client->new_epoch_count++;
    } else {
        client->disorder_count +=
            notice->from == client->place + 1 && notice->epoch == client->epoch ? 0 : 1;
        client->gap_count++;
        client->missing_count += notice->to - notice->from + 1;
    }
    client->epoch = notice->epoch;
    client->place = notice->to;
}

static void note(struct live_client *client, const struct live_notice *notice)
{
    char number[24];
    switch (notice->type) {
    case LIVE_STARTED:
        client->has_started = true;
        client->epoch = notice->epoch;
        client->place = notice->sequence;
        break;
    case LIVE_EVENT:
        client->disorder_count +=
            notice->sequence == client->place + 1 && notice->epoch == client->epoch ? 0 : 1;
        client->place = notice->sequence;
        client->event_count++;
        snprintf(number, sizeof number, "%.*s", (int)notice->event->row.size,
                 (const char *)notice->event->row.data);
        client->newest_number = strtoull(number, NULL, 10);
        break;
    case LIVE_GAP:
        note_gap(client, notice);
        break;
    case LIVE_STALE:
        client->stale_count++;
        break;
    case LIVE_FAILED:
        client->has_failed = strcmp(notice->reason, "stopping") == 0;
        break;
    }
}

static void ready(void *context)
{
    struct live_client *client = context;
    struct live_notice notice;
    pthread_mutex_lock(&client->hub->mutex);
    while (live_take(client->subscription, &notice)) {
        note(client, &notice);
    }
    pthread_cond_broadcast(&client->hub->changed);
    pthread_mutex_unlock(&client->hub->mutex);
}

static void subscribe_on_loop(void *context)
{
    struct live_client *client = context;
    client->code =
        live_subscribe(client->hub->gateway->live,
                       &(struct live_subscribe_options){.kind = LIVE_TICKS,
                                                        .epoch = client->wish_epoch,
                                                        .after_sequence = client->wish_sequence,
                                                        .ready = ready,
                                                        .context = client},
                       &client->subscription);
}

static void subscribe(struct live_client *client, struct hub *hub)
{
    client->hub = hub;
    on_loop(hub, subscribe_on_loop, client);
    assert_int_equal(client->code, DS_OK);
}

static void leave_on_loop(void *context)
{
    struct live_client *client = context;
    live_unsubscribe(client->subscription);
}

/* It goes, and comes back as one that goes on where it was. */
static void come_back_on_loop(void *context)
{
    struct live_client *client = context;
    live_unsubscribe(client->subscription);
    client->wish_epoch = client->epoch;
    client->wish_sequence = client->place;
    subscribe_on_loop(client);
}

static void leave(struct live_client *client)
{
    on_loop(client->hub, leave_on_loop, client);
}

/* Waits until it is so. */
static void await(struct live_client *client, bool (*is_so)(const struct live_client *client))
{
    struct hub *hub = client->hub;
    pthread_mutex_lock(&hub->mutex);
    while (!is_so(client)) {
        pthread_cond_wait(&hub->changed, &hub->mutex);
    }
    pthread_mutex_unlock(&hub->mutex);
}

static bool has_started(const struct live_client *client)
{
    return client->has_started;
}

static bool is_stale(const struct live_client *client)
{
    return client->stale_count > 0;
}

static bool has_failed(const struct live_client *client)
{
    return client->has_failed;
}

static void await_place(struct live_client *client, uint64_t epoch, uint64_t sequence)
{
    struct hub *hub = client->hub;
    pthread_mutex_lock(&hub->mutex);
    while (client->epoch != epoch || client->place < sequence) {
        pthread_cond_wait(&hub->changed, &hub->mutex);
    }
    pthread_mutex_unlock(&hub->mutex);
}

static uint64_t epoch_of(const struct event_service *service)
{
    return ds_event_journal_epoch(service->journal);
}

static void all_that_is_published_comes_to_all(void **state)
{
    (void)state;
    static const bool transports[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct event_service service;
        struct hub hub;
        struct live_client clients[3] = {{.hub = NULL}};
        event_service_open(&service, transports[i], 0);
        hub_open(&hub, &service);
        for (size_t j = 0; j < 3; j++) {
            subscribe(&clients[j], &hub);
            await(&clients[j], has_started);
        }
        event_service_publish(&service, "ticks/A", 1, 2000);
        for (size_t j = 0; j < 3; j++) {
            await_place(&clients[j], epoch_of(&service), 2000);
            assert_int_equal(clients[j].disorder_count, 0);
            assert_int_equal(clients[j].event_count + clients[j].missing_count, 2000);
            leave(&clients[j]);
        }
        hub_close(&hub);
        event_service_close(&service);
    }
}

static void clients_that_come_and_go_while_it_is_published_miss_nothing_unsaid(void **state)
{
    (void)state;
    struct event_service service;
    struct hub hub;
    struct live_client clients[CLIENTS_MAX] = {{.hub = NULL}};
    uint64_t published = 0;
    event_service_open(&service, false, 0);
    hub_open(&hub, &service);
    subscribe(&clients[0], &hub);
    await(&clients[0], has_started);
    const uint64_t first = clients[0].place;
    for (size_t i = 1; i < CLIENTS_MAX; i++) {
        event_service_publish(&service, "ticks/A", published + 1, EVENTS_PER_ROUND);
        published += EVENTS_PER_ROUND;
        clients[i].wish_epoch = i % 2 == 0 ? epoch_of(&service) : 0;
        clients[i].wish_sequence = i % 2 == 0 ? published / i : 0;
        subscribe(&clients[i], &hub);
        on_loop(&hub, come_back_on_loop, &clients[i / 2]);
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        await_place(&clients[i], epoch_of(&service), published);
        assert_int_equal(clients[i].disorder_count, 0);
        assert_int_equal(clients[i].new_epoch_count, 0);
    }
    assert_int_equal(clients[0].event_count + clients[0].missing_count, published - first);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        leave(&clients[i]);
    }
    hub_close(&hub);
    event_service_close(&service);
}

static void a_restart_of_the_service_is_told_and_it_goes_on(void **state)
{
    (void)state;
    struct event_service service;
    struct hub hub;
    struct live_client client = {.hub = NULL};
    struct live_client back = {.wish_sequence = 3};
    event_service_open(&service, false, 0);
    hub_open(&hub, &service);
    subscribe(&client, &hub);
    await(&client, has_started);
    event_service_publish(&service, "ticks/A", 1, 10);
    await_place(&client, epoch_of(&service), 10);
    back.wish_epoch = epoch_of(&service);
    subscribe(&back, &hub);
    await_place(&back, epoch_of(&service), 10);
    event_service_restart(&service);
    event_service_publish(&service, "ticks/A", 11, 10);
    await_place(&client, epoch_of(&service), 10);
    await_place(&back, epoch_of(&service), 10);
    assert_int_equal(client.new_epoch_count, 1);
    assert_int_equal(client.disorder_count, 0);
    assert_int_equal(back.disorder_count, 0);
    assert_int_equal(back.new_epoch_count, 1);
    leave(&client);
    leave(&back);
    hub_close(&hub);
    event_service_close(&service);
}

static void a_service_may_come_after_its_subscribers(void **state)
{
    (void)state;
    struct event_service service;
    struct hub hub;
    struct live_client client = {.hub = NULL};
    event_service_open(&service, false, 0);
    event_service_stop(&service);
    hub_open(&hub, &service);
    subscribe(&client, &hub);
    await(&client, is_stale);
    assert_false(client.has_started);
    event_service_start(&service);
    await(&client, has_started);
    const uint64_t first = client.place;
    event_service_publish(&service, "ticks/A", 1, 100);
    await_place(&client, epoch_of(&service), 100);
    assert_int_equal(client.disorder_count, 0);
    assert_int_equal(client.event_count + client.missing_count, 100 - first);
    leave(&client);
    hub_close(&hub);
    event_service_close(&service);
}

static void a_service_that_goes_silent_is_told_of(void **state)
{
    (void)state;
    struct event_service service;
    struct hub hub;
    struct live_client client = {.hub = NULL};
    event_service_open(&service, false, 0);
    hub_open(&hub, &service);
    subscribe(&client, &hub);
    await(&client, has_started);
    event_service_stop(&service);
    await(&client, is_stale);
    event_service_start(&service);
    event_service_publish(&service, "ticks/A", 1, 3);
    await_place(&client, epoch_of(&service), 3);
    leave(&client);
    hub_close(&hub);
    event_service_close(&service);
}

/* A socket that has the URL's port and does not listen. */
static int take_port(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void await_subscriber(const struct event_service *service)
{
    while (ds_event_publisher_figures(service->publisher).subscriber_count == 0) {
        usleep(1000);
    }
}

static void a_service_that_publishes_elsewhere_after_a_restart_is_found(void **state)
{
    (void)state;
    struct event_service service;
    struct hub hub;
    struct live_client client = {.hub = NULL};
    char before[sizeof service.event_url];
    event_service_open(&service, true, 0);
    hub_open(&hub, &service);
    subscribe(&client, &hub);
    await(&client, has_started);
    snprintf(before, sizeof before, "%s", service.event_url);
    event_service_stop(&service);
    /* Nobody else gets the old port meanwhile. */
    const int taken = take_port(before);
    strcpy(service.event_url, "tcp://127.0.0.1:0");
    event_service_start(&service);
    await_subscriber(&service);
    event_service_publish(&service, "ticks/A", 1, 100);
    await_place(&client, epoch_of(&service), 100);
    assert_int_equal(client.disorder_count, 0);
    assert_int_equal(client.new_epoch_count, 1);
    close(taken);
    leave(&client);
    hub_close(&hub);
    event_service_close(&service);
}

/* Over tcp nobody is told of socket files: the service has no event socket for this gateway. */
static void a_service_whose_events_can_not_be_heard_is_asked(void **state)
{
    (void)state;
    struct event_service service;
    struct hub hub;
    struct live_client client = {.hub = NULL};
    char url[128];
    event_service_open(&service, false, 0);
    assert_int_equal(ds_rpc_server_listen(service.server, "tcp://127.0.0.1:0", url, sizeof url),
                     DS_OK);
    hub_open_at(&hub, &service, url);
    subscribe(&client, &hub);
    await(&client, has_started);
    const uint64_t first = client.place;
    event_service_publish(&service, "ticks/A", 1, 5000);
    await_place(&client, epoch_of(&service), 5000);
    assert_int_equal(client.disorder_count, 0);
    assert_int_equal(client.event_count + client.missing_count, 5000 - first);
    leave(&client);
    hub_close(&hub);
    event_service_close(&service);
}

static void a_stop_of_the_gateway_is_told_and_ends_it(void **state)
{
    (void)state;
    struct event_service service;
    struct hub hub;
    struct live_client client = {.hub = NULL};
    struct live_client resuming = {.wish_sequence = 1};
    event_service_open(&service, false, 0);
    hub_open(&hub, &service);
    subscribe(&client, &hub);
    await(&client, has_started);
    event_service_publish(&service, "ticks/A", 1, 2000);
    await_place(&client, epoch_of(&service), 2000);
    resuming.wish_epoch = epoch_of(&service);
    subscribe(&resuming, &hub);
    gateway_stop(hub.gateway, 60000);
    await(&client, has_failed);
    await(&resuming, has_failed);
    assert_int_equal(resuming.disorder_count, 0);
    pthread_join(hub.thread, NULL);
    live_unsubscribe(client.subscription);
    live_unsubscribe(resuming.subscription);
    gateway_destroy(hub.gateway);
    ds_channel_close(hub.channel);
    pthread_cond_destroy(&hub.changed);
    pthread_mutex_destroy(&hub.mutex);
    event_service_close(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_published_comes_to_all),
        cmocka_unit_test(clients_that_come_and_go_while_it_is_published_miss_nothing_unsaid),
        cmocka_unit_test(a_restart_of_the_service_is_told_and_it_goes_on),
        cmocka_unit_test(a_service_may_come_after_its_subscribers),
        cmocka_unit_test(a_service_that_goes_silent_is_told_of),
        cmocka_unit_test(a_service_that_publishes_elsewhere_after_a_restart_is_found),
        cmocka_unit_test(a_service_whose_events_can_not_be_heard_is_asked),
        cmocka_unit_test(a_stop_of_the_gateway_is_told_and_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
