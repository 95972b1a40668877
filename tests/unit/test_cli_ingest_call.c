#include "clients/common/ingest_call.h"
#include "clients/feed/direct_call.h"
#include "support/ingest_fixture.h"
#include "support/test.h"

static bool may_retry(ds_code code, int32_t pushback_ms)
{
    const struct answer answer = {.code = code, .message = "", .retry_after_ms = pushback_ms};
    return ingest_call_may_retry(&answer);
}

static uint32_t retry_ms(uint32_t attempt, int32_t pushback_ms)
{
    const struct answer answer = {
        .code = DS_UNAVAILABLE, .message = "", .retry_after_ms = pushback_ms};
    return ingest_call_retry_ms(&answer, attempt);
}

static void what_may_pass_is_worth_another_call(void **state)
{
    (void)state;
    assert_true(may_retry(DS_UNAVAILABLE, 0));
    assert_true(may_retry(DS_DEADLINE_EXCEEDED, 0));
    assert_true(may_retry(DS_RESOURCE_EXHAUSTED, 1500));
    assert_false(may_retry(DS_INVALID_ARGUMENT, 0));
    assert_false(may_retry(DS_OK, 0));
}

static void a_service_that_wants_no_more_of_it_is_left_alone(void **state)
{
    (void)state;
    assert_false(may_retry(DS_UNAVAILABLE, -1));
}

static void waits_double_up_to_ten_seconds(void **state)
{
    (void)state;
    assert_int_equal(retry_ms(0, 0), 100);
    assert_int_equal(retry_ms(1, 0), 200);
    assert_int_equal(retry_ms(6, 0), 6400);
    assert_int_equal(retry_ms(7, 0), 10000);
    assert_int_equal(retry_ms(UINT32_MAX, 0), 10000);
}

static void a_wait_is_at_least_what_the_service_asked_for(void **state)
{
    (void)state;
    assert_int_equal(retry_ms(0, 1500), 1500);
    assert_int_equal(retry_ms(6, 1500), 6400);
    assert_int_equal(retry_ms(0, INT32_MAX), 10000);
}

static void a_request_that_is_too_large_is_not_sent_again(void **state)
{
    (void)state;
    struct ingest_fixture fixture;
    ingest_fixture_open(&fixture);
    fixture.failure = DS_RESOURCE_EXHAUSTED;
    fixture.failure_reason = DS_REASON(REQUEST_TOO_LARGE);
    fixture.failures_left = 1;
    /* One row, which the fixture looks at: the time is empty. */
    static const uint8_t request[] = {0x0A, 2, 0x1A, 0};
    struct direct_caller caller = {.channel = fixture.channel, .principal = &ingest_fixture_writer};
    struct answer answer;
    direct_call(&caller, ds_method_storage_ingest_ticks, ds_bytes_of(request, sizeof(request)),
                &answer);
    assert_int_equal(answer.code, DS_RESOURCE_EXHAUSTED);
    assert_false(ingest_call_may_retry(&answer));
    answer_release(&answer);
    ingest_fixture_close(&fixture);
}

static struct answer answered(const char *bytes, size_t size)
{
    return (struct answer){.method = ds_method_storage_ingest_quotes,
                           .code = DS_OK,
                           .message = "",
                           .response = ds_bytes_of(bytes, size)};
}

static void a_reply_is_read_whatever_the_kind(void **state)
{
    (void)state;
    static const char bytes[] = "\x08\3\x10\2\x18\1\x22\5\x08\4\x12\1x";
    struct answer answer = answered(bytes, sizeof(bytes) - 1);
    struct ds_arena *arena = ds_arena_create(4096);
    const Storage__IngestTicksResponse *reply = NULL;
    assert_int_equal(ingest_call_read(&answer, arena, &reply), DS_OK);
    assert_int_equal(reply->accepted, 3);
    assert_int_equal(reply->duplicate, 2);
    assert_int_equal(reply->late, 1);
    assert_int_equal(reply->n_rejected, 1);
    assert_int_equal(reply->rejected[0]->index, 4);
    assert_string_equal(reply->rejected[0]->reason, "x");
    ds_arena_destroy(arena);
}

static void assert_damaged(const char *bytes, size_t size, size_t arena_bytes)
{
    struct answer answer = answered(bytes, size);
    struct ds_arena *arena = ds_arena_create(arena_bytes);
    const Storage__IngestTicksResponse *reply = NULL;
    assert_int_equal(ingest_call_read(&answer, arena, &reply), DS_DATA_LOSS);
    assert_null(reply);
    assert_int_equal(answer.code, DS_DATA_LOSS);
    assert_string_equal(answer.message, "the reply is damaged");
    ds_arena_destroy(arena);
}

static void a_damaged_reply_is_the_calls_failure(void **state)
{
    (void)state;
    assert_damaged("\x08", 1, 4096);
    /* protobuf-c would take it: a text that is no UTF-8. */
    assert_damaged("\x22\3\x12\1\xff", 5, 4096);
}

static void a_reply_above_the_arenas_budget_is_the_calls_failure(void **state)
{
    (void)state;
    assert_damaged("\x08\3", 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_pass_is_worth_another_call),
        cmocka_unit_test(a_service_that_wants_no_more_of_it_is_left_alone),
        cmocka_unit_test(waits_double_up_to_ten_seconds),
        cmocka_unit_test(a_wait_is_at_least_what_the_service_asked_for),
        cmocka_unit_test(a_request_that_is_too_large_is_not_sent_again),
        cmocka_unit_test(a_reply_is_read_whatever_the_kind),
        cmocka_unit_test(a_damaged_reply_is_the_calls_failure),
        cmocka_unit_test(a_reply_above_the_arenas_budget_is_the_calls_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
