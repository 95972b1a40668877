/* Streams of the HTTP server. */
#include "support/http_stream_fixture.h"
#include "support/test.h"

static void a_stream_is_chunked_and_the_connection_goes_on_behind_it(void **state)
{
    struct stream_fixture *fixture = *state;
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
    struct stream_fixture *fixture = *state;
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
    struct stream_fixture *fixture = *state;
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
    struct stream_fixture *fixture = *state;
    http_send(fixture->client, "GET /stream HTTP/1.0\r\n\r\n");
    AWAIT(fixture, true, fixture->stream != NULL);
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, fixture->saw_end);
    assert_true(got_ends_with(fixture, "\r\n\r\n"));
}

static void head_gets_the_head_alone(void **state)
{
    struct stream_fixture *fixture = *state;
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
static size_t fill(struct stream_fixture *fixture, struct http_piece *piece)
{
    size_t count = 0;
    while (http_stream_send(fixture->stream, piece)) {
        count++;
    }
    return count;
}

static void a_client_that_does_not_read_fills_its_own_queue(void **state)
{
    struct stream_fixture *fixture = *state;
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

static void progress_is_told_once_to_who_awaits_it(void **state)
{
    struct stream_fixture *fixture = *state;
    http_send(fixture->client, GET_STREAM);
    AWAIT(fixture, true, fixture->stream != NULL);
    assert_true(send_text(fixture->stream, "little"));
    AWAIT(fixture, true, got_ends_with(fixture, "6\r\nlittle\r\n"));
    assert_int_equal(fixture->writable_count, 0);
    http_stream_await_progress(fixture->stream);
    assert_true(send_text(fixture->stream, "more"));
    AWAIT(fixture, true, fixture->writable_count == 1);
    assert_int_equal(http_stream_unsent_bytes(fixture->stream), 0);
    assert_true(send_text(fixture->stream, "rest"));
    http_stream_end(fixture->stream);
    AWAIT(fixture, true, got_ends_with(fixture, "4\r\nrest\r\n0\r\n\r\n"));
    assert_int_equal(fixture->writable_count, 1);
}

static void a_client_that_takes_nothing_is_cut(void **state)
{
    struct stream_fixture *fixture = *state;
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
    struct stream_fixture *fixture = *state;
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
    struct stream_fixture *fixture = *state;
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
    struct stream_fixture *fixture = *state;
    http_send(fixture->client, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(fixture, true, fixture->held != NULL);
    close(fixture->client);
    fixture->client = -1;
    AWAIT(fixture, false, fixture->abandoned_count == 1);
    assert_int_equal(fixture->closed_count, 0);
}

static void a_stopping_server_asks_its_streams_to_end(void **state)
{
    struct stream_fixture *fixture = *state;
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
        TEST(progress_is_told_once_to_who_awaits_it),
        cmocka_unit_test_setup_teardown(a_client_that_takes_nothing_is_cut, setup_short_write,
                                        teardown),
        TEST(an_aborted_stream_is_no_whole_one),
        TEST(a_client_that_leaves_closes_its_stream),
        TEST(a_request_whose_client_left_begins_no_stream),
        TEST(a_stopping_server_asks_its_streams_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
