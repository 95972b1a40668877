/* Requests and connections of a dialer, to peers on plain sockets that do whatever a test says. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_peer.h"
#include "integration/rpc_raw.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define SHARED_MAX 64
/* So many under way have another connection opened. */
#define BUSY 16
#define LARGE_BYTES (32 * 1024 * 1024)
#define TRIES_MAX 1000
#define LOOK_MS 20

static bool has_input(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) > 0;
}

/* Answers what comes by a connection, one after the other, until a request comes by the other. */
static void ask_until_it_comes_by(int other, int peer)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        struct asked asked;
        asked_start(&asked, dialer, "small");
        while (!has_input(other, LOOK_MS) && !has_input(peer, LOOK_MS)) {
        }
        const bool is_other = has_input(other, 0);
        const int by = is_other ? other : peer;
        peer_answer(by, peer_take(by, "small"), "back");
        asked_expect(&asked, "back");
        if (is_other) {
            return;
        }
    }
    fail();
}

/* ---- sharing a connection ---- */

static void requests_share_a_connection_and_each_gets_its_own_answer(void **state)
{
    static const char *const texts[] = {"one", "two", "three"};
    struct asked asked[3];
    uint32_t numbers[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        asked_start(&asked[i], dialer, texts[i]);
    }
    const int peer = rpc_hostile_accept(&hostile);
    for (int i = 0; i < 3; i++) {
        numbers[i] = peer_take(peer, texts[i]);
    }
    for (int i = 2; i >= 0; i--) {
        peer_answer(peer, numbers[i], texts[i]);
    }
    for (int i = 0; i < 3; i++) {
        asked_expect(&asked[i], texts[i]);
    }
    assert_false(has_input(hostile.listener, 0));
    close(peer);
}

static void start_many(struct asked *asked, uint32_t *numbers, int count, int peer)
{
    for (int i = 0; i < count; i++) {
        asked_start(&asked[i], dialer, "many");
        numbers[i] = peer_take(peer, "many");
    }
}

static void answer_many(struct asked *asked, const uint32_t *numbers, int count, int peer)
{
    for (int i = 0; i < count; i++) {
        peer_answer(peer, numbers[i], "done");
        asked_expect(&asked[i], "done");
    }
}

static void a_busy_connection_gets_another_beside_it(void **state)
{
    struct asked asked[BUSY + 1];
    uint32_t numbers[BUSY + 1];
    (void)state;
    const int peer = peer_meet();
    start_many(asked, numbers, BUSY + 1, peer);
    const int other = rpc_hostile_accept(&hostile);
    ask_until_it_comes_by(other, peer);
    answer_many(asked, numbers, BUSY + 1, peer);
    close(peer);
    close(other);
}

static void a_connection_besides_the_first_is_closed_once_it_is_idle(void **state)
{
    struct asked asked[BUSY + 1];
    uint32_t numbers[BUSY + 1];
    struct asked last;
    (void)state;
    dialer_open_again("127.0.0.1", 1);
    const int peer = peer_meet();
    start_many(asked, numbers, BUSY + 1, peer);
    const int other = rpc_hostile_accept(&hostile);
    answer_many(asked, numbers, BUSY + 1, peer);
    assert_true(rpc_raw_is_hung_up(other));
    close(other);
    asked_start(&last, dialer, "last");
    peer_answer(peer, peer_take(peer, "last"), "by the first");
    asked_expect(&last, "by the first");
    close(peer);
}

static void a_connection_has_64_unanswered_requests_at_most(void **state)
{
    struct asked asked[SHARED_MAX];
    uint32_t numbers[SHARED_MAX];
    struct asked beyond;
    (void)state;
    const int peer = peer_meet();
    start_many(asked, numbers, SHARED_MAX, peer);
    /* One that was given up counts until it is answered. */
    ds_sp_request_cancel(asked[0].request);
    assert_int_equal(asked_end(&asked[0]), DS_CANCELLED);
    assert_true(asked[0].was_sent);
    asked_start(&beyond, dialer, "beyond");
    assert_false(has_input(peer, 0));
    peer_answer(peer, numbers[0], "too late");
    peer_answer(peer, peer_take(peer, "beyond"), "back");
    asked_expect(&beyond, "back");
    assert_int_equal(ds_sp_dialer_stray_replies(dialer), 1);
    answer_many(asked + 1, numbers + 1, SHARED_MAX - 1, peer);
    close(peer);
}

static void a_connection_that_owes_nothing_but_answers_to_nobody_is_left(void **state)
{
    struct asked asked[SHARED_MAX];
    uint32_t numbers[SHARED_MAX];
    struct asked beyond;
    (void)state;
    const int peer = peer_meet();
    start_many(asked, numbers, SHARED_MAX, peer);
    for (int i = 0; i < SHARED_MAX; i++) {
        ds_sp_request_cancel(asked[i].request);
        assert_int_equal(asked_end(&asked[i]), DS_CANCELLED);
    }
    asked_start(&beyond, dialer, "beyond");
    assert_true(rpc_raw_is_hung_up(peer));
    close(peer);
    const int other = rpc_hostile_accept(&hostile);
    peer_answer(other, peer_take(other, "beyond"), "back");
    asked_expect(&beyond, "back");
    close(other);
}

static void a_large_request_holds_up_no_small_one(void **state)
{
    struct asked large;
    struct asked behind;
    (void)state;
    uint8_t *bytes = calloc(1, LARGE_BYTES);
    const int peer = peer_meet();
    asked_begin(&large, dialer);
    asked_send(&large, ds_bytes_of(bytes, LARGE_BYTES), DIALER_PATIENCE_MS);
    asked_start(&behind, dialer, "behind");
    const int other = rpc_hostile_accept(&hostile);
    for (int tries = 0; !has_input(other, LOOK_MS); tries++) {
        struct asked small;
        assert_true(tries < TRIES_MAX);
        asked_start(&small, dialer, "small");
        if (!has_input(other, LOOK_MS)) {
            ds_sp_request_cancel(small.request);
        } else {
            peer_answer(other, peer_take(other, "small"), "back");
            asked_expect(&small, "back");
            break;
        }
        (void)asked_end(&small);
    }
    close(peer);
    assert_int_equal(asked_end(&large), DS_UNAVAILABLE);
    assert_false(large.was_sent);
    assert_int_equal(asked_end(&behind), DS_UNAVAILABLE);
    assert_false(behind.was_sent);
    close(other);
    free(bytes);
}

/* ---- ends ---- */

static void a_request_whose_connection_ends_may_have_been_executed(void **state)
{
    struct asked asked;
    (void)state;
    asked_start(&asked, dialer, "lost");
    const int peer = rpc_hostile_accept(&hostile);
    (void)peer_take(peer, "lost");
    close(peer);
    assert_int_equal(asked_end(&asked), DS_UNAVAILABLE);
    assert_true(asked.was_sent);
}

struct holdup {
    sem_t begun;
    sem_t over;
};

/* Has the dialer's thread stand still. */
static void hold_up(void *context, ds_code code, struct ds_sp_reply *reply)
{
    struct holdup *holdup = context;
    assert_int_equal(code, DS_OK);
    ds_sp_reply_free(reply);
    sem_post(&holdup->begun);
    while (sem_wait(&holdup->over) != 0) {
    }
}

/* The first of two requests to a peer that has gone makes the second one fail at once. */
static void answers_that_came_before_the_connection_ended_count(void **state)
{
    static const struct ds_sp_request_times times = {.timeout_ms = DIALER_PATIENCE_MS};
    const struct ds_bytes text = ds_bytes_of_text("hold up");
    struct asked asked[BUSY];
    uint32_t numbers[BUSY];
    struct asked late[2];
    struct holdup holdup;
    (void)state;
    sem_init(&holdup.begun, 0, 0);
    sem_init(&holdup.over, 0, 0);
    const int peer = peer_meet();
    start_many(asked, numbers, BUSY, peer);
    struct ds_sp_request *request = ds_sp_request_begin(dialer);
    ds_sp_request_send(request, &text, 1, &times, hold_up, &holdup);
    peer_answer(peer, peer_take(peer, "hold up"), "stand still");
    while (sem_wait(&holdup.begun) != 0) {
    }
    for (int i = 0; i < BUSY; i++) {
        peer_answer(peer, numbers[i], "done");
    }
    close(peer);
    for (int i = 0; i < 2; i++) {
        asked_start(&late[i], dialer, "late");
    }
    sem_post(&holdup.over);
    for (int i = 0; i < BUSY; i++) {
        asked_expect(&asked[i], "done");
    }
    for (int i = 0; i < 2; i++) {
        ds_sp_request_cancel(late[i].request);
        (void)asked_end(&late[i]);
    }
    ds_sp_request_end(request);
    sem_destroy(&holdup.begun);
    sem_destroy(&holdup.over);
}

static void a_request_that_is_cancelled_before_it_is_sent_is_not(void **state)
{
    struct asked asked;
    (void)state;
    const int peer = peer_meet();
    asked_begin(&asked, dialer);
    ds_sp_request_cancel(asked.request);
    asked_send(&asked, ds_bytes_of_text("never"), DIALER_PATIENCE_MS);
    assert_int_equal(asked_end(&asked), DS_CANCELLED);
    assert_false(asked.was_sent);
    asked_start(&asked, dialer, "next");
    peer_answer(peer, peer_take(peer, "next"), "back");
    asked_expect(&asked, "back");
    close(peer);
}

static void time_runs_out_with_a_connection_and_without(void **state)
{
    struct asked asked;
    (void)state;
    asked_begin(&asked, dialer);
    asked_send(&asked, ds_bytes_of_text("waits"), 1);
    assert_int_equal(asked_end(&asked), DS_DEADLINE_EXCEEDED);
    assert_false(asked.was_sent);
    const int peer = peer_meet();
    asked_begin(&asked, dialer);
    asked_send(&asked, ds_bytes_of_text("goes out"), 1);
    assert_int_equal(asked_end(&asked), DS_DEADLINE_EXCEEDED);
    assert_true(asked.was_sent);
    close(peer);
}

static void a_close_ends_what_is_under_way_and_what_waits(void **state)
{
    struct asked sent;
    struct asked waiting[SHARED_MAX];
    uint32_t numbers[SHARED_MAX];
    (void)state;
    const int peer = peer_meet();
    start_many(waiting, numbers, SHARED_MAX, peer);
    asked_start(&sent, dialer, "no room");
    ds_sp_dialer_close(dialer);
    dialer = NULL;
    for (int i = 0; i < SHARED_MAX; i++) {
        asked_await(&waiting[i]);
        assert_int_equal(waiting[i].code, DS_CANCELLED);
    }
    asked_await(&sent);
    assert_int_equal(sent.code, DS_CANCELLED);
    assert_false(sent.was_sent);
    assert_true(rpc_raw_is_hung_up(peer));
    close(peer);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, dialer_setup, dialer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(requests_share_a_connection_and_each_gets_its_own_answer),
        WITH(a_busy_connection_gets_another_beside_it),
        WITH(a_connection_besides_the_first_is_closed_once_it_is_idle),
        WITH(a_connection_has_64_unanswered_requests_at_most),
        WITH(a_connection_that_owes_nothing_but_answers_to_nobody_is_left),
        WITH(a_large_request_holds_up_no_small_one),
        WITH(a_request_whose_connection_ends_may_have_been_executed),
        WITH(answers_that_came_before_the_connection_ended_count),
        WITH(a_request_that_is_cancelled_before_it_is_sent_is_not),
        WITH(time_runs_out_with_a_connection_and_without),
        WITH(a_close_ends_what_is_under_way_and_what_waits),
    };
    return cmocka_run_group_tests_name("sp dialer", tests, NULL, NULL);
}
