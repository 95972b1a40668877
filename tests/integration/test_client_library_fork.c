/* libdeltastream and fork(): who may go on with a client in a child, and who is told that it may
 * not.
 */
#include "integration/client_library.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a child ends that does this with its parent's client. */
static int status_of_child(struct deltastream_client *client,
                           void (*act)(struct deltastream_client *client))
{
    int status = -1;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        act(client);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void call_in_child(struct deltastream_client *client)
{
    const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 1);
    (void)deltastream_storage_list_ticks(client, &request, NULL, NULL);
}

static void open_in_child(struct deltastream_client *client)
{
    const struct deltastream_client_options options = {.struct_size = sizeof options,
                                                       .url = "tcp://127.0.0.1:1"};
    struct deltastream_client *own = NULL;
    (void)client;
    (void)deltastream_client_open(&options, &own, NULL, 0);
}

static void close_in_child(struct deltastream_client *client)
{
    deltastream_client_close(client);
}

static bool is_abort(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* Where it would wait for ever, and the parent's connections go on. */
static void a_child_of_fork_is_told_that_it_may_not(void **state)
{
    (void)state;
    struct library_server *server = library_server_open(LIBRARY_IPC);
    struct deltastream_client *client = library_client_open(server);
    const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 1);
    assert_int_equal(deltastream_storage_list_ticks(client, &request, NULL, NULL), DELTASTREAM_OK);
    assert_true(is_abort(status_of_child(client, call_in_child)));
    assert_true(is_abort(status_of_child(client, open_in_child)));
    const int status = status_of_child(client, close_in_child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(deltastream_client_state(client), DELTASTREAM_READY);
    assert_int_equal(deltastream_storage_list_ticks(client, &request, NULL, NULL), DELTASTREAM_OK);
    deltastream_client_close(client);
    library_server_close(server);
}

static void call_by_a_client_of_its_own(struct deltastream_client *client)
{
    const struct deltastream_client_options options = {
        .struct_size = sizeof options, .url = "tcp://127.0.0.1:1", .timeout_ms = 10000};
    const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 1);
    struct deltastream_client *own = NULL;
    (void)client;
    if (deltastream_client_open(&options, &own, NULL, 0) != DELTASTREAM_OK ||
        deltastream_storage_list_ticks(own, &request, NULL, NULL) != DELTASTREAM_UNAVAILABLE) {
        _exit(1);
    }
    deltastream_client_close(own);
}

static void a_child_of_a_process_without_clients_may_open_its_own(void **state)
{
    (void)state;
    const int status = status_of_child(NULL, call_by_a_client_of_its_own);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: ThreadSanitizer can't watch a child that starts threads when its parent has. */
        cmocka_unit_test(a_child_of_a_process_without_clients_may_open_its_own),
        cmocka_unit_test(a_child_of_fork_is_told_that_it_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
