#include "clients/load/rest.h"
#include "support/http_stub.h"
#include "support/test.h"

#include <sys/epoll.h>

#define PATIENCE_NS 600000000000LL
#define CALLS_MAX 64

static struct http_stub *stub;
static struct load_loop loop;
static struct load_rest_address address;
static struct load_rest *rest;
static int ended_count;
static char requests[CALLS_MAX][512];

/* A call and what it came to. */
struct noted_call {
    struct load_rest_call call;
    int ended;
    char body[512];
};

static struct noted_call calls[CALLS_MAX];

static void note_end(struct load_rest_call *call)
{
    struct noted_call *noted = (struct noted_call *)call;
    noted->ended++;
    ended_count++;
    snprintf(noted->body, sizeof noted->body, "%.*s", (int)call->body.size,
             call->body.size > 0 ? (const char *)call->body.data : "");
}

static void open_connections(uint32_t count)
{
    rest = load_rest_create(
        &(struct load_rest_options){.loop = &loop, .address = &address, .connection_count = count});
}

static int setup(void **state)
{
    (void)state;
    stub = http_stub_start();
    memset(calls, 0, sizeof calls);
    ended_count = 0;
    load_loop_init(&loop);
    assert_int_equal(load_rest_address_parse(stub->url, &address), DS_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    load_rest_destroy(rest);
    rest = NULL;
    load_loop_deinit(&loop);
    http_stub_stop(stub);
    return 0;
}

static void turn_of(int64_t at_most_ns)
{
    struct epoll_event events[LOAD_LOOP_EVENTS_MAX];
    const int count = load_loop_wait(&loop, load_loop_now_ns(&loop) + at_most_ns, events);
    load_loop_handle(&loop, events, count);
}

static void turn(void)
{
    turn_of(PATIENCE_NS);
}

static void run_until_ended(int count)
{
    while (ended_count < count) {
        turn();
    }
}

static struct noted_call *call_send(size_t place, const char *path)
{
    snprintf(requests[place], sizeof requests[place], "GET %.64s HTTP/1.1\r\nHost: %s\r\n\r\n",
             path, address.host);
    calls[place].call = (struct load_rest_call){.request = ds_bytes_of_text(requests[place]),
                                                .keeps_body = true,
                                                .timeout_ns = PATIENCE_NS,
                                                .ended = note_end};
    load_rest_send(rest, &calls[place].call);
    return &calls[place];
}

static void addresses_are_read(void **state)
{
    (void)state;
    struct load_rest_address read;
    assert_int_equal(load_rest_address_parse("http://127.0.0.1:81/api/v1/", &read), DS_OK);
    assert_string_equal(read.host, "127.0.0.1:81");
    assert_string_equal(read.prefix, "/api/v1");
    assert_int_equal(load_rest_address_parse("http://[::1]:81", &read), DS_OK);
    assert_int_equal(read.address.ss_family, AF_INET6);
    assert_string_equal(read.prefix, "");
    assert_int_equal(load_rest_address_parse("http://127.0.0.1", &read), DS_OK);
    assert_int_equal(ntohs(((struct sockaddr_in *)(void *)&read.address)->sin_port), 80);
    static const char *const wrong[] = {
        "https://a:1", "127.0.0.1:80",  "http://",         "http://:80",
        "http://[::1", "http://a:",     "http://a:port",   "http://a/b?c=d",
        "http://a b/", "http://[::1]x", "http://u@host:80"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(load_rest_address_parse(wrong[i], &read), DS_INVALID_ARGUMENT);
    }
}

static void calls_share_the_connections_and_those_stay_open(void **state)
{
    (void)state;
    open_connections(2);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        char path[32];
        snprintf(path, sizeof path, "/head/%zu", i);
        (void)call_send(i, path);
    }
    run_until_ended(CALLS_MAX);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        assert_int_equal(calls[i].ended, 1);
        assert_int_equal(calls[i].call.result, LOAD_REST_ANSWERED);
        assert_int_equal(calls[i].call.status, 200);
        assert_string_equal(calls[i].body, requests[i]);
        assert_true(calls[i].call.sent_ns >= 0);
        assert_true(calls[i].call.ended_ns >= calls[i].call.sent_ns);
        assert_true(calls[i].call.received_bytes > strlen(requests[i]));
    }
    assert_int_equal(atomic_load(&stub->request_count), CALLS_MAX);
    assert_int_equal(atomic_load(&stub->connection_count), 2);
    assert_true(load_rest_is_settled(rest));
}

static void a_connection_that_ends_is_opened_again(void **state)
{
    (void)state;
    static const char *const paths[] = {"/close", "/old", "/extra"};
    open_connections(1);
    for (size_t i = 0; i < 3; i++) {
        const struct noted_call *call = call_send(i, paths[i]);
        run_until_ended((int)i + 1);
        assert_int_equal(call->call.result, LOAD_REST_ANSWERED);
    }
    (void)call_send(3, "/ok");
    run_until_ended(4);
    assert_int_equal(calls[3].call.result, LOAD_REST_ANSWERED);
    assert_string_equal(calls[0].body, "bye");
    assert_string_equal(calls[1].body, "until the end");
    assert_string_equal(calls[2].body, "x");
    assert_int_equal(atomic_load(&stub->connection_count), 4);
}

static void chunks_are_an_answer(void **state)
{
    (void)state;
    open_connections(1);
    (void)call_send(0, "/chunked");
    (void)call_send(1, "/ok");
    run_until_ended(2);
    assert_string_equal(calls[0].body, "abcde");
    assert_int_equal(calls[1].call.status, 200);
    assert_int_equal(atomic_load(&stub->connection_count), 1);
}

static void a_large_request_goes_out_in_pieces(void **state)
{
    (void)state;
    static char request[50000];
    open_connections(1);
    memset(request, 'x', sizeof request);
    const int head =
        snprintf(request, sizeof request, "POST /echo HTTP/1.1\r\nContent-Length: 40000\r\n\r\n");
    request[head] = 'y';
    calls[0].call = (struct load_rest_call){.request = ds_bytes_of(request, (size_t)head + 40000),
                                            .timeout_ns = PATIENCE_NS,
                                            .ended = note_end};
    load_rest_send(rest, &calls[0].call);
    run_until_ended(1);
    assert_int_equal(calls[0].call.result, LOAD_REST_ANSWERED);
    assert_int_equal(atomic_load(&stub->body_bytes), 40000);
    assert_true(calls[0].call.received_bytes > 40000);
}

static void failures_tell_what_happened(void **state)
{
    (void)state;
    open_connections(1);
    (void)call_send(0, "/rude");
    (void)call_send(1, "/garbage");
    (void)call_send(2, "/ok");
    run_until_ended(3);
    assert_int_equal(calls[0].call.result, LOAD_REST_CLOSED);
    assert_int_equal(calls[1].call.result, LOAD_REST_MALFORMED);
    assert_int_equal(calls[2].call.result, LOAD_REST_ANSWERED);
}

static void a_call_that_times_out_takes_its_connection_along(void **state)
{
    (void)state;
    open_connections(1);
    (void)call_send(0, "/ok");
    run_until_ended(1);
    snprintf(requests[1], sizeof requests[1], "GET /hold HTTP/1.1\r\n\r\n");
    calls[1].call = (struct load_rest_call){
        .request = ds_bytes_of_text(requests[1]), .timeout_ns = 20000000, .ended = note_end};
    load_rest_send(rest, &calls[1].call);
    (void)call_send(2, "/ok");
    run_until_ended(3);
    assert_int_equal(calls[1].call.result, LOAD_REST_TIMED_OUT);
    assert_true(calls[1].call.ended_ns - calls[1].call.sent_ns >= 20000000);
    assert_int_equal(calls[2].call.result, LOAD_REST_ANSWERED);
    assert_int_equal(atomic_load(&stub->connection_count), 2);
}

static void calls_to_nobody_fail_when_the_attempt_does(void **state)
{
    (void)state;
    http_stub_refuse(stub);
    open_connections(2);
    (void)call_send(0, "/ok");
    (void)call_send(1, "/ok");
    run_until_ended(2);
    assert_int_equal(calls[0].call.result, LOAD_REST_UNCONNECTED);
    assert_true(calls[0].call.sent_ns < 0);
    assert_int_equal(calls[1].call.result, LOAD_REST_UNCONNECTED);
    /* The next attempt's failure ends the next call. */
    (void)call_send(2, "/ok");
    run_until_ended(3);
    assert_int_equal(calls[2].call.result, LOAD_REST_UNCONNECTED);
    while (!load_rest_is_settled(rest)) {
        turn();
    }
}

static void what_waits_can_be_given_up(void **state)
{
    (void)state;
    open_connections(1);
    (void)call_send(0, "/hold");
    while (calls[0].call.sent_ns < 0) {
        turn();
    }
    (void)call_send(1, "/ok");
    (void)call_send(2, "/ok");
    load_rest_abandon(rest);
    assert_int_equal(ended_count, 2);
    assert_int_equal(calls[1].call.result, LOAD_REST_UNSENT);
    assert_int_equal(calls[2].call.result, LOAD_REST_UNSENT);
    http_stub_await_held(stub, 1);
    http_stub_open_gate(stub);
    run_until_ended(3);
    assert_int_equal(calls[0].call.result, LOAD_REST_ANSWERED);
    assert_int_equal(atomic_load(&stub->request_count), 1);
}

static void an_idle_connection_that_the_server_ends_comes_back(void **state)
{
    (void)state;
    open_connections(2);
    while (!load_rest_is_settled(rest)) {
        turn();
    }
    (void)call_send(0, "/ok");
    (void)call_send(1, "/ok");
    run_until_ended(2);
    http_stub_hang_up(stub);
    while (atomic_load(&stub->connection_count) < 4) {
        turn_of(5000000); /* The stub counts without an event for us. */
    }
    (void)call_send(2, "/ok");
    run_until_ended(3);
    assert_int_equal(calls[2].call.result, LOAD_REST_ANSWERED);
}

static void a_probe_says_why_nobody_answers(void **state)
{
    (void)state;
    const char *reason = NULL;
    assert_int_equal(load_rest_probe(&address, 600000, &reason), DS_OK);
    http_stub_refuse(stub);
    assert_int_equal(load_rest_probe(&address, 600000, &reason), DS_UNAVAILABLE);
    assert_string_equal(reason, "nobody listens there");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_read),
        TEST(calls_share_the_connections_and_those_stay_open),
        TEST(a_connection_that_ends_is_opened_again),
        TEST(chunks_are_an_answer),
        TEST(a_large_request_goes_out_in_pieces),
        TEST(failures_tell_what_happened),
        TEST(a_call_that_times_out_takes_its_connection_along),
        TEST(calls_to_nobody_fail_when_the_attempt_does),
        TEST(what_waits_can_be_given_up),
        TEST(an_idle_connection_that_the_server_ends_comes_back),
        TEST(a_probe_says_why_nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
