/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/frame.h"
#include "ds/introspection.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_impostor.h"
#include "schema.gen.h"
#include "support/standing_clock.h"

#include <stdio.h>
#include <stdlib.h>

#define CALLS_MAX 200

/* The calls of one turn of a native program, and how they ended. */
struct turn {
    struct ds_client_call calls[CALLS_MAX];
    struct ds_bytes payloads[CALLS_MAX];
    size_t call_count;
    pthread_mutex_t mutex; /* guards done_count */
    pthread_cond_t changed;
    size_t done_count;
};

static struct rpc_fixture fixture;
static enum fixture_transport transport;
static struct rpc_impostor impostor;
/* For it time stands still, so that no stall sets the deadlines of a turn apart. */
static struct ds_channel *channel;
static struct turn turn;

static void turn_begin(void)
{
    memset(&turn, 0, sizeof turn);
    pthread_mutex_init(&turn.mutex, NULL);
    pthread_cond_init(&turn.changed, NULL);
}

static void call_done(struct ds_client_call *call)
{
    struct turn *of = call->context;
    pthread_mutex_lock(&of->mutex);
    of->done_count++;
    pthread_cond_broadcast(&of->changed);
    pthread_mutex_unlock(&of->mutex);
}

static void turn_add(const struct ds_client_call *call)
{
    struct ds_client_call *added = &turn.calls[turn.call_count];
    *added = *call;
    turn.payloads[turn.call_count++] = call->payload;
    added->principal = &rpc_fixture_reader;
    added->timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : RPC_FIXTURE_TIMEOUT_MS;
    added->done = call_done;
    added->context = &turn;
    ds_channel_call(channel, added);
}

static struct ds_bytes ticks_request(const char *product, int32_t limit)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = limit;
    return rpc_fixture_pack(&request.base);
}

static void turn_add_ticks(const char *product, int32_t limit)
{
    turn_add(&(struct ds_client_call){.method = ds_method_storage_list_ticks,
                                      .payload = ticks_request(product, limit)});
}

static void turn_await_done(size_t count)
{
    pthread_mutex_lock(&turn.mutex);
    while (turn.done_count < count) {
        pthread_cond_wait(&turn.changed, &turn.mutex);
    }
    pthread_mutex_unlock(&turn.mutex);
}

/* Waits for all calls and expects them to have ended so. */
static void turn_end(ds_code code)
{
    turn_await_done(turn.call_count);
    for (size_t i = 0; i < turn.call_count; i++) {
        assert_int_equal(turn.calls[i].code, code);
        ds_client_call_release(&turn.calls[i]);
        free((void *)(uintptr_t)turn.payloads[i].data);
    }
    pthread_cond_destroy(&turn.changed);
    pthread_mutex_destroy(&turn.mutex);
}

/* How much has gone out since. */
static struct ds_channel_traffic traffic_since(struct ds_channel_traffic before)
{
    const struct ds_channel_traffic now = ds_channel_traffic(channel);
    return (struct ds_channel_traffic){.messages = now.messages - before.messages,
                                       .calls = now.calls - before.calls};
}

static void open_channel(const struct ds_channel_options *options)
{
    struct ds_channel_options whole = *options;
    whole.clock = &standing_clock;
    assert_int_equal(ds_channel_open(&whole, &channel), DS_OK);
    turn_begin();
}

/* Time stands still for the server, too: no stall uses up what the calls of a message share. */
static int open_with(bool inline_may_block)
{
    rpc_fixture_open(&fixture, transport,
                     &(struct ds_rpc_server_options){
                         .clock = &standing_clock,
                         .authenticator = {.authenticate = rpc_fixture_authenticate_reader},
                         .inline_may_block = inline_may_block,
                     });
    if (transport == FIXTURE_DIRECT) {
        open_channel(&(struct ds_channel_options){.server = fixture.server});
    } else {
        open_channel(&(struct ds_channel_options){.url = fixture.url});
    }
    return 0;
}

static int open_fixture(void **state)
{
    (void)state;
    return open_with(false);
}

static int open_blocking_fixture(void **state)
{
    (void)state;
    return open_with(true);
}

static int close_fixture(void **state)
{
    (void)state;
    ds_channel_close(channel);
    rpc_fixture_close(&fixture);
    return 0;
}

static int open_impostor(void **state)
{
    (void)state;
    rpc_impostor_open(&impostor);
    open_channel(&(struct ds_channel_options){.url = impostor.url});
    return 0;
}

static int close_impostor(void **state)
{
    (void)state;
    ds_channel_close(channel);
    rpc_impostor_close(&impostor);
    return 0;
}

/* What docs/rpc.md and rpc_client.h promise a native program. */
static void two_hundred_calls_of_one_turn_go_out_as_four_messages(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 200; i++) {
        turn_add_ticks("NIFTY", i);
    }
    ds_channel_flush(channel);
    turn_end(DS_OK);
    const struct ds_channel_traffic traffic = ds_channel_traffic(channel);
    const bool is_direct = transport == FIXTURE_DIRECT;
    assert_int_equal(traffic.messages, is_direct ? 0 : 4); /* 64 + 64 + 64 + 8 */
    assert_int_equal(traffic.calls, is_direct ? 0 : 200);
    assert_int_equal(atomic_load(&fixture.executed), 200);
}

/* Has the channel learn what the server is. */
static void warm_up(void)
{
    turn_add_ticks("NIFTY", 1);
    turn_add_ticks("NIFTY", 1);
    ds_channel_flush(channel);
    turn_end(DS_OK);
    turn_begin();
}

static void take_client(void *context, const struct ds_connection_view *connection)
{
    char *client = context;
    if (connection->client[0] != '\0') {
        snprintf(client, DS_VIEW_TEXT_BYTES_MAX, "%s", connection->client);
    }
}

/* For who looks at the server's connections. */
static void hello_tells_who_is_connected(void **state)
{
    (void)state;
    char client[DS_VIEW_TEXT_BYTES_MAX] = "";
    warm_up();
    ds_rpc_server_connections(fixture.server, 8, take_client, client);
    assert_string_equal(client, "test_rpc_sharing libdeltastream/" DS_VERSION);
    turn_end(DS_OK);
}

static void a_call_for_more_than_1000_rows_travels_alone(void **state)
{
    (void)state;
    warm_up();
    const struct ds_channel_traffic before = ds_channel_traffic(channel);
    turn_add_ticks("NIFTY", 1000);
    turn_add_ticks("NIFTY", 1001);
    turn_add_ticks("NIFTY", 1000);
    ds_channel_flush(channel);
    turn_end(DS_OK);
    assert_int_equal(traffic_since(before).messages, 2);
}

static void a_method_of_a_pool_travels_alone(void **state)
{
    (void)state;
    warm_up();
    const struct ds_channel_traffic before = ds_channel_traffic(channel);
    turn_add_ticks("NIFTY", 1);
    turn_add(&(struct ds_client_call){.method = ds_method_storage_list_products});
    turn_add(&(struct ds_client_call){.method = ds_method_storage_list_products});
    turn_add_ticks("NIFTY", 1);
    ds_channel_flush(channel);
    turn_end(DS_OK);
    assert_int_equal(traffic_since(before).messages, 3);
}

/* A server whose store may block lists no inline methods. */
static void calls_travel_alone_where_the_server_does_not_list_their_method(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 10; i++) {
        turn_add_ticks("NIFTY", i);
    }
    ds_channel_flush(channel);
    turn_end(DS_OK);
    assert_int_equal(ds_channel_traffic(channel).messages, 10);
}

static void what_does_not_fit_the_answer_goes_again_alone_and_is_no_retry(void **state)
{
    (void)state;
    warm_up();
    const struct ds_channel_traffic before = ds_channel_traffic(channel);
    for (size_t i = 0; i < 4; i++) {
        turn_add_ticks("kibibytes", 600);
    }
    ds_channel_flush(channel);
    turn_await_done(4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(turn.calls[i].response.size, 600 * 1024);
        assert_int_equal(turn.calls[i].attempt, 0);
    }
    turn_end(DS_OK);
    /* Two of them are over 1 MiB, so the other two were not executed the first time. */
    assert_int_equal(traffic_since(before).messages, 3);
    assert_int_equal(traffic_since(before).calls, 6);
    assert_int_equal(atomic_load(&fixture.executed), 2 + 4);
}

/* Prefaces and headers count, or the server refuses the message. */
static void a_message_has_no_more_than_64_kib(void **state)
{
    (void)state;
    static char value[4000];
    memset(value, 'x', sizeof value);
    const struct ds_metadata_entry entry = {.key = "k", .value = ds_bytes_of(value, sizeof value)};
    warm_up();
    const struct ds_channel_traffic before = ds_channel_traffic(channel);
    for (int32_t i = 0; i < 40; i++) {
        turn_add(&(struct ds_client_call){.method = ds_method_storage_list_ticks,
                                          .payload = ticks_request("NIFTY", i),
                                          .metadata = &entry,
                                          .metadata_count = 1});
    }
    ds_channel_flush(channel);
    turn_end(DS_OK);
    /* 15 of them and their heads are 64 KiB. */
    assert_int_equal(traffic_since(before).messages, 3);
}

static void sixty_four_calls_share_a_message_and_no_more(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 129; i++) {
        turn_add_ticks("NIFTY", i);
    }
    ds_channel_flush(channel);
    turn_end(DS_OK);
    assert_int_equal(impostor.message_count, 3);
    size_t full_count = 0;
    for (size_t i = 0; i < 3; i++) {
        full_count += impostor.messages[i].frame_count == 64;
    }
    assert_int_equal(full_count, 2);
}

static void calls_with_other_deadlines_do_not_share(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        turn_add(&(struct ds_client_call){.method = ds_method_storage_list_ticks,
                                          .payload = ticks_request("NIFTY", 1),
                                          .timeout_ms = i < 2 ? 500000 : 400000});
    }
    ds_channel_flush(channel);
    turn_end(DS_OK);
    assert_int_equal(impostor.message_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(impostor.messages[i].frame_count, 2);
    }
    const uint32_t one = impostor.messages[0].timeout_ms;
    const uint32_t other = impostor.messages[1].timeout_ms;
    assert_true((one > 400000) != (other > 400000));
}

static void a_lone_call_is_sent_at_once(void **state)
{
    (void)state;
    turn_add_ticks("NIFTY", 1);
    ds_channel_flush(channel);
    turn_end(DS_OK);
    assert_int_equal(impostor.hello_count, 0);
    assert_int_equal(impostor.message_count, 1);
}

static void hello_is_asked_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        warm_up();
    }
    turn_end(DS_OK);
    assert_int_equal(impostor.hello_count, 1);
    assert_int_equal(impostor.message_count, 3);
    assert_int_equal(impostor.messages[0].frame_count, 2);
}

static void another_epoch_is_another_server_whose_hello_is_asked(void **state)
{
    (void)state;
    warm_up();
    pthread_mutex_lock(&impostor.mutex);
    impostor.server_epoch = 8;
    pthread_mutex_unlock(&impostor.mutex);
    warm_up(); /* Its answer tells of the other epoch. */
    warm_up();
    turn_end(DS_OK);
    assert_int_equal(impostor.hello_count, 2);
    assert_int_equal(impostor.message_count, 3);
}

static void calls_travel_alone_to_a_server_without_hello(void **state)
{
    (void)state;
    impostor.refuses_hello = true;
    warm_up();
    turn_end(DS_OK);
    assert_int_equal(impostor.hello_count, 1);
    assert_int_equal(impostor.message_count, 2);
}

/* This is about a time limit that fires. */
static void calls_that_wait_for_hello_go_on_without_it(void **state)
{
    (void)state;
    impostor.ignores_hello = true;
    warm_up();
    turn_end(DS_OK);
    assert_int_equal(impostor.message_count, 2);
}

static void a_call_that_ends_before_hello_would_does_not_wait_for_it(void **state)
{
    (void)state;
    impostor.ignores_hello = true;
    impostor.ignores_calls = true;
    turn_add_ticks("NIFTY", 1);
    turn_add_ticks("NIFTY", 1);
    ds_channel_flush(channel);
    rpc_impostor_await_hellos(&impostor, 1);
    /* Two, since a lone call never waits. */
    for (size_t i = 0; i < 2; i++) {
        turn_add(&(struct ds_client_call){.method = ds_method_storage_list_ticks,
                                          .payload = ticks_request("NIFTY", 1),
                                          .timeout_ms = 100});
    }
    ds_channel_flush(channel);
    turn_await_done(2);
    assert_int_equal(turn.calls[2].code, DS_DEADLINE_EXCEEDED);
    assert_int_equal(turn.calls[3].code, DS_DEADLINE_EXCEEDED);
    ds_channel_cancel(channel, &turn.calls[0]);
    ds_channel_cancel(channel, &turn.calls[1]);
    turn_await_done(4);
    for (size_t i = 0; i < 4; i++) {
        free((void *)(uintptr_t)turn.payloads[i].data);
    }
}

static void a_call_that_waits_for_hello_can_be_cancelled(void **state)
{
    (void)state;
    impostor.ignores_hello = true;
    turn_add_ticks("NIFTY", 1);
    turn_add_ticks("NIFTY", 1);
    ds_channel_flush(channel);
    rpc_impostor_await_hellos(&impostor, 1);
    ds_channel_cancel(channel, &turn.calls[0]);
    turn_await_done(1);
    assert_int_equal(turn.calls[0].code, DS_CANCELLED);
    ds_channel_cancel(channel, &turn.calls[1]);
    turn_end(DS_CANCELLED);
    assert_int_equal(impostor.message_count, 0);
}

/* Nobody answers, so that only the cancel can end it; the others go on. */
static void a_call_of_a_shared_message_is_cancelled_alone(void **state)
{
    (void)state;
    impostor.ignores_calls = true;
    for (int32_t i = 0; i < 3; i++) {
        turn_add_ticks("NIFTY", i);
    }
    ds_channel_flush(channel);
    rpc_impostor_await_messages(&impostor, 1);
    assert_int_equal(impostor.messages[0].frame_count, 3);
    ds_channel_cancel(channel, &turn.calls[1]);
    turn_await_done(1);
    assert_int_equal(turn.calls[1].code, DS_CANCELLED);
    assert_int_equal(turn.done_count, 1);
    /* With the last one the message ends, too. */
    ds_channel_cancel(channel, &turn.calls[0]);
    ds_channel_cancel(channel, &turn.calls[2]);
    turn_end(DS_CANCELLED);
}

static void the_other_calls_of_a_message_get_their_answers(void **state)
{
    (void)state;
    impostor.holds_calls = true; /* It reads the message, but answers later. */
    for (int32_t i = 0; i < 3; i++) {
        turn_add_ticks("NIFTY", i);
    }
    ds_channel_flush(channel);
    rpc_impostor_await_messages(&impostor, 1);
    ds_channel_cancel(channel, &turn.calls[0]);
    turn_await_done(1);
    rpc_impostor_release_calls(&impostor);
    turn_await_done(3);
    assert_int_equal(turn.calls[0].code, DS_CANCELLED);
    assert_int_equal(turn.calls[1].code, DS_OK);
    assert_int_equal(turn.calls[2].code, DS_OK);
    for (size_t i = 0; i < 3; i++) {
        turn.calls[i].code = DS_OK;
    }
    turn_end(DS_OK);
}

static void calls_that_wait_for_hello_end_with_the_channel(void **state)
{
    (void)state;
    impostor.ignores_hello = true;
    turn_add_ticks("NIFTY", 1);
    turn_add_ticks("NIFTY", 1);
    ds_channel_flush(channel);
    rpc_impostor_await_hellos(&impostor, 1);
    ds_channel_close(channel);
    channel = NULL;
    turn_end(DS_CANCELLED);
}

static void calls_to_nobody_end_as_unavailable(void **state)
{
    (void)state;
    open_channel(&(struct ds_channel_options){.url = "ipc:///tmp/ds-rpc-nobody.sock"});
    turn_add_ticks("NIFTY", 1);
    turn_add_ticks("NIFTY", 1);
    ds_channel_flush(channel);
    turn_end(DS_UNAVAILABLE);
    ds_channel_close(channel);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_fixture)
#define WITH_IMPOSTOR(test) cmocka_unit_test_setup_teardown(test, open_impostor, close_impostor)

static int run_over(enum fixture_transport over, const char *name)
{
    const struct CMUnitTest tests[] = {
        WITH(two_hundred_calls_of_one_turn_go_out_as_four_messages, open_fixture),
        WITH(hello_tells_who_is_connected, open_fixture),
        WITH(a_call_for_more_than_1000_rows_travels_alone, open_fixture),
        WITH(a_method_of_a_pool_travels_alone, open_fixture),
        WITH(calls_travel_alone_where_the_server_does_not_list_their_method, open_blocking_fixture),
        WITH(what_does_not_fit_the_answer_goes_again_alone_and_is_no_retry, open_fixture),
        WITH(a_message_has_no_more_than_64_kib, open_fixture),
    };
    transport = over;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

static int run_direct(void)
{
    const struct CMUnitTest tests[] = {
        WITH(two_hundred_calls_of_one_turn_go_out_as_four_messages, open_fixture),
    };
    transport = FIXTURE_DIRECT;
    return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}

static int run_with_impostor(void)
{
    const struct CMUnitTest tests[] = {
        WITH_IMPOSTOR(sixty_four_calls_share_a_message_and_no_more),
        WITH_IMPOSTOR(calls_with_other_deadlines_do_not_share),
        WITH_IMPOSTOR(a_lone_call_is_sent_at_once),
        WITH_IMPOSTOR(hello_is_asked_once),
        WITH_IMPOSTOR(another_epoch_is_another_server_whose_hello_is_asked),
        WITH_IMPOSTOR(calls_travel_alone_to_a_server_without_hello),
        WITH_IMPOSTOR(calls_that_wait_for_hello_go_on_without_it),
        WITH_IMPOSTOR(a_call_that_ends_before_hello_would_does_not_wait_for_it),
        WITH_IMPOSTOR(a_call_that_waits_for_hello_can_be_cancelled),
        WITH_IMPOSTOR(a_call_of_a_shared_message_is_cancelled_alone),
        WITH_IMPOSTOR(the_other_calls_of_a_message_get_their_answers),
        WITH_IMPOSTOR(calls_that_wait_for_hello_end_with_the_channel),
        cmocka_unit_test(calls_to_nobody_end_as_unavailable),
    };
    return cmocka_run_group_tests_name("impostor", tests, NULL, NULL);
}

int main(void)
{
    int failed = run_direct();
    failed += run_over(FIXTURE_IPC, "ipc");
    failed += run_over(FIXTURE_TCP, "tcp");
    failed += run_with_impostor();
    return failed;
}
