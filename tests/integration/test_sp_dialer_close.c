/* Closes and hang-ups in the middle of a message. Those of nng 1.5.2 stopped its only reaper, so
 * that the process connected no more. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_fixture.h"
#include "integration/stream_server.h"

#define CLOSES 40
#define LARGE_BYTES (4 * 1024 * 1024)
#define SMALL_BYTES 16
#define HANG_UPS 50
/* Each waits a second for a connection; only a test that fails makes all of them. */
#define TRIES_MAX 60

/* Asks for that many bytes, in a request of that size. */
static void ask(struct asked *asked, struct ds_sp_dialer *dialer, size_t request_bytes,
                uint32_t reply_bytes, int timeout_ms)
{
    static uint8_t request[LARGE_BYTES];
    memcpy(request, &reply_bytes, sizeof reply_bytes);
    asked_begin(asked, dialer);
    asked_send(asked, ds_bytes_of(request, request_bytes), timeout_ms);
}

static ds_code try_call(struct ds_sp_dialer *dialer, uint32_t reply_bytes)
{
    struct asked asked;
    ask(&asked, dialer, SMALL_BYTES, reply_bytes, DIALER_PATIENCE_MS);
    const ds_code code = asked_end(&asked);
    if (code == DS_OK) {
        assert_int_equal(asked.reply_bytes, reply_bytes);
    }
    return code;
}

enum moment {
    AFTER_A_CANCEL,
    AFTER_THE_TIME_LIMIT,
    WHILE_CALLED,
    MOMENTS,
};

/* The whole reply may have been faster. */
static void expect_end(const struct asked *asked, ds_code code)
{
    if (asked->code != DS_OK) {
        assert_int_equal(asked->code, code);
    }
}

/* Closes a dialer when a part of the request, or of its reply, is on its way. */
static void close_in_the_middle(struct stream_server *server, size_t request_bytes,
                                enum moment moment)
{
    struct asked asked;
    struct ds_sp_dialer *dialer = dialer_open(server->url);
    assert_int_equal(try_call(dialer, SMALL_BYTES), DS_OK);
    ask(&asked, dialer, request_bytes, request_bytes == LARGE_BYTES ? SMALL_BYTES : LARGE_BYTES,
        moment == AFTER_THE_TIME_LIMIT ? 1 : DIALER_PATIENCE_MS);
    stream_server_await_part(server);
    if (moment == AFTER_A_CANCEL) {
        ds_sp_request_cancel(asked.request);
    }
    if (moment != WHILE_CALLED) {
        asked_await(&asked);
        expect_end(&asked, moment == AFTER_A_CANCEL ? DS_CANCELLED : DS_DEADLINE_EXCEEDED);
    }
    ds_sp_dialer_close(dialer);
    if (moment == WHILE_CALLED) {
        asked_await(&asked);
        expect_end(&asked, DS_CANCELLED);
    }
}

static void close_again_and_again(enum stream_part part)
{
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct stream_server server;
        stream_server_open(&server, is_tcp == 1, part);
        for (int i = 0; i < CLOSES; i++) {
            close_in_the_middle(&server, part == STREAM_REQUEST ? LARGE_BYTES : SMALL_BYTES,
                                (enum moment)(i % MOMENTS));
        }
        struct ds_sp_dialer *dialer = dialer_open(server.url);
        assert_int_equal(try_call(dialer, LARGE_BYTES), DS_OK);
        ds_sp_dialer_close(dialer);
        stream_server_close(&server);
    }
}

static void closes_in_the_middle_of_a_reply_do_no_harm(void **state)
{
    (void)state;
    close_again_and_again(STREAM_REPLY);
}

static void closes_in_the_middle_of_a_request_do_no_harm(void **state)
{
    (void)state;
    close_again_and_again(STREAM_REQUEST);
}

static void hang_ups_in_the_middle_of_a_reply_are_got_over(void **state)
{
    (void)state;
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct stream_server server;
        stream_server_open(&server, is_tcp == 1, STREAM_REPLY);
        stream_server_hang_up(&server);
        struct ds_sp_dialer *dialer = dialer_open(server.url);
        for (int i = 0; i < HANG_UPS; i++) {
            int tries = 0;
            while (try_call(dialer, SMALL_BYTES) != DS_OK) {
                assert_true(++tries < TRIES_MAX);
            }
            assert_int_equal(try_call(dialer, LARGE_BYTES), DS_UNAVAILABLE);
        }
        ds_sp_dialer_close(dialer);
        stream_server_close(&server);
    }
}

/* What is owed is a reply that the server holds back. */
static void a_reply_that_never_comes_holds_no_close(void **state)
{
    struct stream_server server;
    struct asked asked;
    (void)state;
    stream_server_open(&server, false, STREAM_REPLY);
    stream_server_hold(&server, true);
    struct ds_sp_dialer *dialer = dialer_open(server.url);
    ask(&asked, dialer, SMALL_BYTES, LARGE_BYTES, DIALER_PATIENCE_MS);
    stream_server_await_part(&server);
    ds_sp_request_cancel(asked.request);
    assert_int_equal(asked_end(&asked), DS_CANCELLED);
    ds_sp_dialer_close(dialer);
    stream_server_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_in_the_middle_of_a_reply_do_no_harm),
        cmocka_unit_test(closes_in_the_middle_of_a_request_do_no_harm),
        cmocka_unit_test(hang_ups_in_the_middle_of_a_reply_are_got_over),
        cmocka_unit_test(a_reply_that_never_comes_holds_no_close),
    };
    return cmocka_run_group_tests_name("sp dialer, close", tests, NULL, NULL);
}
