/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/rpc_call.h"
#include "google/rpc/status.pb-c.h"

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

static Google__Rpc__Status *unpack_status(void)
{
    const struct ds_bytes packed = ds_call_pack_status(call);
    Google__Rpc__Status *status = google__rpc__status__unpack(NULL, packed.size, packed.data);
    assert_non_null(status);
    return status;
}

static void a_failure_takes_the_services_own_details_behind_ours(void **state)
{
    (void)state;
    call->code = ds_fail_reason(call, DS_ABORTED, DS_REASON(CONFLICT), "somebody was faster");
    assert_true(ds_fail_detail(call, "a.b.First", ds_bytes_of_text("one")));
    assert_true(ds_fail_detail(call, "a.b.Second", ds_bytes_of(NULL, 0)));
    Google__Rpc__Status *status = unpack_status();
    assert_int_equal(status->n_details, 3);
    assert_string_equal(status->details[0]->type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    assert_string_equal(status->details[1]->type_url, "type.googleapis.com/a.b.First");
    assert_int_equal(status->details[1]->value.len, 3);
    assert_memory_equal(status->details[1]->value.data, "one", 3);
    assert_string_equal(status->details[2]->type_url, "type.googleapis.com/a.b.Second");
    assert_int_equal(status->details[2]->value.len, 0);
    google__rpc__status__free_unpacked(status, NULL);
}

static void a_failure_has_eight_of_them_at_most(void **state)
{
    (void)state;
    call->code = ds_fail_field(call, "a", "no");
    ds_call_set_retry_after_ms(call, 1);
    for (int i = 0; i < DS_FAILURE_DETAILS_MAX; i++) {
        assert_true(ds_fail_detail(call, "a.B", ds_bytes_of_text("x")));
    }
    assert_false(ds_fail_detail(call, "a.B", ds_bytes_of_text("x")));
    Google__Rpc__Status *status = unpack_status();
    assert_int_equal(status->n_details, 3 + DS_FAILURE_DETAILS_MAX);
    google__rpc__status__free_unpacked(status, NULL);
}

static void they_have_16_kib_at_most(void **state)
{
    (void)state;
    static uint8_t bytes[DS_FAILURE_DETAILS_BYTES_MAX];
    const size_t rest = sizeof bytes - strlen("type.googleapis.com/a.B");
    call->code = ds_fail(call, DS_INTERNAL, "no");
    assert_false(ds_fail_detail(call, "a.B", ds_bytes_of(bytes, rest + 1)));
    assert_true(ds_fail_detail(call, "a.B", ds_bytes_of(bytes, rest)));
    assert_false(ds_fail_detail(call, "", ds_bytes_of(bytes, 0)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_call, close_call)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failure_takes_the_services_own_details_behind_ours),
        TEST(a_failure_has_eight_of_them_at_most),
        TEST(they_have_16_kib_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
