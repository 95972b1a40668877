/* What may become of a request while its bytes are being given to the kernel. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_peer.h"
#include "integration/rpc_raw.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* So many under way have another connection opened. */
#define BUSY 16
#define NEVER_MS 600000
/* More than the kernel holds of a connection. */
#define LARGE_BYTES (32 * 1024 * 1024)
/* From one request on a connection to the next that takes the same slot. */
#define NEXT_NUMBER 64

static atomic_bool next_send_is_held;
static atomic_bool next_send_fails;
static sem_t held;
static sem_t released;

/* Stands before the C library's. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*const real)(int, const struct msghdr *, int) =
        (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
    if (atomic_exchange(&next_send_fails, false)) {
        errno = EPIPE;
        return -1;
    }
    if (atomic_exchange(&next_send_is_held, false)) {
        sem_post(&held);
        while (sem_wait(&released) != 0) {
        }
    }
    return real(fd, message, flags);
}

static void *send_main(void *argument)
{
    asked_send(argument, ds_bytes_of_text("held"), DIALER_PATIENCE_MS);
    return NULL;
}

/* The loop has told of all that had ended before. */
static void await_the_loop(void)
{
    struct asked other;
    asked_begin(&other, dialer);
    ds_sp_request_cancel(other.request);
    asked_send(&other, ds_bytes_of_text("never sent"), DIALER_PATIENCE_MS);
    assert_int_equal(asked_end(&other), DS_CANCELLED);
}

/* Its message is the caller's, who may let go of it once it is told of the end. */
static void a_request_is_not_told_of_while_its_message_is_read(void **state)
{
    struct asked asked;
    pthread_t thread;
    (void)state;
    const int peer = peer_meet();
    assert_int_equal(sem_init(&held, 0, 0), 0);
    assert_int_equal(sem_init(&released, 0, 0), 0);
    asked_begin(&asked, dialer);
    atomic_store(&next_send_is_held, true);
    assert_int_equal(pthread_create(&thread, NULL, send_main, &asked), 0);
    assert_int_equal(sem_wait(&held), 0);
    ds_sp_request_cancel(asked.request);
    await_the_loop();
    assert_int_equal(sem_trywait(&asked.ended), -1);
    sem_post(&released);
    pthread_join(thread, NULL);
    assert_int_equal(asked_end(&asked), DS_CANCELLED);
    assert_true(asked.was_sent);
    peer_answer(peer, peer_take(peer, "held"), "to nobody");
    struct asked next;
    asked_start(&next, dialer, "next");
    peer_answer(peer, peer_take(peer, "next"), "back");
    asked_expect(&next, "back");
    close(peer);
    sem_destroy(&held);
    sem_destroy(&released);
}

static void an_answer_to_what_was_not_sent_ends_the_connection(void **state)
{
    struct asked asked;
    (void)state;
    asked_start(&asked, dialer, "first");
    int peer = rpc_hostile_accept(&hostile);
    const uint32_t number = peer_take(peer, "first");
    peer_answer(peer, number, "back");
    asked_expect(&asked, "back");
    uint8_t *large = calloc(1, LARGE_BYTES);
    assert_non_null(large);
    asked_begin(&asked, dialer);
    asked_send(&asked, ds_bytes_of(large, LARGE_BYTES), DIALER_PATIENCE_MS);
    peer_answer(peer, number + NEXT_NUMBER, "guessed");
    assert_int_equal(asked_end(&asked), DS_UNAVAILABLE);
    assert_false(asked.was_sent);
    free(large);
    close(peer);
    asked_start(&asked, dialer, "again");
    peer = rpc_hostile_accept(&hostile);
    peer_answer(peer, peer_take(peer, "again"), "back");
    asked_expect(&asked, "back");
    close(peer);
}

/* The first connection has one request under way, the other one none. */
static void open_two(int *ret_peer, int *ret_other)
{
    struct asked asked[BUSY + 1];
    uint32_t numbers[BUSY + 1];
    dialer_open_again("127.0.0.1", NEVER_MS);
    *ret_peer = peer_meet();
    for (int i = 0; i <= BUSY; i++) {
        asked_start(&asked[i], dialer, "many");
        numbers[i] = peer_take(*ret_peer, "many");
    }
    *ret_other = rpc_hostile_accept(&hostile);
    for (int i = 0; i <= BUSY; i++) {
        peer_answer(*ret_peer, numbers[i], "done");
        asked_expect(&asked[i], "done");
    }
}

/* Waits for input by either; whether it is there by the second. */
static bool comes_by_second(int first, int second)
{
    struct pollfd fds[] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    while (poll(fds, 2, -1) <= 0) {
    }
    return fds[1].revents != 0;
}

/* Asks until a request comes by the other connection. */
static void await_the_other(int peer, int other)
{
    struct asked long_one;
    struct asked next;
    for (;;) {
        asked_start(&long_one, dialer, "long");
        const uint32_t number = peer_take(peer, "long");
        asked_start(&next, dialer, "next");
        const bool is_there = comes_by_second(peer, other);
        const int by = is_there ? other : peer;
        peer_answer(by, peer_take(by, "next"), "back");
        asked_expect(&next, "back");
        peer_answer(peer, number, "done");
        asked_expect(&long_one, "done");
        if (is_there) {
            return;
        }
    }
}

static void a_request_whose_connection_is_just_gone_goes_by_another(void **state)
{
    struct asked long_one;
    struct asked next;
    int peer;
    int other;
    (void)state;
    open_two(&peer, &other);
    await_the_other(peer, other);
    asked_start(&long_one, dialer, "long");
    const uint32_t number = peer_take(peer, "long");
    atomic_store(&next_send_fails, true);
    asked_start(&next, dialer, "next");
    peer_answer(peer, peer_take(peer, "next"), "back");
    asked_expect(&next, "back");
    peer_answer(peer, number, "done");
    asked_expect(&long_one, "done");
    close(peer);
    close(other);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, dialer_setup, dialer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_request_is_not_told_of_while_its_message_is_read),
        WITH(an_answer_to_what_was_not_sent_ends_the_connection),
        WITH(a_request_whose_connection_is_just_gone_goes_by_another),
    };
    return cmocka_run_group_tests_name("sp dialer, sending", tests, NULL, NULL);
}
