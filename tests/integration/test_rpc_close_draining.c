/* Closes in the middle of a message, which would stop nng's only reaper: docs/rpc-guards.md. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/nng_dialer.h"
#include "integration/rpc_fixture.h"
#include "integration/stream_server.h"

#include <dlfcn.h>
#include <nng/nng.h>
#include <stdlib.h>

#define CLOSES 40
/* How many closes there are between two looks whether all have come to their end. */
#define CLOSES_PER_LOOK 20
#define LARGE_BYTES (4 * 1024 * 1024)
#define SMALL_BYTES 16
#define HANG_UPS 50
/* Each waits a second for a connection; only a test that fails makes all of them. */
#define TRIES_MAX 60

static atomic_int begun_closes;
static atomic_int ended_closes;

/* Stands before nng's, which never returns once the reaper stands still. */
int nng_close(nng_socket socket)
{
    int (*const real)(nng_socket) = (int (*)(nng_socket))dlsym(RTLD_NEXT, "nng_close");
    atomic_fetch_add(&begun_closes, 1);
    const int outcome = real(socket);
    atomic_fetch_add(&ended_closes, 1);
    return outcome;
}

/* Waits until so many sockets are closed. */
static void await_closes(int count)
{
    for (int waited_ms = 0; atomic_load(&ended_closes) < count; waited_ms += RPC_FIXTURE_PAUSE_MS) {
        assert_true(waited_ms < RPC_FIXTURE_PATIENCE_MS);
        rpc_fixture_pause();
    }
    assert_int_equal(atomic_load(&begun_closes), count);
}

struct outcome {
    sem_t is_there;
    ds_code code;
    size_t reply_bytes;
};

static void note_outcome(void *context, ds_code code, struct ds_nng_reply *reply)
{
    struct outcome *outcome = context;
    outcome->code = code;
    outcome->reply_bytes = reply != NULL ? ds_nng_reply_bytes(reply).size : 0;
    ds_nng_reply_free(reply);
    sem_post(&outcome->is_there);
}

static struct ds_nng_dialer *dial(const struct stream_server *server, size_t request_count)
{
    struct ds_nng_dialer *dialer = NULL;
    assert_int_equal(
        ds_nng_dial(&(struct ds_nng_dialer_options){.url = server->url,
                                                    .message_bytes_max = 2 * LARGE_BYTES,
                                                    .request_count = request_count},
                    &dialer),
        DS_OK);
    return dialer;
}

static struct ds_nng_request *begin(struct ds_nng_dialer *dialer)
{
    struct ds_nng_request *request = ds_nng_request_begin(dialer);
    assert_non_null(request);
    return request;
}

/* Asks for that many bytes, in a request of that size. */
static void ask(struct ds_nng_request *request, size_t request_bytes, uint32_t reply_bytes,
                int timeout_ms, struct outcome *outcome)
{
    static const uint8_t zeros[LARGE_BYTES];
    const struct ds_bytes parts[] = {ds_bytes_of(&reply_bytes, sizeof reply_bytes),
                                     ds_bytes_of(zeros, request_bytes - sizeof reply_bytes)};
    const struct ds_nng_request_times times = {.timeout_ms = timeout_ms};
    sem_init(&outcome->is_there, 0, 0);
    ds_nng_request_send(request, parts, 2, &times, note_outcome, outcome);
}

static void wait_for(struct outcome *outcome)
{
    while (sem_wait(&outcome->is_there) != 0) {
    }
    sem_destroy(&outcome->is_there);
}

static void await_outcome(struct outcome *outcome, ds_code code)
{
    wait_for(outcome);
    assert_int_equal(outcome->code, code);
}

/* The whole reply may have been faster. */
static void await_end(struct outcome *outcome, ds_code code)
{
    wait_for(outcome);
    if (outcome->code != DS_OK) {
        assert_int_equal(outcome->code, code);
    }
}

static ds_code try_call(struct ds_nng_dialer *dialer, uint32_t reply_bytes)
{
    struct outcome outcome;
    struct ds_nng_request *request = begin(dialer);
    ask(request, SMALL_BYTES, reply_bytes, RPC_FIXTURE_TIMEOUT_MS, &outcome);
    wait_for(&outcome);
    if (outcome.code == DS_OK) {
        assert_int_equal(outcome.reply_bytes, reply_bytes);
    }
    ds_nng_request_end(request);
    return outcome.code;
}

static void call(struct ds_nng_dialer *dialer, uint32_t reply_bytes)
{
    assert_int_equal(try_call(dialer, reply_bytes), DS_OK);
}

static void cancel(struct ds_nng_request *request, struct outcome *outcome)
{
    ds_nng_request_cancel(request);
    await_outcome(outcome, DS_CANCELLED);
    ds_nng_request_end(request);
}

enum moment {
    AFTER_A_CANCEL,
    AFTER_THE_TIME_LIMIT,
    WHILE_CALLED,
    MOMENTS,
};

/* Closes a dialer when a part of the request, or of its reply, is on its way. */
static void close_in_the_middle(struct stream_server *server, size_t request_bytes,
                                enum moment moment)
{
    struct outcome outcome;
    struct ds_nng_dialer *dialer = dial(server, 1);
    call(dialer, SMALL_BYTES);
    struct ds_nng_request *request = begin(dialer);
    ask(request, request_bytes, request_bytes == LARGE_BYTES ? SMALL_BYTES : LARGE_BYTES,
        moment == AFTER_THE_TIME_LIMIT ? 1 : RPC_FIXTURE_TIMEOUT_MS, &outcome);
    stream_server_await_part(server);
    if (moment == AFTER_A_CANCEL) {
        ds_nng_request_cancel(request);
    }
    if (moment != WHILE_CALLED) {
        await_end(&outcome, moment == AFTER_A_CANCEL ? DS_CANCELLED : DS_DEADLINE_EXCEEDED);
    }
    ds_nng_dialer_close(dialer);
    if (moment == WHILE_CALLED) {
        await_end(&outcome, DS_CANCELLED);
    }
}

static void closes_leave_nng_alone(bool is_tcp, enum stream_part part)
{
    struct stream_server server;
    stream_server_open(&server, is_tcp, part);
    const int closed = atomic_load(&ended_closes);
    for (int i = 0; i < CLOSES; i++) {
        close_in_the_middle(&server, part == STREAM_REQUEST ? LARGE_BYTES : SMALL_BYTES,
                            (enum moment)(i % MOMENTS));
        if ((i + 1) % CLOSES_PER_LOOK == 0) {
            await_closes(closed + i + 1);
        }
    }
    struct ds_nng_dialer *dialer = dial(&server, 1);
    call(dialer, SMALL_BYTES);
    ds_nng_dialer_close(dialer);
    await_closes(closed + CLOSES + 1);
    stream_server_close(&server);
}

static void closes_in_the_middle_of_a_reply_leave_nng_alone(void **state)
{
    (void)state;
    closes_leave_nng_alone(false, STREAM_REPLY);
}

static void closes_in_the_middle_of_a_reply_over_tcp_leave_nng_alone(void **state)
{
    (void)state;
    closes_leave_nng_alone(true, STREAM_REPLY);
}

static void closes_in_the_middle_of_a_request_leave_nng_alone(void **state)
{
    (void)state;
    closes_leave_nng_alone(false, STREAM_REQUEST);
}

static void closes_in_the_middle_of_a_request_over_tcp_leave_nng_alone(void **state)
{
    (void)state;
    closes_leave_nng_alone(true, STREAM_REQUEST);
}

/* Only while nng's reaper is at work does a socket that has lost its connection get another. */
static void hang_ups_leave_nng_alone(bool is_tcp)
{
    struct stream_server server;
    stream_server_open(&server, is_tcp, STREAM_REPLY);
    stream_server_hang_up(&server);
    struct ds_nng_dialer *dialer = dial(&server, 1);
    for (int i = 0; i < HANG_UPS; i++) {
        int tries = 0;
        while (try_call(dialer, SMALL_BYTES) != DS_OK) {
            assert_true(++tries < TRIES_MAX);
        }
        assert_int_equal(try_call(dialer, LARGE_BYTES), DS_UNAVAILABLE);
    }
    ds_nng_dialer_close(dialer);
    await_closes(atomic_load(&begun_closes));
    stream_server_close(&server);
}

static void hang_ups_in_the_middle_of_a_reply_leave_nng_alone(void **state)
{
    (void)state;
    hang_ups_leave_nng_alone(false);
    hang_ups_leave_nng_alone(true);
}

/* What it owes is a reply that the server holds back. */
static struct ds_nng_request *begin_owing(struct stream_server *server,
                                          struct ds_nng_dialer *dialer)
{
    struct outcome outcome;
    struct ds_nng_request *request = begin(dialer);
    ask(request, SMALL_BYTES, LARGE_BYTES, RPC_FIXTURE_TIMEOUT_MS, &outcome);
    stream_server_await_part(server);
    cancel(request, &outcome);
    return request;
}

static void a_connection_gets_no_request_in_the_middle_of_a_reply(void **state)
{
    struct stream_server server;
    (void)state;
    stream_server_open(&server, false, STREAM_REPLY);
    struct ds_nng_dialer *dialer = dial(&server, 2);
    stream_server_hold(&server, true);
    struct ds_nng_request *owing = begin_owing(&server, dialer);
    struct ds_nng_request *other = begin(dialer);
    assert_ptr_not_equal(other, owing);
    /* Where there is no other any more it is used all the same: the reply may never come. */
    assert_ptr_equal(begin(dialer), owing);
    ds_nng_request_end(owing);
    ds_nng_request_end(other);
    call(dialer, SMALL_BYTES);
    /* Once the reply is over it is as good as any. */
    assert_ptr_equal(begin_owing(&server, dialer), other);
    stream_server_hold(&server, false);
    call(dialer, LARGE_BYTES);
    ds_nng_dialer_close(dialer);
    await_closes(atomic_load(&begun_closes));
    stream_server_close(&server);
}

/* Its caller goes on at once; the connection is kept for a while. */
static void a_reply_that_never_comes_holds_no_close_for_good(void **state)
{
    struct stream_server server;
    (void)state;
    stream_server_open(&server, false, STREAM_REPLY);
    stream_server_hold(&server, true);
    const int closed = atomic_load(&ended_closes);
    struct ds_nng_dialer *dialer = dial(&server, 1);
    begin_owing(&server, dialer);
    ds_nng_dialer_close(dialer);
    await_closes(closed + 1);
    stream_server_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_gets_no_request_in_the_middle_of_a_reply),
        cmocka_unit_test(closes_in_the_middle_of_a_reply_leave_nng_alone),
        cmocka_unit_test(closes_in_the_middle_of_a_reply_over_tcp_leave_nng_alone),
        cmocka_unit_test(closes_in_the_middle_of_a_request_leave_nng_alone),
        cmocka_unit_test(closes_in_the_middle_of_a_request_over_tcp_leave_nng_alone),
        cmocka_unit_test(hang_ups_in_the_middle_of_a_reply_leave_nng_alone),
        cmocka_unit_test(a_reply_that_never_comes_holds_no_close_for_good),
    };
    return cmocka_run_group_tests_name("rpc close, draining", tests, NULL, NULL);
}
