/* A dialer of nng that gives up for good when its peer hangs up before the greeting. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/nng_dialer.h"
#include "ds/rpc_server.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* How many dialers nng_redial.c makes before it looks which of them have given up. */
#define HANGUPS 4
#define GREETING_BYTES 8
/* Each waits a second for a connection; only a test that fails makes all of them. */
#define REQUESTS_MAX 60

static atomic_bool greetings_wait; /* until the fake peer has hung up */
static sem_t hung_up;

/* Stands before the C library's: nng's greetings come by here. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (atomic_load(&greetings_wait) && message->msg_iovlen == 1 &&
        message->msg_iov[0].iov_len == GREETING_BYTES) {
        sem_wait(&hung_up);
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

struct impatient_peer {
    int listener;
    pthread_t thread;
    sem_t finished; /* posted once HANGUPS connections have been hung up */
};

static void *impatient_peer_main(void *argument)
{
    struct impatient_peer *peer = argument;
    for (int count = 1;; count++) {
        const int connection = accept(peer->listener, NULL, NULL);
        if (connection < 0) {
            return NULL;
        }
        close(connection);
        sem_post(&hung_up);
        if (count == HANGUPS) {
            sem_post(&peer->finished);
        }
    }
}

/* Greetings may wait for connections that are not accepted any more. */
static void impatient_peer_close(struct impatient_peer *peer)
{
    atomic_store(&greetings_wait, false);
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    for (int i = 0; i < HANGUPS; i++) {
        sem_post(&hung_up);
    }
    close(peer->listener);
    sem_destroy(&peer->finished);
}

static void impatient_peer_open(struct impatient_peer *peer, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    sem_init(&peer->finished, 0, 0);
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, HANGUPS), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, impatient_peer_main, peer), 0);
}

struct outcome {
    sem_t ended;
    ds_code code;
};

static void note_outcome(void *context, ds_code code, struct ds_nng_reply *reply)
{
    struct outcome *outcome = context;
    outcome->code = code;
    ds_nng_reply_free(reply);
    sem_post(&outcome->ended);
}

static void request_start(struct ds_nng_dialer *dialer, struct ds_nng_request **ret_request,
                          struct outcome *outcome)
{
    static const uint8_t no_frame[] = "no frame, but every message gets an answer";
    const struct ds_bytes part = ds_bytes_of(no_frame, sizeof no_frame);
    const struct ds_nng_request_times times = {.timeout_ms = 600000};
    *ret_request = ds_nng_request_begin(dialer);
    assert_non_null(*ret_request);
    ds_nng_request_send(*ret_request, &part, 1, &times, note_outcome, outcome);
}

static ds_code request_wait(struct ds_nng_request *request, struct outcome *outcome)
{
    sem_wait(&outcome->ended);
    ds_nng_request_end(request);
    return outcome->code;
}

/* A request waits a second for a connection, so several cover the time that the hang-ups take. */
static void hang_up_on_every_dialer(struct ds_nng_dialer *dialer, struct impatient_peer *peer)
{
    struct outcome outcome;
    sem_init(&outcome.ended, 0, 0);
    int finished = -1;
    while (finished != 0) {
        struct ds_nng_request *request = NULL;
        request_start(dialer, &request, &outcome);
        assert_int_not_equal(request_wait(request, &outcome), DS_OK);
        finished = sem_trywait(&peer->finished);
    }
    sem_destroy(&outcome.ended);
    impatient_peer_close(peer);
}

static ds_code any_request_answered(struct ds_nng_dialer *dialer)
{
    ds_code code = DS_UNKNOWN;
    struct outcome outcome;
    sem_init(&outcome.ended, 0, 0);
    for (int i = 0; i < REQUESTS_MAX && code != DS_OK; i++) {
        struct ds_nng_request *request = NULL;
        request_start(dialer, &request, &outcome);
        code = request_wait(request, &outcome);
    }
    sem_destroy(&outcome.ended);
    return code;
}

static void a_connection_comes_back_after_every_dialer_was_hung_up_before_its_greeting(void **state)
{
    (void)state;
    char folder[] = "/tmp/ds-dialer-XXXXXX";
    char path[64];
    char url[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/rpc.sock", folder);
    snprintf(url, sizeof url, "ipc://%s", path);
    struct impatient_peer peer;
    sem_init(&hung_up, 0, 0);
    atomic_store(&greetings_wait, true);
    impatient_peer_open(&peer, path);
    struct ds_nng_dialer *dialer = NULL;
    assert_int_equal(ds_nng_dial(&(struct ds_nng_dialer_options){.url = url,
                                                                 .message_bytes_max = 1024,
                                                                 .request_count = 1,
                                                                 .connect_check_ms = 10},
                                 &dialer),
                     DS_OK);
    hang_up_on_every_dialer(dialer, &peer);
    assert_int_equal(unlink(path), 0);
    struct ds_rpc_server *server =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "dialer/1"});
    assert_int_equal(ds_rpc_server_listen(server, url, NULL, 0), DS_OK);
    assert_int_equal(any_request_answered(dialer), DS_OK);
    ds_nng_dialer_close(dialer);
    ds_rpc_server_destroy(server);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_connection_comes_back_after_every_dialer_was_hung_up_before_its_greeting),
    };
    return cmocka_run_group_tests_name("rpc dialer", tests, NULL, NULL);
}
