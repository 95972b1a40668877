/* Connections that ask for nothing, or for too much at once: what the listener caps. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_fixture.h"
#include "integration/rpc_nursery.h"
#include "integration/rpc_raw.h"
#include "integration/rpc_stranger.h"
#include "schema.gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FLOOD_COUNT 2000
#define CONNECTIONS_MAX 50
/* Long enough for a peer on a machine that stalls to have asked. */
#define FIRST_REQUEST_MS 5000
#define HERE "127.0.0.1"

static struct rpc_fixture fixture;

static void open_server(const struct ds_rpc_server_options *limits)
{
    struct ds_rpc_server_options options = *limits;
    options.authenticator.authenticate = rpc_fixture_authenticate_writer;
    rpc_fixture_open(&fixture, FIXTURE_TCP, &options);
}

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

static void await_open_files(size_t count)
{
    for (int waited_ms = 0; rpc_nursery_open_files(getpid()) > count;
         waited_ms += RPC_FIXTURE_PAUSE_MS) {
        assert_true(waited_ms < RPC_FIXTURE_PATIENCE_MS);
        rpc_fixture_pause();
    }
}

/* Of the fixture's listener. The fixture's own connection may be among what is counted. */
static void expect_sample_from(const char *family, const char *more_labels, unsigned long least)
{
    struct ds_buffer text;
    char line[256];
    snprintf(line, sizeof line, "\n%s{listener=\"%s\"%s} ", family, fixture.url, more_labels);
    ds_buffer_init(&text, 16 * 1024 * 1024);
    ds_metrics_write(ds_rpc_server_metrics(fixture.server), &text);
    ds_buffer_append_byte(&text, '\0');
    const char *found = strstr((const char *)text.data, line);
    const unsigned long value = found == NULL ? 0 : strtoul(found + strlen(line), NULL, 10);
    ds_buffer_deinit(&text);
    assert_non_null(found);
    assert_true(value >= least);
}

static void close_flood(const int *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(peers[i]);
    }
}

/* The test holds both ends of each connection. */
static void allow_open_files(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur > 2 * FLOOD_COUNT + 100);
}

static void expect_raw_answer(int peer, ds_code code, uint32_t number)
{
    uint32_t answered = 0;
    struct ds_bytes answer = rpc_raw_receive(peer, &answered);
    void *memory = (void *)(uintptr_t)answer.data;
    rpc_response_expect(&answer, code, "a", "");
    if (number != 0) {
        assert_int_equal(answered, number);
    }
    free(memory);
}

static void a_good_client_goes_on_in_a_flood_of_idle_connections(void **state)
{
    (void)state;
    static int peers[FLOOD_COUNT];
    allow_open_files();
    open_server(&(struct ds_rpc_server_options){
        .limits.connections_max = CONNECTIONS_MAX,
        .limits.connections_per_address_max = FLOOD_COUNT,
        .limits.first_request_ms = RPC_FIXTURE_PATIENCE_MS,
    });
    assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
    const size_t connections = ds_rpc_server_connection_count(fixture.server);
    const size_t open_files = rpc_nursery_open_files(getpid());
    for (size_t i = 0; i < FLOOD_COUNT; i++) {
        peers[i] = rpc_raw_connect(fixture.url, HERE);
        if (i % 100 == 0) {
            assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
        }
    }
    rpc_fixture_await_connections(&fixture, CONNECTIONS_MAX);
    assert_true(rpc_raw_is_hung_up(peers[FLOOD_COUNT - 1]));
    assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
    close_flood(peers, FLOOD_COUNT);
    rpc_fixture_await_connections(&fixture, connections);
    await_open_files(open_files);
    assert_int_equal(call_by_new_client(), DS_OK);
    rpc_fixture_close(&fixture);
}

static void a_good_client_goes_on_beside_connections_that_never_greet(void **state)
{
    (void)state;
    static int peers[FLOOD_COUNT];
    allow_open_files();
    open_server(&(struct ds_rpc_server_options){0});
    assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
    const size_t open_files = rpc_nursery_open_files(getpid());
    /* From another address, whose cap is its own. */
    for (size_t i = 0; i < FLOOD_COUNT / 4; i++) {
        peers[i] = rpc_raw_connect(fixture.url, "127.0.0.2");
    }
    assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
    assert_int_equal(call_by_new_client(), DS_OK);
    close_flood(peers, FLOOD_COUNT / 4);
    await_open_files(open_files);
    rpc_fixture_close(&fixture);
}

static void an_address_has_its_own_cap(void **state)
{
    (void)state;
    int peers[3];
    open_server(&(struct ds_rpc_server_options){.limits.connections_per_address_max = 2});
    for (size_t i = 0; i < 3; i++) {
        peers[i] = rpc_raw_connect(fixture.url, "127.0.0.2");
        if (i < 2) {
            rpc_raw_greet(peers[i]);
        }
    }
    assert_true(rpc_raw_is_hung_up(peers[2]));
    expect_sample_from("ds_rpc_server_connections_refused_total", "", 1);
    const int other = rpc_raw_connect(fixture.url, "127.0.0.3");
    struct ds_buffer message;
    uint32_t number = 0;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", "deltastream.rpc.v1.Control/Hello", (struct ds_bytes){0});
    rpc_raw_greet(other);
    rpc_raw_ask(other, 7, &message);
    free((void *)(uintptr_t)rpc_raw_receive(other, &number).data);
    assert_int_equal(number, 7);
    ds_buffer_deinit(&message);
    close_flood(peers, 3);
    close(other);
    rpc_fixture_close(&fixture);
}

static void a_connection_that_drips_its_first_request_is_hung_up_on(void **state)
{
    (void)state;
    open_server(&(struct ds_rpc_server_options){.limits.first_request_ms = 100});
    const int peer = rpc_raw_connect(fixture.url, HERE);
    rpc_raw_greet(peer);
    rpc_raw_announce(peer, 1000);
    rpc_raw_send(peer, "drip", 4);
    assert_true(rpc_raw_is_hung_up(peer));
    expect_sample_from("ds_rpc_server_hang_ups_total", ",reason=\"overdue\"", 1);
    expect_sample_from("ds_rpc_server_hang_ups_total", ",reason=\"malformed\"", 0);
    close(peer);
    rpc_fixture_close(&fixture);
}

/* Over ipc, where a connection may be silent as long as it likes, and where its first request came
 * in time. */
static void a_later_message_has_its_time_too(void **state)
{
    (void)state;
    struct ds_buffer message;
    rpc_fixture_open(&fixture, FIXTURE_IPC,
                     &(struct ds_rpc_server_options){.limits.first_request_ms = FIRST_REQUEST_MS});
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", "deltastream.rpc.v1.Control/Hello", (struct ds_bytes){0});
    const int peer = rpc_raw_connect(fixture.url, HERE);
    const int silent = rpc_raw_connect(fixture.url, HERE);
    rpc_raw_greet(silent);
    rpc_raw_greet(peer);
    rpc_raw_ask(peer, 1, &message);
    expect_raw_answer(peer, DS_OK, 1);
    rpc_raw_announce(peer, 1000);
    rpc_raw_send(peer, "drip", 4);
    assert_true(rpc_raw_is_hung_up(peer));
    rpc_raw_ask(silent, 2, &message);
    expect_raw_answer(silent, DS_OK, 2);
    ds_buffer_deinit(&message);
    close(peer);
    close(silent);
    rpc_fixture_close(&fixture);
}

static void who_does_not_greet_is_hung_up_on(void **state)
{
    (void)state;
    static const enum fixture_transport transports[] = {FIXTURE_IPC, FIXTURE_TCP};
    for (size_t i = 0; i < 2; i++) {
        uint8_t greeting[8];
        rpc_fixture_open(&fixture, transports[i],
                         &(struct ds_rpc_server_options){.limits.first_request_ms = 100});
        const int peer = rpc_raw_connect(fixture.url, HERE);
        rpc_raw_send(peer, "\0SP", 3);
        rpc_raw_receive_all(peer, greeting, sizeof greeting);
        assert_true(rpc_raw_is_hung_up(peer));
        close(peer);
        rpc_fixture_close(&fixture);
    }
}

static void a_connection_that_has_asked_may_be_silent(void **state)
{
    (void)state;
    struct ds_buffer message;
    open_server(&(struct ds_rpc_server_options){.limits.first_request_ms = FIRST_REQUEST_MS});
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", "deltastream.rpc.v1.Control/Hello", (struct ds_bytes){0});
    const int peer = rpc_raw_connect(fixture.url, HERE);
    rpc_raw_greet(peer);
    rpc_raw_ask(peer, 1, &message);
    expect_raw_answer(peer, DS_OK, 1);
    const int silent = rpc_raw_connect(fixture.url, HERE);
    rpc_raw_greet(silent);
    /* A look that ends one that is younger has seen ours. */
    assert_true(rpc_raw_is_hung_up(silent));
    rpc_raw_ask(peer, 2, &message);
    expect_raw_answer(peer, DS_OK, 2);
    ds_buffer_deinit(&message);
    close(peer);
    close(silent);
    rpc_fixture_close(&fixture);
}

static void a_connection_has_only_so_many_calls_in_work(void **state)
{
    (void)state;
    struct ds_buffer message;
    open_server(
        &(struct ds_rpc_server_options){.limits.calls_per_connection_max = 2, .write_threads = 2});
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", "deltastream.storage.v1.Storage/IngestTicks",
                       (struct ds_bytes){0});
    const int peer = rpc_raw_connect(fixture.url, HERE);
    rpc_raw_greet(peer);
    for (uint32_t number = 1; number <= 3; number++) {
        rpc_raw_ask(peer, number, &message);
    }
    /* Two of them stand before the gate, whichever came third in the server. */
    expect_raw_answer(peer, DS_RESOURCE_EXHAUSTED, 0);
    rpc_fixture_await_waiting(&fixture, 2);
    ds_buffer_clear(&message);
    rpc_request_append(&message, "a", "deltastream.rpc.v1.Control/Hello", (struct ds_bytes){0});
    rpc_raw_ask(peer, 4, &message);
    expect_raw_answer(peer, DS_OK, 4);
    rpc_fixture_open_gate(&fixture);
    expect_raw_answer(peer, DS_OK, 0);
    expect_raw_answer(peer, DS_OK, 0);
    assert_int_equal(atomic_load(&fixture.executed), 2);
    ds_buffer_deinit(&message);
    close(peer);
    rpc_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_client_goes_on_in_a_flood_of_idle_connections),
        cmocka_unit_test(a_good_client_goes_on_beside_connections_that_never_greet),
        cmocka_unit_test(an_address_has_its_own_cap),
        cmocka_unit_test(a_connection_that_drips_its_first_request_is_hung_up_on),
        cmocka_unit_test(a_later_message_has_its_time_too),
        cmocka_unit_test(who_does_not_greet_is_hung_up_on),
        cmocka_unit_test(a_connection_that_has_asked_may_be_silent),
        cmocka_unit_test(a_connection_has_only_so_many_calls_in_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
