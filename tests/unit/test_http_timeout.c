#include "http/peers.h"
#include "http/timeout.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static void limits_pass_in_the_order_of_their_deadlines(void **state)
{
    (void)state;
    struct http_timeout_lists lists = {
        .duration_ms = {[HTTP_TIMEOUT_HEADERS] = 10, [HTTP_TIMEOUT_IDLE] = 100}};
    struct http_timeout timeouts[3] = {{.kind = 0}};
    http_timeout_lists_init(&lists);
    assert_true(http_timeout_next_ms(&lists) == UINT64_MAX);
    http_timeout_set(&lists, &timeouts[0], HTTP_TIMEOUT_IDLE, 1000);
    http_timeout_set(&lists, &timeouts[1], HTTP_TIMEOUT_HEADERS, 1050);
    http_timeout_set(&lists, &timeouts[2], HTTP_TIMEOUT_HEADERS, 1055);
    assert_int_equal(http_timeout_next_ms(&lists), 1060);
    assert_null(http_timeout_take_passed(&lists, 1059));
    assert_ptr_equal(http_timeout_take_passed(&lists, 1060), &timeouts[1]);
    assert_null(http_timeout_take_passed(&lists, 1060));
    assert_false(http_timeout_is_set(&timeouts[1]));
    assert_int_equal(http_timeout_next_ms(&lists), 1065);
    assert_ptr_equal(http_timeout_take_passed(&lists, 2000), &timeouts[2]);
    assert_ptr_equal(http_timeout_take_passed(&lists, 2000), &timeouts[0]);
    assert_null(http_timeout_take_passed(&lists, 2000));
}

static void a_limit_set_anew_begins_anew(void **state)
{
    (void)state;
    struct http_timeout_lists lists = {
        .duration_ms = {[HTTP_TIMEOUT_BODY] = 10, [HTTP_TIMEOUT_WRITE] = 20}};
    struct http_timeout timeout = {.kind = 0};
    http_timeout_lists_init(&lists);
    http_timeout_set(&lists, &timeout, HTTP_TIMEOUT_BODY, 0);
    http_timeout_set(&lists, &timeout, HTTP_TIMEOUT_WRITE, 5);
    assert_int_equal(http_timeout_next_ms(&lists), 25);
    http_timeout_clear(&timeout);
    http_timeout_clear(&timeout);
    assert_true(http_timeout_next_ms(&lists) == UINT64_MAX);
}

static void key_of(const char *text, uint8_t key[HTTP_PEER_KEY_BYTES])
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        http_peer_key((const struct sockaddr *)&v4, key);
        return;
    }
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    http_peer_key((const struct sockaddr *)&v6, key);
}

static bool counted_together(const char *a, const char *b)
{
    uint8_t key_a[HTTP_PEER_KEY_BYTES];
    uint8_t key_b[HTTP_PEER_KEY_BYTES];
    key_of(a, key_a);
    key_of(b, key_b);
    return memcmp(key_a, key_b, sizeof key_a) == 0;
}

static void ipv6_clients_are_counted_by_their_network(void **state)
{
    (void)state;
    assert_true(counted_together("10.0.0.1", "10.0.0.1"));
    assert_true(counted_together("10.0.0.1", "::ffff:10.0.0.1"));
    assert_false(counted_together("10.0.0.1", "10.0.0.2"));
    assert_true(counted_together("2001:db8:1:2::1", "2001:db8:1:2:ffff::2"));
    assert_false(counted_together("2001:db8:1:2::1", "2001:db8:1:3::1"));
}

static void an_address_has_so_many_connections_and_no_more(void **state)
{
    (void)state;
    static struct http_peers peers;
    uint8_t one[HTTP_PEER_KEY_BYTES];
    uint8_t other[HTTP_PEER_KEY_BYTES];
    key_of("10.0.0.1", one);
    key_of("10.0.0.2", other);
    struct http_peer *first = http_peers_add(&peers, one, 2);
    struct http_peer *second = http_peers_add(&peers, one, 2);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(http_peers_add(&peers, one, 2));
    struct http_peer *third = http_peers_add(&peers, other, 2);
    assert_non_null(third);
    http_peers_remove(&peers, first);
    first = http_peers_add(&peers, one, 2);
    assert_non_null(first);
    http_peers_remove(&peers, first);
    http_peers_remove(&peers, second);
    http_peers_remove(&peers, third);
    http_peers_remove(&peers, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_pass_in_the_order_of_their_deadlines),
        cmocka_unit_test(a_limit_set_anew_begins_anew),
        cmocka_unit_test(ipv6_clients_are_counted_by_their_network),
        cmocka_unit_test(an_address_has_so_many_connections_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
