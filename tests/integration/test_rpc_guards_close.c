/* Sockets that nng never finishes closing: docs/rpc-guards.md. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

#include <dlfcn.h>
#include <nng/nng.h>
#include <semaphore.h>

/* What belongs to a socket that could not be closed in time stays until the process ends. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:ds_nng_listen\nleak:ds_nng_dial\n";
}

static atomic_bool closes_wait;
static atomic_int waiting;
static sem_t go_on;
static sem_t closed;

/* Stands before nng's: 1.5.2's waits for ever where a connection was closed at the wrong moment. */
int nng_close(nng_socket socket)
{
    int (*const real)(nng_socket) = (int (*)(nng_socket))dlsym(RTLD_NEXT, "nng_close");
    if (atomic_load(&closes_wait)) {
        atomic_fetch_add(&waiting, 1);
        while (sem_wait(&go_on) != 0) {
        }
    }
    const int outcome = real(socket);
    sem_post(&closed);
    return outcome;
}

static void open_and_call(struct rpc_fixture *fixture)
{
    struct ds_client_call call = {.method = ds_method_control_hello};
    rpc_fixture_open(fixture, FIXTURE_IPC, NULL);
    assert_int_equal(rpc_fixture_call(fixture, &call), DS_OK);
    ds_client_call_release(&call);
}

static void a_channel_and_a_server_end_whatever_becomes_of_their_sockets(void **state)
{
    static struct rpc_fixture fixture; /* what can't be closed stays */
    (void)state;
    open_and_call(&fixture);
    sem_init(&go_on, 0, 0);
    sem_init(&closed, 0, 0);
    atomic_store(&closes_wait, true);
    rpc_fixture_close(&fixture);
    assert_int_equal(atomic_load(&waiting), 2);
    atomic_store(&closes_wait, false);
    /* Now nng tells of the end of the connections, and nobody is there any more to hear it. */
    for (int i = 0; i < 2; i++) {
        sem_post(&go_on);
    }
    for (int i = 0; i < 2; i++) {
        sem_wait(&closed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_and_a_server_end_whatever_becomes_of_their_sockets),
    };
    return cmocka_run_group_tests_name("rpc guards, close", tests, NULL, NULL);
}
