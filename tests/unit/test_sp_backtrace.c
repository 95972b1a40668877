/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_backtrace.h"

static void expect_route(struct ds_bytes request, enum ds_sp_route route, size_t backtrace_bytes)
{
    struct ds_bytes rest = request;
    struct ds_bytes backtrace = {0};
    assert_int_equal(ds_sp_backtrace_take(&rest, &backtrace), route);
    assert_int_equal(backtrace.size, backtrace_bytes);
    assert_int_equal(rest.size, request.size - backtrace_bytes);
    assert_ptr_equal(rest.data, request.data + backtrace_bytes);
    if (backtrace_bytes > 0) {
        assert_ptr_equal(backtrace.data, request.data);
    }
}

static void a_clients_own_number_ends_the_backtrace(void **state)
{
    (void)state;
    static const uint8_t request[] = {0x80, 0, 0, 1, 'h', 'e', 'y'};
    expect_route(ds_bytes_of(request, sizeof request), DS_SP_ROUTED, 4);
    expect_route(ds_bytes_of(request, 4), DS_SP_ROUTED, 4);
}

static void the_words_of_devices_come_before_it(void **state)
{
    (void)state;
    static const uint8_t request[] = {0, 0, 0, 9, 0x7f, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 'x'};
    expect_route(ds_bytes_of(request, sizeof request), DS_SP_ROUTED, 12);
}

static void what_ends_before_it_is_no_request(void **state)
{
    (void)state;
    static const uint8_t request[] = {0, 0, 0, 9, 0x80, 0, 0};
    for (size_t size = 0; size <= sizeof request; size++) {
        expect_route(ds_bytes_of(request, size), DS_SP_UNROUTED, 0);
    }
    expect_route((struct ds_bytes){0}, DS_SP_UNROUTED, 0);
}

static void eight_words_are_the_most(void **state)
{
    (void)state;
    uint8_t request[4 * (DS_SP_HOPS_MAX + 1)] = {0};
    request[sizeof request - 4] = 0x80;
    expect_route(ds_bytes_of(request, sizeof request), DS_SP_TOO_FAR, 0);
    request[sizeof request - 8] = 0x80;
    expect_route(ds_bytes_of(request, sizeof request), DS_SP_ROUTED, sizeof request - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_own_number_ends_the_backtrace),
        cmocka_unit_test(the_words_of_devices_come_before_it),
        cmocka_unit_test(what_ends_before_it_is_no_request),
        cmocka_unit_test(eight_words_are_the_most),
    };
    return cmocka_run_group_tests_name("sp backtrace", tests, NULL, NULL);
}
