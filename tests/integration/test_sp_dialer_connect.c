/* How a dialer's connections come about, and with whom. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_peer.h"
#include "integration/rpc_raw.h"

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
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

/* ---- who refuses ---- */

static void greet_otherwise(int peer)
{
    static const uint8_t greeting[] = {'H', 'T', 'T', 'P', '/', '1', '.', '1'};
    uint8_t theirs[8];
    rpc_raw_send(peer, greeting, sizeof greeting);
    rpc_raw_receive_all(peer, theirs, sizeof theirs);
    assert_true(rpc_raw_is_hung_up(peer));
    close(peer);
}

static bool has_come(void)
{
    struct pollfd listener = {.fd = hostile.listener, .events = POLLIN};
    return poll(&listener, 1, 0) > 0;
}

static void expect_service_at(int peer)
{
    struct asked asked;
    asked_start(&asked, dialer, "to the service");
    peer_answer(peer, peer_take(peer, "to the service"), "back");
    asked_expect(&asked, "back");
}

/* Whether a request to who refuses ends at once: before one to nobody, which is asked later and has
 * less than half of its patience left. */
static bool ends_at_once(struct asked *asked, struct ds_sp_dialer *to_nobody)
{
    enum { WAITED_MS = 600 };
    struct asked other;
    int ends = 0;
    asked_start(asked, dialer, "to a stranger");
    asked_begin(&other, to_nobody);
    asked_send_late(&other, ds_bytes_of_text("to nobody"), WAITED_MS);
    assert_int_equal(asked_end(&other), DS_UNAVAILABLE);
    assert_int_equal(sem_getvalue(&asked->ended, &ends), 0);
    assert_int_equal(asked_end(asked), DS_UNAVAILABLE);
    return ends > 0;
}

/* Sooner or later the next try comes only when a request's patience is over. Once the right one is
 * there it is found, and the others are forgotten. */
static void who_greets_otherwise_is_tried_less_and_less(void **state)
{
    enum { TRIES = 9, ASKED_MAX = 10 };
    struct ds_sp_dialer *to_nobody = dialer_open("tcp://127.0.0.1:1");
    struct asked asked;
    bool was_spared = false;
    (void)state;
    for (int i = 0; i < TRIES; i++) {
        greet_otherwise(accept(hostile.listener, NULL, NULL));
    }
    for (int i = 0; i < ASKED_MAX && !was_spared; i++) {
        was_spared = ends_at_once(&asked, to_nobody) && !has_come();
        if (has_come()) {
            greet_otherwise(accept(hostile.listener, NULL, NULL));
        }
    }
    assert_true(was_spared);
    assert_false(asked.was_sent);
    assert_string_equal(asked.failure, "what answers there is no service of DeltaStream");
    int peer = rpc_hostile_accept(&hostile);
    expect_service_at(peer);
    close(peer);
    greet_otherwise(accept(hostile.listener, NULL, NULL));
    asked_start(&asked, dialer, "to the service");
    peer = rpc_hostile_accept(&hostile);
    peer_answer(peer, peer_take(peer, "to the service"), "back");
    asked_expect(&asked, "back");
    close(peer);
    ds_sp_dialer_close(to_nobody);
}

/* ---- patience ---- */

/* Whether the request comes to the peer, and not to its end. */
static bool arrives(struct asked *asked, int peer)
{
    struct pollfd readable = {.fd = peer, .events = POLLIN};
    int ends = 0;
    while (poll(&readable, 1, 1) == 0) {
        assert_int_equal(sem_getvalue(&asked->ended, &ends), 0);
        if (ends > 0) {
            assert_int_equal(asked_end(asked), DS_UNAVAILABLE);
            return false;
        }
    }
    peer_answer(peer, peer_take(peer, "patient"), "back");
    asked_expect(asked, "back");
    return true;
}

/* What has waited behind slow requests has not waited for a connection: there was one. */
static void waiting_behind_others_uses_up_no_patience(void **state)
{
    enum { ROUNDS_MAX = 5, WAITED_MS = 60000, STEPS_MS = 150 };
    bool has_arrived = false;
    (void)state;
    int peer = peer_meet();
    for (int i = 0; i < ROUNDS_MAX && !has_arrived; i++) {
        struct asked asked;
        close(peer);
        while (ds_sp_dialer_is_connected(dialer)) {
            usleep(1000);
        }
        asked_begin(&asked, dialer);
        asked_send_late(&asked, ds_bytes_of_text("patient"), WAITED_MS);
        usleep(STEPS_MS * 1000); /* Without patience it ends meanwhile. */
        peer = rpc_hostile_accept(&hostile);
        has_arrived = arrives(&asked, peer);
    }
    assert_true(has_arrived);
    close(peer);
}

/* ---- several places ---- */

#define TWO_PLACES "two.test"

static int silent = -1;
static int fillers[] = {-1, -1};

/* Whose queue is full: the kernel answers nobody who wants to connect. */
static void open_silent(const struct sockaddr *address, socklen_t size)
{
    silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (silent < 0 || bind(silent, address, size) != 0 || listen(silent, 0) != 0) {
        abort();
    }
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], address, size);
    }
}

/* In the place of the system's, for the dialer too: that name stands for two addresses, of which
 * the first does not answer. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **ret_found)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    real = (__typeof__(real))(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(host, TWO_PLACES) != 0) {
        return real(host, port, hints, ret_found);
    }
    struct addrinfo *first = NULL;
    const int failure = real("127.0.0.2", port, hints, &first);
    if (failure != 0) {
        return failure;
    }
    if (silent < 0) {
        open_silent(first->ai_addr, first->ai_addrlen);
    }
    *ret_found = first;
    return real("127.0.0.1", port, hints, &first->ai_next);
}

static void the_next_place_is_tried_while_the_first_does_not_answer(void **state)
{
    (void)state;
    dialer_open_again(TWO_PLACES, 0);
    close(peer_meet());
    close(silent);
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        close(fillers[i]);
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, dialer_setup, dialer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(without_a_peer_a_request_is_unavailable),
        WITH(a_close_waits_for_no_connection),
        WITH(hang_ups_before_the_greeting_are_got_over),
        WITH(a_peer_that_greets_otherwise_is_left_and_tried_again),
        WITH(who_greets_otherwise_is_tried_less_and_less),
        WITH(waiting_behind_others_uses_up_no_patience),
        WITH(the_next_place_is_tried_while_the_first_does_not_answer),
        WITH(a_name_is_looked_up),
        WITH(a_name_that_stands_for_nobody_is_unavailable),
    };
    return cmocka_run_group_tests_name("sp dialer, connect", tests, NULL, NULL);
}
