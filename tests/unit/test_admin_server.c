/* The admin listener with pages of the test's own, over real sockets. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "admin/server.h"
#include "support/http_client.h"

#include <pthread.h>

/* A page that waits until it may go on. */
struct gate {
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    int waiting;
    bool is_open;
};

struct fixture {
    struct gate gate;
    struct ds_admin *admin;
    char address[DS_ADMIN_ADDRESS_BYTES_MAX];
};

static unsigned int write_greeting(void *context, struct ds_buffer *body)
{
    (void)context;
    ds_buffer_append_text(body, "hello");
    return 200;
}

static unsigned int write_trouble(void *context, struct ds_buffer *body)
{
    (void)context;
    ds_buffer_append_text(body, "not well");
    return 503;
}

static unsigned int write_too_much(void *context, struct ds_buffer *body)
{
    (void)context;
    for (size_t i = 0; i <= DS_ADMIN_PAGE_BYTES_MAX / 16; i++) {
        ds_buffer_append_text(body, "sixteen letters.");
    }
    return 200;
}

static unsigned int write_late(void *context, struct ds_buffer *body)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->mutex);
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
    ds_buffer_append_text(body, "at last");
    return 200;
}

static void gate_await(struct gate *gate, int waiting)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->waiting < waiting) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    pthread_mutex_init(&fixture->gate.mutex, NULL);
    pthread_cond_init(&fixture->gate.changed, NULL);
    const struct ds_admin_page pages[] = {
        {"/greeting", "text/plain", "a word", write_greeting, NULL},
        {"/trouble", "text/plain", "a failure", write_trouble, NULL},
        {"/much", "text/plain", "more than a page may have", write_too_much, NULL},
        {"/late", "text/plain", "what waits", write_late, &fixture->gate},
    };
    const struct ds_admin_options options = {
        .address = "127.0.0.1:0", .pages = pages, .page_count = sizeof pages / sizeof *pages};
    assert_int_equal(ds_admin_start(&options, &fixture->admin, fixture->address), DS_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    gate_open(&fixture->gate);
    ds_admin_stop(fixture->admin);
    pthread_cond_destroy(&fixture->gate.changed);
    pthread_mutex_destroy(&fixture->gate.mutex);
    free(fixture);
    return 0;
}

/* Sends a request and reads its reply on a connection of its own. */
static struct http_client_reply ask(const struct fixture *fixture, const char *line,
                                    const char *host)
{
    char request[256];
    (void)snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: %s\r\n\r\n", line, host);
    const int client = http_connect(fixture->address);
    http_send(client, request);
    const struct http_client_reply reply =
        http_receive_with(client, strncmp(line, "HEAD", strlen("HEAD")) == 0);
    close(client);
    return reply;
}

static void assert_reply(const struct fixture *fixture, const char *line, int status,
                         const char *body)
{
    struct http_client_reply reply = ask(fixture, line, "localhost");
    assert_int_equal(reply.status, status);
    assert_string_equal(reply.body, body);
    http_reply_free(&reply);
}

static void a_page_is_written_for_whoever_asks(void **state)
{
    struct fixture *fixture = *state;
    struct http_client_reply reply = ask(fixture, "GET /greeting?now", "127.0.0.1:99");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    assert_non_null(strcasestr(reply.head, "\r\ncontent-type: text/plain\r\n"));
    assert_non_null(strcasestr(reply.head, "\r\ncache-control: no-store\r\n"));
    http_reply_free(&reply);
    assert_reply(fixture, "HEAD /greeting", 200, "");
    assert_reply(fixture, "GET /trouble", 503, "not well");
}

static void the_root_lists_the_pages(void **state)
{
    assert_reply(*state, "GET /", 200,
                 "{\"pages\":[{\"path\":\"/\",\"summary\":\"this list\"},"
                 "{\"path\":\"/greeting\",\"summary\":\"a word\"},"
                 "{\"path\":\"/trouble\",\"summary\":\"a failure\"},"
                 "{\"path\":\"/much\",\"summary\":\"more than a page may have\"},"
                 "{\"path\":\"/late\",\"summary\":\"what waits\"}]}\n");
}

static void what_is_no_page_is_refused(void **state)
{
    assert_reply(*state, "GET /greetings", 404, "there is no such page; / lists them\n");
    assert_reply(*state, "DELETE /greeting", 405, "the pages are there to be read: use GET\n");
    assert_reply(*state, "GET /much", 500, "the page has become too large\n");
}

static void a_body_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /greeting HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
    struct http_client_reply reply = http_receive_with(client, false);
    assert_int_equal(reply.status, 413);
    http_reply_free(&reply);
    close(client);
}

/* A browser that was led here by a name of somebody else's says that name. */
static void other_hosts_than_loopback_are_refused(void **state)
{
    static const char *const refused[] = {"evil.example", "evil.example:80", "127.0.0.1.evil:80"};
    static const char *const taken[] = {"127.0.0.1", "localhost:1234", "[::1]", "[::1]:80"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct http_client_reply reply = ask(*state, "GET /greeting", refused[i]);
        assert_int_equal(reply.status, 403);
        http_reply_free(&reply);
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct http_client_reply reply = ask(*state, "GET /greeting", taken[i]);
        assert_int_equal(reply.status, 200);
        http_reply_free(&reply);
    }
}

static void a_page_that_waits_holds_up_no_other_one(void **state)
{
    struct fixture *fixture = *state;
    const int waiting = http_connect(fixture->address);
    http_send(waiting, "GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n");
    gate_await(&fixture->gate, 1);
    assert_reply(fixture, "GET /greeting", 200, "hello");
    gate_open(&fixture->gate);
    struct http_client_reply reply = http_receive_with(waiting, false);
    assert_string_equal(reply.body, "at last");
    http_reply_free(&reply);
    close(waiting);
}

static void a_client_that_leaves_takes_nothing_with_it(void **state)
{
    struct fixture *fixture = *state;
    const int leaving = http_connect(fixture->address);
    http_send(leaving, "GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n");
    gate_await(&fixture->gate, 1);
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(leaving, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(leaving);
    gate_open(&fixture->gate);
    assert_reply(fixture, "GET /greeting", 200, "hello");
}

static void half_a_request_does_not_keep_the_listener_from_stopping(void **state)
{
    const struct fixture *fixture = *state;
    const int half = http_connect(fixture->address);
    http_send(half, "GET /greeting HTTP/1.1\r\nHost: localh");
    assert_reply(fixture, "GET /greeting", 200, "hello");
    (void)half; /* It is still open when the fixture stops. */
}

static void connections_are_few(void **state)
{
    const struct fixture *fixture = *state;
    int clients[16];
    for (size_t i = 0; i < 16; i++) {
        clients[i] = http_connect(fixture->address);
        http_send(clients[i], "GET /greeting HTTP/1.1\r\nHost: localhost\r\n\r\n");
        struct http_client_reply reply = http_receive_with(clients[i], false);
        assert_int_equal(reply.status, 200);
        http_reply_free(&reply);
    }
    const int one_more = http_connect(fixture->address);
    struct http_client_reply reply = http_receive_with(one_more, false);
    assert_int_equal(reply.status, 503);
    http_reply_free(&reply);
    close(one_more);
    for (size_t i = 0; i < 16; i++) {
        close(clients[i]);
    }
}

static void addresses_off_loopback_are_refused(void **state)
{
    (void)state;
    struct ds_admin *admin = NULL;
    char address[DS_ADMIN_ADDRESS_BYTES_MAX];
    assert_null(ds_admin_address_refusal("127.0.0.1:0"));
    assert_null(ds_admin_address_refusal("[::1]:9900"));
    assert_null(ds_admin_address_refusal("localhost:9900"));
    assert_non_null(strstr(ds_admin_address_refusal("0.0.0.0:9900"), "loopback only"));
    assert_non_null(strstr(ds_admin_address_refusal("[::]:9900"), "loopback only"));
    assert_non_null(strstr(ds_admin_address_refusal("example.com:9900"), "loopback only"));
    assert_non_null(strstr(ds_admin_address_refusal("9900"), "HOST:PORT"));
    assert_non_null(strstr(ds_admin_address_refusal("127.0.0.1:9900=name"), "HOST:PORT"));
    const struct ds_admin_options options = {.address = "0.0.0.0:0"};
    assert_int_equal(ds_admin_start(&options, &admin, address), DS_INVALID_ARGUMENT);
    assert_null(admin);
}

static void an_address_in_use_is_told(void **state)
{
    const struct fixture *fixture = *state;
    struct ds_admin *admin = NULL;
    char address[DS_ADMIN_ADDRESS_BYTES_MAX];
    const struct ds_admin_options options = {.address = fixture->address};
    assert_int_equal(ds_admin_start(&options, &admin, address), DS_ALREADY_EXISTS);
    assert_null(admin);
    assert_non_null(strstr(ds_admin_failure(DS_ALREADY_EXISTS), "in use"));
    ds_admin_stop(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_written_for_whoever_asks),
        TEST(the_root_lists_the_pages),
        TEST(what_is_no_page_is_refused),
        TEST(a_body_is_refused),
        TEST(other_hosts_than_loopback_are_refused),
        TEST(a_page_that_waits_holds_up_no_other_one),
        TEST(a_client_that_leaves_takes_nothing_with_it),
        TEST(half_a_request_does_not_keep_the_listener_from_stopping),
        TEST(connections_are_few),
        TEST(an_address_in_use_is_told),
        cmocka_unit_test(addresses_off_loopback_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
