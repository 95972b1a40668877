/* Peers that hang up before they have greeted: docs/rpc-guards.md. One such made an ipc listener of
 * nng 1.5.2 deaf for good in 6 of 7 runs (nng issue 1518). */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_fixture.h"
#include "integration/rpc_raw.h"
#include "schema.gen.h"

#include <sys/socket.h>
#include <unistd.h>

#define HANG_UPS 200
#define GREETING_BYTES 8

static struct rpc_fixture fixture;

/* A call of a client that has no connection yet. */
static ds_code call_by_new_client(void)
{
    struct ds_channel *channel = NULL;
    assert_int_equal(ds_channel_open(&(struct ds_channel_options){.url = fixture.url}, &channel),
                     DS_OK);
    struct ds_client_call call = {.method = ds_method_control_hello,
                                  .timeout_ms = RPC_FIXTURE_PATIENCE_MS};
    const ds_code code = ds_channel_call_wait(channel, &call);
    ds_client_call_release(&call);
    ds_channel_close(channel);
    return code;
}

/* After so many bytes of its greeting; over tcp every other one with a reset. */
static void hang_up(size_t bytes, bool resets)
{
    static const uint8_t greeting[GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    const int peer = rpc_raw_connect(fixture.url, "127.0.0.1");
    rpc_raw_send(peer, greeting, bytes);
    if (resets) {
        setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close(peer);
}

static void expect_hang_ups_to_do_no_harm(enum fixture_transport transport)
{
    rpc_fixture_open(&fixture, transport, NULL);
    assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
    for (size_t i = 0; i < HANG_UPS; i++) {
        hang_up(i / 2 % (GREETING_BYTES + 1), i % 2 == 0);
        if (i % 20 == 0) {
            assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
            assert_int_equal(call_by_new_client(), DS_OK);
        }
    }
    assert_int_equal(call_by_new_client(), DS_OK);
    rpc_fixture_await_connections(&fixture, 1); /* the fixture's */
    rpc_fixture_close(&fixture);
}

static void an_ipc_listener_outlives_hang_ups_before_the_greeting(void **state)
{
    (void)state;
    expect_hang_ups_to_do_no_harm(FIXTURE_IPC);
}

static void a_tcp_listener_outlives_hang_ups_before_the_greeting(void **state)
{
    (void)state;
    expect_hang_ups_to_do_no_harm(FIXTURE_TCP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipc_listener_outlives_hang_ups_before_the_greeting),
        cmocka_unit_test(a_tcp_listener_outlives_hang_ups_before_the_greeting),
    };
    return cmocka_run_group_tests_name("rpc hang-ups", tests, NULL, NULL);
}
