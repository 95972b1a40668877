/* A channel to several replicas, of which some hang, die, come back and stop. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/rpc_client.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_nursery.h"
#include "schema.gen.h"

#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define READERS 4
#define WRITERS 3
#define DEADLINE_MS 60000
/* A write to a replica that hangs waits in vain; this is how long. */
#define WRITE_DEADLINE_MS 2000
#define HEALTH_INTERVAL_MS 20
#define HEALTH_TIMEOUT_MS 1500
/* How many calls go by between two events. */
#define CALLS_BETWEEN 60
/* Only a test that fails waits that long. */
#define STATE_WAIT_MS_MAX 60000

static struct rpc_nursery nursery;
static struct ds_channel *channel;
static atomic_int next_number = 1;

static const struct ds_retry_policy policy = {
    .attempts_max = 5,
    .initial_backoff_ms = 50,
    .backoff_ms_max = 1000,
    .retryable_codes = DS_RETRY_ON(DS_UNAVAILABLE),
    .reads_only = true,
};

static void open_channel(size_t url_count, enum ds_balancing balancing)
{
    static const char *urls[RPC_NURSERY_SERVERS];
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        urls[i] = nursery.urls[i];
    }
    const struct ds_channel_options options = {
        .urls = urls,
        .url_count = url_count,
        .balancing = balancing,
        .health_interval_ms = HEALTH_INTERVAL_MS,
        .health_timeout_ms = HEALTH_TIMEOUT_MS,
        .retry = &policy,
    };
    assert_int_equal(ds_channel_open(&options, &channel), DS_OK);
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static void await_state(size_t place, enum ds_channel_state wanted)
{
    for (int i = 0; i < STATE_WAIT_MS_MAX / 2; i++) {
        if (ds_channel_endpoint_state(channel, place) == wanted) {
            return;
        }
        pause_briefly();
    }
    assert_int_equal(ds_channel_endpoint_state(channel, place), wanted);
}

static void start_all(void)
{
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        rpc_nursery_start(&nursery, i);
    }
}

static void await_all_ready(void)
{
    for (size_t i = 0; i < RPC_NURSERY_SERVERS; i++) {
        await_state(i, DS_CHANNEL_READY);
    }
}

static int close_all(void **state)
{
    (void)state;
    ds_channel_close(channel);
    channel = NULL;
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        if (nursery.servers[i] != 0) {
            rpc_nursery_kill(&nursery, i);
        }
    }
    return 0;
}

static ds_code call_with(const struct ds_method *method, const ProtobufCMessage *request,
                         uint32_t timeout_ms)
{
    const struct ds_bytes payload = rpc_fixture_pack(request);
    struct ds_client_call call = {
        .method = method,
        .payload = payload,
        .principal = &rpc_fixture_writer,
        .timeout_ms = timeout_ms,
    };
    const ds_code code = ds_channel_call_wait(channel, &call);
    ds_client_call_release(&call);
    free((void *)(uintptr_t)payload.data);
    return code;
}

static ds_code read_once(int number)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "NIFTY";
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = number;
    return call_with(ds_method_storage_list_ticks, &request.base, DEADLINE_MS);
}

static ds_code write_once(int number)
{
    Storage__Tick tick = STORAGE__TICK__INIT;
    Storage__Tick *ticks[] = {&tick};
    Storage__IngestTicksRequest request = STORAGE__INGEST_TICKS_REQUEST__INIT;
    tick.product = (char *)(uintptr_t) "NIFTY";
    tick._volume_case = STORAGE__TICK___VOLUME_VOLUME;
    tick.volume = number;
    request.ticks = ticks;
    request.n_ticks = 1;
    return call_with(ds_method_storage_ingest_ticks, &request.base, WRITE_DEADLINE_MS);
}

static unsigned int executions(int number)
{
    return atomic_load(&nursery.counts->executions[number]);
}

/* ---- callers that go on all the time ---- */

struct caller {
    pthread_t thread;
    ds_code (*call)(int number);
    bool may_fail;
    int ended;
    int failed;
    int unexecuted; /* though they ended well */
};

static atomic_bool is_write[RPC_NURSERY_CALLS_MAX]; /* by the call's number */

static atomic_bool callers_stop;
static sem_t calls_ended;

static void note_call(struct caller *caller, int number, ds_code code)
{
    caller->ended++;
    caller->failed += code != DS_OK;
    caller->unexecuted += code == DS_OK && executions(number) == 0;
    sem_post(&calls_ended);
}

static void *caller_main(void *argument)
{
    struct caller *caller = argument;
    while (!atomic_load(&callers_stop)) {
        const int number = atomic_fetch_add(&next_number, 1) % RPC_NURSERY_CALLS_MAX;
        atomic_store(&is_write[number], caller->may_fail);
        note_call(caller, number, caller->call(number));
    }
    return NULL;
}

static void callers_start(struct caller *callers, int count)
{
    atomic_store(&callers_stop, false);
    sem_init(&calls_ended, 0, 0);
    for (int i = 0; i < count; i++) {
        pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]);
    }
}

static void callers_end(struct caller *callers, int count)
{
    atomic_store(&callers_stop, true);
    for (int i = 0; i < count; i++) {
        pthread_join(callers[i].thread, NULL);
    }
    sem_destroy(&calls_ended);
}

static void let_calls_go_by(void)
{
    for (int i = 0; i < CALLS_BETWEEN; i++) {
        sem_wait(&calls_ended);
    }
}

/* At any time one replica is well: what may be made again never fails. */
static void let_each_replica_fail_in_its_way(void)
{
    let_calls_go_by();
    rpc_nursery_hang(&nursery, 0);
    await_state(0, DS_CHANNEL_TRANSIENT_FAILURE);
    let_calls_go_by();
    rpc_nursery_kill(&nursery, 1);
    await_state(1, DS_CHANNEL_TRANSIENT_FAILURE);
    let_calls_go_by();
    rpc_nursery_start(&nursery, 1);
    await_state(1, DS_CHANNEL_READY);
    let_calls_go_by();
    rpc_nursery_drain(&nursery, 2);
    await_state(2, DS_CHANNEL_TRANSIENT_FAILURE);
    let_calls_go_by();
    assert_int_equal(ds_channel_state(channel), DS_CHANNEL_READY);
    rpc_nursery_wake(&nursery, 0);
    await_state(0, DS_CHANNEL_READY);
    let_calls_go_by();
}

static int repeated_writes(void)
{
    int repeated = 0;
    for (int i = 0; i < RPC_NURSERY_CALLS_MAX; i++) {
        repeated += atomic_load(&is_write[i]) && executions(i) > 1;
    }
    return repeated;
}

static void no_read_fails_and_no_write_runs_twice_while_replicas_hang_die_and_stop(void **state)
{
    struct caller callers[READERS + WRITERS];
    (void)state;
    for (int i = 0; i < READERS + WRITERS; i++) {
        callers[i] = i < READERS ? (struct caller){.call = read_once}
                                 : (struct caller){.call = write_once, .may_fail = true};
    }
    start_all();
    open_channel(RPC_NURSERY_SERVERS, DS_ROUND_ROBIN);
    await_all_ready();
    callers_start(callers, READERS + WRITERS);
    let_each_replica_fail_in_its_way();
    callers_end(callers, READERS + WRITERS);
    for (int i = 0; i < READERS + WRITERS; i++) {
        assert_true(callers[i].ended > 0);
        assert_int_equal(callers[i].unexecuted, 0);
        assert_true(callers[i].may_fail || callers[i].failed == 0);
    }
    assert_int_equal(repeated_writes(), 0);
}

/* ---- one thing at a time ---- */

static unsigned int served(int place)
{
    return atomic_load(&nursery.counts->served[place]);
}

static void forget_served(void)
{
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        atomic_store(&nursery.counts->served[i], 0);
    }
}

static void read_often(int count)
{
    forget_served();
    for (int i = 0; i < count; i++) {
        assert_int_equal(read_once(atomic_fetch_add(&next_number, 1)), DS_OK);
    }
}

static void calls_take_turns_among_the_replicas(void **state)
{
    (void)state;
    start_all();
    open_channel(RPC_NURSERY_SERVERS, DS_ROUND_ROBIN);
    await_all_ready();
    read_often(9);
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        assert_int_equal(served(i), 3);
    }
}

static void calls_go_to_the_first_replica_that_is_well(void **state)
{
    (void)state;
    start_all();
    open_channel(RPC_NURSERY_SERVERS, DS_PICK_FIRST);
    await_all_ready();
    read_often(5);
    assert_int_equal(served(0), 5);
    rpc_nursery_kill(&nursery, 0);
    await_state(0, DS_CHANNEL_TRANSIENT_FAILURE);
    read_often(5);
    assert_int_equal(served(1), 5);
    rpc_nursery_start(&nursery, 0);
    await_state(0, DS_CHANNEL_READY);
    read_often(5);
    assert_int_equal(served(0), 5);
}

static void await_draining(int place)
{
    struct ds_channel *probe = NULL;
    const struct ds_channel_options options = {.url = nursery.urls[place]};
    assert_int_equal(ds_channel_open(&options, &probe), DS_OK);
    ds_code code = DS_OK;
    while (code != DS_UNAVAILABLE) {
        struct ds_client_call call = {.method = ds_method_storage_list_products,
                                      .principal = &rpc_fixture_reader,
                                      .timeout_ms = DEADLINE_MS};
        code = ds_channel_call_wait(probe, &call);
        ds_client_call_release(&call);
        pause_briefly();
    }
    ds_channel_close(probe);
}

/* The checks come too seldom to tell of the draining replica before a call meets it. */
static void a_write_that_a_replica_refuses_goes_to_another_one_and_runs_once(void **state)
{
    const char *urls[] = {nursery.urls[0], nursery.urls[1]};
    const struct ds_channel_options options = {
        .urls = urls,
        .url_count = 2,
        .balancing = DS_ROUND_ROBIN,
        .health_interval_ms = 1000 * DEADLINE_MS,
    };
    (void)state;
    start_all();
    assert_int_equal(ds_channel_open(&options, &channel), DS_OK);
    await_state(0, DS_CHANNEL_READY);
    await_state(1, DS_CHANNEL_READY);
    rpc_nursery_drain(&nursery, 1);
    await_draining(1);
    for (int i = 0; i < 4; i++) {
        const int number = atomic_fetch_add(&next_number, 1);
        assert_int_equal(write_once(number), DS_OK);
        assert_int_equal(executions(number), 1);
    }
    await_state(1, DS_CHANNEL_TRANSIENT_FAILURE);
}

static void a_read_at_a_replica_that_hangs_is_answered_by_another_one(void **state)
{
    (void)state;
    start_all();
    open_channel(RPC_NURSERY_SERVERS, DS_PICK_FIRST);
    await_all_ready();
    forget_served();
    rpc_nursery_hang(&nursery, 0);
    assert_int_equal(read_once(atomic_fetch_add(&next_number, 1)), DS_OK);
    assert_int_equal(served(0), 0);
    assert_int_equal(served(1), 1);
}

static void *write_main(void *argument)
{
    *(ds_code *)argument = write_once(0);
    return NULL;
}

/* It can't be known whether the replica has begun with it. */
static void a_write_at_a_replica_that_hangs_is_left_to_it(void **state)
{
    pthread_t thread;
    ds_code code = DS_OK;
    (void)state;
    start_all();
    open_channel(RPC_NURSERY_SERVERS, DS_PICK_FIRST);
    await_all_ready();
    forget_served();
    rpc_nursery_hang(&nursery, 0);
    assert_int_equal(pthread_create(&thread, NULL, write_main, &code), 0);
    await_state(0, DS_CHANNEL_TRANSIENT_FAILURE);
    pthread_join(thread, NULL);
    assert_int_equal(code, DS_DEADLINE_EXCEEDED);
    assert_int_equal(served(1) + served(2), 0);
}

static void a_call_waits_until_it_is_known_which_replica_is_well(void **state)
{
    (void)state;
    start_all();
    rpc_nursery_hang(&nursery, 0);
    open_channel(RPC_NURSERY_SERVERS, DS_PICK_FIRST);
    const int number = atomic_fetch_add(&next_number, 1);
    assert_int_equal(write_once(number), DS_OK);
    assert_int_equal(executions(number), 1);
    rpc_nursery_wake(&nursery, 0);
    await_state(0, DS_CHANNEL_READY);
}

static void a_call_is_unavailable_where_no_replica_is_well(void **state)
{
    (void)state;
    open_channel(RPC_NURSERY_SERVERS, DS_ROUND_ROBIN);
    assert_int_equal(ds_channel_state(channel) == DS_CHANNEL_READY, false);
    assert_int_equal(write_once(0), DS_UNAVAILABLE);
    assert_int_equal(ds_channel_state(channel), DS_CHANNEL_TRANSIENT_FAILURE);
}

struct held_call {
    struct ds_client_call call;
    sem_t ended;
    enum ds_channel_state state;
};

static void note_held(struct ds_client_call *call)
{
    struct held_call *held = call->context;
    held->state = ds_channel_state(channel);
    sem_post(&held->ended);
}

static void hold(struct held_call *held)
{
    start_all();
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        rpc_nursery_hang(&nursery, i);
    }
    open_channel(RPC_NURSERY_SERVERS, DS_ROUND_ROBIN);
    *held = (struct held_call){.call = {.method = ds_method_storage_list_products,
                                        .principal = &rpc_fixture_reader,
                                        .timeout_ms = DEADLINE_MS,
                                        .done = note_held,
                                        .context = held}};
    sem_init(&held->ended, 0, 0);
    ds_channel_call(channel, &held->call);
    ds_channel_flush(channel);
}

static void a_call_that_waits_for_a_replica_may_be_cancelled(void **state)
{
    struct held_call held;
    (void)state;
    hold(&held);
    ds_channel_cancel(channel, &held.call);
    sem_wait(&held.ended);
    assert_int_equal(held.call.code, DS_CANCELLED);
    ds_client_call_release(&held.call);
    sem_destroy(&held.ended);
}

static void closing_ends_a_call_that_waits_for_a_replica(void **state)
{
    struct held_call held;
    (void)state;
    hold(&held);
    ds_channel_close(channel);
    assert_int_equal(sem_trywait(&held.ended), 0);
    assert_int_equal(held.call.code, DS_CANCELLED);
    assert_int_equal(held.state, DS_CHANNEL_SHUTDOWN);
    channel = NULL;
    ds_client_call_release(&held.call);
    sem_destroy(&held.ended);
}

static void bad_urls_and_too_many_are_refused(void **state)
{
    const char *urls[DS_CHANNEL_URLS_MAX + 1];
    (void)state;
    for (size_t i = 0; i <= DS_CHANNEL_URLS_MAX; i++) {
        urls[i] = nursery.urls[0];
    }
    struct ds_channel_options options = {.urls = urls, .url_count = DS_CHANNEL_URLS_MAX + 1};
    assert_int_equal(ds_channel_open(&options, &channel), DS_INVALID_ARGUMENT);
    urls[1] = "no address";
    options.url_count = 2;
    assert_int_equal(ds_channel_open(&options, &channel), DS_INVALID_ARGUMENT);
}

static void a_channel_to_one_server_has_a_state_too(void **state)
{
    (void)state;
    const struct ds_channel_options options = {.url = nursery.urls[0]};
    assert_int_equal(ds_channel_open(&options, &channel), DS_OK);
    assert_int_equal(ds_channel_state(channel), DS_CHANNEL_CONNECTING);
    assert_int_equal(read_once(0), DS_UNAVAILABLE);
    assert_int_equal(ds_channel_state(channel), DS_CHANNEL_TRANSIENT_FAILURE);
    rpc_nursery_start(&nursery, 0);
    assert_int_equal(read_once(0), DS_OK);
    assert_int_equal(ds_channel_state(channel), DS_CHANNEL_READY);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_teardown(test, close_all)
    /* First of all: a process that has used nng can't be forked. */
    rpc_nursery_open(&nursery);
    const struct CMUnitTest tests[] = {
        WITH(no_read_fails_and_no_write_runs_twice_while_replicas_hang_die_and_stop),
        WITH(calls_take_turns_among_the_replicas),
        WITH(calls_go_to_the_first_replica_that_is_well),
        WITH(a_write_that_a_replica_refuses_goes_to_another_one_and_runs_once),
        WITH(a_read_at_a_replica_that_hangs_is_answered_by_another_one),
        WITH(a_write_at_a_replica_that_hangs_is_left_to_it),
        WITH(a_call_waits_until_it_is_known_which_replica_is_well),
        WITH(a_call_is_unavailable_where_no_replica_is_well),
        WITH(a_call_that_waits_for_a_replica_may_be_cancelled),
        WITH(closing_ends_a_call_that_waits_for_a_replica),
        WITH(bad_urls_and_too_many_are_refused),
        WITH(a_channel_to_one_server_has_a_state_too),
    };
    const int failed = cmocka_run_group_tests_name("rpc replicas", tests, NULL, NULL);
    rpc_nursery_close(&nursery);
    return failed;
}
