/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/rpc_call.h"

#include <stdio.h>

static struct ds_rpc_server *server;
static struct ds_call *call;

static int open_call(void **state)
{
    (void)state;
    server = ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "test"});
    call = ds_call_create(server);
    return 0;
}

static int close_call(void **state)
{
    (void)state;
    ds_call_destroy(call);
    ds_rpc_server_destroy(server);
    return 0;
}

static void a_key_that_is_set_again_has_the_last_value(void **state)
{
    (void)state;
    assert_int_equal(ds_call_set_metadata(call, "key", ds_bytes_of_text("first")), DS_OK);
    assert_int_equal(ds_call_set_metadata(call, "other", ds_bytes_of_text("value")), DS_OK);
    assert_int_equal(ds_call_set_metadata(call, "key", ds_bytes_of_text("last")), DS_OK);
    assert_int_equal(call->answer_metadata_count, 2);
    assert_true(ds_bytes_equal_text(call->answer_metadata[0].value, "last"));
    assert_int_equal(call->answer_metadata_bytes, strlen("keylastothervalue"));
}

static void an_answer_has_64_entries_at_most(void **state)
{
    (void)state;
    char key[16];
    for (int i = 0; i < DS_METADATA_ENTRIES_MAX; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        assert_int_equal(ds_call_set_metadata(call, key, (struct ds_bytes){0}), DS_OK);
    }
    assert_int_equal(ds_call_set_metadata(call, "one-more", (struct ds_bytes){0}),
                     DS_RESOURCE_EXHAUSTED);
    assert_int_equal(ds_call_set_metadata(call, "key-0", ds_bytes_of_text("new")), DS_OK);
}

static void an_answer_has_8_kib_of_metadata_at_most(void **state)
{
    (void)state;
    static uint8_t value[DS_METADATA_BYTES_MAX];
    const size_t half = DS_METADATA_BYTES_MAX / 2;
    assert_int_equal(ds_call_set_metadata(call, "a-bin", ds_bytes_of(value, half - 5)), DS_OK);
    assert_int_equal(ds_call_set_metadata(call, "b-bin", ds_bytes_of(value, half - 4)),
                     DS_RESOURCE_EXHAUSTED);
    assert_int_equal(ds_call_set_metadata(call, "b-bin", ds_bytes_of(value, half - 5)), DS_OK);
    assert_int_equal(ds_call_set_metadata(call, "a-bin", ds_bytes_of(value, half - 4)),
                     DS_RESOURCE_EXHAUSTED);
}

static void an_answers_keys_follow_the_rule_too(void **state)
{
    (void)state;
    assert_int_equal(ds_call_set_metadata(call, "Upper", (struct ds_bytes){0}),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(ds_call_set_metadata(call, "grpc-status", (struct ds_bytes){0}),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(ds_call_set_metadata(call, "key", ds_bytes_of_text("\n")),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(ds_call_set_metadata(call, "-bin", ds_bytes_of_text("\n")),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(call->answer_metadata_count, 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_call, close_call)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_key_that_is_set_again_has_the_last_value),
        WITH(an_answer_has_64_entries_at_most),
        WITH(an_answer_has_8_kib_of_metadata_at_most),
        WITH(an_answers_keys_follow_the_rule_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
