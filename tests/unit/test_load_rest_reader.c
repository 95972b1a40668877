#include "clients/load/rest_reader.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* What became of bytes: fed whole, and then again byte by byte, which must come to the same. */
struct outcome {
    enum load_rest_event event;
    uint16_t status;
    bool keeps_connection;
    size_t used;
    char body[256];
};

static struct load_rest_reader reader;

static int setup(void **state)
{
    (void)state;
    load_rest_reader_init(&reader);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    load_rest_reader_deinit(&reader);
    return 0;
}

static struct outcome feed(const char *text, size_t size, size_t piece, bool has_no_body)
{
    struct outcome outcome = {.event = LOAD_REST_MORE};
    load_rest_reader_begin(&reader, has_no_body, true);
    while (outcome.event == LOAD_REST_MORE && outcome.used < size) {
        size_t used = 0;
        const size_t left = size - outcome.used;
        /* Of its own size, so that reading past it is seen. */
        const size_t bytes = left < piece ? left : piece;
        uint8_t *copy = malloc(bytes);
        memcpy(copy, text + outcome.used, bytes);
        outcome.event = load_rest_reader_take(&reader, ds_bytes_of(copy, bytes), &used);
        free(copy);
        outcome.used += used;
    }
    outcome.status = reader.status;
    outcome.keeps_connection = reader.keeps_connection;
    snprintf(outcome.body, sizeof outcome.body, "%.*s", (int)reader.body.size,
             reader.body.size > 0 ? (const char *)reader.body.data : "");
    return outcome;
}

static struct outcome read_answer_to(const char *text, bool has_no_body)
{
    const size_t size = strlen(text);
    const struct outcome whole = feed(text, size, size, has_no_body);
    for (size_t piece = 1; piece < 8; piece++) {
        const struct outcome pieces = feed(text, size, piece, has_no_body);
        assert_int_equal(pieces.event, whole.event);
        if (whole.event != LOAD_REST_WRONG) {
            assert_int_equal(pieces.used, whole.used);
            assert_int_equal(pieces.status, whole.status);
            assert_int_equal(pieces.keeps_connection, whole.keeps_connection);
            assert_string_equal(pieces.body, whole.body);
        }
    }
    return whole;
}

static struct outcome read_answer(const char *text)
{
    return read_answer_to(text, false);
}

static void an_answer_ends_with_its_length(void **state)
{
    (void)state;
    const char *text = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH:  5 \r\n\r\nhelloHTTP";
    const struct outcome outcome = read_answer(text);
    assert_int_equal(outcome.event, LOAD_REST_END);
    assert_int_equal(outcome.status, 200);
    assert_true(outcome.keeps_connection);
    assert_int_equal(outcome.used, strlen(text) - 4);
    assert_string_equal(outcome.body, "hello");
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    const char *text = "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n+";
    const struct outcome outcome = read_answer(text);
    assert_int_equal(outcome.event, LOAD_REST_END);
    assert_int_equal(outcome.used, strlen(text) - 1);
    assert_string_equal(outcome.body, "abc0123456789");
}

static void answers_without_a_body_end_with_their_head(void **state)
{
    (void)state;
    assert_int_equal(read_answer("HTTP/1.1 204 No Content\r\n\r\n").event, LOAD_REST_END);
    assert_int_equal(read_answer("HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n").event,
                     LOAD_REST_END);
    assert_int_equal(read_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").event,
                     LOAD_REST_END);
    assert_int_equal(read_answer_to("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true).event,
                     LOAD_REST_END);
}

static void interim_answers_are_passed_over(void **state)
{
    (void)state;
    const struct outcome outcome =
        read_answer("HTTP/1.1 100 Continue\r\n\r\n"
                    "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
                    "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(outcome.event, LOAD_REST_END);
    assert_int_equal(outcome.status, 201);
    assert_string_equal(outcome.body, "1");
}

static void the_connection_is_kept_as_the_answer_says(void **state)
{
    (void)state;
    assert_false(read_answer("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n")
                     .keeps_connection);
    assert_false(read_answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keeps_connection);
    assert_true(
        read_answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
            .keeps_connection);
}

static void a_body_without_a_length_ends_with_the_connection(void **state)
{
    (void)state;
    const struct outcome outcome = read_answer("HTTP/1.1 200 OK\r\n\r\nall of it");
    assert_int_equal(outcome.event, LOAD_REST_MORE);
    assert_false(outcome.keeps_connection);
    assert_int_equal(load_rest_reader_close(&reader), LOAD_REST_END);
    (void)read_answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    assert_int_equal(load_rest_reader_close(&reader), LOAD_REST_WRONG);
    (void)read_answer("HTTP/1.1 20");
    assert_int_equal(load_rest_reader_close(&reader), LOAD_REST_WRONG);
}

static void a_body_that_nobody_wants_is_not_kept(void **state)
{
    (void)state;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    size_t used = 0;
    load_rest_reader_begin(&reader, false, false);
    assert_int_equal(load_rest_reader_take(&reader, ds_bytes_of_text(text), &used), LOAD_REST_END);
    assert_int_equal(used, strlen(text));
    assert_int_equal(reader.body.size, 0);
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SMTP/1.1 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (read_answer(texts[i]).event != LOAD_REST_WRONG) {
            fail_msg("taken: %s", texts[i]);
        }
    }
}

static void a_head_without_end_is_refused(void **state)
{
    (void)state;
    const size_t size = LOAD_REST_HEAD_BYTES_MAX + 4096;
    char *text = malloc(size);
    memset(text, 'x', size);
    memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
    assert_int_equal(feed(text, size, 1000, false).event, LOAD_REST_WRONG);
    memcpy(text + size - 4, "\r\n\r\n", 4);
    assert_int_equal(feed(text, size, size, false).event, LOAD_REST_WRONG);
    free(text);
}

static void a_line_of_the_chunked_coding_has_its_limit(void **state)
{
    (void)state;
    char text[8192] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;";
    const size_t head = strlen(text);
    memset(text + head, 'x', sizeof text - head);
    assert_int_equal(feed(text, sizeof text, 100, false).event, LOAD_REST_WRONG);
    assert_int_equal(feed(text, sizeof text, sizeof text, false).event, LOAD_REST_WRONG);
}

static void a_body_that_is_too_large_is_refused(void **state)
{
    (void)state;
    static char piece[1 << 20];
    const char *head = "HTTP/1.1 200 OK\r\n\r\n";
    size_t used = 0;
    load_rest_reader_begin(&reader, false, false);
    assert_int_equal(load_rest_reader_take(&reader, ds_bytes_of_text(head), &used), LOAD_REST_MORE);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(load_rest_reader_take(&reader, ds_bytes_of(piece, sizeof piece), &used),
                         LOAD_REST_MORE);
    }
    assert_int_equal(load_rest_reader_take(&reader, ds_bytes_of(piece, 1), &used), LOAD_REST_WRONG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_ends_with_its_length),
        TEST(chunks_are_put_together),
        TEST(answers_without_a_body_end_with_their_head),
        TEST(interim_answers_are_passed_over),
        TEST(the_connection_is_kept_as_the_answer_says),
        TEST(a_body_without_a_length_ends_with_the_connection),
        TEST(a_body_that_nobody_wants_is_not_kept),
        TEST(what_is_no_answer_is_refused),
        TEST(a_head_without_end_is_refused),
        TEST(a_line_of_the_chunked_coding_has_its_limit),
        TEST(a_body_that_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
