/* When a subscriber connects and when it gives up, by a clock that the test turns. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/sp_peer.h"
#include "support/standing_clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define US_PER_MS 1000

static int connect_count;
static sa_family_t connect_family; /* of the last one */

/* Stands before the C library's. */
int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    connect_count++;
    connect_family = address->sa_family;
    return (int)syscall(SYS_connect, fd, address, size);
}

static int64_t time_us;

static int64_t turned_monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return time_us;
}

static const struct ds_clock turned_clock = {standing_wall_us, turned_monotonic_us};

/* What is due at `ms` after now is done then. */
static void pass_time(struct ds_sp_subscriber *subscriber, int ms)
{
    struct ds_bytes message;
    time_us += (int64_t)ms * US_PER_MS;
    assert_false(ds_sp_subscriber_receive(subscriber, 0, &message));
}

static void waits_are_doubled_up_to_a_quarter_of_a_second(void **state)
{
    (void)state;
    static const int waits_ms[] = {10, 20, 40, 80, 160, 250, 250, 250};
    struct sp_peer peer;
    sp_peer_open(&peer, false);
    sp_peer_listen_no_more(&peer);
    struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", &turned_clock);
    connect_count = 0;
    pass_time(subscriber, 0);
    assert_int_equal(connect_count, 1);
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        pass_time(subscriber, waits_ms[i] - 1);
        assert_int_equal(connect_count, i + 1);
        pass_time(subscriber, 1);
        assert_int_equal(connect_count, i + 2);
    }
    ds_sp_subscriber_close(subscriber);
    sp_peer_close(&peer);
}

/* Lets the peer hang up; the connection after it comes when `wait_ms` have passed. */
static void assert_wait_after_hang_up(struct sp_peer *peer, struct ds_sp_subscriber *subscriber,
                                      int wait_ms)
{
    sp_peer_hang_up(peer);
    connect_count = 0;
    pass_time(subscriber, 0);
    pass_time(subscriber, wait_ms - 1);
    assert_int_equal(connect_count, 0);
    pass_time(subscriber, 1);
    assert_int_equal(connect_count, 1);
}

static void only_a_message_makes_the_wait_short_again(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_peer_open(&peer, false);
    struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", &turned_clock);
    sp_peer_meet(&peer, subscriber);
    assert_wait_after_hang_up(&peer, subscriber, 10);
    sp_peer_meet(&peer, subscriber);
    assert_wait_after_hang_up(&peer, subscriber, 20);
    sp_peer_meet(&peer, subscriber);
    sp_peer_send_message(&peer, "news");
    sp_peer_assert_received(subscriber, "news");
    assert_wait_after_hang_up(&peer, subscriber, 10);
    ds_sp_subscriber_close(subscriber);
    sp_peer_close(&peer);
}

static void a_peer_that_does_not_greet_in_its_time_is_left(void **state)
{
    (void)state;
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct sp_peer peer;
        sp_peer_open(&peer, is_tcp == 1);
        struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", &turned_clock);
        sp_peer_accept(&peer, subscriber);
        sp_peer_send(&peer, "\0SP\0\0\x20\0", 7);
        pass_time(subscriber, DS_SP_HANDSHAKE_MS - 1);
        assert_false(sp_peer_was_left(&peer));
        pass_time(subscriber, 1);
        sp_peer_await_hang_up(&peer, subscriber);
        pass_time(subscriber, DS_SP_RECONNECT_MS_MIN);
        sp_peer_meet(&peer, subscriber);
        sp_peer_send_message(&peer, "in time");
        sp_peer_assert_received(subscriber, "in time");
        pass_time(subscriber, 10 * DS_SP_HANDSHAKE_MS); /* Silence is no fault. */
        assert_false(sp_peer_was_left(&peer));
        ds_sp_subscriber_close(subscriber);
        sp_peer_close(&peer);
    }
}

/* As after a stop of the process in which the peer did its part. */
static void a_greeting_that_has_come_counts_however_late_it_is_read(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_peer_open(&peer, false);
    struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", &turned_clock);
    sp_peer_meet(&peer, subscriber);
    pass_time(subscriber, 10 * DS_SP_HANDSHAKE_MS);
    assert_false(sp_peer_was_left(&peer));
    sp_peer_send_message(&peer, "late");
    sp_peer_assert_received(subscriber, "late");
    ds_sp_subscriber_close(subscriber);
    sp_peer_close(&peer);
}

/* A listener whose queue is full lets connections over tcp wait. */
static void a_connection_that_is_not_made_in_its_time_is_given_up(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_peer_open(&peer, true);
    assert_int_equal(listen(peer.listener, 0), 0);
    struct ds_sp_subscriber *first = sp_peer_subscribe(&peer, "", NULL);
    struct ds_bytes message;
    assert_false(ds_sp_subscriber_receive(first, 1, &message));
    struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", &turned_clock);
    connect_count = 0;
    pass_time(subscriber, 0);
    pass_time(subscriber, DS_SP_HANDSHAKE_MS - 1);
    assert_int_equal(connect_count, 1);
    pass_time(subscriber, 1);
    pass_time(subscriber, DS_SP_RECONNECT_MS_MIN - 1);
    assert_int_equal(connect_count, 1);
    pass_time(subscriber, 1);
    assert_int_equal(connect_count, 2);
    ds_sp_subscriber_close(subscriber);
    ds_sp_subscriber_close(first);
    sp_peer_close(&peer);
}

/* A listener whose queue is full refuses connections over ipc for now. */
static void a_full_queue_over_ipc_is_tried_again(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_peer_open(&peer, false);
    assert_int_equal(listen(peer.listener, 0), 0);
    struct ds_sp_subscriber *first = sp_peer_subscribe(&peer, "", &turned_clock);
    pass_time(first, 0);
    struct ds_sp_subscriber *second = sp_peer_subscribe(&peer, "", &turned_clock);
    connect_count = 0;
    pass_time(second, 0);
    sp_peer_meet(&peer, first);
    sp_peer_hang_up(&peer);
    pass_time(second, DS_SP_RECONNECT_MS_MIN);
    assert_int_equal(connect_count, 2);
    sp_peer_meet(&peer, second);
    ds_sp_subscriber_close(second);
    ds_sp_subscriber_close(first);
    sp_peer_close(&peer);
}

static void localhost_is_sought_at_both_of_its_addresses(void **state)
{
    (void)state;
    struct sp_peer peer;
    sp_peer_open(&peer, true);
    sp_peer_listen_no_more(&peer);
    snprintf(peer.url, sizeof peer.url, "tcp://localhost%s", strrchr(peer.url, ':'));
    struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", &turned_clock);
    static const int waits_ms[] = {0, 10, 20, 40};
    static const sa_family_t families[] = {AF_INET, AF_INET6, AF_INET, AF_INET6};
    for (size_t i = 0; i < 4; i++) {
        connect_family = AF_UNSPEC;
        pass_time(subscriber, waits_ms[i]);
        pass_time(subscriber, 0);
        assert_int_equal(connect_family, families[i]);
    }
    ds_sp_subscriber_close(subscriber);
    sp_peer_close(&peer);
}

static void descriptors_limit(rlim_t count, rlim_t *ret_before)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    *ret_before = limit.rlim_cur;
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void without_a_descriptor_it_is_tried_again(void **state)
{
    (void)state;
    struct sp_peer peer;
    struct ds_sp_subscriber *none = NULL;
    rlim_t before;
    rlim_t no_more;
    sp_peer_open(&peer, false);
    struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", &turned_clock);
    connect_count = 0;
    descriptors_limit(STDERR_FILENO + 1, &before);
    pass_time(subscriber, 0);
    const ds_code code = ds_sp_subscriber_open(
        &(struct ds_sp_subscriber_options){.url = peer.url, .message_bytes_max = 1}, &none);
    descriptors_limit(before, &no_more);
    assert_int_equal(code, DS_RESOURCE_EXHAUSTED);
    assert_null(none);
    assert_int_equal(connect_count, 0);
    pass_time(subscriber, DS_SP_RECONNECT_MS_MIN);
    assert_int_equal(connect_count, 1);
    sp_peer_meet(&peer, subscriber);
    ds_sp_subscriber_close(subscriber);
    sp_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_are_doubled_up_to_a_quarter_of_a_second),
        cmocka_unit_test(only_a_message_makes_the_wait_short_again),
        cmocka_unit_test(a_peer_that_does_not_greet_in_its_time_is_left),
        cmocka_unit_test(a_greeting_that_has_come_counts_however_late_it_is_read),
        cmocka_unit_test(a_connection_that_is_not_made_in_its_time_is_given_up),
        cmocka_unit_test(a_full_queue_over_ipc_is_tried_again),
        cmocka_unit_test(localhost_is_sought_at_both_of_its_addresses),
        cmocka_unit_test(without_a_descriptor_it_is_tried_again),
    };
    return cmocka_run_group_tests_name("sp reconnect", tests, NULL, NULL);
}
