/* Streams of the HTTP server: the test runs the loop itself and is the client beside it. */
#include "http/server.h"
#include "http/stream.h"
#include "support/http_client.h"
#include "support/test.h"

#include <poll.h>
#include <signal.h>
#include <uv.h>

/* Only a property that does not hold waits that long. */
#define PATIENCE_MS 120000
#define LARGE_BYTES ((size_t)64 * 1024)
#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    char address[64];
    int client;
    struct ds_buffer got; /* by the client */
    bool saw_end;
    bool saw_reset;
    struct http_request *held; /* of GET /held */
    struct http_stream *stream;
    struct ds_buffer taken; /* by an upgraded stream */
    int writable_count;
    int drain_count;
    int closed_count;
    int abandoned_count;
    bool echo;
    bool drained;
};

static void on_writable(void *context)
{
    ((struct fixture *)context)->writable_count++;
}

static void on_drain(void *context)
{
    ((struct fixture *)context)->drain_count++;
}

static void on_closed(void *context)
{
    struct fixture *fixture = context;
    fixture->closed_count++;
    fixture->stream = NULL;
}

static bool send_text(struct http_stream *stream, const char *text)
{
    struct http_piece *piece = http_piece_create(ds_bytes_of_text(text));
    const bool sent = http_stream_send(stream, piece);
    http_piece_unref(piece);
    return sent;
}

static void on_bytes(void *context, struct ds_bytes bytes)
{
    struct fixture *fixture = context;
    ds_buffer_append(&fixture->taken, bytes.data, bytes.size);
    if (fixture->echo) {
        struct http_piece *piece = http_piece_create(bytes);
        assert_true(http_stream_send(fixture->stream, piece));
        http_piece_unref(piece);
    }
}

static const struct http_stream_events events = {
    .writable = on_writable, .bytes = on_bytes, .drain = on_drain, .closed = on_closed};

static void take_head(void *context, struct http_request *request)
{
    (void)context;
    (void)request;
}

static void reply_text(struct http_request *request, unsigned int status, const char *text)
{
    http_reply_begin(request, status);
    ds_buffer_append_text(&request->reply_body, text);
    http_reply_send(request);
}

static void take_request(void *context, struct http_request *request)
{
    struct fixture *fixture = context;
    if (ds_bytes_equal_text(request->path, "/stream")) {
        http_reply_begin(request, 200);
        http_reply_field_text(request, "Content-Type", "text/plain");
        fixture->stream = http_stream_begin(request, &events, fixture);
        assert_non_null(fixture->stream);
    } else if (ds_bytes_equal_text(request->path, "/upgrade")) {
        http_reply_begin(request, 101);
        fixture->stream = http_stream_upgrade(request, &events, fixture);
        assert_non_null(fixture->stream);
    } else if (ds_bytes_equal_text(request->path, "/held")) {
        fixture->held = request;
    } else {
        reply_text(request, 200, "whole");
    }
}

static void take_refusal(void *context, struct http_request *request,
                         const struct http_refusal *refusal)
{
    (void)context;
    reply_text(request, 400, refusal->detail);
}

static void take_abandoned(void *context, struct http_request *request)
{
    struct fixture *fixture = context;
    fixture->abandoned_count++;
    assert_null(http_stream_begin(request, &events, fixture));
    reply_text(request, 500, "");
    fixture->held = NULL;
}

static void take_turn(void *context)
{
    (void)context;
}

static void take_drained(void *context)
{
    ((struct fixture *)context)->drained = true;
}

static void start_with(void **state, struct http_limits limits, int receive_bytes)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    fixture->server =
        http_server_create(&(struct http_server_options){.loop = &fixture->loop,
                                                         .clock = ds_clock_system(),
                                                         .limits = limits,
                                                         .handler = {.context = fixture,
                                                                     .head = take_head,
                                                                     .request = take_request,
                                                                     .refuse = take_refusal,
                                                                     .abandon = take_abandoned,
                                                                     .turn = take_turn,
                                                                     .drained = take_drained}});
    assert_int_equal(http_server_listen(fixture->server, "127.0.0.1:0", fixture->address,
                                        sizeof fixture->address),
                     DS_OK);
    ds_buffer_init(&fixture->got, TEXT_BYTES_MAX);
    ds_buffer_init(&fixture->taken, TEXT_BYTES_MAX);
    fixture->client = http_connect_with(fixture->address, receive_bytes);
    *state = fixture;
}

static struct http_limits patient(void)
{
    return (struct http_limits){.headers_timeout_ms = 600000,
                                .body_timeout_ms = 600000,
                                .write_timeout_ms = 600000,
                                .idle_timeout_ms = 600000};
}

static int setup(void **state)
{
    start_with(state, patient(), 0);
    return 0;
}

static int setup_slow_client(void **state)
{
    start_with(state, patient(), 4096);
    return 0;
}

static int setup_short_write(void **state)
{
    struct http_limits limits = patient();
    limits.write_timeout_ms = 150;
    start_with(state, limits, 4096);
    return 0;
}

/* The client's part of a round, and the server's. */
static void step(struct fixture *fixture, bool client_reads)
{
    uint8_t bytes[16384];
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    while (client_reads && !fixture->saw_end) {
        const ssize_t size = recv(fixture->client, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size > 0) {
            ds_buffer_append(&fixture->got, bytes, (size_t)size);
        } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            fixture->saw_end = true;
            fixture->saw_reset = size < 0;
        } else {
            break;
        }
    }
}

#define AWAIT(fixture, client_reads, condition)                                                    \
    do {                                                                                           \
        const uint64_t until_ms = uv_hrtime() / 1000000 + PATIENCE_MS;                             \
        while (!(condition)) {                                                                     \
            assert_true(uv_hrtime() / 1000000 < until_ms);                                         \
            step(fixture, client_reads);                                                           \
        }                                                                                          \
    } while (0)

static bool got_ends_with(const struct fixture *fixture, const char *text)
{
    const size_t size = strlen(text);
    return fixture->got.size >= size &&
           memcmp(fixture->got.data + fixture->got.size - size, text, size) == 0;
}

static bool got_has(const struct fixture *fixture, const char *text)
{
    return fixture->got.size > 0 &&
           memmem(fixture->got.data, fixture->got.size, text, strlen(text)) != NULL;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_server_abort(fixture->server);
    AWAIT(fixture, false, fixture->drained);
    assert_int_equal(http_server_counters(fixture->server)->streams_open, 0);
    http_server_close(fixture->server);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    http_server_destroy(fixture->server);
    if (fixture->client >= 0) {
        close(fixture->client);
    }
    ds_buffer_deinit(&fixture->got);
    ds_buffer_deinit(&fixture->taken);
    free(fixture);
    return 0;
}

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_WHOLE "GET /whole HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_UPGRADE "GET /upgrade HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_stream_is_chunked_and_the_connection_goes_on_behind_it(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, GET_STREAM);
    AWAIT(fixture, true, fixture->stream != NULL);
    assert_int_equal(http_server_counters(fixture->server)->streams_open, 1);
    assert_true(send_text(fixture->stream, "hello"));
    AWAIT(fixture, true, got_ends_with(fixture, "\r\n\r\n5\r\nhello\r\n"));
    assert_true(got_has(fixture, "Transfer-Encoding: chunked\r\n"));
    assert_false(got_has(fixture, "Content-Length"));
    assert_true(send_text(fixture->stream, ""));
    assert_true(send_text(fixture->stream, "0123456789abcdef"));
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, got_ends_with(fixture, "10\r\n0123456789abcdef\r\n0\r\n\r\n"));
    assert_int_equal(fixture->closed_count, 1);
    assert_int_equal(http_server_counters(fixture->server)->streams_open, 0);
    http_send(fixture->client, GET_WHOLE);
    AWAIT(fixture, true, got_ends_with(fixture, "whole"));
}

static void what_is_behind_a_stream_waits_for_its_end(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, GET_WHOLE GET_STREAM GET_WHOLE);
    AWAIT(fixture, true, fixture->stream != NULL);
    assert_true(send_text(fixture->stream, "x"));
    AWAIT(fixture, true, got_ends_with(fixture, "1\r\nx\r\n"));
    http_send(fixture->client, GET_WHOLE);
    assert_true(send_text(fixture->stream, "y"));
    AWAIT(fixture, true, got_ends_with(fixture, "1\r\ny\r\n"));
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, got_ends_with(fixture, "whole"));
    assert_true(got_has(fixture, "1\r\ny\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_int_equal(fixture->closed_count, 1);
}

static void to_http_1_0_a_stream_goes_until_the_close(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    AWAIT(fixture, true, fixture->stream != NULL);
    assert_true(send_text(fixture->stream, "hello"));
    AWAIT(fixture, true, got_ends_with(fixture, "\r\n\r\nhello"));
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, fixture->saw_end);
    assert_false(fixture->saw_reset);
    assert_true(got_has(fixture, "Connection: close\r\n"));
    assert_false(got_has(fixture, "Transfer-Encoding"));
    assert_true(got_ends_with(fixture, "\r\n\r\nhello"));
    assert_int_equal(fixture->closed_count, 1);
}

static void an_empty_stream_to_http_1_0_ends_too(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, "GET /stream HTTP/1.0\r\n\r\n");
    AWAIT(fixture, true, fixture->stream != NULL);
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, fixture->saw_end);
    assert_true(got_ends_with(fixture, "\r\n\r\n"));
}

static void head_gets_the_head_alone(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" GET_WHOLE);
    AWAIT(fixture, true, got_ends_with(fixture, "whole"));
    assert_int_equal(fixture->closed_count, 1);
    assert_true(got_has(fixture, "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK"));
}

static struct http_piece *large_piece(void)
{
    static char bytes[LARGE_BYTES];
    memset(bytes, 'x', sizeof bytes);
    return http_piece_create(ds_bytes_of(bytes, sizeof bytes));
}

/* Returns how many pieces were taken. */
static size_t fill(struct fixture *fixture, struct http_piece *piece)
{
    size_t count = 0;
    while (http_stream_send(fixture->stream, piece)) {
        count++;
    }
    return count;
}

static void a_client_that_does_not_read_fills_its_own_queue(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, GET_STREAM);
    AWAIT(fixture, false, fixture->stream != NULL);
    struct http_piece *piece = large_piece();

    /* More than the kernel takes of it. */
    size_t count = fill(fixture, piece);
    assert_int_equal(count, HTTP_STREAM_PIECES_MAX);
    assert_int_equal(http_stream_unsent_bytes(fixture->stream), count * LARGE_BYTES);
    for (int i = 0; i < 1000; i++) {
        step(fixture, false);
        count += fill(fixture, piece);
    }
    assert_int_equal(http_stream_unsent_bytes(fixture->stream),
                     HTTP_STREAM_PIECES_MAX * LARGE_BYTES);
    assert_int_equal(fixture->writable_count, 0);
    AWAIT(fixture, true, fixture->writable_count == 1);
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, fixture->closed_count == 1);
    AWAIT(fixture, true, got_ends_with(fixture, "\r\n0\r\n\r\n"));
    assert_true(fixture->got.size > count * (LARGE_BYTES + 9));
    assert_int_equal(piece->reference_count, 1);
    http_piece_unref(piece);
}

static void a_client_that_takes_nothing_is_cut(void **state)
{
    struct fixture *fixture = *state;
    struct http_piece *piece = large_piece();
    http_send(fixture->client, GET_STREAM);
    AWAIT(fixture, false, fixture->stream != NULL);
    AWAIT(fixture, false, fixture->stream == NULL || fill(fixture, piece) == SIZE_MAX);
    assert_int_equal(fixture->closed_count, 1);
    assert_int_equal(http_server_counters(fixture->server)->timeouts, 1);
    AWAIT(fixture, false, piece->reference_count == 1);
    http_piece_unref(piece);
}

static void an_aborted_stream_is_no_whole_one(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, "GET /stream HTTP/1.0\r\n\r\n");
    AWAIT(fixture, true, fixture->stream != NULL);
    assert_true(send_text(fixture->stream, "hello"));
    AWAIT(fixture, true, got_ends_with(fixture, "hello"));
    http_stream_abort(fixture->stream);
    assert_int_equal(fixture->closed_count, 0);
    AWAIT(fixture, true, fixture->saw_end);
    assert_true(fixture->saw_reset);
    assert_int_equal(fixture->closed_count, 1);
}

static void a_client_that_leaves_closes_its_stream(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, GET_WHOLE GET_STREAM GET_WHOLE);
    AWAIT(fixture, true, fixture->stream != NULL);
    close(fixture->client);
    fixture->client = -1;
    /* It may have closed its side only: what is written tells. */
    AWAIT(fixture, false, fixture->stream == NULL || !send_text(fixture->stream, "x"));
    AWAIT(fixture, false, fixture->closed_count == 1);
}

static void a_request_whose_client_left_begins_no_stream(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(fixture, true, fixture->held != NULL);
    close(fixture->client);
    fixture->client = -1;
    AWAIT(fixture, false, fixture->abandoned_count == 1);
    assert_int_equal(fixture->closed_count, 0);
}

static void a_stopping_server_asks_its_streams_to_end(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, GET_STREAM);
    AWAIT(fixture, true, fixture->stream != NULL);
    http_server_drain(fixture->server);
    http_server_drain(fixture->server);
    AWAIT(fixture, true, fixture->drain_count == 1);
    assert_true(send_text(fixture->stream, "bye"));
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, fixture->saw_end && fixture->drained);
    assert_true(got_ends_with(fixture, "3\r\nbye\r\n0\r\n\r\n"));
    assert_int_equal(fixture->drain_count, 1);
}

static void an_upgraded_connection_carries_bytes_both_ways(void **state)
{
    struct fixture *fixture = *state;
    fixture->echo = true;
    http_send(fixture->client, GET_WHOLE GET_UPGRADE GET_WHOLE);
    AWAIT(fixture, true, got_ends_with(fixture, GET_WHOLE));
    assert_true(got_has(fixture, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_true(got_has(fixture, "Connection: Upgrade\r\n\r\n" GET_WHOLE));
    http_send(fixture->client, "more");
    AWAIT(fixture, true, got_ends_with(fixture, "more"));
    assert_true(ds_bytes_equal_text(ds_buffer_bytes(&fixture->taken), GET_WHOLE "more"));
    assert_true(send_text(fixture->stream, "last"));
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, fixture->saw_end);
    assert_true(got_ends_with(fixture, "morelast"));
    assert_int_equal(fixture->closed_count, 1);
}

static void an_upgraded_stream_reads_when_it_wants_to(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, GET_UPGRADE);
    AWAIT(fixture, true, got_ends_with(fixture, "\r\n\r\n"));
    http_stream_stop_reading(fixture->stream);
    http_send(fixture->client, "later");
    for (int i = 0; i < 100; i++) {
        step(fixture, true);
    }
    assert_int_equal(fixture->taken.size, 0);
    http_stream_start_reading(fixture->stream);
    AWAIT(fixture, true, fixture->taken.size == strlen("later"));
    assert_true(ds_bytes_equal_text(ds_buffer_bytes(&fixture->taken), "later"));
}

static void an_upgrade_comes_too_late_where_a_request_is_behind(void **state)
{
    struct fixture *fixture = *state;
    http_send(fixture->client, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n" GET_WHOLE);
    AWAIT(fixture, true, fixture->held != NULL);
    struct http_request *request = fixture->held;
    AWAIT(fixture, true, request->next != NULL);
    http_reply_begin(request, 101);
    assert_null(http_stream_upgrade(request, &events, fixture));
    reply_text(request, 400, "late");
    AWAIT(fixture, true, got_ends_with(fixture, "whole"));
    assert_true(got_has(fixture, "late"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_is_chunked_and_the_connection_goes_on_behind_it),
        TEST(what_is_behind_a_stream_waits_for_its_end),
        TEST(to_http_1_0_a_stream_goes_until_the_close),
        TEST(an_empty_stream_to_http_1_0_ends_too),
        TEST(head_gets_the_head_alone),
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_fills_its_own_queue,
                                        setup_slow_client, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_takes_nothing_is_cut, setup_short_write,
                                        teardown),
        TEST(an_aborted_stream_is_no_whole_one),
        TEST(a_client_that_leaves_closes_its_stream),
        TEST(a_request_whose_client_left_begins_no_stream),
        TEST(a_stopping_server_asks_its_streams_to_end),
        TEST(an_upgraded_connection_carries_bytes_both_ways),
        TEST(an_upgraded_stream_reads_when_it_wants_to),
        TEST(an_upgrade_comes_too_late_where_a_request_is_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
