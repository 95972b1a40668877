/* The limits of the connection layer in time, number and size, and clients that leave or do not
 * read. */
#include "support/http_server_fixture.h"
#include "support/test.h"

#include <poll.h>

/* A limit whose firing a test awaits. */
#define SHORT_MS 150

static int setup(void **state)
{
    *state = http_fixture_start(http_fixture_patient_limits());
    return 0;
}

static int setup_pipeline_of_four(void **state)
{
    struct http_limits limits = http_fixture_patient_limits();
    limits.pipeline_max = 4;
    *state = http_fixture_start(limits);
    return 0;
}

static int setup_three_connections_an_address(void **state)
{
    struct http_limits limits = http_fixture_patient_limits();
    limits.connections_address_max = 3;
    *state = http_fixture_start(limits);
    return 0;
}

static int setup_one_connection(void **state)
{
    struct http_limits limits = http_fixture_patient_limits();
    limits.connections_max = 1;
    *state = http_fixture_start(limits);
    return 0;
}

static int setup_short_head(void **state)
{
    struct http_limits limits = http_fixture_patient_limits();
    limits.headers_timeout_ms = SHORT_MS;
    *state = http_fixture_start(limits);
    return 0;
}

static int setup_short_body(void **state)
{
    struct http_limits limits = http_fixture_patient_limits();
    limits.body_timeout_ms = SHORT_MS;
    *state = http_fixture_start(limits);
    return 0;
}

static int setup_short_write(void **state)
{
    struct http_limits limits = http_fixture_patient_limits();
    limits.write_timeout_ms = SHORT_MS;
    *state = http_fixture_start(limits);
    return 0;
}

static int setup_short_idle(void **state)
{
    struct http_limits limits = http_fixture_patient_limits();
    limits.idle_timeout_ms = SHORT_MS;
    *state = http_fixture_start(limits);
    return 0;
}

static int teardown(void **state)
{
    http_fixture_stop(*state);
    return 0;
}

static void a_full_pipeline_stops_the_reading_and_loses_nothing(void **state)
{
    struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    for (int i = 0; i < 20; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "GET /hold?%d" HOST "\r\n", i);
        http_send(client, text);
    }
    const int other = http_connect(fixture->address);
    for (int i = 0; i < 20;) {
        http_send(other, "GET /release" HOST "\r\n");
        http_expect(other, 200, "released");
        /* A release answers what has been taken so far: never more than fits the pipeline. */
        char byte;
        while (i < 20 && recv(client, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
            char expected[16];
            (void)snprintf(expected, sizeof expected, "%d", i++);
            http_expect(client, 200, expected);
        }
    }
    assert_true(atomic_load(&fixture->begun_count) >= 20);
    close(client);
    close(other);
}

static void no_more_requests_are_in_work_than_the_pipeline_takes(void **state)
{
    struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /hold?1" HOST "\r\nGET /hold?2" HOST "\r\nGET /hold?3" HOST "\r\n"
                      "GET /hold?4" HOST "\r\nGET /hold?5" HOST "\r\nGET /hold?6" HOST "\r\n");
    const int other = http_connect(fixture->address);
    while (atomic_load(&fixture->begun_count) < 4) {
        http_send(other, "GET /x" HOST "\r\n");
        http_expect(other, 200, "/x");
        atomic_fetch_sub(&fixture->begun_count, 1);
    }
    http_send(other, "GET /x" HOST "\r\n");
    http_expect(other, 200, "/x");
    assert_int_equal(atomic_load(&fixture->begun_count), 5);
    close(client);
    close(other);
}

static void a_client_that_leaves_ends_its_requests(void **state)
{
    struct http_fixture *fixture = *state;
    for (int i = 0; i < 10; i++) {
        const int client = http_connect(fixture->address);
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        http_send(client, "GET /hold?1" HOST "\r\nGET /hold?2" HOST "\r\n");
        const int other = http_connect(fixture->address);
        while (atomic_load(&fixture->begun_count) < 2) {
            http_send(other, "GET /x" HOST "\r\n");
            http_expect(other, 200, "/x");
            atomic_fetch_sub(&fixture->begun_count, 1);
        }
        setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(client);
        while (atomic_load(&fixture->abandoned_count) < 2) {
            http_send(other, "GET /x" HOST "\r\n");
            http_expect(other, 200, "/x");
        }
        atomic_store(&fixture->abandoned_count, 0);
        atomic_store(&fixture->begun_count, 0);
        close(other);
    }
}

static void a_large_reply_arrives_whole_at_a_slow_reader(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect_with(fixture->address, 4096);
    http_send(client, "GET /big" HOST "\r\nGET /next" HOST "\r\n");
    struct http_client_reply big = http_receive(client);
    assert_int_equal(big.body_bytes, BIG_BYTES);
    for (size_t i = 0; i < BIG_BYTES; i += 4093) {
        assert_int_equal(big.body[i], 'x');
    }
    http_reply_free(&big);
    http_expect(client, 200, "/next");
    close(client);
}

/* Sends a head byte by byte until the server says something; returns how many bytes went before. */
static int trickle_until_answered(int client)
{
    /* A server that takes every byte for a new beginning would never say anything. */
    enum { PAUSE_MS = 20, BYTES_MAX = 6000 };
    struct pollfd readable = {.fd = client, .events = POLLIN};
    int sent = 0;
    http_send(client, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    while (poll(&readable, 1, PAUSE_MS) <= 0) {
        (void)http_send_some(client, "x", 1);
        sent++;
        assert_true(sent < BYTES_MAX);
    }
    return sent;
}

/* Bytes keep coming; the limit is on the head as a whole. */
static void a_trickled_head_is_cut(void **state)
{
    const struct http_fixture *fixture = *state;
    int sent = 0;
    /* Where the machine stalls, the limit may have passed before a byte could follow. */
    while (sent < 3) {
        const int client = http_connect(fixture->address);
        sent = trickle_until_answered(client);
        http_expect(client, 408, "the head of the request did not come in time");
        close(client);
    }
}

static void a_body_that_does_not_come_is_cut(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "POST /" HOST "Content-Length: 10\r\n\r\nhalf");
    http_expect(client, 408, "the body of the request did not come in time");
    assert_true(http_at_end(client));
    close(client);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    const struct http_fixture *fixture = *state;
    static const char request[] = "GET /x" HOST "\r\n";
    int status = 0;
    /* Where the machine stalls, the limit may have passed before the request came. */
    while (status == 0) {
        const int client = http_connect(fixture->address);
        (void)http_send_some(client, request, sizeof request - 1);
        struct http_client_reply reply = http_receive(client);
        status = reply.status;
        http_reply_free(&reply);
        assert_true(status == 0 || http_at_end(client));
        close(client);
    }
    assert_int_equal(status, 200);
}

static void a_client_that_does_not_read_is_cut(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect_with(fixture->address, 4096);
    http_send(client, "GET /big" HOST "\r\n");
    const int other = http_connect(fixture->address);
    /* Other clients are served meanwhile, and see when the slow one is gone. */
    bool gone = false;
    while (!gone) {
        http_send(other, "GET /timeouts" HOST "\r\n");
        struct http_client_reply timeouts = http_receive(other);
        assert_int_equal(timeouts.status, 200);
        gone = strcmp(timeouts.body, "1") == 0;
        http_reply_free(&timeouts);
    }
    close(client);
    close(other);
}

static void connections_over_the_cap_of_an_address_are_told(void **state)
{
    const struct http_fixture *fixture = *state;
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = http_connect(fixture->address);
        http_send(clients[i], "GET /x" HOST "\r\n");
        http_expect(clients[i], 200, "/x");
    }
    const int fourth = http_connect(fixture->address);
    http_expect(fourth, 429,
                "there are too many connections of this address; use fewer, or try again later");
    assert_true(http_at_end(fourth));
    close(fourth);
    close(clients[0]);
    /* The place of the one that left is free again, soon. */
    int status = 429;
    while (status == 429) {
        const int again = http_connect(fixture->address);
        (void)http_send_some(again, "GET /x" HOST "\r\n", strlen("GET /x" HOST "\r\n"));
        struct http_client_reply answer = http_receive(again);
        status = answer.status;
        http_reply_free(&answer);
        close(again);
    }
    assert_int_equal(status, 200);
    close(clients[1]);
    close(clients[2]);
}

static void a_client_that_closed_its_side_waits_only_so_long(void **state)
{
    struct http_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET /hold?1" HOST "\r\n");
    shutdown(client, SHUT_WR);
    assert_true(http_at_end(client));
    assert_int_equal(atomic_load(&fixture->abandoned_count), 1);
    close(client);
}

static void replies_that_nobody_takes_make_the_server_refuse_more(void **state)
{
    const struct http_fixture *fixture = *state;
    int slow[20];
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        slow[i] = http_connect_with(fixture->address, 4096);
        http_send(slow[i], "GET /big" HOST "\r\n");
    }
    const int client = http_connect(fixture->address);
    struct http_client_reply reply = {.status = 200};
    while (reply.status == 200) {
        http_reply_free(&reply);
        http_send(client, "GET /x" HOST "\r\n");
        reply = http_receive(client);
    }
    assert_int_equal(reply.status, 503);
    http_reply_free(&reply);
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        close(slow[i]);
    }
    do {
        http_reply_free(&reply);
        http_send(client, "GET /x" HOST "\r\n");
        reply = http_receive(client);
    } while (reply.status == 503);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
    close(client);
}

static void bodies_of_requests_in_work_are_bounded_together(void **state)
{
    enum { SENDERS = 9, PART_BYTES = 15 * 1024 * 1024 };
    const struct http_fixture *fixture = *state;
    char *part = malloc(PART_BYTES);
    assert_non_null(part);
    memset(part, 'x', PART_BYTES);
    int senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = http_connect(fixture->address);
        http_send(senders[i], "POST /large" HOST "Content-Length: 16777216\r\n\r\n");
        http_send_bytes(senders[i], part, PART_BYTES);
    }
    free(part);
    /* 9 times 15 MiB are over 128 MiB: one of them is told, and only one. */
    int told = 0;
    while (told == 0) {
        for (int i = 0; i < SENDERS; i++) {
            char byte;
            told += recv(senders[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
            if (told == 1) {
                http_expect(senders[i], 503,
                            "the server has too many large requests in work; try again");
                break;
            }
        }
    }
    for (int i = 0; i < SENDERS; i++) {
        close(senders[i]);
    }
    const int client = http_connect(fixture->address);
    struct http_client_reply reply = {.status = 0};
    do {
        http_reply_free(&reply);
        http_send(client, "POST /large" HOST "Content-Length: 4\r\n\r\nbody");
        reply = http_receive(client);
    } while (reply.status == 503);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "body");
    http_reply_free(&reply);
    close(client);
}

static void a_client_that_closed_its_side_may_take_its_reply_slowly(void **state)
{
    const struct http_fixture *fixture = *state;
    const int client = http_connect_with(fixture->address, 4096);
    http_send(client, "GET /big" HOST "\r\n");
    shutdown(client, SHUT_WR);
    char byte;
    assert_int_equal(http_recv(client, &byte, 1, MSG_PEEK), 1);
    /* Past the second after which requests without a reply are given up. */
    const int64_t begun_us = ds_clock_monotonic_us(ds_clock_system());
    const int other = http_connect(fixture->address);
    while (ds_clock_monotonic_us(ds_clock_system()) - begun_us < 1300000) {
        http_send(other, "GET /x" HOST "\r\n");
        http_expect(other, 200, "/x");
    }
    struct http_client_reply big = http_receive(client);
    assert_int_equal(big.body_bytes, BIG_BYTES);
    http_reply_free(&big);
    assert_true(http_at_end(client));
    close(client);
    close(other);
}

static void a_long_pipeline_leaves_turns_of_the_loop_to_others(void **state)
{
    enum { REQUESTS = 1000 };
    static const char request[] = "GET /x" HOST "\r\n";
    struct http_fixture *fixture = *state;
    char pipeline[REQUESTS * sizeof request];
    for (size_t i = 0; i < REQUESTS; i++) {
        memcpy(pipeline + i * (sizeof request - 1), request, sizeof request);
    }
    const int client = http_connect(fixture->address);
    http_send(client, pipeline);
    for (int i = 0; i < REQUESTS; i++) {
        http_expect(client, 200, "/x");
    }
    /* 16 fit the pipeline; a turn refills it a few times only. */
    assert_true(atomic_load(&fixture->begun_an_iteration_max) <= 100);
    close(client);
}

static void connections_over_the_total_cap_are_told(void **state)
{
    const struct http_fixture *fixture = *state;
    const int first = http_connect(fixture->address);
    http_send(first, "GET /x" HOST "\r\n");
    http_expect(first, 200, "/x");
    const int second = http_connect(fixture->address);
    http_expect(second, 503, "there are too many connections; try again later");
    close(second);
    close(first);
}

#define WITH(start, name) cmocka_unit_test_setup_teardown(name, start, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(setup_pipeline_of_four, a_full_pipeline_stops_the_reading_and_loses_nothing),
        WITH(setup_pipeline_of_four, no_more_requests_are_in_work_than_the_pipeline_takes),
        WITH(setup, a_client_that_leaves_ends_its_requests),
        WITH(setup, a_large_reply_arrives_whole_at_a_slow_reader),
        WITH(setup_short_head, a_trickled_head_is_cut),
        WITH(setup_short_body, a_body_that_does_not_come_is_cut),
        WITH(setup_short_idle, an_idle_connection_is_closed_without_a_word),
        WITH(setup_short_write, a_client_that_does_not_read_is_cut),
        WITH(setup_three_connections_an_address, connections_over_the_cap_of_an_address_are_told),
        WITH(setup, a_client_that_closed_its_side_waits_only_so_long),
        WITH(setup, a_client_that_closed_its_side_may_take_its_reply_slowly),
        WITH(setup, bodies_of_requests_in_work_are_bounded_together),
        WITH(setup, a_long_pipeline_leaves_turns_of_the_loop_to_others),
        WITH(setup, replies_that_nobody_takes_make_the_server_refuse_more),
        WITH(setup_one_connection, connections_over_the_total_cap_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
