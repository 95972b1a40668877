/* Our publisher, with subscribers of ours, of nng 1.5.2, and of no good. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_publisher.h"
#include "ds/sp_stream.h"
#include "ds/sp_subscriber.h"
#include "integration/nng_sockets.h"

#include <arpa/inet.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define QUEUE_MAX 64
/* More than the kernel holds of a connection together with the queue. */
#define LARGE_BYTES 65536
#define MANY 400
#define HANG_UPS 300
#define ROUNDS 50

struct fixture {
    char folder[32];
    char path[64];
    struct ds_sp_publisher *publisher;
    const char *url;
};

static void fixture_open(struct fixture *fixture, bool is_tcp)
{
    char url[96];
    strcpy(fixture->folder, "/tmp/ds-pub-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/events.sock", fixture->folder);
    snprintf(url, sizeof url, "ipc://%s", fixture->path);
    fixture->publisher = ds_sp_publisher_create(QUEUE_MAX);
    assert_int_equal(ds_sp_publisher_listen(fixture->publisher, is_tcp ? "tcp://127.0.0.1:0" : url,
                                            &fixture->url),
                     DS_OK);
}

static void fixture_close(struct fixture *fixture)
{
    ds_sp_publisher_close(fixture->publisher);
    assert_int_equal(access(fixture->path, F_OK), -1);
    assert_int_equal(rmdir(fixture->folder), 0);
}

static void publish(struct fixture *fixture, const char *text)
{
    ds_sp_publisher_send(fixture->publisher, ds_bytes_of_text(text));
}

static struct ds_sp_subscriber *subscribe(struct fixture *fixture, const char *topic)
{
    struct ds_sp_subscriber *subscriber = NULL;
    assert_int_equal(ds_sp_subscriber_open(
                         &(struct ds_sp_subscriber_options){
                             .url = fixture->url, .message_bytes_max = 2 * (size_t)LARGE_BYTES},
                         &subscriber),
                     DS_OK);
    ds_sp_subscriber_add(subscriber, ds_bytes_of_text(topic));
    return subscriber;
}

/* What is published before the subscriber has greeted is not for it, so it is published again. */
static void meet(struct fixture *fixture, struct ds_sp_subscriber *subscriber)
{
    struct ds_bytes message;
    do {
        publish(fixture, "hello");
    } while (!ds_sp_subscriber_receive(subscriber, 10, &message));
    publish(fixture, "met");
    while (!ds_bytes_equal_text(message, "met")) {
        assert_true(ds_sp_subscriber_receive(subscriber, PATIENCE_MS, &message));
    }
}

static void each_subscriber_gets_each_message(void **state)
{
    (void)state;
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct fixture fixture;
        struct ds_bytes message;
        fixture_open(&fixture, is_tcp == 1);
        struct ds_sp_subscriber *both[2];
        for (size_t i = 0; i < 2; i++) {
            both[i] = subscribe(&fixture, "");
            meet(&fixture, both[i]);
        }
        assert_int_equal(ds_sp_publisher_connection_count(fixture.publisher), 2);
        for (int i = 0; i < QUEUE_MAX; i++) {
            char text[16];
            snprintf(text, sizeof text, "%d", i);
            publish(&fixture, text);
        }
        for (size_t i = 0; i < 2; i++) {
            for (int number = 0; number < QUEUE_MAX;) {
                char text[16];
                snprintf(text, sizeof text, "%d", number);
                assert_true(ds_sp_subscriber_receive(both[i], PATIENCE_MS, &message));
                number += ds_bytes_equal_text(message, text) ? 1 : 0;
                assert_true(ds_bytes_equal_text(message, text) || number == 0);
            }
            ds_sp_subscriber_close(both[i]);
        }
        fixture_close(&fixture);
    }
}

static void a_subscriber_of_nng_hears_it(void **state)
{
    (void)state;
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct fixture fixture;
        nng_socket subscriber;
        char text[16];
        size_t size = 0;
        int outcome = NNG_ETIMEDOUT;
        fixture_open(&fixture, is_tcp == 1);
        assert_int_equal(nng_sub0_open(&subscriber), 0);
        assert_int_equal(nng_socket_set(subscriber, NNG_OPT_SUB_SUBSCRIBE, "ticks/", 6), 0);
        assert_int_equal(nng_socket_set_ms(subscriber, NNG_OPT_RECVTIMEO, 20), 0);
        assert_int_equal(nng_dial(subscriber, fixture.url, NULL, NNG_FLAG_NONBLOCK), 0);
        while (outcome == NNG_ETIMEDOUT) {
            publish(&fixture, "quotes/B");
            publish(&fixture, "ticks/A");
            size = sizeof text;
            outcome = nng_recv(subscriber, text, &size, 0);
        }
        assert_int_equal(outcome, 0);
        assert_int_equal(size, 7);
        assert_memory_equal(text, "ticks/A", 7);
        assert_true(nng_sockets_close(subscriber));
        fixture_close(&fixture);
    }
}

static int connect_bare(const struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, fixture->path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void greet(int fd, uint16_t protocol)
{
    uint8_t greeting[DS_SP_GREETING_BYTES];
    ds_sp_greeting_write(protocol, greeting);
    assert_int_equal(send(fd, greeting, sizeof greeting, MSG_NOSIGNAL), sizeof greeting);
}

static void await_hang_up(int fd)
{
    char bytes[256];
    while (recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
    close(fd);
}

static void await_count(struct fixture *fixture, size_t wanted)
{
    while (ds_sp_publisher_connection_count(fixture->publisher) != wanted) {
        usleep(1000);
    }
}

/* The oldest go, the newest are there, and nobody else waits meanwhile. */
static void a_subscriber_that_does_not_read_loses_the_oldest(void **state)
{
    (void)state;
    struct fixture fixture;
    char *body = calloc(1, LARGE_BYTES);
    assert_non_null(body);
    fixture_open(&fixture, false);
    struct ds_sp_subscriber *slow = subscribe(&fixture, "");
    struct ds_sp_subscriber *quick = subscribe(&fixture, "");
    meet(&fixture, slow);
    meet(&fixture, quick);
    for (int i = 0; i < MANY; i++) {
        struct ds_bytes message = {.size = 0};
        snprintf(body, LARGE_BYTES, "%d", i);
        ds_sp_publisher_send(fixture.publisher, ds_bytes_of(body, LARGE_BYTES));
        while (message.size != LARGE_BYTES) {
            assert_true(ds_sp_subscriber_receive(quick, PATIENCE_MS, &message));
        }
        assert_string_equal((const char *)message.data, body);
    }
    int got_count = 0;
    int last = -1;
    while (last < MANY - 1) {
        struct ds_bytes message;
        assert_true(ds_sp_subscriber_receive(slow, PATIENCE_MS, &message));
        if (message.size == LARGE_BYTES) {
            const int number = atoi((const char *)message.data);
            assert_true(number > last);
            last = number;
            got_count++;
        }
    }
    assert_true(got_count >= QUEUE_MAX);
    assert_true(got_count < MANY);
    ds_sp_subscriber_close(slow);
    ds_sp_subscriber_close(quick);
    fixture_close(&fixture);
    free(body);
}

static void who_is_no_subscriber_is_hung_up_on_and_hears_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    char bytes[64];
    fixture_open(&fixture, false);
    const int stranger = connect_bare(&fixture);
    await_count(&fixture, 1);
    publish(&fixture, "not for strangers");
    assert_int_equal(recv(stranger, bytes, sizeof bytes, 0), DS_SP_GREETING_BYTES);
    assert_int_equal(recv(stranger, bytes, sizeof bytes, MSG_DONTWAIT), -1);
    greet(stranger, DS_SP_REQ);
    await_hang_up(stranger);
    const int talker = connect_bare(&fixture);
    greet(talker, DS_SP_SUB);
    assert_int_equal(send(talker, "\1\0\0\0\0\0\0\0\2hi", 11, MSG_NOSIGNAL), 11);
    await_hang_up(talker);
    await_count(&fixture, 0);
    fixture_close(&fixture);
}

/* What made a listener of nng 1.5.2 deaf for good (nng issue 1518). */
static void hang_ups_before_the_greeting_leave_it_hearing(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, false);
    for (int i = 0; i < HANG_UPS; i++) {
        close(connect_bare(&fixture));
    }
    struct ds_sp_subscriber *subscriber = subscribe(&fixture, "");
    meet(&fixture, subscriber);
    ds_sp_subscriber_close(subscriber);
    await_count(&fixture, 0);
    fixture_close(&fixture);
}

static void it_closes_in_the_middle_of_messages(void **state)
{
    (void)state;
    char *body = calloc(1, LARGE_BYTES);
    assert_non_null(body);
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture fixture;
        fixture_open(&fixture, false);
        const int fd = connect_bare(&fixture);
        greet(fd, DS_SP_SUB);
        struct ds_sp_subscriber *subscriber = subscribe(&fixture, "");
        meet(&fixture, subscriber);
        for (int i = 0; i < 2 * QUEUE_MAX; i++) {
            ds_sp_publisher_send(fixture.publisher, ds_bytes_of(body, LARGE_BYTES));
        }
        fixture_close(&fixture);
        ds_sp_subscriber_close(subscriber);
        await_hang_up(fd);
    }
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_subscriber_gets_each_message),
        cmocka_unit_test(a_subscriber_of_nng_hears_it),
        cmocka_unit_test(a_subscriber_that_does_not_read_loses_the_oldest),
        cmocka_unit_test(who_is_no_subscriber_is_hung_up_on_and_hears_nothing),
        cmocka_unit_test(hang_ups_before_the_greeting_leave_it_hearing),
        cmocka_unit_test(it_closes_in_the_middle_of_messages),
    };
    return cmocka_run_group_tests_name("sp publisher", tests, NULL, NULL);
}
