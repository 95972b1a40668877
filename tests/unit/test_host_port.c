/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/host_port.h"

#define HOST_BYTES_MAX 8

static void a_host_stands_before_the_last_colon(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        const char *port;
        bool is_bracketed;
    } rows[] = {
        {"a.test:80", "a.test", "80", false}, {"a:", "a", "", false},
        {"[::1]:80", "::1", "80", true},      {"::1:80", "::1", "80", false},
        {"[a:80", "[a", "80", false},         {"1234567:1", "1234567", "1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char host[HOST_BYTES_MAX];
        const char *port = NULL;
        bool is_bracketed = !rows[i].is_bracketed;
        assert_true(ds_host_port_split(rows[i].text, host, sizeof host, &is_bracketed, &port));
        assert_string_equal(host, rows[i].host);
        assert_string_equal(port, rows[i].port);
        assert_int_equal(is_bracketed, rows[i].is_bracketed);
        assert_true(ds_host_port_split(rows[i].text, host, sizeof host, NULL, &port));
    }
}

static void without_a_host_or_a_colon_or_room_it_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", ":80", "[]:80", "12345678:1", "[12345678]:1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char host[HOST_BYTES_MAX];
        const char *port = NULL;
        assert_false(ds_host_port_split(texts[i], host, sizeof host, NULL, &port));
        assert_null(port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_stands_before_the_last_colon),
        cmocka_unit_test(without_a_host_or_a_colon_or_room_it_is_refused),
    };
    return cmocka_run_group_tests_name("host and port", tests, NULL, NULL);
}
