/* Calls that are made again, against a server that answers by a script. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/rpc_client.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"
#include "support/handlers.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEPS_MAX 8
/* Never waited for: a test that needs it to pass would hang. */
#define ENDLESS_MS 600000
#define AVERAGE (UINT32_MAX / 2)

struct step {
    ds_code code;
    bool has_pushback;
    int32_t pushback_ms;
};

struct scripted {
    struct ds_rpc_server *server;
    struct ds_channel *channel;
    struct ds_metrics *metrics;
    char folder[64];
    char url[96];
    struct step steps[STEPS_MAX]; /* what comes after them is DS_OK */
    atomic_uint executed;
    atomic_uint drawn;
    sem_t draws; /* posted for each backoff that was drawn */
};

static struct scripted scripted;

static ds_code answer(void *context, struct ds_call *call, const ProtobufCMessage *request,
                      ProtobufCMessage *response)
{
    struct scripted *script = context;
    (void)request;
    (void)response;
    const unsigned int place = atomic_fetch_add(&script->executed, 1);
    const struct step step =
        place < STEPS_MAX ? script->steps[place] : (struct step){.code = DS_OK};
    if (step.code == DS_OK) {
        return DS_OK;
    }
    if (step.has_pushback) {
        ds_call_set_retry_after_ms(call, step.pushback_ms);
    }
    return ds_fail_reason(call, step.code, DS_REASON(STORE_UNAVAILABLE), "as the script says");
}

static uint32_t draw(void *context)
{
    struct scripted *script = context;
    atomic_fetch_add(&script->drawn, 1);
    sem_post(&script->draws);
    return AVERAGE;
}

static int open_scripted(void **state)
{
    static ds_handler_fn handlers[HANDLERS_MAX];
    static const struct ds_service_handlers service = {
        .service = &ds_service_storage,
        .handlers = handlers,
    };
    (void)state;
    memset(&scripted, 0, sizeof scripted);
    sem_init(&scripted.draws, 0, 0);
    strcpy(scripted.folder, "/tmp/ds-retry-XXXXXX");
    assert_non_null(mkdtemp(scripted.folder));
    snprintf(scripted.url, sizeof scripted.url, "ipc://%s/rpc.sock", scripted.folder);
    for (size_t i = 0; i < ds_service_storage.method_count; i++) {
        handlers[i] = answer;
    }
    scripted.server = ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "scripted/1"});
    scripted.metrics = ds_metrics_create("ds_rpc_client");
    ds_rpc_server_add_service(scripted.server, &service, &scripted);
    assert_int_equal(ds_rpc_server_listen(scripted.server, scripted.url, NULL, 0), DS_OK);
    return 0;
}

static int close_scripted(void **state)
{
    char path[96];
    (void)state;
    ds_channel_close(scripted.channel);
    ds_rpc_server_drain(scripted.server, ENDLESS_MS);
    ds_rpc_server_destroy(scripted.server);
    ds_metrics_destroy(scripted.metrics);
    sem_destroy(&scripted.draws);
    snprintf(path, sizeof path, "%s/rpc.sock", scripted.folder);
    unlink(path);
    rmdir(scripted.folder);
    return 0;
}

static struct ds_retry_policy quick_policy(void)
{
    return (struct ds_retry_policy){
        .attempts_max = 4,
        .initial_backoff_ms = 1,
        .backoff_ms_max = 2,
        .retryable_codes = DS_RETRY_ON(DS_UNAVAILABLE),
    };
}

static void open_channel(const struct ds_retry_policy *policy)
{
    const struct ds_channel_options options = {
        .url = scripted.url,
        .retry = policy,
        .random = draw,
        .random_context = &scripted,
        .metrics = scripted.metrics,
    };
    assert_int_equal(ds_channel_open(&options, &scripted.channel), DS_OK);
}

static struct ds_client_call call_of(const struct ds_method *method)
{
    return (struct ds_client_call){
        .method = method,
        .principal = &rpc_fixture_writer,
        .timeout_ms = ENDLESS_MS / 2,
    };
}

static void fail_first(size_t count, struct step step)
{
    for (size_t i = 0; i < count; i++) {
        scripted.steps[i] = step;
    }
}

static unsigned int executed(void)
{
    return atomic_load(&scripted.executed);
}

static void a_read_that_fails_in_passing_is_made_again(void **state)
{
    (void)state;
    const struct ds_retry_policy policy = quick_policy();
    open_channel(&policy);
    fail_first(2, (struct step){.code = DS_UNAVAILABLE});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_OK);
    assert_int_equal(call.attempt, 2);
    assert_int_equal(executed(), 3);
    ds_client_call_release(&call);
}

static void without_a_policy_no_call_is_made_again(void **state)
{
    (void)state;
    open_channel(NULL);
    fail_first(1, (struct step){.code = DS_UNAVAILABLE});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_UNAVAILABLE);
    assert_int_equal(executed(), 1);
    ds_client_call_release(&call);
}

static void the_last_answer_stands_when_all_attempts_fail(void **state)
{
    (void)state;
    const struct ds_retry_policy policy = quick_policy();
    open_channel(&policy);
    fail_first(STEPS_MAX, (struct step){.code = DS_UNAVAILABLE});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_UNAVAILABLE);
    assert_string_equal(call.message, "as the script says");
    assert_int_equal(executed(), policy.attempts_max);
    ds_client_call_release(&call);
}

static void a_policy_has_no_more_attempts_than_the_limit(void **state)
{
    (void)state;
    struct ds_retry_policy policy = quick_policy();
    policy.attempts_max = 100;
    open_channel(&policy);
    fail_first(STEPS_MAX, (struct step){.code = DS_UNAVAILABLE});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_UNAVAILABLE);
    assert_int_equal(executed(), DS_RETRY_ATTEMPTS_MAX);
    ds_client_call_release(&call);
}

static void a_code_that_the_policy_does_not_name_is_final(void **state)
{
    (void)state;
    const struct ds_retry_policy policy = quick_policy();
    open_channel(&policy);
    fail_first(1, (struct step){.code = DS_ABORTED});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_ABORTED);
    assert_int_equal(executed(), 1);
    ds_client_call_release(&call);
}

/* How often a call that fails the first time is executed. */
static unsigned int executions_of(struct ds_client_call call)
{
    atomic_store(&scripted.executed, 0);
    fail_first(1, (struct step){.code = DS_UNAVAILABLE});
    const ds_code code = ds_channel_call_wait(scripted.channel, &call);
    assert_true(code == DS_OK || code == DS_UNAVAILABLE);
    ds_client_call_release(&call);
    return executed();
}

/* A call of a method of which nobody says that it may be made twice. */
static struct ds_client_call delicate_call(void)
{
    static const char *const permissions[] = {"admin"};
    static const struct ds_principal admin = {
        .subject = "user:9",
        .authentication_method = "jwt",
        .permissions = permissions,
        .permission_count = 1,
    };
    struct ds_client_call call = call_of(ds_method_storage_start_backup);
    call.principal = &admin;
    return call;
}

static void only_what_may_be_made_twice_is_made_again(void **state)
{
    (void)state;
    struct ds_client_call keyed = delicate_call();
    struct ds_client_call last_word = call_of(ds_method_storage_list_ticks);
    const struct ds_retry_policy policy = quick_policy();
    open_channel(&policy);
    keyed.idempotency_key = ds_bytes_of("0123456789abcdef", 16);
    last_word.is_final = true;
    assert_int_equal(executions_of(call_of(ds_method_storage_list_ticks)), 2);
    assert_int_equal(executions_of(call_of(ds_method_storage_ingest_ticks)), 2);
    assert_int_equal(executions_of(delicate_call()), 1);
    assert_int_equal(executions_of(keyed), 2);
    assert_int_equal(executions_of(last_word), 1);
}

static void a_policy_for_reads_leaves_writes_alone(void **state)
{
    (void)state;
    struct ds_retry_policy policy = quick_policy();
    policy.reads_only = true;
    open_channel(&policy);
    assert_int_equal(executions_of(call_of(ds_method_storage_list_ticks)), 2);
    assert_int_equal(executions_of(call_of(ds_method_storage_ingest_ticks)), 1);
}

static void a_server_that_says_when_to_come_again_is_believed(void **state)
{
    (void)state;
    struct ds_retry_policy policy = quick_policy();
    policy.initial_backoff_ms = ENDLESS_MS;
    policy.backoff_ms_max = ENDLESS_MS;
    open_channel(&policy);
    fail_first(2, (struct step){.code = DS_UNAVAILABLE, .has_pushback = true, .pushback_ms = 1});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_OK);
    assert_int_equal(executed(), 3);
    assert_int_equal(atomic_load(&scripted.drawn), 0);
    ds_client_call_release(&call);
}

static void a_server_that_asks_to_come_again_at_once_is_believed(void **state)
{
    (void)state;
    struct ds_retry_policy policy = quick_policy();
    policy.initial_backoff_ms = ENDLESS_MS;
    policy.backoff_ms_max = ENDLESS_MS;
    open_channel(&policy);
    fail_first(1, (struct step){.code = DS_UNAVAILABLE, .has_pushback = true, .pushback_ms = 0});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_OK);
    assert_int_equal(executed(), 2);
    assert_int_equal(atomic_load(&scripted.drawn), 0);
    ds_client_call_release(&call);
}

static void a_server_that_forbids_it_is_not_asked_again(void **state)
{
    (void)state;
    const struct ds_retry_policy policy = quick_policy();
    open_channel(&policy);
    fail_first(1, (struct step){.code = DS_UNAVAILABLE, .has_pushback = true, .pushback_ms = -1});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_UNAVAILABLE);
    assert_int_equal(executed(), 1);
    ds_client_call_release(&call);
}

static void an_answer_is_better_than_a_wait_past_the_deadline(void **state)
{
    (void)state;
    struct ds_retry_policy policy = quick_policy();
    policy.initial_backoff_ms = ENDLESS_MS;
    policy.backoff_ms_max = ENDLESS_MS;
    open_channel(&policy);
    fail_first(1, (struct step){.code = DS_UNAVAILABLE});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_UNAVAILABLE);
    assert_string_equal(call.message, "as the script says");
    assert_int_equal(executed(), 1);
    ds_client_call_release(&call);
}

static void a_service_in_trouble_is_not_asked_twice_by_everybody(void **state)
{
    (void)state;
    struct ds_retry_policy policy = quick_policy();
    policy.tokens_max = 4;
    policy.token_ratio = 1;
    open_channel(&policy);
    fail_first(3, (struct step){.code = DS_UNAVAILABLE});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    /* The first failure leaves three tokens of four, the second two, which is too few. */
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_UNAVAILABLE);
    assert_int_equal(executed(), 2);
    ds_client_call_release(&call);
    /* The next caller gets no retry at all. */
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_UNAVAILABLE);
    assert_int_equal(executed(), 3);
    ds_client_call_release(&call);
}

static void a_call_that_is_made_again_counts_once(void **state)
{
    (void)state;
    const struct ds_retry_policy policy = quick_policy();
    open_channel(&policy);
    fail_first(2, (struct step){.code = DS_UNAVAILABLE});
    struct ds_client_call call = call_of(ds_method_storage_list_ticks);
    assert_int_equal(ds_channel_call_wait(scripted.channel, &call), DS_OK);
    ds_client_call_release(&call);
    struct ds_buffer text;
    ds_buffer_init(&text, 1024 * 1024);
    ds_metrics_write(scripted.metrics, &text);
    ds_buffer_append(&text, "", 1);
    assert_null(strstr((const char *)text.data, "UNAVAILABLE"));
    assert_non_null(strstr((const char *)text.data, "Storage/ListTicks\",code=\"OK\"} 1\n"));
    ds_buffer_deinit(&text);
}

static void post_end(struct ds_client_call *call)
{
    sem_post(call->context);
}

/* Makes a call and waits until its first attempt has failed and its backoff is drawn. */
static void call_into_backoff(struct ds_client_call *call, sem_t *ended)
{
    sem_init(ended, 0, 0);
    fail_first(1, (struct step){.code = DS_UNAVAILABLE});
    *call = call_of(ds_method_storage_list_ticks);
    call->timeout_ms = 2 * ENDLESS_MS;
    call->done = post_end;
    call->context = ended;
    ds_channel_call(scripted.channel, call);
    ds_channel_flush(scripted.channel);
    sem_wait(&scripted.draws);
}

static void open_patient_channel(void)
{
    struct ds_retry_policy policy = quick_policy();
    policy.initial_backoff_ms = ENDLESS_MS;
    policy.backoff_ms_max = ENDLESS_MS;
    open_channel(&policy);
}

static void a_call_may_be_cancelled_between_its_attempts(void **state)
{
    (void)state;
    struct ds_client_call call;
    sem_t ended;
    open_patient_channel();
    call_into_backoff(&call, &ended);
    ds_channel_cancel(scripted.channel, &call);
    sem_wait(&ended);
    /* Which of the two it is depends on whether the cancel came after the wait had begun. */
    assert_true(call.code == DS_CANCELLED || call.code == DS_UNAVAILABLE);
    assert_int_equal(executed(), 1);
    ds_client_call_release(&call);
    sem_destroy(&ended);
}

static void closing_a_channel_ends_calls_between_their_attempts(void **state)
{
    (void)state;
    struct ds_client_call call;
    sem_t ended;
    open_patient_channel();
    call_into_backoff(&call, &ended);
    ds_channel_close(scripted.channel);
    scripted.channel = NULL;
    assert_int_equal(sem_trywait(&ended), 0);
    assert_true(call.code == DS_CANCELLED || call.code == DS_UNAVAILABLE);
    ds_client_call_release(&call);
    sem_destroy(&ended);
}

static void attempts_run_in_a_server_of_the_same_process_too(void **state)
{
    (void)state;
    const struct ds_retry_policy policy = quick_policy();
    const struct ds_channel_options options = {.server = scripted.server, .retry = &policy};
    assert_int_equal(ds_channel_open(&options, &scripted.channel), DS_OK);
    assert_int_equal(executions_of(call_of(ds_method_storage_list_ticks)), 2);
    assert_int_equal(executions_of(call_of(ds_method_storage_ingest_ticks)), 2);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, open_scripted, close_scripted)
    const struct CMUnitTest tests[] = {
        WITH(a_read_that_fails_in_passing_is_made_again),
        WITH(without_a_policy_no_call_is_made_again),
        WITH(the_last_answer_stands_when_all_attempts_fail),
        WITH(a_policy_has_no_more_attempts_than_the_limit),
        WITH(a_code_that_the_policy_does_not_name_is_final),
        WITH(only_what_may_be_made_twice_is_made_again),
        WITH(a_policy_for_reads_leaves_writes_alone),
        WITH(a_server_that_says_when_to_come_again_is_believed),
        WITH(a_server_that_asks_to_come_again_at_once_is_believed),
        WITH(a_server_that_forbids_it_is_not_asked_again),
        WITH(an_answer_is_better_than_a_wait_past_the_deadline),
        WITH(a_service_in_trouble_is_not_asked_twice_by_everybody),
        WITH(a_call_that_is_made_again_counts_once),
        WITH(a_call_may_be_cancelled_between_its_attempts),
        WITH(closing_a_channel_ends_calls_between_their_attempts),
        WITH(attempts_run_in_a_server_of_the_same_process_too),
    };
    return cmocka_run_group_tests_name("rpc retry", tests, NULL, NULL);
}
