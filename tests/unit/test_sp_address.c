/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_address.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

static void a_path_is_one_place(void **state)
{
    (void)state;
    struct ds_sp_address address;
    struct sockaddr_un local;
    assert_int_equal(ds_sp_address_read("ipc:///run/ds/events.sock", &address), DS_OK);
    assert_true(address.is_ipc);
    assert_int_equal(address.place_count, 1);
    assert_int_equal(address.places[0].size, sizeof local);
    memcpy(&local, &address.places[0].address, sizeof local);
    assert_int_equal(local.sun_family, AF_UNIX);
    assert_string_equal(local.sun_path, "/run/ds/events.sock");
}

static void an_ipv4_address_is_one_place(void **state)
{
    (void)state;
    struct ds_sp_address address;
    struct sockaddr_in four;
    assert_int_equal(ds_sp_address_read("tcp://127.0.0.2:65535", &address), DS_OK);
    assert_false(address.is_ipc);
    assert_int_equal(address.place_count, 1);
    assert_int_equal(address.places[0].size, sizeof four);
    memcpy(&four, &address.places[0].address, sizeof four);
    assert_int_equal(four.sin_family, AF_INET);
    assert_int_equal(ntohl(four.sin_addr.s_addr), 0x7f000002);
    assert_int_equal(ntohs(four.sin_port), 65535);
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    struct ds_sp_address address;
    struct sockaddr_in6 six;
    assert_int_equal(ds_sp_address_read("tcp://[::1]:1", &address), DS_OK);
    assert_int_equal(address.place_count, 1);
    assert_int_equal(address.places[0].size, sizeof six);
    memcpy(&six, &address.places[0].address, sizeof six);
    assert_int_equal(six.sin6_family, AF_INET6);
    assert_true(IN6_IS_ADDR_LOOPBACK(&six.sin6_addr));
    assert_int_equal(ntohs(six.sin6_port), 1);
}

static void localhost_is_two_places(void **state)
{
    (void)state;
    struct ds_sp_address address;
    assert_int_equal(ds_sp_address_read("tcp://localhost:5556", &address), DS_OK);
    assert_int_equal(address.place_count, 2);
    assert_int_equal(address.places[0].address.ss_family, AF_INET);
    assert_int_equal(address.places[1].address.ss_family, AF_INET6);
}

static void what_is_no_such_url_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "ipc://",
        "/run/ds/events.sock",
        "tls+tcp://127.0.0.1:5556",
        "inproc://events",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://:5556",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:100000",
        "tcp://127.0.0.1:+80",
        "tcp://127.0.0.1:80x",
        "tcp://127.0.0.1:80/",
        "tcp://127.0.0.1.5:80",
        "tcp://events.example:5556",
        "tcp://::1:5556",
        "tcp://[::1:5556",
        "tcp://::1]:5556",
        "tcp://[]:5556",
        "tcp://[127.0.0.1]:5556",
        "tcp://[localhost]:5556",
        "tcp://1111111111111111111111111111111111111111111111:80",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct ds_sp_address address = {.place_count = 7};
        assert_int_equal(ds_sp_address_read(urls[i], &address), DS_INVALID_ARGUMENT);
        assert_int_equal(address.place_count, 7);
    }
}

static void a_path_has_an_end(void **state)
{
    (void)state;
    struct sockaddr_un local;
    struct ds_sp_address address;
    char url[6 + sizeof local.sun_path + 1] = "ipc://";
    memset(url + 6, 'p', sizeof local.sun_path - 1);
    assert_int_equal(ds_sp_address_read(url, &address), DS_OK);
    url[6 + sizeof local.sun_path - 1] = 'p';
    assert_int_equal(ds_sp_address_read(url, &address), DS_INVALID_ARGUMENT);
}

static void what_a_client_connects_to_may_be_a_name(void **state)
{
    (void)state;
    struct ds_sp_target target;
    assert_int_equal(ds_sp_target_read("tcp://storage-1.example_2:5555", &target), DS_OK);
    assert_true(target.is_name);
    assert_false(target.is_tls);
    assert_string_equal(target.host, "storage-1.example_2");
    assert_string_equal(target.port, "5555");
    assert_int_equal(ds_sp_target_read("tls+tcp://storage.test:65535", &target), DS_OK);
    assert_true(target.is_name);
    assert_true(target.is_tls);
    assert_string_equal(target.host, "storage.test");
    assert_string_equal(target.port, "65535");
}

static void what_a_client_connects_to_may_be_known_already(void **state)
{
    static const struct {
        const char *url;
        int place_count;
        bool is_ipc;
        bool is_tls;
    } cases[] = {
        {"ipc:///run/ds/rpc.sock", 1, true, false},
        {"tcp://127.0.0.1:5555", 1, false, false},
        {"tls+tcp://[::1]:5555", 1, false, true},
        {"tls+tcp://localhost:5555", 2, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ds_sp_target target;
        assert_int_equal(ds_sp_target_read(cases[i].url, &target), DS_OK);
        assert_false(target.is_name);
        assert_int_equal(target.is_tls, cases[i].is_tls);
        assert_int_equal(target.address.is_ipc, cases[i].is_ipc);
        assert_int_equal(target.address.place_count, cases[i].place_count);
    }
}

static void what_nobody_can_connect_to_is_refused(void **state)
{
    (void)state;
    char long_name[6 + DS_SP_HOST_BYTES_MAX + 8] = "tcp://";
    memset(long_name + 6, 'n', DS_SP_HOST_BYTES_MAX);
    strcpy(long_name + 6 + DS_SP_HOST_BYTES_MAX, ":1");
    const char *const urls[] = {
        "",
        "inproc://rpc",
        "ipc://",
        "tcp://",
        "tcp://name",
        "tcp://name:",
        "tcp://name:0",
        "tcp://name:65536",
        "tcp://name:80/path",
        "tcp://na me:80",
        "tcp://:80",
        "tcp://::1:80",
        "tcp://[name]:80",
        "tls+tcp://name",
        long_name,
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct ds_sp_target target = {.is_tls = true};
        assert_int_equal(ds_sp_target_read(urls[i], &target), DS_INVALID_ARGUMENT);
        assert_true(target.is_tls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_one_place),
        cmocka_unit_test(an_ipv4_address_is_one_place),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(localhost_is_two_places),
        cmocka_unit_test(what_is_no_such_url_is_refused),
        cmocka_unit_test(a_path_has_an_end),
        cmocka_unit_test(what_a_client_connects_to_may_be_a_name),
        cmocka_unit_test(what_a_client_connects_to_may_be_known_already),
        cmocka_unit_test(what_nobody_can_connect_to_is_refused),
    };
    return cmocka_run_group_tests_name("sp address", tests, NULL, NULL);
}
