/* What every server answers of itself: health, reflection, Hello. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/rpc/v1/control.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

#include <stdlib.h>

/* Every test runs once for each transport, which is the group's state. */
static struct rpc_fixture fixture;
static enum fixture_transport transport;

static int open_fixture(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, transport, NULL);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    rpc_fixture_close(&fixture);
    return 0;
}

static int health_of(const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = (char *)(uintptr_t)service;
    const struct ds_bytes payload = rpc_fixture_pack(&request.base);
    struct ds_client_call call = {.method = ds_method_health_check, .payload = payload};
    int status = -(int)rpc_fixture_call(&fixture, &call);
    if (status == 0) {
        Grpc__Health__V1__HealthCheckResponse *response =
            grpc__health__v1__health_check_response__unpack(NULL, call.response.size,
                                                            call.response.data);
        assert_non_null(response);
        status = (int)response->status;
        grpc__health__v1__health_check_response__free_unpacked(response, NULL);
    }
    ds_client_call_release(&call);
    free((void *)(uintptr_t)payload.data);
    return status;
}

static void health_follows_what_the_service_says(void **state)
{
    (void)state;
    assert_int_equal(health_of(""), 1);
    assert_int_equal(health_of("deltastream.storage.v1.Storage"), 1);
    ds_rpc_server_set_serving(fixture.server, "deltastream.storage.v1.Storage", false);
    assert_int_equal(health_of("deltastream.storage.v1.Storage"), 2);
    assert_int_equal(health_of(""), 1);
    assert_int_equal(health_of("deltastream.none.v1.None"), -(int)DS_NOT_FOUND);
}

static void reflection_serves_the_descriptor_set(void **state)
{
    (void)state;
    static const char *const files[] = {"deltastream/rpc/v1/control.proto",
                                        "deltastream/storage/v1/storage.proto",
                                        "google/protobuf/timestamp.proto"};
    struct ds_client_call call = {.method = ds_method_control_get_descriptor_set};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    Rpc__GetDescriptorSetResponse *reply =
        rpc__get_descriptor_set_response__unpack(NULL, call.response.size, call.response.data);
    assert_non_null(reply);
    const ProtobufCBinaryData set = reply->file_descriptor_set;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_non_null(memmem(set.data, set.len, files[i], strlen(files[i])));
    }
    rpc__get_descriptor_set_response__free_unpacked(reply, NULL);
    ds_client_call_release(&call);
}

static void hello_tells_epoch_limits_and_inline_methods(void **state)
{
    (void)state;
    struct ds_client_call call = {.method = ds_method_control_hello};
    assert_int_equal(rpc_fixture_call(&fixture, &call), DS_OK);
    Rpc__HelloResponse *hello =
        rpc__hello_response__unpack(NULL, call.response.size, call.response.data);
    assert_non_null(hello);
    assert_true(hello->server_epoch == ds_rpc_server_epoch(fixture.server));
    assert_string_equal(hello->server, "fixture/1");
    size_t inline_count = 0;
    for (size_t i = 0; i < ds_service_storage.method_count; i++) {
        inline_count += ds_service_storage.methods[i].pool == DS_POOL_INLINE;
    }
    assert_true(inline_count >= 3);
    bool found = false;
    for (size_t i = 0; i < hello->n_services; i++) {
        const Rpc__HelloResponse__Service *service = hello->services[i];
        if (strcmp(service->name, "deltastream.storage.v1.Storage") == 0) {
            found = true;
            assert_int_equal(service->n_inline_methods, inline_count);
            assert_string_equal(service->inline_methods[0], "ListTicks");
        }
    }
    assert_true(found);
    rpc__hello_response__free_unpacked(hello, NULL);
    ds_client_call_release(&call);
}

static int run_over(enum fixture_transport over, const char *name)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        WITH(health_follows_what_the_service_says),
        WITH(hello_tells_epoch_limits_and_inline_methods),
        WITH(reflection_serves_the_descriptor_set),
    };
    transport = over;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int failed = run_over(FIXTURE_DIRECT, "direct");
    failed += run_over(FIXTURE_IPC, "ipc");
    failed += run_over(FIXTURE_TCP, "tcp");
    failed += run_over(FIXTURE_TLS, "tls+tcp");
    return failed;
}
