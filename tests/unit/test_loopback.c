#include "ds/loopback.h"
#include "support/test.h"

static void addresses_of_this_machine_are_loopback(void **state)
{
    (void)state;
    assert_true(ds_address_is_loopback("127.0.0.1:8080"));
    assert_true(ds_address_is_loopback("127.255.255.254:0"));
    assert_true(ds_address_is_loopback("[::1]:8080"));
    assert_true(ds_address_is_loopback("localhost:8080=storage"));
}

static void other_addresses_are_not(void **state)
{
    (void)state;
    assert_false(ds_address_is_loopback("0.0.0.0:8080"));
    assert_false(ds_address_is_loopback("128.0.0.1:8080"));
    assert_false(ds_address_is_loopback("[::]:8080"));
    assert_false(ds_address_is_loopback("[::ffff:10.0.0.1]:8080"));
}

static void a_name_that_begins_like_loopback_is_not(void **state)
{
    (void)state;
    assert_false(ds_address_is_loopback("127.evil.example:80"));
    assert_false(ds_address_is_loopback("127.0.0.1.evil.example:80"));
    assert_false(ds_address_is_loopback("localhost.evil.example:80"));
}

static void what_is_no_address_is_not(void **state)
{
    (void)state;
    assert_false(ds_address_is_loopback(""));
    assert_false(ds_address_is_loopback("127.0.0.1"));
    assert_false(ds_address_is_loopback("[::1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_this_machine_are_loopback),
        cmocka_unit_test(other_addresses_are_not),
        cmocka_unit_test(a_name_that_begins_like_loopback_is_not),
        cmocka_unit_test(what_is_no_address_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
