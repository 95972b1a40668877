/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/ipc_probe.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Of a probe that is to find out that there is no answer, and of one that is to get its answer. */
#define PROBE_SHORT_MS 500
#define PROBE_PATIENT_MS 120000
/* One hang-up made the listener deaf in 6 of 7 runs. */
#define HANG_UPS_MAX 200
#define REVIVALS 3
/* How long a call waits for the answer of a listener that may be deaf. */
#define DEAF_MS 2000
/* Each call waits a second for a connection, and the watchdog looks once a second. */
#define CALLS_MAX 120

static const char *path_of(const struct rpc_fixture *fixture)
{
    return fixture->url + strlen("ipc://");
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

static void hang_up(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    close(fd);
}

/* A call of a client that has no connection yet. */
static ds_code call_by_new_client(struct rpc_fixture *fixture)
{
    struct ds_channel *channel = NULL;
    assert_int_equal(ds_channel_open(&(struct ds_channel_options){.url = fixture->url}, &channel),
                     DS_OK);
    struct ds_client_call call = {.method = ds_method_control_hello, .timeout_ms = DEAF_MS};
    const ds_code code = ds_channel_call_wait(channel, &call);
    ds_client_call_release(&call);
    ds_channel_close(channel);
    return code;
}

static void make_deaf(struct rpc_fixture *fixture)
{
    for (int i = 0; i < HANG_UPS_MAX; i++) {
        hang_up(path_of(fixture));
        if (ds_ipc_probe(path_of(fixture), PROBE_SHORT_MS) != DS_IPC_ANSWERS) {
            return;
        }
    }
    print_message("no hang-up made the listener deaf; nng may have mended it\n");
}

static void a_listener_that_hang_ups_made_deaf_hears_again(void **state)
{
    (void)state;
    struct rpc_fixture fixture;
    rpc_fixture_open(&fixture, FIXTURE_IPC, NULL);
    for (int i = 0; i < REVIVALS; i++) {
        make_deaf(&fixture);
        int calls = 0;
        while (call_by_new_client(&fixture) != DS_OK) {
            assert_true(++calls < CALLS_MAX);
        }
    }
    rpc_fixture_close(&fixture);
}

static ds_code call_hello(struct rpc_fixture *fixture)
{
    struct ds_client_call call = {.method = ds_method_control_hello};
    const ds_code code = rpc_fixture_call(fixture, &call);
    ds_client_call_release(&call);
    return code;
}

static void a_standing_connection_works_on_while_the_listener_is_revived(void **state)
{
    (void)state;
    struct rpc_fixture fixture;
    rpc_fixture_open(&fixture, FIXTURE_IPC, NULL);
    assert_int_equal(call_hello(&fixture), DS_OK);
    make_deaf(&fixture);
    for (int i = 0; i < 200; i++) {
        /* The revival ends a call that is under way. */
        const ds_code code = call_hello(&fixture);
        assert_true(code == DS_OK || code == DS_UNAVAILABLE);
        assert_true(code == DS_OK || call_hello(&fixture) == DS_OK);
        usleep(10000);
    }
    rpc_fixture_close(&fixture);
}

/* Listens, but takes nobody's connection; the test removes the file. */
static int listen_mutely(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void a_probe_tells_a_listener_from_silence_and_from_nothing(void **state)
{
    (void)state;
    struct rpc_fixture fixture;
    rpc_fixture_open(&fixture, FIXTURE_IPC, NULL);
    assert_int_equal(ds_ipc_probe(path_of(&fixture), PROBE_PATIENT_MS), DS_IPC_ANSWERS);
    char mute[128];
    snprintf(mute, sizeof mute, "%s.mute", path_of(&fixture));
    assert_int_equal(ds_ipc_probe(mute, PROBE_PATIENT_MS), DS_IPC_GONE);
    const int fd = listen_mutely(mute);
    assert_int_equal(ds_ipc_probe(mute, 20), DS_IPC_SILENT);
    close(fd);
    assert_int_equal(ds_ipc_probe(mute, PROBE_PATIENT_MS), DS_IPC_GONE);
    unlink(mute);
    rpc_fixture_close(&fixture);
}

/* A server without descriptors takes no connections and is not deaf: to open its listener anew
 * would only hang up on those that it has. */
static void a_probe_with_the_last_descriptor_tells_nothing(void **state)
{
    (void)state;
    char path[] = "/tmp/ds-probe-XXXXXX";
    const int placeholder = mkstemp(path);
    assert_true(placeholder >= 0);
    unlink(path);
    const int fd = listen_mutely(path);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    /* Descriptors below the limit are taken, but for the placeholder's once that is closed. */
    struct rlimit low = {.rlim_cur = 64, .rlim_max = limit.rlim_max};
    int taken[64];
    size_t taken_count = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int copy = dup(fd); copy >= 0; copy = dup(fd)) {
        taken[taken_count++] = copy;
    }
    const enum ds_ipc_probe without_any = ds_ipc_probe(path, 20);
    close(placeholder);
    const enum ds_ipc_probe with_the_last = ds_ipc_probe(path, 20);
    while (taken_count > 0) {
        close(taken[--taken_count]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(without_any, DS_IPC_UNKNOWN);
    assert_int_equal(with_the_last, DS_IPC_UNKNOWN);
    assert_int_equal(ds_ipc_probe(path, 20), DS_IPC_SILENT);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_probe_with_the_last_descriptor_tells_nothing),
        cmocka_unit_test(a_probe_tells_a_listener_from_silence_and_from_nothing),
        cmocka_unit_test(a_listener_that_hang_ups_made_deaf_hears_again),
        cmocka_unit_test(a_standing_connection_works_on_while_the_listener_is_revived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
