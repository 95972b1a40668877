/* Our subscriber beside nng 1.5.2: its publishers, and its sockets in the same process. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/nng_sockets.h"
#include "integration/sp_peer.h"

#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdio.h>
#include <stdlib.h>

#define CLOSES 200

static void publish(nng_socket publisher, const char *text)
{
    assert_int_equal(nng_send(publisher, (void *)(uintptr_t)text, strlen(text), 0), 0);
}

/* What is published before the connection is made is lost, so it is published again and again. */
static void publish_until_received(nng_socket publisher, struct ds_sp_subscriber *subscriber,
                                   const char *text)
{
    struct ds_bytes message;
    do {
        publish(publisher, text);
    } while (!ds_sp_subscriber_receive(subscriber, 20, &message));
    assert_true(ds_bytes_equal_text(message, text));
}

/* A publisher of nng at the peer's address, in place of the peer. */
static nng_socket publisher_open(struct sp_peer *peer)
{
    nng_socket publisher;
    sp_peer_listen_no_more(peer);
    assert_int_equal(nng_pub0_open(&publisher), 0);
    assert_int_equal(nng_listen(publisher, peer->url, NULL, 0), 0);
    return publisher;
}

static void a_publisher_of_nng_is_heard_and_found_again(void **state)
{
    (void)state;
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct sp_peer peer;
        sp_peer_open(&peer, is_tcp == 1);
        struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "ticks/", NULL);
        for (int start = 0; start < 3; start++) {
            nng_socket publisher = publisher_open(&peer);
            publish_until_received(publisher, subscriber, "ticks/A");
            publish(publisher, "quotes/A");
            publish(publisher, "ticks/B");
            struct ds_bytes message;
            do {
                assert_true(ds_sp_subscriber_receive(subscriber, SP_PATIENCE_MS, &message));
            } while (ds_bytes_equal_text(message, "ticks/A"));
            assert_true(ds_bytes_equal_text(message, "ticks/B"));
            assert_true(nng_sockets_close(publisher));
        }
        ds_sp_subscriber_close(subscriber);
        sp_peer_close(&peer);
    }
}

/* A connection of nng's own that is made, used and closed. */
static bool nng_works(struct sp_peer *peer)
{
    nng_socket publisher = publisher_open(peer);
    nng_socket subscriber;
    char text[8];
    size_t size = sizeof text;
    int outcome = NNG_ETIMEDOUT;
    assert_int_equal(nng_sub0_open(&subscriber), 0);
    assert_int_equal(nng_socket_set(subscriber, NNG_OPT_SUB_SUBSCRIBE, "", 0), 0);
    assert_int_equal(nng_socket_set_ms(subscriber, NNG_OPT_RECVTIMEO, 20), 0);
    assert_int_equal(nng_dial(subscriber, peer->url, NULL, NNG_FLAG_NONBLOCK), 0);
    while (outcome == NNG_ETIMEDOUT) {
        publish(publisher, "news");
        size = sizeof text;
        outcome = nng_recv(subscriber, text, &size, 0);
    }
    assert_int_equal(outcome, 0);
    const bool is_closed = nng_sockets_close(subscriber);
    return nng_sockets_close(publisher) && is_closed;
}

/* The close that would stop nng's reaper, were it nng's (docs/rpc-guards.md). */
static void closes_in_the_middle_of_a_message_leave_nng_alone(void **state)
{
    (void)state;
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct sp_peer peer;
        sp_peer_open(&peer, is_tcp == 1);
        for (int i = 0; i < CLOSES; i++) {
            struct ds_bytes message;
            struct ds_sp_subscriber *subscriber = sp_peer_subscribe(&peer, "", NULL);
            sp_peer_meet(&peer, subscriber);
            sp_peer_send_message(&peer, "whole");
            sp_peer_assert_received(subscriber, "whole");
            sp_peer_send_head(&peer, 5);
            assert_false(ds_sp_subscriber_receive(subscriber, i % 2, &message));
            ds_sp_subscriber_close(subscriber);
            sp_peer_hang_up(&peer);
        }
        assert_true(nng_works(&peer));
        sp_peer_close(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publisher_of_nng_is_heard_and_found_again),
        cmocka_unit_test(closes_in_the_middle_of_a_message_leave_nng_alone),
    };
    return cmocka_run_group_tests_name("sp and nng", tests, NULL, NULL);
}
