/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/log.h"
#include "support/log_capture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Time for what happens in any case; nobody waits for it in vain. */
#define LONG_MS 60000

static void a_line_is_one_json_object(void **state)
{
    (void)state;
    struct log_capture capture;
    log_capture_begin(&capture);
    ds_log(DS_LOG_INFO, "store_opened", DS_LOG_TEXT("path", "a\"b\n"), DS_LOG_INT("rows", -5));
    const char *text = log_capture_end(&capture);
    assert_memory_equal(text, "{\"time\":\"2", 10);
    assert_non_null(strstr(text, "Z\",\"level\":\"info\",\"event\":\"store_opened\","
                                 "\"path\":\"a\\\"b\\n\",\"rows\":-5}\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    struct log_capture capture;
    enum ds_log_level level;
    assert_int_equal(ds_log_level_parse("error", &level), DS_OK);
    ds_log_set_level(level);
    log_capture_begin(&capture);
    ds_log(DS_LOG_WARNING, "hidden", DS_LOG_INT("n", 1));
    ds_log(DS_LOG_ERROR, "shown", DS_LOG_INT("n", 2));
    const char *text = log_capture_end(&capture);
    ds_log_set_level(DS_LOG_INFO);
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "shown"));
}

static void an_unknown_level_is_refused(void **state)
{
    (void)state;
    enum ds_log_level level = DS_LOG_WARNING;
    assert_int_equal(ds_log_level_parse("loud", &level), DS_INVALID_ARGUMENT);
    assert_int_equal(level, DS_LOG_WARNING);
}

/* stderr as a pipe that nobody has begun to read. */
struct pipe_capture {
    int saved;
    int read_end;
    char *text;
    size_t size;
};

static void pipe_begin(struct pipe_capture *capture)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    capture->saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    capture->read_end = ends[0];
    capture->size = 0;
    capture->text = malloc(2 * DS_LOG_WAITING_BYTES_MAX);
    assert_non_null(capture->text);
}

static void *read_to_end(void *argument)
{
    struct pipe_capture *capture = argument;
    ssize_t count = 1;
    while (count > 0) {
        count = read(capture->read_end, capture->text + capture->size,
                     2 * DS_LOG_WAITING_BYTES_MAX - 1 - capture->size);
        capture->size += count > 0 ? (size_t)count : 0;
    }
    capture->text[capture->size] = '\0';
    return NULL;
}

static void pipe_end(struct pipe_capture *capture)
{
    close(capture->read_end);
    free(capture->text);
}

/* Lets somebody read, ends the log's thread and gives stderr back. */
static void pipe_drain(struct pipe_capture *capture)
{
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_to_end, capture), 0);
    const bool is_flushed = ds_log_flush(LONG_MS);
    ds_log_stop();
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    pthread_join(reader, NULL);
    assert_true(is_flushed);
}

static void a_started_log_writes_the_lines_in_their_order(void **state)
{
    (void)state;
    struct pipe_capture capture;
    pipe_begin(&capture);
    ds_log_start();
    for (int i = 0; i < 1000; i++) {
        ds_log(DS_LOG_INFO, "line", DS_LOG_INT("n", i));
    }
    pipe_drain(&capture);
    char wanted[32];
    const char *at = capture.text;
    for (int i = 0; i < 1000; i++) {
        snprintf(wanted, sizeof wanted, "\"n\":%d}\n", i);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    pipe_end(&capture);
}

static void a_reader_that_stands_still_costs_lines_and_stops_nobody(void **state)
{
    (void)state;
    struct pipe_capture capture;
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    pipe_begin(&capture);
    ds_log_start();
    for (int i = 0; i < 1500; i++) {
        ds_log(DS_LOG_INFO, "line", DS_LOG_TEXT("text", text));
    }
    const bool was_flushed = ds_log_flush(10);
    pipe_drain(&capture);
    assert_false(was_flushed);
    long dropped = 0;
    long lines = 0;
    for (char *line = strtok(capture.text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *count = strstr(line, "\"event\":\"log_lines_dropped\",\"count\":");
        assert_int_equal(line[0], '{');
        assert_int_equal(line[strlen(line) - 1], '}');
        if (count != NULL) {
            dropped += strtol(strrchr(line, ':') + 1, NULL, 10);
        } else {
            lines++;
        }
    }
    assert_true(dropped > 0);
    assert_int_equal(lines + dropped, 1500);
    pipe_end(&capture);
}

static void a_stopped_log_writes_at_once(void **state)
{
    (void)state;
    struct log_capture capture;
    ds_log_start();
    ds_log_stop();
    log_capture_begin(&capture);
    ds_log(DS_LOG_INFO, "again", DS_LOG_INT("n", 1));
    assert_non_null(strstr(log_capture_end(&capture), "again"));
}

static void what_a_program_has_logged_is_written_when_it_exits(void **state)
{
    (void)state;
    int ends[2];
    char text[512];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        ds_log_start();
        ds_log(DS_LOG_INFO, "farewell", DS_LOG_INT("n", 1));
        exit(0);
    }
    close(ends[1]);
    assert_true(child > 0);
    const ssize_t size = read(ends[0], text, sizeof text - 1);
    assert_true(size > 0);
    text[size] = '\0';
    assert_non_null(strstr(text, "farewell"));
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(an_unknown_level_is_refused),
        cmocka_unit_test(a_started_log_writes_the_lines_in_their_order),
        cmocka_unit_test(a_reader_that_stands_still_costs_lines_and_stops_nobody),
        cmocka_unit_test(a_stopped_log_writes_at_once),
        cmocka_unit_test(what_a_program_has_logged_is_written_when_it_exits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
