/* Subscriptions of libdeltastream. */
#include "integration/client_library.h"

#include <stdio.h>
#include <stdlib.h>

struct log {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool has_started;
    uint64_t count;
    uint64_t newest;
    uint64_t newest_number; /* its payload */
    char newest_topic[64];
    uint64_t new_epoch_count;
    uint64_t disorder_count;
};

static void note(void *context, const struct deltastream_event *event)
{
    struct log *log = context;
    pthread_mutex_lock(&log->mutex);
    if (event->type == DELTASTREAM_EVENT_STARTED) {
        log->has_started = true;
        log->newest = event->sequence;
    } else if (event->type == DELTASTREAM_EVENT_GAP) {
        log->new_epoch_count += event->is_new_epoch;
        log->newest = event->missing_to;
    } else {
        char text[24];
        snprintf(text, sizeof text, "%.*s", (int)event->payload_bytes,
                 (const char *)event->payload);
        log->disorder_count += event->sequence != log->newest + 1;
        log->disorder_count += strcmp(event->kind, "ticks") != 0 || event->published_at_us == 0;
        log->newest = event->sequence;
        log->newest_number = strtoull(text, NULL, 10);
        snprintf(log->newest_topic, sizeof log->newest_topic, "%s", event->topic);
        log->count++;
    }
    pthread_cond_broadcast(&log->changed);
    pthread_mutex_unlock(&log->mutex);
}

static void await(struct log *log, bool has_started, uint64_t number, uint64_t new_epoch_count)
{
    pthread_mutex_lock(&log->mutex);
    while (log->has_started < has_started || log->newest_number < number ||
           log->new_epoch_count < new_epoch_count) {
        pthread_cond_wait(&log->changed, &log->mutex);
    }
    pthread_mutex_unlock(&log->mutex);
}

static struct deltastream_client *client_open(const char *url)
{
    const struct deltastream_client_options options = {.struct_size = sizeof options, .url = url};
    struct deltastream_client *client = NULL;
    assert_int_equal(deltastream_client_open(&options, &client, NULL, 0), DELTASTREAM_OK);
    return client;
}

static void log_init(struct log *log)
{
    memset(log, 0, sizeof *log);
    pthread_mutex_init(&log->mutex, NULL);
    pthread_cond_init(&log->changed, NULL);
}

static void events_come_once_and_in_order_also_from_a_service_started_anew(void **state)
{
    struct library_events *events = *state;
    struct log log;
    log_init(&log);
    struct deltastream_client *client = client_open(library_events_url(events));
    const struct deltastream_interest interest = {.kind = "ticks"};
    const struct deltastream_subscription_options options = {.struct_size = sizeof options,
                                                             .interests = &interest,
                                                             .interest_count = 1,
                                                             .event = note,
                                                             .context = &log};
    struct deltastream_subscription *subscription = NULL;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
    if (deltastream_subscribe(client, &options, &subscription, why, sizeof why) != DELTASTREAM_OK) {
        fail_msg("%s", why);
    }
    await(&log, true, 0, 0);
    library_events_publish(events, "ticks/NIFTY", 1, 100);
    await(&log, true, 100, 0);
    assert_int_equal(log.count, 100);
    assert_string_equal(log.newest_topic, "ticks/NIFTY");
    library_events_restart(events);
    await(&log, true, 100, 1);
    library_events_publish(events, "ticks/BANKNIFTY", 101, 10);
    await(&log, true, 110, 1);
    assert_int_equal(log.disorder_count, 0);
    deltastream_unsubscribe(subscription);
    deltastream_client_close(client);
}

static void a_prefix_takes_only_such_topics(void **state)
{
    struct library_events *events = *state;
    struct log log;
    log_init(&log);
    struct deltastream_client *client = client_open(library_events_url(events));
    const struct deltastream_interest interest = {.kind = "ticks", .topic_prefix = "ticks/NIFTY"};
    const struct deltastream_subscription_options options = {.struct_size = sizeof options,
                                                             .interests = &interest,
                                                             .interest_count = 1,
                                                             .event = note,
                                                             .context = &log,
                                                             .event_url =
                                                                 library_events_event_url(events)};
    struct deltastream_subscription *subscription = NULL;
    assert_int_equal(deltastream_subscribe(client, &options, &subscription, NULL, 0),
                     DELTASTREAM_OK);
    await(&log, true, 0, 0);
    library_events_publish(events, "ticks/BANKNIFTY", 500, 5);
    library_events_publish(events, "ticks/NIFTY", 1000, 1);
    await(&log, true, 1000, 0);
    deltastream_unsubscribe(subscription);
    assert_int_equal(log.count, 1);
    deltastream_client_close(client);
}

static void a_service_that_publishes_nothing_is_heard_by_its_heartbeats(void **state)
{
    struct library_events *events = *state;
    struct log log;
    log_init(&log);
    struct deltastream_client *client = client_open(library_events_url(events));
    const struct deltastream_interest interest = {.kind = "ticks"};
    const struct deltastream_subscription_options options = {.struct_size = sizeof options,
                                                             .interests = &interest,
                                                             .interest_count = 1,
                                                             .event = note,
                                                             .context = &log};
    struct deltastream_subscription *subscription = NULL;
    assert_int_equal(deltastream_subscribe(client, &options, &subscription, NULL, 0),
                     DELTASTREAM_OK);
    const uint64_t count = deltastream_subscription_message_count(subscription);
    while (deltastream_subscription_message_count(subscription) < count + 3) {
        library_pause();
    }
    deltastream_unsubscribe(subscription);
    assert_int_equal(log.count, 0);
    deltastream_client_close(client);
}

static void a_service_says_where_it_publishes(void **state)
{
    struct library_events *events = *state;
    struct deltastream_client *client = client_open(library_events_url(events));
    char url[DELTASTREAM_EVENT_URL_BYTES_MAX] = "";
    char beginning[4] = "";
    assert_int_equal(deltastream_event_url(client, url, sizeof url, NULL, 0), DELTASTREAM_OK);
    assert_string_equal(url, library_events_event_url(events));
    assert_int_equal(deltastream_event_url(client, beginning, sizeof beginning, NULL, 0),
                     DELTASTREAM_OK);
    assert_int_equal(strlen(beginning), sizeof beginning - 1);
    assert_memory_equal(beginning, url, sizeof beginning - 1);
    deltastream_client_close(client);
}

/* The texts are those of subscribing, which asks the same. */
static void assert_no_event_url(struct deltastream_client *client, enum deltastream_code code,
                                const char *reason)
{
    char url[DELTASTREAM_EVENT_URL_BYTES_MAX] = "untouched";
    char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
    assert_int_equal(deltastream_event_url(client, url, sizeof url, why, sizeof why), code);
    assert_string_equal(url, "untouched");
    if (strstr(why, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why, reason);
    }
}

static void a_service_without_events_says_so(void **state)
{
    (void)state;
    struct library_server *server = library_server_open(LIBRARY_IPC);
    struct deltastream_client *client = client_open(library_server_url(server));
    assert_no_event_url(client, DELTASTREAM_NOT_FOUND, "publishes nothing");
    deltastream_client_close(client);
    library_server_close(server);
}

static void what_cannot_be_followed_is_refused_with_a_reason(void **state)
{
    (void)state;
    const char *urls[] = {"tcp://127.0.0.1:1", "tcp://127.0.0.1:2"};
    const struct deltastream_client_options two = {
        .struct_size = sizeof two, .urls = urls, .url_count = 2};
    struct deltastream_client *replicas = NULL;
    assert_int_equal(deltastream_client_open(&two, &replicas, NULL, 0), DELTASTREAM_OK);
    struct deltastream_client *client = client_open("ipc:///tmp/ds-nobody-is-here");
    const struct deltastream_interest ticks = {.kind = "ticks"};
    const struct deltastream_interest unknown = {.kind = "bars"};
    const struct {
        struct deltastream_client *client;
        struct deltastream_subscription_options options;
        enum deltastream_code code;
        const char *reason;
    } cases[] = {
        {client, {.struct_size = 0}, DELTASTREAM_INVALID_ARGUMENT, "struct_size"},
        {client,
         {.struct_size = sizeof(struct deltastream_subscription_options),
          .interests = &ticks,
          .interest_count = 1},
         DELTASTREAM_INVALID_ARGUMENT,
         "event"},
        {client,
         {.struct_size = sizeof(struct deltastream_subscription_options), .event = note},
         DELTASTREAM_INVALID_ARGUMENT,
         "interests"},
        {client,
         {.struct_size = sizeof(struct deltastream_subscription_options),
          .interests = &unknown,
          .interest_count = 1,
          .event = note},
         DELTASTREAM_INVALID_ARGUMENT,
         "kind"},
        {client,
         {.struct_size = sizeof(struct deltastream_subscription_options),
          .interests = &ticks,
          .interest_count = 1,
          .event = note,
          .event_url = "http://here"},
         DELTASTREAM_INVALID_ARGUMENT,
         "event_url"},
        {client,
         {.struct_size = sizeof(struct deltastream_subscription_options),
          .interests = &ticks,
          .interest_count = 1,
          .event = note},
         DELTASTREAM_UNAVAILABLE,
         "reached"},
        {replicas,
         {.struct_size = sizeof(struct deltastream_subscription_options),
          .interests = &ticks,
          .interest_count = 1,
          .event = note},
         DELTASTREAM_FAILED_PRECONDITION,
         "one server"},
    };
    assert_no_event_url(client, DELTASTREAM_UNAVAILABLE, "reached");
    assert_no_event_url(replicas, DELTASTREAM_FAILED_PRECONDITION, "one server");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct deltastream_subscription *subscription = NULL;
        char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
        const enum deltastream_code code = deltastream_subscribe(cases[i].client, &cases[i].options,
                                                                 &subscription, why, sizeof why);
        if (code != cases[i].code || strstr(why, cases[i].reason) == NULL) {
            fail_msg("case %zu: %s, \"%s\"", i, deltastream_code_name(code), why);
        }
        assert_null(subscription);
    }
    deltastream_client_close(client);
    deltastream_client_close(replicas);
}

static int events_open(void **state)
{
    *state = library_events_open();
    return 0;
}

static int events_close(void **state)
{
    library_events_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            events_come_once_and_in_order_also_from_a_service_started_anew, events_open,
            events_close),
        cmocka_unit_test_setup_teardown(a_prefix_takes_only_such_topics, events_open, events_close),
        cmocka_unit_test_setup_teardown(a_service_that_publishes_nothing_is_heard_by_its_heartbeats,
                                        events_open, events_close),
        cmocka_unit_test_setup_teardown(a_service_says_where_it_publishes, events_open,
                                        events_close),
        cmocka_unit_test(a_service_without_events_says_so),
        cmocka_unit_test(what_cannot_be_followed_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
