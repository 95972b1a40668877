/* A server whose peers take no replies: docs/rpc-guards.md lists the faults of nng that these tests
 * are about. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/log.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_raw.h"
#include "integration/rpc_stranger.h"
#include "schema.gen.h"
#include "support/log_capture.h"

#include <stdlib.h>
#include <unistd.h>

/* More replies of 1 MiB than the kernel keeps for a peer that does not read, and than the server
 * has REP contexts beside those. */
#define REPLIES_UNREAD 64
#define QUEUE_MAX 4

static struct rpc_fixture fixture;

static void append_large_read(struct ds_buffer *message)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "kibibytes";
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = 1024;
    const struct ds_bytes payload = rpc_fixture_pack(&request.base);
    rpc_request_append(message, "a", ds_method_storage_list_ticks->full_name, payload);
    free((void *)(uintptr_t)payload.data);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

/* Without a limit its replies would hold REP contexts until it leaves, and the server would hear
 * nobody any more. */
static void a_peer_that_reads_no_replies_is_hung_up_on(void **state)
{
    (void)state;
    struct ds_buffer message;
    static struct log_capture capture;
    log_capture_begin(&capture);
    rpc_fixture_open(&fixture, FIXTURE_TCP,
                     &(struct ds_rpc_server_options){.authenticator.authenticate =
                                                         rpc_fixture_authenticate_reader,
                                                     .queue_max = QUEUE_MAX,
                                                     .read_threads = 1,
                                                     .write_threads = 1});
    assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
    const size_t connections = ds_rpc_server_connection_count(fixture.server);
    ds_buffer_init(&message, 4096);
    append_large_read(&message);
    const int peer = rpc_raw_connect(fixture.url, "127.0.0.1");
    rpc_raw_greet(peer);
    for (uint32_t number = 1; number <= REPLIES_UNREAD; number++) {
        rpc_raw_ask(peer, number, &message);
    }
    while (atomic_load(&fixture.executed) == 0) {
        rpc_fixture_pause();
    }
    rpc_fixture_await_connections(&fixture, connections);
    assert_int_equal(rpc_fixture_call_hello(&fixture), DS_OK);
    close(peer);
    ds_buffer_deinit(&message);
    rpc_fixture_close(&fixture);
    assert_true(ds_log_flush(RPC_FIXTURE_PATIENCE_MS));
    /* Once, however many replies wait for it. */
    assert_int_equal(count_of(log_capture_end(&capture), "peer_does_not_read"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_reads_no_replies_is_hung_up_on),
    };
    return cmocka_run_group_tests_name("rpc guards, server", tests, NULL, NULL);
}
