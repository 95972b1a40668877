/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/rpc/v1/control.pb-c.h"
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/channel_hello.h"
#include "ds/frame.h"
#include "schema.gen.h"

#include <stdlib.h>

static struct ds_bytes pack(const ProtobufCMessage *message)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    protobuf_c_message_pack(message, bytes);
    return ds_bytes_of(bytes, size);
}

static void release(struct ds_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* A Hello that lists these methods of the storage service. */
static struct ds_bytes hello_of(const char *const *names, size_t count)
{
    Rpc__HelloResponse__Service service = RPC__HELLO_RESPONSE__SERVICE__INIT;
    Rpc__HelloResponse__Service *services[] = {&service};
    Rpc__HelloResponse response = RPC__HELLO_RESPONSE__INIT;
    service.name = (char *)(uintptr_t) "deltastream.storage.v1.Storage";
    service.inline_methods = (char **)(uintptr_t)names;
    service.n_inline_methods = count;
    response.services = services;
    response.n_services = 1;
    response.server_epoch = 7;
    response.accept_encodings = 3;
    return pack(&response.base);
}

static void a_hello_tells_epoch_encodings_and_methods(void **state)
{
    (void)state;
    static const char *const names[] = {"ListTicks", "MethodOfTomorrow", "AsOf"};
    struct ds_server_hello hello;
    const struct ds_bytes bytes = hello_of(names, 3);
    assert_int_equal(ds_server_hello_read(bytes, &hello), DS_OK);
    assert_true(hello.server_epoch == 7);
    assert_int_equal(hello.accept_encodings, 3);
    assert_true(ds_server_hello_allows_sharing(&hello, ds_method_storage_list_ticks));
    assert_true(ds_server_hello_allows_sharing(&hello, ds_method_storage_as_of));
    assert_false(ds_server_hello_allows_sharing(&hello, ds_method_storage_latest_tick));
    release(bytes);
}

static void more_methods_than_we_keep_do_no_harm(void **state)
{
    (void)state;
    static const char *names[DS_HELLO_METHODS_MAX + 1];
    struct ds_server_hello hello;
    for (size_t i = 0; i <= DS_HELLO_METHODS_MAX; i++) {
        names[i] = "ListTicks";
    }
    const struct ds_bytes bytes = hello_of(names, DS_HELLO_METHODS_MAX + 1);
    assert_int_equal(ds_server_hello_read(bytes, &hello), DS_OK);
    assert_int_equal(hello.method_count, DS_HELLO_METHODS_MAX);
    release(bytes);
}

static void bytes_that_are_no_hello_are_refused(void **state)
{
    (void)state;
    struct ds_server_hello hello = {.server_epoch = 77};
    assert_int_equal(ds_server_hello_read(ds_bytes_of("\x3a\xff", 2), &hello), DS_INVALID_ARGUMENT);
    assert_true(hello.server_epoch == 77);
}

static bool shares_with_limit(int32_t limit)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "NIFTY";
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = limit;
    const struct ds_bytes payload = pack(&request.base);
    const struct ds_client_call call = {.method = ds_method_storage_list_ticks, .payload = payload};
    const bool shares = ds_client_call_would_share(&call);
    release(payload);
    return shares;
}

static void a_call_that_asks_for_more_than_1000_rows_travels_alone(void **state)
{
    (void)state;
    assert_true(shares_with_limit(0));
    assert_true(shares_with_limit(1000));
    assert_false(shares_with_limit(1001));
    assert_false(shares_with_limit(-1));
}

static void a_call_that_names_no_limit_shares(void **state)
{
    (void)state;
    assert_true(ds_client_call_would_share(
        &(struct ds_client_call){.method = ds_method_storage_list_ticks}));
    /* A method whose request has no limit. */
    assert_true(ds_client_call_would_share(&(struct ds_client_call){
        .method = ds_method_storage_latest_tick, .payload = ds_bytes_of("\x0a\x01x", 3)}));
}

static void the_last_limit_counts_as_in_protobuf(void **state)
{
    (void)state;
    static const uint8_t payload[] = {0x20, 0xe9, 0x07, 0x20, 0x0a}; /* 1001, then 10 */
    assert_true(ds_client_call_would_share(&(struct ds_client_call){
        .method = ds_method_storage_list_ticks, .payload = ds_bytes_of(payload, sizeof payload)}));
}

static void other_pools_and_later_attempts_travel_alone(void **state)
{
    (void)state;
    assert_false(
        ds_client_call_would_share(&(struct ds_client_call){.method = ds_method_storage_get_bars}));
    assert_false(ds_client_call_would_share(
        &(struct ds_client_call){.method = ds_method_storage_latest_tick, .attempt = 1}));
}

static void the_field_of_the_limit_is_known_by_its_name(void **state)
{
    (void)state;
    assert_string_equal(ds_method_storage_list_ticks->limit->name, "limit");
    assert_int_equal(ds_method_storage_list_ticks->limit->number, 4);
    assert_null(ds_method_storage_latest_tick->limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_tells_epoch_encodings_and_methods),
        cmocka_unit_test(more_methods_than_we_keep_do_no_harm),
        cmocka_unit_test(bytes_that_are_no_hello_are_refused),
        cmocka_unit_test(a_call_that_asks_for_more_than_1000_rows_travels_alone),
        cmocka_unit_test(a_call_that_names_no_limit_shares),
        cmocka_unit_test(the_last_limit_counts_as_in_protobuf),
        cmocka_unit_test(other_pools_and_later_attempts_travel_alone),
        cmocka_unit_test(the_field_of_the_limit_is_known_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
