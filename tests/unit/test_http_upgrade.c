/* Connections of the HTTP server that were upgraded to another protocol. */
#include "support/http_stream_fixture.h"
#include "support/test.h"

static void an_upgraded_connection_carries_bytes_both_ways(void **state)
{
    struct stream_fixture *fixture = *state;
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
    struct stream_fixture *fixture = *state;
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

static void bytes_that_came_with_the_upgrade_wait_too(void **state)
{
    struct stream_fixture *fixture = *state;
    fixture->stops_reading = true;
    http_send(fixture->client, GET_UPGRADE "early");
    AWAIT(fixture, true, got_ends_with(fixture, "\r\n\r\n"));
    http_send(fixture->client, " and late");
    for (int i = 0; i < 100; i++) {
        step(fixture, true);
    }
    assert_int_equal(fixture->taken.size, 0);
    http_stream_start_reading(fixture->stream);
    AWAIT(fixture, true, fixture->taken.size == strlen("early and late"));
    assert_true(ds_bytes_equal_text(ds_buffer_bytes(&fixture->taken), "early and late"));
}

static void an_upgrade_comes_too_late_where_a_request_is_behind(void **state)
{
    struct stream_fixture *fixture = *state;
    http_send(fixture->client, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n" GET_WHOLE);
    AWAIT(fixture, true, fixture->held != NULL);
    struct http_request *request = fixture->held;
    AWAIT(fixture, true, request->next != NULL);
    http_reply_begin(request, 101);
    assert_null(http_stream_upgrade(request, &stream_events, fixture));
    reply_text(request, 400, "late");
    AWAIT(fixture, true, got_ends_with(fixture, "whole"));
    assert_true(got_has(fixture, "late"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upgraded_connection_carries_bytes_both_ways),
        TEST(an_upgraded_stream_reads_when_it_wants_to),
        TEST(bytes_that_came_with_the_upgrade_wait_too),
        TEST(an_upgrade_comes_too_late_where_a_request_is_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
