/* How a dialer's connections come about, and with whom. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_peer.h"
#include "integration/rpc_raw.h"

#include <sys/socket.h>
#include <unistd.h>

/* More than the connections of a dialer. */
#define HANG_UPS 10

static void without_a_peer_a_request_is_unavailable(void **state)
{
    struct asked asked;
    (void)state;
    close(hostile.listener);
    asked_start(&asked, dialer, "to nobody");
    assert_int_equal(asked_end(&asked), DS_UNAVAILABLE);
    assert_false(asked.was_sent);
    assert_false(ds_sp_dialer_is_connected(dialer));
    hostile.listener = -1;
}

/* Until its peer has gone a good way towards a connection, and farther. */
static void a_close_waits_for_no_connection(void **state)
{
    static const uint8_t half[] = {0, 'S', 'P', 0};
    (void)state;
    for (int i = 0; i < HANG_UPS; i++) {
        struct asked asked;
        asked_start(&asked, dialer, "waits");
        const int peer = accept(hostile.listener, NULL, NULL);
        assert_true(peer >= 0);
        if (i % 2 == 1) {
            rpc_raw_send(peer, half, sizeof half);
        }
        ds_sp_dialer_close(dialer);
        asked_await(&asked);
        assert_int_equal(asked.code, DS_CANCELLED);
        close(peer);
        dialer = dialer_open(hostile.url);
    }
}

/* A dialer of nng 1.5.2 gave up for good. */
static void hang_ups_before_the_greeting_are_got_over(void **state)
{
    (void)state;
    for (int i = 0; i < HANG_UPS; i++) {
        const int peer = accept(hostile.listener, NULL, NULL);
        assert_true(peer >= 0);
        close(peer);
    }
    close(peer_meet());
}

static void a_peer_that_greets_otherwise_is_left_and_tried_again(void **state)
{
    static const uint8_t greetings[][8] = {
        {0, 'S', 'P', 0, 0, 0x30, 0, 0}, /* REQ, too */
        {0, 'S', 'P', 1, 0, 0x31, 0, 0},
        {'H', 'T', 'T', 'P', '/', '1', '.', '1'},
    };
    (void)state;
    for (size_t i = 0; i < sizeof greetings / sizeof *greetings; i++) {
        uint8_t theirs[8];
        const int peer = accept(hostile.listener, NULL, NULL);
        assert_true(peer >= 0);
        rpc_raw_send(peer, greetings[i], sizeof greetings[i]);
        rpc_raw_receive_all(peer, theirs, sizeof theirs);
        assert_true(rpc_raw_is_hung_up(peer));
        close(peer);
    }
    close(peer_meet());
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    dialer_open_again("LOCALHOST", 0); /* Small letters would be known without looking it up. */
    close(peer_meet());
}

static void a_name_that_stands_for_nobody_is_unavailable(void **state)
{
    struct asked asked;
    (void)state;
    ds_sp_dialer_close(dialer);
    dialer = dialer_open("tcp://nobody.invalid:5555");
    asked_start(&asked, dialer, "to nobody");
    assert_int_equal(asked_end(&asked), DS_UNAVAILABLE);
    assert_false(asked.was_sent);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, dialer_setup, dialer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(without_a_peer_a_request_is_unavailable),
        WITH(a_close_waits_for_no_connection),
        WITH(hang_ups_before_the_greeting_are_got_over),
        WITH(a_peer_that_greets_otherwise_is_left_and_tried_again),
        WITH(a_name_is_looked_up),
        WITH(a_name_that_stands_for_nobody_is_unavailable),
    };
    return cmocka_run_group_tests_name("sp dialer, connect", tests, NULL, NULL);
}
