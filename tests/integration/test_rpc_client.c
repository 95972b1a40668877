/* What a client tells the server beside its calls. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

#include <semaphore.h>
#include <time.h>

/* The handler would wait that long for its gate, the test for the handler a part of it. */
#define DEADLINE_MS 600000
#define WAIT_MS_MAX 30000
/* How many messages a channel has under way at a time. */
#define CONNECTIONS 64

static struct rpc_fixture fixture;

static int open_ipc(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, FIXTURE_IPC, NULL);
    return 0;
}

static int open_direct(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, FIXTURE_DIRECT, NULL);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    rpc_fixture_close(&fixture);
    return 0;
}

static int waiting_handlers(void)
{
    pthread_mutex_lock(&fixture.mutex);
    const int waiting = fixture.waiting;
    pthread_mutex_unlock(&fixture.mutex);
    return waiting;
}

static void await_no_handler(void)
{
    for (int i = 0; i < WAIT_MS_MAX && waiting_handlers() > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(waiting_handlers(), 0);
}

static void post_end(struct ds_client_call *call)
{
    sem_post(call->context);
}

static void a_call_that_is_cancelled_stops_its_handler(void **state)
{
    sem_t ended;
    struct ds_client_call call = {
        .method = ds_method_storage_ingest_ticks,
        .principal = &rpc_fixture_writer,
        .timeout_ms = DEADLINE_MS,
        .done = post_end,
        .context = &ended,
    };
    (void)state;
    sem_init(&ended, 0, 0);
    ds_channel_call(fixture.channel, &call);
    ds_channel_flush(fixture.channel);
    rpc_fixture_await_waiting(&fixture, 1);
    ds_channel_cancel(fixture.channel, &call);
    sem_wait(&ended);
    assert_int_equal(call.code, DS_CANCELLED);
    await_no_handler();
    ds_client_call_release(&call);
    sem_destroy(&ended);
}

static void close_gate(void)
{
    pthread_mutex_lock(&fixture.mutex);
    fixture.gate_is_open = false;
    pthread_mutex_unlock(&fixture.mutex);
}

/* Makes calls that wait at the server for the gate, or for a connection. */
static void calls_make(struct ds_client_call *calls, size_t count, sem_t *ended)
{
    for (size_t i = 0; i < count; i++) {
        calls[i] = (struct ds_client_call){
            .method = ds_method_storage_ingest_ticks,
            .principal = &rpc_fixture_writer,
            .timeout_ms = DEADLINE_MS,
            .done = post_end,
            .context = ended,
        };
        ds_channel_call(fixture.channel, &calls[i]);
    }
    ds_channel_flush(fixture.channel);
}

/* Returns how many of them ended well. */
static size_t calls_end(struct ds_client_call *calls, size_t count, sem_t *ended)
{
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        sem_wait(ended);
    }
    for (size_t i = 0; i < count; i++) {
        good += calls[i].code == DS_OK;
        ds_client_call_release(&calls[i]);
    }
    return good;
}

/* First of all the connections are made, which may take more patience than a call has. */
static void connections_make(struct ds_client_call *calls, sem_t *ended)
{
    do {
        close_gate();
        calls_make(calls, CONNECTIONS, ended);
        rpc_fixture_open_gate(&fixture);
    } while (calls_end(calls, CONNECTIONS, ended) < CONNECTIONS);
    close_gate();
}

/* One more than a channel has connections, and all wait at the server but the last. */
static void a_call_that_waits_for_a_connection_may_be_cancelled(void **state)
{
    static struct ds_client_call calls[CONNECTIONS + 1];
    struct ds_client_call *last = &calls[CONNECTIONS];
    sem_t ended;
    (void)state;
    sem_init(&ended, 0, 0);
    connections_make(calls, &ended);
    calls_make(calls, CONNECTIONS + 1, &ended);
    ds_channel_cancel(fixture.channel, last);
    sem_wait(&ended);
    assert_int_equal(last->code, DS_CANCELLED);
    ds_client_call_release(last);
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(calls_end(calls, CONNECTIONS, &ended), CONNECTIONS);
    sem_destroy(&ended);
}

static void a_call_that_waits_for_a_connection_ends_at_its_deadline(void **state)
{
    static struct ds_client_call calls[CONNECTIONS];
    sem_t ended;
    sem_t last_ended;
    struct ds_client_call last = {
        .method = ds_method_storage_ingest_ticks,
        .principal = &rpc_fixture_writer,
        .timeout_ms = 1,
        .done = post_end,
        .context = &last_ended,
    };
    (void)state;
    sem_init(&ended, 0, 0);
    sem_init(&last_ended, 0, 0);
    connections_make(calls, &ended);
    calls_make(calls, CONNECTIONS, &ended);
    ds_channel_call(fixture.channel, &last);
    ds_channel_flush(fixture.channel);
    sem_wait(&last_ended); /* The gate is closed: nobody makes room. */
    assert_int_equal(last.code, DS_DEADLINE_EXCEEDED);
    ds_client_call_release(&last);
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(calls_end(calls, CONNECTIONS, &ended), CONNECTIONS);
    sem_destroy(&last_ended);
    sem_destroy(&ended);
}

/* Makes a call of a method that answers with the metadata it got. */
static void expect_echo(const struct ds_method *method)
{
    const struct ds_metadata_entry sent[] = {
        {.key = "echo", .value = ds_bytes_of_text("text")},
        {.key = "echo-bin", .value = ds_bytes_of("\0\xff\n", 3)},
    };
    struct ds_client_call call = {
        .method = method,
        .principal = &rpc_fixture_writer,
        .metadata = sent,
        .metadata_count = 2,
    };
    struct ds_bytes value = {.data = NULL, .size = 0};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    assert_true(ds_client_call_metadata_get(&call, "echo", &value));
    assert_true(ds_bytes_equal_text(value, "text"));
    assert_true(ds_client_call_metadata_get(&call, "echo-bin", &value));
    assert_int_equal(value.size, 3);
    assert_memory_equal(value.data, "\0\xff\n", 3);
    assert_false(ds_client_call_metadata_get(&call, "x-nothing", &value));
    ds_client_call_release(&call);
}

static void metadata_goes_both_ways(void **state)
{
    (void)state;
    expect_echo(ds_method_storage_list_ticks);
}

static void metadata_against_the_rules_is_refused_with_a_reason(void **state)
{
    struct ds_metadata_entry many[DS_METADATA_ENTRIES_MAX + 1];
    static char large[DS_METADATA_BYTES_MAX];
    (void)state;
    memset(large, 'a', sizeof large);
    for (size_t i = 0; i <= DS_METADATA_ENTRIES_MAX; i++) {
        many[i] = (struct ds_metadata_entry){.key = "x-one", .value = ds_bytes_of_text("1")};
    }
    assert_null(ds_client_metadata_refusal(many, DS_METADATA_ENTRIES_MAX));
    assert_non_null(ds_client_metadata_refusal(many, DS_METADATA_ENTRIES_MAX + 1));
    many[0].value = ds_bytes_of(large, sizeof large - strlen("x-one"));
    assert_null(ds_client_metadata_refusal(many, 1));
    assert_non_null(ds_client_metadata_refusal(many, 2));
    many[0].key = "Upper";
    assert_non_null(ds_client_metadata_refusal(many, 1));
}

int main(void)
{
#define DIRECT(test) cmocka_unit_test_setup_teardown(test, open_direct, close_fixture)
#define OVER_IPC(test) cmocka_unit_test_setup_teardown(test, open_ipc, close_fixture)
    const struct CMUnitTest tests[] = {
        OVER_IPC(a_call_that_is_cancelled_stops_its_handler),
        DIRECT(a_call_that_is_cancelled_stops_its_handler),
        OVER_IPC(a_call_that_waits_for_a_connection_may_be_cancelled),
        OVER_IPC(a_call_that_waits_for_a_connection_ends_at_its_deadline),
        OVER_IPC(metadata_goes_both_ways),
        DIRECT(metadata_goes_both_ways),
        cmocka_unit_test(metadata_against_the_rules_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests_name("rpc client", tests, NULL, NULL);
}
