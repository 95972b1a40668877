/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_bind.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/ds-bind-XXXXXX";
static char url[64];
static const char *const path = url + sizeof "ipc://" - 1;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "ipc://%s/a.sock", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static bool is_there(void)
{
    return access(path, F_OK) == 0;
}

static int connect_to_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void a_sockets_file_is_this_users_alone_and_goes_with_it(void **state)
{
    (void)state;
    struct ds_sp_binding binding;
    struct stat status;
    assert_int_equal(ds_sp_bind(url, &binding), DS_OK);
    assert_true(binding.is_ipc);
    assert_string_equal(binding.url, url);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    close(connect_to_path());
    ds_sp_unbind(&binding);
    assert_false(is_there());
}

static void a_path_in_use_is_not_taken(void **state)
{
    (void)state;
    struct ds_sp_binding binding;
    struct ds_sp_binding other;
    assert_int_equal(ds_sp_bind(url, &binding), DS_OK);
    assert_int_equal(ds_sp_bind(url, &other), DS_ALREADY_EXISTS);
    close(connect_to_path());
    ds_sp_unbind(&binding);
}

static void a_file_that_nobody_listens_at_is_replaced(void **state)
{
    (void)state;
    struct ds_sp_binding stale;
    struct ds_sp_binding binding;
    assert_int_equal(ds_sp_bind(url, &stale), DS_OK);
    close(stale.fd); /* as a process that was killed */
    assert_true(is_there());
    assert_int_equal(ds_sp_bind(url, &binding), DS_OK);
    close(connect_to_path());
    ds_sp_unbind(&binding);
    assert_false(is_there());
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    struct ds_sp_binding binding;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    /* Nobody listens at it, so that its being refused would tell of a stale socket. */
    assert_int_equal(ds_sp_bind(url, &binding), DS_ALREADY_EXISTS);
    assert_true(is_there());
    unlink(path);
}

static void the_file_of_another_socket_stays(void **state)
{
    (void)state;
    struct ds_sp_binding old;
    struct ds_sp_binding binding;
    assert_int_equal(ds_sp_bind(url, &old), DS_OK);
    unlink(path); /* by somebody who thought it was stale */
    assert_int_equal(ds_sp_bind(url, &binding), DS_OK);
    ds_sp_unbind(&old);
    assert_true(is_there());
    ds_sp_unbind(&binding);
    assert_false(is_there());
}

static void a_port_is_picked_and_told(void **state)
{
    (void)state;
    static const char *const urls[] = {"tcp://127.0.0.1:0", "tls+tcp://localhost:0"};
    for (size_t i = 0; i < 2; i++) {
        struct ds_sp_binding binding;
        struct ds_sp_binding other;
        assert_int_equal(ds_sp_bind(urls[i], &binding), DS_OK);
        assert_int_equal(binding.is_tls, i == 1);
        assert_false(binding.is_ipc);
        assert_memory_equal(binding.url, urls[i], strlen(urls[i]) - 1);
        const int port = atoi(strrchr(binding.url, ':') + 1);
        assert_true(port > 0);
        assert_int_equal(ds_sp_bind(binding.url, &other), DS_ALREADY_EXISTS);
        ds_sp_unbind(&binding);
    }
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&six, sizeof six) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return has;
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    struct ds_sp_binding binding;
    if (!has_ipv6()) {
        skip();
    }
    assert_int_equal(ds_sp_bind("tcp://[::1]:0", &binding), DS_OK);
    assert_memory_equal(binding.url, "tcp://[::1]:", strlen("tcp://[::1]:"));
    assert_true(atoi(strrchr(binding.url, ':') + 1) > 0);
    ds_sp_unbind(&binding);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "http://127.0.0.1:0",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://:80",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:x",
        "ipc://",
        "tcp://192.0.2.1:0", /* of no interface here */
        "ipc:///nowhere/at/all/a.sock",
    };
    struct ds_sp_binding binding;
    char longest[300] = "ipc:///tmp/";
    memset(longest + strlen(longest), 'a', 120);
    assert_int_equal(ds_sp_bind(longest, &binding), DS_INVALID_ARGUMENT);
    memset(longest + strlen("ipc:///tmp/"), 'a', sizeof longest - sizeof "ipc:///tmp/");
    assert_int_equal(ds_sp_bind(longest, &binding), DS_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_int_equal(ds_sp_bind(urls[i], &binding), DS_INVALID_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sockets_file_is_this_users_alone_and_goes_with_it),
        cmocka_unit_test(a_path_in_use_is_not_taken),
        cmocka_unit_test(a_file_that_nobody_listens_at_is_replaced),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(the_file_of_another_socket_stays),
        cmocka_unit_test(a_port_is_picked_and_told),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests_name("sp bind", tests, make_folder, remove_folder);
}
