#include "http/host.h"
#include "support/test.h"

static const char *const good[] = {
    "a",
    "example.org",
    "example.org:80",
    "example.org:",
    "a:0",
    "a:65535",
    "a:00080",
    "127.0.0.1",
    "127.0.0.1:8080",
    "999.1.1.1", /* a name, by the grammar */
    "[::1]",
    "[::1]:8080",
    "[::1]:",
    "[2001:DB8::7]",
    "[::ffff:192.0.2.1]:1",
    "a-b_c~d.e!$&'()*+;=",
    "a%2Db",
};

static const char *const bad[] = {
    "",
    ":",
    ":80",
    "a:b",
    "a:b:c",
    "a:1:2",
    "a:65536",
    "a:99999999999999999999",
    "a:-1",
    "a:+1",
    "a: 1",
    "a b",
    " a",
    "a,b",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    "u@a",
    "<a>\"",
    "a^b",
    "a`b",
    "a{b}",
    "a|b",
    "a\tb",
    "a\x7f",
    "\xc3\xa4",
    "a%",
    "a%2",
    "a%2G",
    "::1",
    "[::1",
    "::1]",
    "[]",
    "[]:80",
    "[1.2.3.4]",
    "[::1]80",
    "[::1]:x",
    "[::1%25eth0]",
    "[v1.a]",
    "[::1::2]",
    "[0:0:0:0:0:0:0:0:0]",
    "[::ffff:192.0.2.256]",
    "a[::1]",
    "[::1][::1]",
    "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]",
};

static void a_host_is_a_name_or_an_address_and_perhaps_a_port(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!http_host_is_well_formed(ds_bytes_of_text(good[i]), HTTP_PORT_OPTIONAL)) {
            fail_msg("\"%s\" is refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (http_host_is_well_formed(ds_bytes_of_text(bad[i]), HTTP_PORT_OPTIONAL)) {
            fail_msg("\"%s\" is taken", bad[i]);
        }
    }
    assert_false(http_host_is_well_formed(ds_bytes_of("a\0b", 3), HTTP_PORT_OPTIONAL));
    assert_false(http_host_is_well_formed(ds_bytes_of("[::1\0]", 6), HTTP_PORT_OPTIONAL));
}

static void a_required_port_must_be_there(void **state)
{
    (void)state;
    static const char *const complete[] = {"a:80", "[::1]:1", "127.0.0.1:65535"};
    static const char *const lacking[] = {"a", "a:", "[::1]", "[::1]:", ":80"};
    for (size_t i = 0; i < sizeof complete / sizeof complete[0]; i++) {
        assert_true(http_host_is_well_formed(ds_bytes_of_text(complete[i]), HTTP_PORT_REQUIRED));
    }
    for (size_t i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
        assert_false(http_host_is_well_formed(ds_bytes_of_text(lacking[i]), HTTP_PORT_REQUIRED));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_a_name_or_an_address_and_perhaps_a_port),
        cmocka_unit_test(a_required_port_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
