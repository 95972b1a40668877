#include "http/proxies.h"
#include "support/test.h"

static const char *const trusted[] = {"10.0.0.0/8", "192.0.2.7", "2001:db8::/33", "::1"};

static int setup(void **state)
{
    size_t wrong = 0;
    *state = http_proxies_create(trusted, sizeof trusted / sizeof trusted[0], &wrong);
    return *state == NULL;
}

static int teardown(void **state)
{
    http_proxies_destroy(*state);
    return 0;
}

static void what_is_no_address_or_network_is_refused_by_its_place(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "localhost",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/8/8",
        "10.0.0.0/+8",
        "10.0.0",
        "::1/129",
        "::/1000",
        "/8",
        "10.0.0.0 /8",
        "::ffff:1.2.3.4/33",
        "[::1]",
        "1.2.3.4:80",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const items[] = {"::1", bad[i]};
        size_t wrong = 0;
        struct http_proxies *proxies = http_proxies_create(items, 2, &wrong);
        if (proxies != NULL) {
            fail_msg("\"%s\" is taken", bad[i]);
        }
        assert_int_equal(wrong, 1);
    }
}

static void a_network_has_the_addresses_that_share_its_first_bits(void **state)
{
    static const char *const in[] = {
        "10.0.0.0", "10.255.255.255", "192.0.2.7",           "::ffff:10.1.2.3",
        "::1",      "2001:db8::1",    "2001:db8:7fff:ffff::"};
    static const char *const out[] = {
        "11.0.0.0",        "9.255.255.255", "192.0.2.8", "::2", "2001:db9::1",
        "2001:db8:8000::", "::a00:1",       "",          "x"};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        assert_true(http_proxies_trust(*state, in[i]));
    }
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++) {
        assert_false(http_proxies_trust(*state, out[i]));
    }
    assert_false(http_proxies_trust(NULL, "10.0.0.0"));
}

static void a_network_of_all_of_one_family_has_none_of_the_other(void **state)
{
    (void)state;
    static const char *const items[] = {"0.0.0.0/0"};
    size_t wrong = 0;
    struct http_proxies *proxies = http_proxies_create(items, 1, &wrong);
    assert_true(http_proxies_trust(proxies, "203.0.113.9"));
    assert_false(http_proxies_trust(proxies, "::1"));
    http_proxies_destroy(proxies);
}

static const struct {
    const char *peer;
    const char *forwarded_for;
    const char *client;
    bool is_found;
} hops[] = {
    {"10.0.0.1", "203.0.113.9", "203.0.113.9", true},
    {"10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9", true},
    {"10.0.0.1", "203.0.113.9,10.0.0.2 , 192.0.2.7", "203.0.113.9", true},
    {"10.0.0.1", "garbage, 203.0.113.9", "203.0.113.9", true},
    {"10.0.0.1", "2001:0DB9:0:0::1", "2001:db9::1", true},
    {"10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9", true},
    {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3", true}, /* all are trusted: the first */
    {"::1", "203.0.113.9", "203.0.113.9", true},
    {"203.0.113.1", "198.51.100.1", "203.0.113.1", false}, /* who asks is not trusted */
    {"10.0.0.1", "", "10.0.0.1", false},
    {"10.0.0.1", "unknown", "10.0.0.1", false},
    {"10.0.0.1", "203.0.113.9, _hidden", "10.0.0.1", false},
    {"10.0.0.1", "203.0.113.9, _hidden, 10.0.0.2", "10.0.0.1", false},
    {"10.0.0.1", "203.0.113.9,", "10.0.0.1", false},
    {"10.0.0.1", "203.0.113.9:80", "10.0.0.1", false},
    {"10.0.0.1", "203.0.113.999", "10.0.0.1", false},
    {"10.0.0.1", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", "10.0.0.1", false},
};

static void the_client_is_the_last_hop_that_is_no_trusted_proxy(void **state)
{
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
        char client[HTTP_PEER_BYTES];
        const bool is_found = http_proxies_client(*state, hops[i].peer,
                                                  ds_bytes_of_text(hops[i].forwarded_for), client);
        if (is_found != hops[i].is_found || strcmp(client, hops[i].client) != 0) {
            fail_msg("\"%s\" by %s: %s", hops[i].forwarded_for, hops[i].peer, client);
        }
    }
    char client[HTTP_PEER_BYTES];
    assert_false(http_proxies_client(*state, "10.0.0.1", ds_bytes_of("1.2.3.4\0x", 9), client));
}

static void add_header(struct http_request *request, enum http_header_id id, const char *value)
{
    request->headers[request->header_count++] =
        (struct http_header){.value = ds_bytes_of_text(value), .id = (uint8_t)id};
}

static void fields_of_one_name_are_one_list(void **state)
{
    struct http_request *request = http_request_create(4);
    (void)strcpy(request->peer, "10.0.0.1");
    add_header(request, HTTP_HEADER_X_FORWARDED_FOR, "198.51.100.1, 203.0.113.9");
    add_header(request, HTTP_HEADER_X_FORWARDED_PROTO, "http");
    add_header(request, HTTP_HEADER_X_FORWARDED_FOR, "10.0.0.2");
    add_header(request, HTTP_HEADER_X_FORWARDED_PROTO, "HTTPS");
    http_proxies_read(*state, request);
    assert_string_equal(request->client, "203.0.113.9");
    assert_true(request->secure);

    (void)strcpy(request->peer, "203.0.113.1");
    http_proxies_read(*state, request);
    assert_string_equal(request->client, "203.0.113.1");
    assert_false(request->secure);
    http_request_destroy(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_address_or_network_is_refused_by_its_place),
        cmocka_unit_test_setup_teardown(a_network_has_the_addresses_that_share_its_first_bits,
                                        setup, teardown),
        cmocka_unit_test(a_network_of_all_of_one_family_has_none_of_the_other),
        cmocka_unit_test_setup_teardown(the_client_is_the_last_hop_that_is_no_trusted_proxy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(fields_of_one_name_are_one_list, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
