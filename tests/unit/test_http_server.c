/* The connection layer with a small handler, over real sockets: what a client sees. */
#include "http/endpoint.h"
#include "support/http_server_fixture.h"
#include "support/test.h"

static int setup(void **state)
{
    *state = http_fixture_start(http_fixture_patient_limits());
    return 0;
}

static int teardown(void **state)
{
    http_fixture_stop(*state);
    return 0;
}

static void requests_share_a_connection(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    for (int i = 0; i < 3; i++) {
        http_send(client, "GET /one" HOST "\r\n");
        http_expect(client, 200, "/one");
    }
    close(client);
}

static void pipelined_requests_are_answered_in_their_order(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /hold?1" HOST "\r\nGET /hold?2" HOST "\r\nGET /three" HOST "\r\n"
                      "POST /" HOST "Content-Length: 4\r\n\r\nfour");
    const int other = http_connect(fixture->address);
    http_send(other, "GET /x" HOST "\r\n");
    http_expect(other, 200, "/x");
    /* The fourth request has been taken by now or will be before this one. */
    http_send(other, "GET /release" HOST "\r\n");
    http_expect(other, 200, "released");
    http_expect(client, 200, "1");
    http_expect(client, 200, "2");
    http_expect(client, 200, "/three");
    http_expect(client, 200, "four");
    close(client);
    close(other);
}

static void head_gets_the_length_without_the_body(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "HEAD /abc" HOST "\r\n");
    struct http_client_reply head = http_receive_with(client, true);
    assert_int_equal(head.status, 200);
    assert_non_null(strstr(head.head, "\r\nContent-Length: 4\r\n"));
    http_reply_free(&head);
    http_send(client, "GET /next" HOST "\r\n");
    http_expect(client, 200, "/next");
    close(client);
}

static void a_client_that_waits_is_told_to_go_on(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "POST /" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    http_expect(client, 100, NULL);
    http_send(client, "hello");
    http_expect(client, 200, "hello");
    close(client);
}

static void go_on_waits_for_the_replies_before_it(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /hold?1" HOST "\r\n"
                      "POST /" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const int other = http_connect(fixture->address);
    for (int i = 0; i < 2; i++) {
        http_send(other, "GET /release" HOST "\r\n");
        http_expect(other, 200, "released");
    }
    http_expect(client, 200, "1");
    http_expect(client, 100, NULL);
    http_send(client, "hello");
    http_expect(client, 200, "hello");
    close(client);
    close(other);
}

static void a_refused_client_that_waits_gets_its_reply_instead(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "POST /refused" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    http_expect(client, 404, "refused");
    assert_true(http_at_end(client));
    close(client);
}

static void the_small_body_of_a_refused_request_is_passed_over(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "POST /refused" HOST "Content-Length: 5\r\n\r\nhello");
    http_expect(client, 404, "refused");
    http_send(client, "GET /next" HOST "\r\n");
    http_expect(client, 200, "/next");
    close(client);
}

static void a_refused_request_with_a_large_body_gets_to_read_its_reply(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    const size_t size = 4 * 1024 * 1024;
    char *body = calloc(1, size);
    http_send(client, "POST /refused" HOST "Content-Length: 4194304\r\n\r\n");
    http_send_bytes(client, body, size);
    free(body);
    http_expect(client, 404, "refused");
    assert_true(http_at_end(client));
    close(client);
}

static void a_chunked_body_over_the_limit_gets_to_read_its_reply(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    const size_t size = 1024 * 1024;
    char *body = malloc(size);
    memset(body, 'x', size);
    http_send(client, "POST /" HOST "Transfer-Encoding: chunked\r\n\r\n100000\r\n");
    http_send_bytes(client, body, size);
    free(body);
    http_expect(client, 413, NULL);
    assert_true(http_at_end(client));
    close(client);
}

static void a_chunked_body_comes_whole_however_it_is_cut(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    const char *text = "POST /" HOST "Transfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
    for (size_t i = 0; text[i] != '\0'; i++) {
        http_send_bytes(client, text + i, 1);
    }
    http_expect(client, 200, "abc0123456789");
    close(client);
}

static void what_follows_a_malformed_request_is_not_read(void **state)
{
    struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /one" HOST "\r\nGET /two HTTP/1.1\r\nHost : a\r\n\r\n"
                      "GET /three" HOST "\r\n");
    http_expect(client, 200, "/one");
    http_expect(client, 400, NULL);
    assert_true(http_at_end(client));
    assert_int_equal(atomic_load(&fixture->begun_count), 1);
    close(client);
}

static void a_smuggled_request_is_not_executed(void **state)
{
    struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "POST /" HOST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "0\r\n\r\nGET /admin" HOST "\r\n");
    struct http_client_reply refused = http_receive(client);
    assert_int_equal(refused.status, 400);
    assert_non_null(strstr(refused.head, "\r\nConnection: close\r\n"));
    http_reply_free(&refused);
    assert_true(http_at_end(client));
    assert_int_equal(atomic_load(&fixture->begun_count), 0);
    close(client);
}

static void connection_close_is_obeyed_and_said(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /x" HOST "Connection: close\r\n\r\nGET /y" HOST "\r\n");
    struct http_client_reply reply_x = http_receive(client);
    assert_non_null(strstr(reply_x.head, "\r\nConnection: close\r\n"));
    http_reply_free(&reply_x);
    assert_true(http_at_end(client));
    close(client);
}

static void http_1_0_stays_only_when_asked(void **state)
{
    const struct http_fixture *fixture = *state;
    int client = http_connect(fixture->address);
    http_send(client, "GET /x HTTP/1.0\r\n\r\n");
    http_expect(client, 200, "/x");
    assert_true(http_at_end(client));
    close(client);

    client = http_connect(fixture->address);
    http_send(client, "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    struct http_client_reply kept = http_receive(client);
    assert_non_null(strstr(kept.head, "\r\nConnection: keep-alive\r\n"));
    http_reply_free(&kept);
    http_send(client, "GET /y HTTP/1.0\r\n\r\n");
    http_expect(client, 200, "/y");
    close(client);
}

static void half_a_request_and_an_end_is_answered_with_400(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "POST /" HOST "Content-Length: 10\r\n\r\nhalf");
    shutdown(client, SHUT_WR);
    http_expect(client, 400, "the request ended before it was complete");
    assert_true(http_at_end(client));
    close(client);
}

static void a_client_that_closed_its_side_only_gets_its_reply(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /big" HOST "\r\nGET /after" HOST "\r\n");
    shutdown(client, SHUT_WR);
    http_expect(client, 200, NULL);
    http_expect(client, 200, "/after");
    assert_true(http_at_end(client));
    close(client);
}

static void what_is_not_modified_has_neither_body_nor_length(void **state)
{
    struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /unchanged" HOST "\r\nGET /after" HOST "\r\n");
    struct http_client_reply reply = http_receive_with(client, true);
    assert_int_equal(reply.status, 304);
    assert_null(strstr(reply.head, "Content-Length"));
    http_reply_free(&reply);
    http_expect(client, 200, "/after");
    close(client);
}

static void a_refused_head_request_gets_no_body_either(void **state)
{
    static char long_line[9000] = "HEAD /";
    memset(long_line + strlen(long_line), 'x', sizeof long_line - 1 - strlen(long_line));
    const char *const heads[] = {
        "HEAD /x HTTP/9.9\r\n\r\n",
        "HEAD /x" HOST "bad name: y\r\n\r\n",
        "HEAD /x" HOST "X: half a he",
        "HEAD /x\n",
        "HEAD ",
        long_line,
    };
    struct http_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        const int client = http_connect(fixture->address);
        http_send(client, heads[i]);
        shutdown(client, SHUT_WR);
        struct http_client_reply reply = http_receive_with(client, true);
        assert_int_equal(reply.status, 400);
        http_reply_free(&reply);
        assert_true(http_at_end(client));
        close(client);
    }
}

static void a_taken_address_and_a_malformed_one_are_told_apart(void **state)
{
    struct http_fixture *fixture = *state;
    static const char *const malformed[] = {
        "",         "127.0.0.1",    "127.0.0.1:",      ":8080",    "127.0.0.1:x", "127.0.0.1:65536",
        "::1:8080", "127.0.0.1:0=", "127.0.0.1:0=a b", "[::1]8080"};
    struct uv_loop_s loop;
    char address[64];
    uv_loop_init(&loop);
    struct http_server *second = http_server_create(&(struct http_server_options){
        .loop = &loop, .clock = ds_clock_system(), .handler = {.turn = http_fixture_turn}});
    assert_int_equal(http_server_listen(second, fixture->address, address, sizeof address),
                     DS_ALREADY_EXISTS);
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        assert_int_equal(http_server_listen(second, malformed[i], address, sizeof address),
                         DS_INVALID_ARGUMENT);
        assert_false(http_endpoint_is_well_formed(malformed[i]));
    }
    assert_int_equal(http_server_listen(second, "no.such.host.invalid:1", address, sizeof address),
                     DS_NOT_FOUND);
    /* 192.0.2.0/24 is for documents: no machine has it. */
    assert_int_equal(http_server_listen(second, "192.0.2.1:0", address, sizeof address),
                     DS_UNAVAILABLE);
    assert_int_equal(http_server_listen(second, "[::1]:0=name", address, sizeof address), DS_OK);
    assert_int_equal(strncmp(address, "[::1]:", 6), 0);
    http_server_close(second);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    http_server_destroy(second);
}

static void dates_are_written_as_http_wants_them(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {1735689599, "Tue, 31 Dec 2024 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[HTTP_DATE_BYTES + 1] = "";
        http_date_format(rows[i].seconds, text);
        assert_string_equal(text, rows[i].text);
    }
}

#define WITH(start, name) cmocka_unit_test_setup_teardown(name, start, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(setup, requests_share_a_connection),
        WITH(setup, pipelined_requests_are_answered_in_their_order),
        WITH(setup, head_gets_the_length_without_the_body),
        WITH(setup, a_client_that_waits_is_told_to_go_on),
        WITH(setup, go_on_waits_for_the_replies_before_it),
        WITH(setup, a_refused_client_that_waits_gets_its_reply_instead),
        WITH(setup, the_small_body_of_a_refused_request_is_passed_over),
        WITH(setup, a_refused_request_with_a_large_body_gets_to_read_its_reply),
        WITH(setup, a_chunked_body_over_the_limit_gets_to_read_its_reply),
        WITH(setup, a_chunked_body_comes_whole_however_it_is_cut),
        WITH(setup, what_follows_a_malformed_request_is_not_read),
        WITH(setup, a_smuggled_request_is_not_executed),
        WITH(setup, connection_close_is_obeyed_and_said),
        WITH(setup, http_1_0_stays_only_when_asked),
        WITH(setup, half_a_request_and_an_end_is_answered_with_400),
        WITH(setup, a_client_that_closed_its_side_only_gets_its_reply),
        WITH(setup, what_is_not_modified_has_neither_body_nor_length),
        WITH(setup, a_refused_head_request_gets_no_body_either),
        WITH(setup, a_taken_address_and_a_malformed_one_are_told_apart),
        cmocka_unit_test(dates_are_written_as_http_wants_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
