/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is written to stderr between begin and end. */
struct capture {
    int saved;
    FILE *file;
    char text[4096];
};

static void capture_begin(struct capture *capture)
{
    capture->file = tmpfile();
    assert_non_null(capture->file);
    capture->saved = dup(STDERR_FILENO);
    dup2(fileno(capture->file), STDERR_FILENO);
}

static const char *capture_end(struct capture *capture)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    rewind(capture->file);
    const size_t size = fread(capture->text, 1, sizeof capture->text - 1, capture->file);
    capture->text[size] = '\0';
    fclose(capture->file);
    return capture->text;
}

static void a_line_is_one_json_object(void **state)
{
    (void)state;
    struct capture capture;
    capture_begin(&capture);
    ds_log(DS_LOG_INFO, "store_opened", DS_LOG_TEXT("path", "a\"b\n"), DS_LOG_INT("rows", -5));
    const char *text = capture_end(&capture);
    assert_memory_equal(text, "{\"time\":\"2", 10);
    assert_non_null(strstr(text, "Z\",\"level\":\"info\",\"event\":\"store_opened\","
                                 "\"path\":\"a\\\"b\\n\",\"rows\":-5}\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    struct capture capture;
    enum ds_log_level level;
    assert_int_equal(ds_log_level_parse("error", &level), DS_OK);
    ds_log_set_level(level);
    capture_begin(&capture);
    ds_log(DS_LOG_WARNING, "hidden", DS_LOG_INT("n", 1));
    ds_log(DS_LOG_ERROR, "shown", DS_LOG_INT("n", 2));
    const char *text = capture_end(&capture);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(an_unknown_level_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
