/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/ipc_probe.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROBE_TIMEOUT_MS 500
/* One hang-up made the listener deaf in 6 of 7 runs. */
#define HANG_UPS_MAX 200
#define REVIVALS 3
/* Looks of the watchdog come once a second; a busy machine gets a minute. */
#define PATIENCE_MS 60000

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
    struct ds_client_call call = {.method = ds_method_control_hello, .timeout_ms = 2000};
    const ds_code code = ds_channel_call_wait(channel, &call);
    ds_client_call_release(&call);
    ds_channel_close(channel);
    return code;
}

static void make_deaf(struct rpc_fixture *fixture)
{
    for (int i = 0; i < HANG_UPS_MAX; i++) {
        hang_up(path_of(fixture));
        if (ds_ipc_probe(path_of(fixture), PROBE_TIMEOUT_MS) != DS_IPC_ANSWERS) {
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
        int waited_ms = 0;
        while (call_by_new_client(&fixture) != DS_OK) {
            waited_ms += 1000;
            assert_true(waited_ms < PATIENCE_MS);
        }
    }
    rpc_fixture_close(&fixture);
}

static void a_standing_connection_works_on_while_the_listener_is_revived(void **state)
{
    (void)state;
    struct rpc_fixture fixture;
    rpc_fixture_open(&fixture, FIXTURE_IPC, NULL);
    struct ds_client_call call = {.method = ds_method_control_hello};
    assert_int_equal(ds_channel_call_wait(fixture.channel, &call), DS_OK);
    ds_client_call_release(&call);
    make_deaf(&fixture);
    for (int i = 0; i < 200; i++) {
        call = (struct ds_client_call){.method = ds_method_control_hello, .timeout_ms = 5000};
        assert_int_equal(ds_channel_call_wait(fixture.channel, &call), DS_OK);
        ds_client_call_release(&call);
        usleep(10000);
    }
    rpc_fixture_close(&fixture);
}

static void a_probe_tells_a_listener_from_silence_and_from_nothing(void **state)
{
    (void)state;
    struct rpc_fixture fixture;
    rpc_fixture_open(&fixture, FIXTURE_IPC, NULL);
    assert_int_equal(ds_ipc_probe(path_of(&fixture), PROBE_TIMEOUT_MS), DS_IPC_ANSWERS);
    char mute[128];
    snprintf(mute, sizeof mute, "%s.mute", path_of(&fixture));
    const struct sockaddr_un address = address_of(mute);
    assert_int_equal(ds_ipc_probe(mute, PROBE_TIMEOUT_MS), DS_IPC_GONE);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(ds_ipc_probe(mute, 20), DS_IPC_SILENT);
    close(fd);
    assert_int_equal(ds_ipc_probe(mute, PROBE_TIMEOUT_MS), DS_IPC_GONE);
    unlink(mute);
    rpc_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_probe_tells_a_listener_from_silence_and_from_nothing),
        cmocka_unit_test(a_listener_that_hang_ups_made_deaf_hears_again),
        cmocka_unit_test(a_standing_connection_works_on_while_the_listener_is_revived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
