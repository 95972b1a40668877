/* Calls that come again with the key of an earlier one. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/rpc_idempotency.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_stranger.h"

#include <stdlib.h>

static const char ingest_ticks[] = "deltastream.storage.v1.Storage/IngestTicks";
static const char ingest_quotes[] = "deltastream.storage.v1.Storage/IngestQuotes";
static const char start_backup[] = "deltastream.storage.v1.Storage/StartBackup";
static const char list_ticks[] = "deltastream.storage.v1.Storage/ListTicks";

static struct rpc_fixture fixture;
static struct rpc_stranger stranger;
static struct rpc_stranger second;
static struct ds_buffer message;
static _Atomic int64_t ahead_us;

static int64_t system_wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return ds_clock_wall_us(ds_clock_system());
}

static int64_t turned_monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return ds_clock_monotonic_us(ds_clock_system()) + atomic_load(&ahead_us);
}

static const struct ds_clock turned_clock = {system_wall_us, turned_monotonic_us};

/* The authorization is the subject. */
static ds_code authenticate_subject(void *context, struct ds_call *call,
                                    struct ds_principal *ret_principal)
{
    static const char *const permissions[] = {"market:write", "market:read", "admin"};
    (void)context;
    *ret_principal = rpc_fixture_writer;
    ret_principal->permissions = permissions;
    ret_principal->permission_count = 3;
    ret_principal->subject = ds_call_authorization(call);
    return DS_OK;
}

static int open_with(size_t keys_max)
{
    atomic_store(&ahead_us, 0);
    rpc_fixture_open(&fixture, FIXTURE_TCP,
                     &(struct ds_rpc_server_options){
                         .clock = &turned_clock,
                         .authenticator = {.authenticate = authenticate_subject},
                         .idempotency_keys_max = keys_max,
                     });
    rpc_stranger_open(&stranger, fixture.url);
    rpc_stranger_open(&second, fixture.url);
    ds_buffer_init(&message, 64 * 1024);
    return 0;
}

static int open_all(void **state)
{
    (void)state;
    return open_with(0);
}

static int open_with_two_keys(void **state)
{
    (void)state;
    return open_with(2);
}

static int close_all(void **state)
{
    (void)state;
    ds_buffer_deinit(&message);
    rpc_stranger_close(&stranger);
    rpc_stranger_close(&second);
    rpc_fixture_close(&fixture);
    return 0;
}

struct keyed_call {
    const char *method; /* NULL: IngestTicks */
    const char *key;
    const char *subject; /* NULL: "user:1" */
    struct ds_bytes payload;
    uint64_t server_epoch;
};

static void write_call(const struct keyed_call *call)
{
    const char *subject = call->subject != NULL ? call->subject : "user:1";
    Rpc__RequestHeader header = RPC__REQUEST_HEADER__INIT;
    header.method = (char *)(uintptr_t)(call->method != NULL ? call->method : ingest_ticks);
    header.call_id = (ProtobufCBinaryData){.len = 1, .data = (uint8_t *)(uintptr_t) "a"};
    header.authorization = (char *)(uintptr_t)subject;
    header.idempotency_key =
        (ProtobufCBinaryData){.len = strlen(call->key), .data = (uint8_t *)(uintptr_t)call->key};
    header.server_epoch = call->server_epoch;
    header.timeout_ms = 600000;
    ds_buffer_clear(&message);
    rpc_frame_append(&message, DS_FRAME_REQUEST, &header, call->payload);
}

/* Takes an answer and expects its code; returns the number of the execution that it tells of, 0
 * where it tells of none. */
static int expect_answer(const struct rpc_stranger *from, ds_code code)
{
    struct ds_bytes answer = rpc_stranger_receive(from);
    void *memory = (void *)(uintptr_t)answer.data;
    struct ds_frame frame;
    Rpc__ResponseHeader *header = rpc_response_next(&answer, &frame);
    int count = 0;
    assert_int_equal(header->code, (int)code);
    if (header->n_metadata == 1) {
        assert_string_equal(header->metadata[0]->key, "executed");
        assert_int_equal(header->metadata[0]->value.len, 1);
        count = header->metadata[0]->value.data[0] - '0';
    }
    rpc__response_header__free_unpacked(header, NULL);
    free(memory);
    return count;
}

static int call_with(const struct keyed_call *call, ds_code code)
{
    write_call(call);
    rpc_stranger_send(&stranger, &message);
    return expect_answer(&stranger, code);
}

static int call_with_key(const char *key)
{
    return call_with(&(struct keyed_call){.key = key}, DS_OK);
}

static void the_same_key_gets_the_first_reply_again(void **state)
{
    (void)state;
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(call_with_key("k"), 1);
    assert_int_equal(call_with_key("k"), 1);
    assert_int_equal(call_with_key("other"), 2);
    assert_int_equal(call_with_key(""), 3);
    assert_int_equal(call_with_key(""), 4);
    assert_int_equal(atomic_load(&fixture.executed), 4);
}

static void a_reply_that_nobody_took_is_there_for_the_next_try(void **state)
{
    (void)state;
    struct rpc_stranger vanishing;
    rpc_fixture_open_gate(&fixture);
    rpc_stranger_open(&vanishing, fixture.url);
    write_call(&(struct keyed_call){.key = "k"});
    rpc_stranger_send(&vanishing, &message);
    assert_int_equal(expect_answer(&vanishing, DS_OK), 1);
    rpc_stranger_close(&vanishing);
    assert_int_equal(call_with_key("k"), 1);
}

static void the_same_key_with_another_payload_is_refused(void **state)
{
    (void)state;
    static const uint8_t payload[] = {0x18, 0x00};
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(call_with_key("k"), 1);
    call_with(&(struct keyed_call){.key = "k", .payload = ds_bytes_of(payload, sizeof payload)},
              DS_FAILED_PRECONDITION);
    assert_int_equal(atomic_load(&fixture.executed), 1);
}

static void a_key_belongs_to_its_principal_and_method(void **state)
{
    (void)state;
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(call_with_key("k"), 1);
    assert_int_equal(call_with(&(struct keyed_call){.key = "k", .subject = "user:2"}, DS_OK), 2);
    call_with(&(struct keyed_call){.key = "k", .method = ingest_quotes}, DS_UNIMPLEMENTED);
}

static void send_first_and_second(const char *first_key)
{
    write_call(&(struct keyed_call){.key = first_key});
    rpc_stranger_send(&stranger, &message);
    rpc_fixture_await_waiting(&fixture, 1);
    rpc_stranger_send(&second, &message);
    rpc_fixture_await_calls_in_flight(&fixture, 2);
}

static void a_second_call_waits_for_the_first_that_runs(void **state)
{
    (void)state;
    send_first_and_second("k");
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(expect_answer(&stranger, DS_OK), 1);
    assert_int_equal(expect_answer(&second, DS_OK), 1);
    assert_int_equal(atomic_load(&fixture.executed), 1);
}

/* The first caller's end must not be the end of its own second try. */
static void who_waits_for_a_call_that_is_cancelled_may_try_again(void **state)
{
    (void)state;
    send_first_and_second("k");
    rpc_stranger_close(&stranger);
    expect_answer(&second, DS_UNAVAILABLE);
    rpc_stranger_open(&stranger, fixture.url);
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(call_with_key("k"), 2);
}

static void what_another_server_may_have_executed_is_refused(void **state)
{
    const uint64_t epoch = ds_rpc_server_epoch(fixture.server);
    (void)state;
    rpc_fixture_open_gate(&fixture);
    call_with(&(struct keyed_call){.key = "k", .method = start_backup, .server_epoch = epoch + 2},
              DS_UNAVAILABLE);
    call_with(&(struct keyed_call){.key = "k", .method = start_backup, .server_epoch = epoch},
              DS_UNIMPLEMENTED);
    /* Twice is as good as once. */
    assert_int_equal(call_with(&(struct keyed_call){.key = "k", .server_epoch = epoch + 2}, DS_OK),
                     1);
}

static void a_key_is_remembered_for_ten_minutes(void **state)
{
    (void)state;
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(call_with_key("k"), 1);
    atomic_store(&ahead_us, DS_IDEMPOTENCY_TTL_US - 60 * 1000000LL);
    assert_int_equal(call_with_key("k"), 1);
    atomic_store(&ahead_us, DS_IDEMPOTENCY_TTL_US);
    assert_int_equal(call_with_key("k"), 2);
}

static void past_the_limit_the_oldest_key_is_forgotten(void **state)
{
    (void)state;
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(call_with_key("1"), 1);
    assert_int_equal(call_with_key("2"), 2);
    assert_int_equal(call_with_key("3"), 3);
    assert_int_equal(call_with_key("3"), 3);
    assert_int_equal(call_with_key("2"), 2);
    assert_int_equal(call_with_key("1"), 4);
}

static void a_key_of_more_than_64_bytes_is_refused(void **state)
{
    (void)state;
    char key[DS_IDEMPOTENCY_KEY_BYTES_MAX + 2] = {0};
    rpc_fixture_open_gate(&fixture);
    memset(key, 'k', DS_IDEMPOTENCY_KEY_BYTES_MAX);
    assert_int_equal(call_with_key(key), 1);
    key[DS_IDEMPOTENCY_KEY_BYTES_MAX] = 'k';
    call_with(&(struct keyed_call){.key = key}, DS_INVALID_ARGUMENT);
    assert_int_equal(atomic_load(&fixture.executed), 1);
}

static void what_changes_nothing_is_executed_each_time(void **state)
{
    (void)state;
    call_with(&(struct keyed_call){.key = "k", .method = list_ticks}, DS_OK);
    call_with(&(struct keyed_call){.key = "k", .method = list_ticks}, DS_OK);
    assert_int_equal(atomic_load(&fixture.executed), 2);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(the_same_key_gets_the_first_reply_again),
        WITH(a_reply_that_nobody_took_is_there_for_the_next_try),
        WITH(the_same_key_with_another_payload_is_refused),
        WITH(a_key_belongs_to_its_principal_and_method),
        WITH(a_second_call_waits_for_the_first_that_runs),
        WITH(who_waits_for_a_call_that_is_cancelled_may_try_again),
        WITH(what_another_server_may_have_executed_is_refused),
        WITH(a_key_is_remembered_for_ten_minutes),
        cmocka_unit_test_setup_teardown(past_the_limit_the_oldest_key_is_forgotten,
                                        open_with_two_keys, close_all),
        WITH(a_key_of_more_than_64_bytes_is_refused),
        WITH(what_changes_nothing_is_executed_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
