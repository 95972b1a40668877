/* Calls that nobody waits for any more: given up by a CANCEL frame or by hanging up. The gate of
 * the fixture's handlers stays closed, so that only the end of a call's wait lets its handler go.
 */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_fixture.h"
#include "integration/rpc_stranger.h"

#include <stdlib.h>

static struct rpc_fixture fixture;
static struct rpc_stranger caller;
static struct rpc_stranger canceller;
static struct ds_buffer message;

static const char ingest_ticks[] = "deltastream.storage.v1.Storage/IngestTicks";

static int open_over(enum fixture_transport transport)
{
    rpc_fixture_open(&fixture, transport,
                     &(struct ds_rpc_server_options){
                         .write_threads = 1,
                         .authenticator = {.authenticate = rpc_fixture_authenticate_writer},
                     });
    rpc_stranger_open(&caller, fixture.url);
    rpc_stranger_open(&canceller, fixture.url);
    ds_buffer_init(&message, 64 * 1024);
    return 0;
}

static int open_tcp(void **state)
{
    (void)state;
    return open_over(FIXTURE_TCP);
}

static int open_ipc(void **state)
{
    (void)state;
    return open_over(FIXTURE_IPC);
}

static int close_all(void **state)
{
    (void)state;
    ds_buffer_deinit(&message);
    rpc_stranger_close(&caller);
    rpc_stranger_close(&canceller);
    rpc_fixture_close(&fixture);
    return 0;
}

static ProtobufCBinaryData id_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
}

/* A message of one frame. */
static void write_frame(enum ds_frame_type type, const char *client_id, const char *call_id)
{
    Rpc__RequestHeader header = RPC__REQUEST_HEADER__INIT;
    header.client_id = id_of(client_id);
    header.call_id = id_of(call_id);
    if (type == DS_FRAME_REQUEST) {
        header.method = (char *)(uintptr_t)ingest_ticks;
        header.timeout_ms = 600000;
    }
    ds_buffer_clear(&message);
    rpc_frame_append(&message, type, &header, (struct ds_bytes){0});
}

static void send_call(const struct rpc_stranger *stranger, const char *client_id,
                      const char *call_id)
{
    write_frame(DS_FRAME_REQUEST, client_id, call_id);
    rpc_stranger_send(stranger, &message);
}

static void expect_cancel(const char *client_id, const char *call_id, ds_code code)
{
    write_frame(DS_FRAME_CANCEL, client_id, call_id);
    rpc_stranger_expect(&canceller, &message, code, call_id);
}

/* Until the server knows the call. */
static void cancel_when_it_has_come(const char *client_id, const char *call_id)
{
    for (int waited_ms = 0;; waited_ms += RPC_FIXTURE_PAUSE_MS) {
        write_frame(DS_FRAME_CANCEL, client_id, call_id);
        struct ds_bytes answer = rpc_stranger_ask(&canceller, &message);
        void *memory = (void *)(uintptr_t)answer.data;
        struct ds_frame frame;
        Rpc__ResponseHeader *header = rpc_response_next(&answer, &frame);
        const uint32_t code = header->code;
        rpc__response_header__free_unpacked(header, NULL);
        free(memory);
        if (code == DS_OK) {
            return;
        }
        assert_true(waited_ms < RPC_FIXTURE_PATIENCE_MS);
        rpc_fixture_pause();
    }
}

static void expect_answer(ds_code code, const char *call_id)
{
    struct ds_bytes answer = rpc_stranger_receive(&caller);
    void *memory = (void *)(uintptr_t)answer.data;
    rpc_response_expect(&answer, code, call_id, "");
    assert_int_equal(answer.size, 0);
    free(memory);
}

static void await_no_handler(void)
{
    for (int waited_ms = 0;; waited_ms += RPC_FIXTURE_PAUSE_MS) {
        pthread_mutex_lock(&fixture.mutex);
        const int waiting = fixture.waiting;
        pthread_mutex_unlock(&fixture.mutex);
        if (waiting == 0) {
            return;
        }
        assert_true(waited_ms < RPC_FIXTURE_PATIENCE_MS);
        rpc_fixture_pause();
    }
}

static void a_cancel_frame_stops_the_handler_of_its_call(void **state)
{
    (void)state;
    send_call(&caller, "client", "1");
    rpc_fixture_await_waiting(&fixture, 1);
    expect_cancel("client", "1", DS_OK);
    expect_answer(DS_CANCELLED, "1");
    assert_int_equal(fixture.waiting, 0);
}

static void a_cancel_frame_finds_no_call_of_other_ids(void **state)
{
    (void)state;
    send_call(&caller, "client", "1");
    rpc_fixture_await_waiting(&fixture, 1);
    expect_cancel("client", "2", DS_NOT_FOUND);
    expect_cancel("another", "1", DS_NOT_FOUND);
    expect_cancel("", "1", DS_NOT_FOUND);
    assert_int_equal(fixture.waiting, 1);
    rpc_fixture_open_gate(&fixture);
    expect_answer(DS_OK, "1");
    expect_cancel("client", "1", DS_NOT_FOUND);
}

/* Without a client_id, call ids of different connections say nothing about each other. */
static void a_call_without_a_client_id_can_not_be_cancelled_by_others(void **state)
{
    (void)state;
    send_call(&caller, "", "1");
    rpc_fixture_await_waiting(&fixture, 1);
    expect_cancel("", "1", DS_NOT_FOUND);
    rpc_fixture_open_gate(&fixture);
    expect_answer(DS_OK, "1");
}

static void a_cancel_frame_without_a_call_id_is_refused(void **state)
{
    (void)state;
    expect_cancel("client", "", DS_INVALID_ARGUMENT);
}

static void a_client_id_of_seventeen_bytes_is_refused(void **state)
{
    (void)state;
    expect_cancel("12345678901234567", "1", DS_INVALID_ARGUMENT);
}

static void a_call_that_is_cancelled_in_the_queue_is_never_executed(void **state)
{
    (void)state;
    struct rpc_stranger first;
    rpc_stranger_open(&first, fixture.url);
    send_call(&first, "client", "1");
    rpc_fixture_await_waiting(&fixture, 1);
    send_call(&caller, "client", "2");
    cancel_when_it_has_come("client", "2");
    rpc_fixture_open_gate(&fixture);
    expect_answer(DS_CANCELLED, "2");
    assert_int_equal(atomic_load(&fixture.executed), 1);
    rpc_stranger_close(&first);
}

static void a_vanished_caller_stops_the_handler_of_its_call(void **state)
{
    (void)state;
    struct rpc_stranger vanishing;
    rpc_stranger_open(&vanishing, fixture.url);
    send_call(&vanishing, "", "1");
    rpc_fixture_await_waiting(&fixture, 1);
    rpc_stranger_close(&vanishing);
    await_no_handler();
    assert_int_equal(atomic_load(&fixture.executed), 1);
}

static void a_queued_call_of_a_vanished_caller_is_never_executed(void **state)
{
    (void)state;
    struct rpc_stranger vanishing;
    rpc_stranger_open(&vanishing, fixture.url);
    send_call(&caller, "client", "1");
    rpc_fixture_await_waiting(&fixture, 1);
    send_call(&vanishing, "", "2");
    rpc_fixture_await_calls_in_flight(&fixture, 2);
    const size_t connections = ds_rpc_server_connection_count(fixture.server);
    rpc_stranger_close(&vanishing);
    rpc_fixture_await_connections(&fixture, connections - 1);
    rpc_fixture_open_gate(&fixture);
    expect_answer(DS_OK, "1");
    ds_rpc_server_drain(fixture.server, RPC_FIXTURE_PATIENCE_MS);
    assert_int_equal(atomic_load(&fixture.executed), 1);
}

#define OVER(open, test)                                                                           \
    {                                                                                              \
#test, test, open, close_all, NULL                                                         \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER(open_tcp, a_cancel_frame_stops_the_handler_of_its_call),
        OVER(open_ipc, a_cancel_frame_stops_the_handler_of_its_call),
        OVER(open_tcp, a_cancel_frame_finds_no_call_of_other_ids),
        OVER(open_tcp, a_call_without_a_client_id_can_not_be_cancelled_by_others),
        OVER(open_tcp, a_cancel_frame_without_a_call_id_is_refused),
        OVER(open_tcp, a_client_id_of_seventeen_bytes_is_refused),
        OVER(open_tcp, a_call_that_is_cancelled_in_the_queue_is_never_executed),
        OVER(open_tcp, a_vanished_caller_stops_the_handler_of_its_call),
        OVER(open_ipc, a_vanished_caller_stops_the_handler_of_its_call),
        OVER(open_tcp, a_queued_call_of_a_vanished_caller_is_never_executed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
