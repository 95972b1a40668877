/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/peers.h"

#include <arpa/inet.h>

static struct ds_peers *peers;

static int open_peers(void **state)
{
    (void)state;
    peers = ds_peers_create(4, 2);
    return 0;
}

static int close_peers(void **state)
{
    (void)state;
    ds_peers_destroy(peers);
    return 0;
}

static void an_address_is_admitted_up_to_its_cap_and_again_after_one_left(void **state)
{
    (void)state;
    assert_true(ds_peers_admit(peers, 7));
    assert_true(ds_peers_admit(peers, 7));
    assert_false(ds_peers_admit(peers, 7));
    assert_true(ds_peers_admit(peers, 8));
    assert_false(ds_peers_admit(peers, 7));
    ds_peers_leave(peers, 7);
    assert_true(ds_peers_admit(peers, 7));
    assert_false(ds_peers_admit(peers, 7));
}

static void addresses_that_share_a_bucket_have_caps_of_their_own(void **state)
{
    (void)state;
    assert_true(ds_peers_admit(peers, 3));
    assert_true(ds_peers_admit(peers, 7));
    assert_true(ds_peers_admit(peers, 3));
    assert_false(ds_peers_admit(peers, 3));
    ds_peers_leave(peers, 3);
    ds_peers_leave(peers, 3);
    assert_true(ds_peers_admit(peers, 7));
    assert_false(ds_peers_admit(peers, 7));
    assert_true(ds_peers_admit(peers, 3));
}

static void without_an_address_only_the_whole_is_capped(void **state)
{
    (void)state;
    for (size_t count = 0; count < 4; count++) {
        assert_int_equal(ds_peers_count(peers), count);
        assert_true(ds_peers_admit(peers, 0));
    }
    assert_false(ds_peers_admit(peers, 0));
    assert_false(ds_peers_admit(peers, 1));
    assert_int_equal(ds_peers_count(peers), 4);
    ds_peers_leave(peers, 0);
    assert_true(ds_peers_admit(peers, 1));
}

static uint32_t address_of_six(const char *text)
{
    struct sockaddr_storage address = {.ss_family = AF_INET6};
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
    assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
    return ds_peer_address_of(&address);
}

static uint32_t address_of_four(const char *text)
{
    struct sockaddr_storage address = {.ss_family = AF_INET};
    struct sockaddr_in *four = (struct sockaddr_in *)&address;
    assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
    return ds_peer_address_of(&address);
}

static void an_ipv6_network_is_one_address(void **state)
{
    (void)state;
    assert_int_equal(address_of_six("2001:db8:1:2::1"), address_of_six("2001:db8:1:2:ffff::9"));
    assert_int_not_equal(address_of_six("2001:db8:1:2::1"), address_of_six("2001:db8:1:3::1"));
    assert_int_equal(address_of_six("::ffff:192.0.2.7"), address_of_four("192.0.2.7"));
    assert_int_not_equal(address_of_four("192.0.2.7"), address_of_four("192.0.2.8"));
    assert_int_not_equal(address_of_six("::1"), 0);
    assert_int_equal(ds_peer_address_of(&(struct sockaddr_storage){.ss_family = AF_UNIX}), 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_peers, close_peers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(an_address_is_admitted_up_to_its_cap_and_again_after_one_left),
        WITH(addresses_that_share_a_bucket_have_caps_of_their_own),
        WITH(without_an_address_only_the_whole_is_capped),
        cmocka_unit_test(an_ipv6_network_is_one_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
