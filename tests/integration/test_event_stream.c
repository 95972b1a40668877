/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/event_frame.h"
#include "ds/sp_publisher.h"
#include "integration/event_fixture.h"
#include "schema.gen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define HANG_UPS 200

static const struct ds_event_interest ticks = {.kind = "ticks"};
static const bool transports[] = {false, true}; /* is_tcp */

static void assert_all_came(struct event_reader *reader, uint64_t count)
{
    assert_int_equal(reader->event_count, count);
    assert_int_equal(reader->gap_count, 0);
    assert_int_equal(reader->new_epoch_count, 0);
    assert_int_equal(reader->disorder_count, 0);
}

static void two_subscribers_get_every_event_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct event_service service;
        struct event_reader readers[2];
        event_service_open(&service, transports[i], 0);
        event_service_publish(&service, "ticks/PAST", 1, 5);
        for (size_t r = 0; r < 2; r++) {
            event_reader_open(&readers[r], &service, &ticks);
            event_reader_await_start(&readers[r]);
        }
        for (uint64_t n = 0; n < 50; n++) {
            event_service_publish(&service, n % 3 == 0 ? "ticks/A" : "ticks/B", 1 + n * 10, 10);
        }
        for (size_t r = 0; r < 2; r++) {
            event_reader_await_event(&readers[r], 505);
            /* Whether the first five are past depends on how soon the publisher looks. */
            assert_in_range(readers[r].started_behind, 0, 5);
            assert_all_came(&readers[r], 505 - readers[r].started_behind);
            assert_int_equal(readers[r].newest_number, 500);
            assert_int_equal(readers[r].started_epoch, ds_event_journal_epoch(service.journal));
            event_reader_close(&readers[r]);
        }
        event_service_close(&service);
    }
}

static void two_thousand_lost_messages_are_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct event_service service;
        struct event_reader slow;
        event_service_open(&service, transports[i], 0);
        event_reader_open(&slow, &service, &ticks);
        event_reader_await_start(&slow);
        event_reader_hold(&slow, true);
        event_service_publish(&service, "ticks/A", 1, 1);
        event_reader_await_waiting(&slow);
        /* Topics in turn, so that each event is a message; nng's queues hold fewer. */
        for (uint64_t n = 0; n < 4000; n++) {
            event_service_publish(&service, n % 2 == 0 ? "ticks/A" : "ticks/B", n + 2, 1);
        }
        event_reader_hold(&slow, false);
        event_reader_await_event(&slow, 4001);
        assert_all_came(&slow, 4001);
        assert_int_equal(slow.newest_number, 4001);
        event_reader_close(&slow);
        event_service_close(&service);
    }
}

/* So many at once that the publisher leaves them out: nothing but a heartbeat tells of them. */
static void publish_burst(const struct event_service *service, size_t count)
{
    const struct ds_event_sink sink = ds_event_journal_sink(service->journal);
    struct ds_event *events = calloc(count, sizeof *events);
    assert_non_null(events);
    for (size_t i = 0; i < count; i++) {
        events[i] =
            (struct ds_event){.topic = ds_bytes_of_text("ticks/A"), .body = ds_bytes_of_text("7")};
    }
    sink.publish(sink.context, events, count);
    free(events);
}

static void forgotten_events_are_a_gap(void **state)
{
    (void)state;
    struct event_service service;
    struct event_reader reader;
    event_service_open(&service, false, 100);
    event_reader_open(&reader, &service, &ticks);
    event_reader_await_start(&reader);
    publish_burst(&service, 3000);
    event_reader_await_event(&reader, 3000);
    event_service_publish(&service, "ticks/A", 3001, 1);
    event_reader_await_event(&reader, 3001);
    assert_int_equal(reader.gap_count, 1);
    assert_int_equal(reader.missing_count, 3000);
    assert_int_equal(reader.event_count, 1);
    assert_int_equal(reader.newest_number, 3001);
    event_reader_close(&reader);
    event_service_close(&service);
}

static void the_loss_of_the_last_events_is_seen_by_a_heartbeat(void **state)
{
    (void)state;
    struct event_service service;
    struct event_reader reader;
    event_service_open(&service, false, 0);
    event_reader_open(&reader, &service, &ticks);
    event_reader_await_start(&reader);
    publish_burst(&service, 2000);
    event_reader_await_event(&reader, 2000);
    assert_all_came(&reader, 2000);
    assert_int_equal(ds_event_publisher_figures(service.publisher).left_out_count, 2000);
    event_reader_close(&reader);
    event_service_close(&service);
}

static void a_restart_of_the_service_is_a_gap_and_it_goes_on(void **state)
{
    (void)state;
    struct event_service service;
    struct event_reader reader;
    event_service_open(&service, false, 0);
    event_reader_open(&reader, &service, &ticks);
    event_reader_await_start(&reader);
    event_service_publish(&service, "ticks/A", 1, 3);
    event_reader_await_event(&reader, 3);
    event_service_restart(&service);
    event_reader_await_new_epoch(&reader);
    event_service_publish(&service, "ticks/A", 4, 2);
    event_reader_await_event(&reader, 2);
    assert_int_equal(reader.event_count, 5);
    assert_int_equal(reader.new_epoch_count, 1);
    assert_int_equal(reader.gap_count, 0);
    assert_int_equal(reader.newest_number, 5);
    event_reader_close(&reader);
    event_service_close(&service);
}

static void a_subscriber_goes_on_where_an_earlier_one_ended(void **state)
{
    (void)state;
    struct event_service service;
    struct event_reader reader;
    event_service_open(&service, false, 0);
    event_service_publish(&service, "ticks/A", 1, 10);
    const struct ds_event_interest from_seven = {
        .kind = "ticks", .epoch = ds_event_journal_epoch(service.journal), .sequence = 7};
    event_reader_open(&reader, &service, &from_seven);
    event_reader_await_event(&reader, 10);
    assert_int_equal(reader.event_count, 3);
    assert_int_equal(reader.gap_count, 0);
    event_reader_close(&reader);
    event_service_close(&service);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

/* A connection that greets as a subscriber and never reads. */
static int connect_mute(const char *url, bool is_tcp)
{
    static const uint8_t greeting[] = {0, 'S', 'P', 0, 0, 33, 0, 0};
    struct sockaddr_un path;
    struct sockaddr_in address = {.sin_family = AF_INET};
    const struct sockaddr *target = (const struct sockaddr *)&path;
    socklen_t target_bytes = sizeof path;
    if (is_tcp) {
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
        target = (const struct sockaddr *)&address;
        target_bytes = sizeof address;
    } else {
        path = address_of(url + strlen("ipc://"));
    }
    const int fd = socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, target, target_bytes), 0);
    assert_int_equal(send(fd, greeting, sizeof greeting, MSG_NOSIGNAL), sizeof greeting);
    return fd;
}

static void await_subscribers(const struct event_service *service, size_t count)
{
    for (int ms = 0; ds_event_publisher_figures(service->publisher).subscriber_count != count;
         ms++) {
        assert_true(ms < PATIENCE_MS);
        usleep(1000);
    }
}

static void a_subscriber_that_never_reads_slows_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct event_service service;
        struct event_reader reader;
        event_service_open(&service, transports[i], 0);
        const int mute = connect_mute(service.event_url, transports[i]);
        event_reader_open(&reader, &service, &ticks);
        event_reader_await_start(&reader);
        await_subscribers(&service, 2);
        /* Far more than the kernel and nng's queue take for the one that does not read. */
        char *large = malloc(60000);
        assert_non_null(large);
        memset(large, '1', 60000);
        const struct ds_event event = {.topic = ds_bytes_of_text("ticks/A"),
                                       .body = ds_bytes_of(large, 60000)};
        const struct ds_event_sink sink = ds_event_journal_sink(service.journal);
        for (uint64_t n = 1; n <= 1500; n++) {
            sink.publish(sink.context, &event, 1);
            event_reader_await_event(&reader, n);
        }
        assert_all_came(&reader, 1500);
        free(large);
        close(mute);
        await_subscribers(&service, 1);
        event_reader_close(&reader);
        event_service_close(&service);
    }
}

static void one_address_has_only_so_many_subscribers(void **state)
{
    (void)state;
    struct event_service service;
    int sockets[DS_SP_SUBSCRIBERS_PER_ADDRESS_MAX + 1];
    event_service_open(&service, true, 0);
    for (size_t i = 0; i < DS_SP_SUBSCRIBERS_PER_ADDRESS_MAX; i++) {
        sockets[i] = connect_mute(service.event_url, true);
    }
    await_subscribers(&service, DS_SP_SUBSCRIBERS_PER_ADDRESS_MAX);
    const int refused = connect_mute(service.event_url, true);
    uint8_t bytes[64];
    ssize_t got = 1;
    while (got > 0) {
        got = recv(refused, bytes, sizeof bytes, 0);
    }
    close(refused);
    assert_int_equal(ds_event_publisher_figures(service.publisher).subscriber_count,
                     DS_SP_SUBSCRIBERS_PER_ADDRESS_MAX);
    for (size_t i = 0; i < DS_SP_SUBSCRIBERS_PER_ADDRESS_MAX; i++) {
        close(sockets[i]);
    }
    await_subscribers(&service, 0);
    event_service_close(&service);
}

static void hang_up(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    close(fd);
}

/* What made a listener of nng 1.5.2 deaf for good (nng issue 1518). */
static void hang_ups_before_the_greeting_leave_an_event_socket_hearing(void **state)
{
    (void)state;
    struct event_service service;
    struct event_reader reader;
    event_service_open(&service, false, 0);
    for (int i = 0; i < HANG_UPS; i++) {
        hang_up(service.event_url + strlen("ipc://"));
    }
    event_reader_open(&reader, &service, &ticks);
    event_reader_await_start(&reader);
    event_service_publish(&service, "ticks/A", 1, 1);
    event_reader_await_event(&reader, 1);
    event_reader_close(&reader);
    event_service_close(&service);
}

static void a_caller_over_tcp_is_not_told_of_socket_files(void **state)
{
    (void)state;
    struct event_service service;
    char url[DS_EVENT_URL_BYTES_MAX] = "untouched";
    struct ds_channel *channel = NULL;
    event_service_open(&service, false, 0);
    char tcp[128];
    assert_int_equal(ds_rpc_server_listen(service.server, "tcp://127.0.0.1:0", tcp, sizeof tcp),
                     DS_OK);
    assert_int_equal(ds_channel_open(&(struct ds_channel_options){.url = tcp}, &channel), DS_OK);
    assert_int_equal(ds_event_url_ask(channel, url), DS_NOT_FOUND);
    assert_string_equal(url, "untouched");
    ds_channel_close(channel);
    event_service_close(&service);
}

static void an_event_socket_listens_only_where_a_server_may(void **state)
{
    (void)state;
    struct event_service service;
    const char *url = NULL;
    event_service_open(&service, false, 0);
    assert_int_equal(ds_event_publisher_listen(service.publisher, "tcp://0.0.0.0:0", &url),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(ds_event_publisher_listen(service.publisher, "ipc:///tmp/events.sock", &url),
                     DS_PERMISSION_DENIED);
    assert_int_equal(ds_event_publisher_listen(service.publisher, service.event_url, &url),
                     DS_ALREADY_EXISTS);
    assert_null(url);
    event_service_close(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_subscribers_get_every_event_in_order),
        cmocka_unit_test(two_thousand_lost_messages_are_asked_for),
        cmocka_unit_test(forgotten_events_are_a_gap),
        cmocka_unit_test(the_loss_of_the_last_events_is_seen_by_a_heartbeat),
        cmocka_unit_test(a_restart_of_the_service_is_a_gap_and_it_goes_on),
        cmocka_unit_test(a_subscriber_goes_on_where_an_earlier_one_ended),
        cmocka_unit_test(a_subscriber_that_never_reads_slows_nobody),
        cmocka_unit_test(one_address_has_only_so_many_subscribers),
        cmocka_unit_test(hang_ups_before_the_greeting_leave_an_event_socket_hearing),
        cmocka_unit_test(a_caller_over_tcp_is_not_told_of_socket_files),
        cmocka_unit_test(an_event_socket_listens_only_where_a_server_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
