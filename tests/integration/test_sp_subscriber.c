/* A subscriber and a publisher that knows the protocol, or doesn't. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/sp_peer.h"
#include "support/log_capture.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define MESSAGE_BYTES_MAX 65536
#define PUB 0x20
#define REP 0x31

static const bool transports[] = {false, true}; /* is_tcp */

struct scene {
    struct sp_peer peer;
    struct ds_sp_subscriber *subscriber;
};

static void scene_open(struct scene *scene, bool is_tcp, const char *topic)
{
    sp_peer_open(&scene->peer, is_tcp);
    scene->subscriber = sp_peer_subscribe(&scene->peer, topic, NULL);
}

static void scene_close(struct scene *scene)
{
    ds_sp_subscriber_close(scene->subscriber);
    sp_peer_close(&scene->peer);
}

/* After whatever went wrong before. */
static void assert_it_goes_on(struct scene *scene)
{
    sp_peer_meet(&scene->peer, scene->subscriber);
    sp_peer_send_message(&scene->peer, "again");
    sp_peer_assert_received(scene->subscriber, "again");
}

static void messages_come_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_open(&scene, transports[i], "");
        sp_peer_meet(&scene.peer, scene.subscriber);
        sp_peer_send_message(&scene.peer, "one");
        sp_peer_send_message(&scene.peer, "");
        sp_peer_send_message(&scene.peer, "three");
        sp_peer_assert_received(scene.subscriber, "one");
        sp_peer_assert_received(scene.subscriber, "");
        sp_peer_assert_received(scene.subscriber, "three");
        scene_close(&scene);
    }
}

static void the_largest_message_comes_whole(void **state)
{
    (void)state;
    char *large = calloc(1, MESSAGE_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, 'm', MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_open(&scene, transports[i], "");
        sp_peer_meet(&scene.peer, scene.subscriber);
        for (int n = 0; n < 3; n++) {
            sp_peer_send_message(&scene.peer, large);
            sp_peer_assert_received(scene.subscriber, large);
        }
        scene_close(&scene);
    }
    free(large);
}

static void only_the_topics_that_were_asked_for_come(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, false, "ticks/");
    ds_sp_subscriber_add(scene.subscriber, ds_bytes_of_text("chains/N"));
    sp_peer_meet(&scene.peer, scene.subscriber);
    static const char *const sent[] = {"quotes/A", "ticks",     "ticks/A", "chains/",
                                       "chains/N", "xticks/A",  "",        "Ticks/A",
                                       "ticks/",   "chains/NI", "end"};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        sp_peer_send_message(&scene.peer, sent[i]);
    }
    sp_peer_assert_received(scene.subscriber, "ticks/A");
    sp_peer_assert_received(scene.subscriber, "chains/N");
    sp_peer_assert_received(scene.subscriber, "ticks/");
    sp_peer_assert_received(scene.subscriber, "chains/NI");
    scene_close(&scene);
}

static void nothing_comes_without_a_topic(void **state)
{
    (void)state;
    struct scene scene;
    sp_peer_open(&scene.peer, false);
    assert_int_equal(ds_sp_subscriber_open(
                         &(struct ds_sp_subscriber_options){.url = scene.peer.url,
                                                            .message_bytes_max = MESSAGE_BYTES_MAX},
                         &scene.subscriber),
                     DS_OK);
    sp_peer_meet(&scene.peer, scene.subscriber);
    sp_peer_send_message(&scene.peer, "ticks/A");
    /* What is too large is refused only after what came before it was passed over. */
    sp_peer_send_head(&scene.peer, MESSAGE_BYTES_MAX + 1);
    sp_peer_await_hang_up(&scene.peer, scene.subscriber);
    ds_sp_subscriber_add(scene.subscriber, ds_bytes_of_text("ticks/"));
    sp_peer_meet(&scene.peer, scene.subscriber);
    sp_peer_send_message(&scene.peer, "ticks/B");
    sp_peer_assert_received(scene.subscriber, "ticks/B");
    scene_close(&scene);
}

static void bytes_that_drip_become_messages(void **state)
{
    (void)state;
    static const uint8_t ipc[] = {0, 'S', 'P', 0, 0, PUB, 0, 0,   1,   0,
                                  0, 0,   0,   0, 0, 0,   3, 'a', 'b', 'c'};
    static const uint8_t tcp[] = {0, 'S', 'P', 0, 0, PUB, 0,   0,   0,  0,
                                  0, 0,   0,   0, 0, 3,   'a', 'b', 'c'};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        struct ds_bytes message;
        const uint8_t *bytes = transports[i] ? tcp : ipc;
        const size_t size = transports[i] ? sizeof tcp : sizeof ipc;
        scene_open(&scene, transports[i], "");
        sp_peer_accept(&scene.peer, scene.subscriber);
        for (size_t n = 0; n < size - 1; n++) {
            sp_peer_send(&scene.peer, bytes + n, 1);
            assert_false(ds_sp_subscriber_receive(scene.subscriber, 1, &message));
        }
        sp_peer_send(&scene.peer, bytes + size - 1, 1);
        sp_peer_assert_received(scene.subscriber, "abc");
        scene_close(&scene);
    }
}

static void a_peer_of_another_protocol_is_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_open(&scene, transports[i], "");
        sp_peer_accept(&scene.peer, scene.subscriber);
        sp_peer_greet(&scene.peer, REP);
        sp_peer_await_hang_up(&scene.peer, scene.subscriber);
        sp_peer_accept(&scene.peer, scene.subscriber);
        sp_peer_send(&scene.peer, "HTTP/1.1 400 Bad Request\r\n", 26);
        sp_peer_await_hang_up(&scene.peer, scene.subscriber);
        assert_it_goes_on(&scene);
        scene_close(&scene);
    }
}

static void a_peer_that_announces_too_much_is_left(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {MESSAGE_BYTES_MAX + 1, UINT64_C(1) << 40, UINT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_open(&scene, transports[i], "");
        for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
            sp_peer_meet(&scene.peer, scene.subscriber);
            sp_peer_send_message(&scene.peer, "before");
            sp_peer_send_head(&scene.peer, sizes[n]);
            sp_peer_assert_received(scene.subscriber, "before");
            sp_peer_await_hang_up(&scene.peer, scene.subscriber);
        }
        assert_it_goes_on(&scene);
        scene_close(&scene);
    }
}

static void a_message_of_another_type_over_ipc_is_left(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, false, "");
    sp_peer_meet(&scene.peer, scene.subscriber);
    sp_peer_send(&scene.peer, "\2", 1);
    sp_peer_await_hang_up(&scene.peer, scene.subscriber);
    assert_it_goes_on(&scene);
    scene_close(&scene);
}

static void half_a_message_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_open(&scene, transports[i], "");
        sp_peer_meet(&scene.peer, scene.subscriber);
        sp_peer_send_head(&scene.peer, 5);
        sp_peer_send(&scene.peer, "hal", 3);
        sp_peer_hang_up(&scene.peer);
        assert_it_goes_on(&scene);
        sp_peer_send(&scene.peer, "\1\0\0", transports[i] ? 3 : 1);
        sp_peer_hang_up(&scene.peer);
        assert_it_goes_on(&scene);
        scene_close(&scene);
    }
}

static void messages_before_a_hang_up_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_open(&scene, transports[i], "");
        sp_peer_meet(&scene.peer, scene.subscriber);
        sp_peer_send_message(&scene.peer, "last but one");
        sp_peer_send_message(&scene.peer, "last");
        sp_peer_hang_up(&scene.peer);
        sp_peer_assert_received(scene.subscriber, "last but one");
        sp_peer_assert_received(scene.subscriber, "last");
        assert_it_goes_on(&scene);
        scene_close(&scene);
    }
}

static void a_publisher_that_is_started_anew_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        struct ds_bytes message;
        scene_open(&scene, transports[i], "");
        assert_it_goes_on(&scene);
        sp_peer_hang_up(&scene.peer);
        sp_peer_listen_no_more(&scene.peer);
        assert_false(ds_sp_subscriber_receive(scene.subscriber, 50, &message));
        sp_peer_listen(&scene.peer);
        assert_it_goes_on(&scene);
        scene_close(&scene);
    }
}

static void refusals_are_told_once_until_a_message_comes(void **state)
{
    (void)state;
    struct scene scene;
    struct log_capture capture;
    scene_open(&scene, false, "");
    log_capture_begin(&capture);
    for (int i = 0; i < 3; i++) {
        sp_peer_accept(&scene.peer, scene.subscriber);
        sp_peer_greet(&scene.peer, REP);
        sp_peer_await_hang_up(&scene.peer, scene.subscriber);
    }
    const char *told = strstr(log_capture_end(&capture), "publisher_refused");
    assert_non_null(told);
    assert_non_null(strstr(told, "it does not greet as one"));
    assert_null(strstr(told + 1, "publisher_refused"));

    assert_it_goes_on(&scene);
    log_capture_begin(&capture);
    sp_peer_send_head(&scene.peer, MESSAGE_BYTES_MAX + 1);
    sp_peer_await_hang_up(&scene.peer, scene.subscriber);
    assert_non_null(strstr(log_capture_end(&capture), "announces a message that is too large"));

    assert_it_goes_on(&scene);
    log_capture_begin(&capture);
    sp_peer_send(&scene.peer, "\2", 1);
    sp_peer_await_hang_up(&scene.peer, scene.subscriber);
    assert_non_null(strstr(log_capture_end(&capture), "its messages are none of ipc"));
    scene_close(&scene);
}

static void *interrupt_main(void *argument)
{
    ds_sp_subscriber_interrupt(argument);
    return NULL;
}

static void an_interrupt_ends_a_receive_without_an_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        struct ds_bytes message;
        pthread_t thread;
        scene_open(&scene, transports[i], "");
        sp_peer_meet(&scene.peer, scene.subscriber);
        sp_peer_send_head(&scene.peer, 5);
        assert_int_equal(pthread_create(&thread, NULL, interrupt_main, scene.subscriber), 0);
        assert_false(ds_sp_subscriber_receive(scene.subscriber, -1, &message));
        pthread_join(thread, NULL);
        sp_peer_send(&scene.peer, "whole", 5);
        sp_peer_assert_received(scene.subscriber, "whole");
        scene_close(&scene);
    }
}

static void an_interrupt_before_a_receive_ends_it_and_no_other(void **state)
{
    (void)state;
    struct scene scene;
    struct ds_bytes message;
    scene_open(&scene, false, "");
    ds_sp_subscriber_interrupt(scene.subscriber);
    ds_sp_subscriber_interrupt(scene.subscriber);
    assert_false(ds_sp_subscriber_receive(scene.subscriber, -1, &message));
    assert_it_goes_on(&scene);
    scene_close(&scene);
}

static void a_subscriber_may_be_closed_at_any_moment(void **state)
{
    (void)state;
    struct scene scene;
    struct ds_bytes message;
    ds_sp_subscriber_close(NULL);
    for (size_t i = 0; i < 2; i++) {
        scene_open(&scene, transports[i], ""); /* not connected */
        scene_close(&scene);
        scene_open(&scene, transports[i], ""); /* connected, not accepted */
        assert_false(ds_sp_subscriber_receive(scene.subscriber, 0, &message));
        scene_close(&scene);
        scene_open(&scene, transports[i], ""); /* not greeted */
        sp_peer_accept(&scene.peer, scene.subscriber);
        scene_close(&scene);
        scene_open(&scene, transports[i], ""); /* with a message that was received last */
        assert_it_goes_on(&scene);
        scene_close(&scene);
        scene_open(&scene, transports[i], ""); /* in the middle of a message */
        sp_peer_meet(&scene.peer, scene.subscriber);
        sp_peer_send_head(&scene.peer, 5);
        assert_false(ds_sp_subscriber_receive(scene.subscriber, 1, &message));
        scene_close(&scene);
        scene_open(&scene, transports[i], ""); /* while it waits to connect again */
        assert_it_goes_on(&scene);
        sp_peer_listen_no_more(&scene.peer);
        sp_peer_hang_up(&scene.peer);
        assert_false(ds_sp_subscriber_receive(scene.subscriber, 1, &message));
        scene_close(&scene);
    }
}

static void a_url_of_another_form_is_refused(void **state)
{
    (void)state;
    struct ds_sp_subscriber *subscriber = NULL;
    const struct ds_sp_subscriber_options options = {.url = "inproc://events",
                                                     .message_bytes_max = MESSAGE_BYTES_MAX};
    assert_int_equal(ds_sp_subscriber_open(&options, &subscriber), DS_INVALID_ARGUMENT);
    assert_null(subscriber);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_in_order),
        cmocka_unit_test(the_largest_message_comes_whole),
        cmocka_unit_test(only_the_topics_that_were_asked_for_come),
        cmocka_unit_test(nothing_comes_without_a_topic),
        cmocka_unit_test(bytes_that_drip_become_messages),
        cmocka_unit_test(a_peer_of_another_protocol_is_left),
        cmocka_unit_test(a_peer_that_announces_too_much_is_left),
        cmocka_unit_test(a_message_of_another_type_over_ipc_is_left),
        cmocka_unit_test(half_a_message_is_none),
        cmocka_unit_test(messages_before_a_hang_up_come),
        cmocka_unit_test(a_publisher_that_is_started_anew_is_found),
        cmocka_unit_test(refusals_are_told_once_until_a_message_comes),
        cmocka_unit_test(an_interrupt_ends_a_receive_without_an_end),
        cmocka_unit_test(an_interrupt_before_a_receive_ends_it_and_no_other),
        cmocka_unit_test(a_subscriber_may_be_closed_at_any_moment),
        cmocka_unit_test(a_url_of_another_form_is_refused),
    };
    return cmocka_run_group_tests_name("sp subscriber", tests, NULL, NULL);
}
