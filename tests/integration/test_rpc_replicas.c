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
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define READERS 4
#define WRITERS 2
#define KEYED_WRITERS 2
#define CALLERS (READERS + WRITERS + KEYED_WRITERS)
#define DEADLINE_MS 60000
/* A write to a replica that hangs waits in vain; this is how long. */
#define WRITE_DEADLINE_MS 6000
#define HEALTH_INTERVAL_MS 20
/* Without an answer for so long a replica counts as hung, where one hangs; else none must. */
#define HANG_MS 4000
#define NEVER_MS 60000
/* How many calls go by between two events. */
#define CALLS_BETWEEN 60
/* Only a test that fails waits that long. */
#define STATE_WAIT_MS_MAX 60000

static struct rpc_nursery nursery;
static struct ds_channel *channel;
static atomic_int next_number = 1;

static const struct ds_retry_policy policy = {
    .attempts_max = 5,
    .initial_backoff_ms = 200,
    .backoff_ms_max = 2000,
    .retryable_codes = DS_RETRY_ON(DS_UNAVAILABLE),
    .reads_only = true,
};

static void open_channel(enum ds_balancing balancing, uint32_t health_timeout_ms)
{
    static const char *urls[RPC_NURSERY_SERVERS];
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        urls[i] = nursery.urls[i];
    }
    const struct ds_channel_options options = {
        .urls = urls,
        .url_count = RPC_NURSERY_SERVERS,
        .balancing = balancing,
        .health_interval_ms = HEALTH_INTERVAL_MS,
        .health_timeout_ms = health_timeout_ms,
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

struct call_terms {
    uint32_t timeout_ms;
    const char *key; /* NULL: none */
};

static ds_code call_with(const struct ds_method *method, const ProtobufCMessage *request,
                         const struct call_terms *terms)
{
    const struct ds_bytes payload = rpc_fixture_pack(request);
    struct ds_client_call call = {
        .method = method,
        .payload = payload,
        .principal = &rpc_fixture_writer,
        .timeout_ms = terms->timeout_ms,
        .idempotency_key = ds_bytes_of_text(terms->key != NULL ? terms->key : ""),
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
    return call_with(ds_method_storage_list_ticks, &request.base,
                     &(struct call_terms){.timeout_ms = DEADLINE_MS});
}

static ds_code write_with(int number, const struct call_terms *terms)
{
    Storage__Tick tick = STORAGE__TICK__INIT;
    Storage__Tick *ticks[] = {&tick};
    Storage__IngestTicksRequest request = STORAGE__INGEST_TICKS_REQUEST__INIT;
    tick.product = (char *)(uintptr_t) "NIFTY";
    tick._volume_case = STORAGE__TICK___VOLUME_VOLUME;
    tick.volume = number;
    request.ticks = ticks;
    request.n_ticks = 1;
    return call_with(ds_method_storage_ingest_ticks, &request.base, terms);
}

static ds_code write_once(int number)
{
    return write_with(number, &(struct call_terms){.timeout_ms = DEADLINE_MS});
}

/* One that may go to a replica that hangs. */
static ds_code write_shortly(int number)
{
    return write_with(number, &(struct call_terms){.timeout_ms = WRITE_DEADLINE_MS});
}

/* The same with a key of its own, which no replica but the one that had it knows. */
static ds_code write_shortly_with_key(int number)
{
    char key[16];
    snprintf(key, sizeof key, "write %d", number);
    return write_with(number, &(struct call_terms){.timeout_ms = WRITE_DEADLINE_MS, .key = key});
}

static unsigned int executions(int number)
{
    return atomic_load(&nursery.counts->executions[number]);
}

/* ---- callers that go on all the time ---- */

struct caller {
    pthread_t thread;
    ds_code (*call)(int number);
    bool is_writer;
    int ended;
    int failed;
    int failed_otherwise; /* than by a replica that was lost */
    int unexecuted;       /* though they ended well */
};

static atomic_bool is_write[RPC_NURSERY_CALLS_MAX]; /* by the call's number */

static atomic_bool callers_stop;
static sem_t calls_ended;

static void note_call(struct caller *caller, ds_code code, bool was_executed)
{
    caller->ended++;
    caller->failed += code != DS_OK;
    caller->failed_otherwise +=
        code != DS_OK && code != DS_UNAVAILABLE && code != DS_DEADLINE_EXCEEDED;
    caller->unexecuted += code == DS_OK && !was_executed;
    sem_post(&calls_ended);
}

/* Every write has a number of its own; where those are used up, only reads go on. */
static void *caller_main(void *argument)
{
    struct caller *caller = argument;
    const int read_number = atomic_fetch_add(&next_number, 1);
    while (!atomic_load(&callers_stop)) {
        const int number = caller->is_writer ? atomic_fetch_add(&next_number, 1) : read_number;
        if (number >= RPC_NURSERY_CALLS_MAX) {
            return NULL;
        }
        const unsigned int executions_before = executions(number);
        atomic_store(&is_write[number], caller->is_writer);
        const ds_code code = caller->call(number);
        note_call(caller, code, executions(number) > executions_before);
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

static void callers_prepare(struct caller *callers)
{
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.call = read_once};
        if (i >= READERS) {
            callers[i].is_writer = true;
            callers[i].call = i < READERS + WRITERS ? write_shortly : write_shortly_with_key;
        }
    }
}

static void no_read_fails_and_no_write_runs_twice_while_replicas_hang_die_and_stop(void **state)
{
    struct caller callers[CALLERS];
    (void)state;
    callers_prepare(callers);
    start_all();
    open_channel(DS_ROUND_ROBIN, HANG_MS);
    await_all_ready();
    callers_start(callers, CALLERS);
    let_each_replica_fail_in_its_way();
    callers_end(callers, CALLERS);
    for (int i = 0; i < CALLERS; i++) {
        assert_true(callers[i].ended > 0);
        assert_int_equal(callers[i].unexecuted, 0);
        assert_int_equal(callers[i].failed_otherwise, 0);
        assert_true(callers[i].is_writer || callers[i].failed == 0);
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
    open_channel(DS_ROUND_ROBIN, NEVER_MS);
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
    open_channel(DS_PICK_FIRST, NEVER_MS);
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

static bool is_refused_by_draining(struct ds_channel *probe)
{
    struct ds_client_call call = {.method = ds_method_storage_list_products,
                                  .principal = &rpc_fixture_reader,
                                  .timeout_ms = DEADLINE_MS};
    const bool is_refused = ds_channel_call_wait(probe, &call) == DS_UNAVAILABLE &&
                            ds_status_reason(call.status_details) == DS_REASON(SERVER_STOPPING);
    ds_client_call_release(&call);
    return is_refused;
}

static void await_draining(int place)
{
    struct ds_channel *probe = NULL;
    const struct ds_channel_options options = {.url = nursery.urls[place]};
    assert_int_equal(ds_channel_open(&options, &probe), DS_OK);
    while (!is_refused_by_draining(probe)) {
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
        .health_timeout_ms = NEVER_MS,
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
    open_channel(DS_PICK_FIRST, HANG_MS);
    await_all_ready();
    forget_served();
    rpc_nursery_hang(&nursery, 0);
    assert_int_equal(read_once(atomic_fetch_add(&next_number, 1)), DS_OK);
    assert_int_equal(served(0), 0);
    assert_int_equal(served(1) + served(2), 1);
}

static void *write_main(void *argument)
{
    *(ds_code *)argument = write_shortly(0);
    return NULL;
}

/* It can't be known whether the replica has begun with it. */
static void a_write_at_a_replica_that_hangs_is_left_to_it(void **state)
{
    pthread_t thread;
    ds_code code = DS_OK;
    (void)state;
    start_all();
    open_channel(DS_PICK_FIRST, HANG_MS);
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
    open_channel(DS_PICK_FIRST, NEVER_MS);
    const int number = atomic_fetch_add(&next_number, 1);
    assert_int_equal(write_once(number), DS_OK);
    assert_int_equal(executions(number), 1);
    rpc_nursery_wake(&nursery, 0);
    await_state(0, DS_CHANNEL_READY);
}

static void a_call_is_unavailable_where_no_replica_is_well(void **state)
{
    (void)state;
    open_channel(DS_ROUND_ROBIN, NEVER_MS);
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
    open_channel(DS_ROUND_ROBIN, NEVER_MS);
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

/* Both calls are with a replica and wait there for its Hello, so that the cancel ends one itself.
 */
static void the_end_of_a_cancelled_call_may_use_the_channel(void **state)
{
    struct held_call held[2];
    (void)state;
    start_all();
    open_channel(DS_PICK_FIRST, NEVER_MS);
    await_state(0, DS_CHANNEL_READY);
    rpc_nursery_hang(&nursery, 0);
    for (int i = 0; i < 2; i++) {
        held[i] = (struct held_call){.call = {.method = ds_method_storage_list_ticks,
                                              .principal = &rpc_fixture_reader,
                                              .timeout_ms = DEADLINE_MS,
                                              .done = note_held,
                                              .context = &held[i]}};
        sem_init(&held[i].ended, 0, 0);
        ds_channel_call(channel, &held[i].call);
    }
    ds_channel_flush(channel);
    for (int i = 0; i < 2; i++) {
        ds_channel_cancel(channel, &held[i].call);
        sem_wait(&held[i].ended);
        assert_int_equal(held[i].call.code, DS_CANCELLED);
        assert_int_not_equal(held[i].state, DS_CHANNEL_SHUTDOWN);
        ds_client_call_release(&held[i].call);
        sem_destroy(&held[i].ended);
    }
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
    /* A server that comes up slowly is out of reach for a while. */
    ds_code code = DS_UNAVAILABLE;
    for (int i = 0; i < CALLS_BETWEEN && code == DS_UNAVAILABLE; i++) {
        code = read_once(0);
    }
    assert_int_equal(code, DS_OK);
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
        WITH(the_end_of_a_cancelled_call_may_use_the_channel),
        WITH(closing_ends_a_call_that_waits_for_a_replica),
        WITH(bad_urls_and_too_many_are_refused),
        WITH(a_channel_to_one_server_has_a_state_too),
    };
    const int failed = cmocka_run_group_tests_name("rpc replicas", tests, NULL, NULL);
    rpc_nursery_close(&nursery);
    return failed;
}
