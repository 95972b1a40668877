#include "clients/cli/progress.h"
#include "support/test.h"

#include <string.h>

#define WIDE 200

static char line[PROGRESS_LINE_BYTES_MAX];

static void known_bytes_give_a_bar_a_rate_and_the_time_left(void **state)
{
    (void)state;
    const struct progress_options options = {
        .label = "import", .unit = "rows", .total_bytes = 40 * 1024 * 1024};
    const struct progress_state done = {
        .done_bytes = 10 * 1024 * 1024, .count = 250000, .elapsed_us = 5000000, .share = 0.25};
    progress_format(&options, &done, WIDE, line);
    assert_string_equal(line, "import [#####...............]  25 % 10 MiB of 40 MiB, 250k rows, "
                              "50k rows/s, 0:15 left");
}

static void what_an_earlier_run_did_counts_for_the_bar_and_not_for_the_rate(void **state)
{
    (void)state;
    const struct progress_options options = {
        .label = "backup", .total_bytes = 1000 * 1024, .begin_bytes = 500 * 1024};
    const struct progress_state done = {.done_bytes = 750 * 1024,
                                        .elapsed_us = 3600LL * 1000000,
                                        .share = 0.75,
                                        .share_begun = 0.5};
    progress_format(&options, &done, WIDE, line);
    assert_string_equal(
        line, "backup [###############.....]  75 % 750 KiB of 1000 KiB, 71 B/s, 1:00:00 left");
}

static void unknown_bytes_give_neither_a_bar_nor_a_time(void **state)
{
    (void)state;
    const struct progress_options options = {.label = "import", .unit = "rows"};
    const struct progress_state done = {
        .done_bytes = 900, .count = 12, .elapsed_us = 2000000, .share = -1};
    progress_format(&options, &done, WIDE, line);
    assert_string_equal(line, "import 900 B, 12 rows, 6 rows/s");
}

static void the_first_moments_say_nothing_about_the_time_left(void **state)
{
    (void)state;
    const struct progress_options options = {.label = "x", .total_bytes = 1000};
    const struct progress_state early = {.done_bytes = 500, .elapsed_us = 100000, .share = 0.5};
    progress_format(&options, &early, WIDE, line);
    assert_null(strstr(line, "left"));
    const struct progress_state none = {.elapsed_us = 0};
    progress_format(&options, &none, WIDE, line);
    assert_null(strstr(line, "left"));
    assert_non_null(strstr(line, "0 B/s"));
}

static void a_file_that_grew_is_not_more_than_done(void **state)
{
    (void)state;
    const struct progress_options options = {.label = "x", .total_bytes = 1000};
    const struct progress_state done = {.done_bytes = 3000, .elapsed_us = 1000000, .share = 3};
    progress_format(&options, &done, WIDE, line);
    assert_non_null(strstr(line, "[####################] 100 %"));
}

static void a_line_is_no_wider_than_its_terminal(void **state)
{
    (void)state;
    const struct progress_options options = {
        .label = "import", .unit = "rows", .total_bytes = 1000};
    const struct progress_state done = {.done_bytes = 500, .elapsed_us = 1000000, .share = 0.5};
    assert_int_equal(progress_format(&options, &done, 20, line), 20);
    assert_int_equal(strlen(line), 20);
}

static void a_narrow_terminal_has_a_short_bar_and_the_time_left(void **state)
{
    (void)state;
    const struct progress_options options = {
        .label = "import", .unit = "rows", .total_bytes = 24000000};
    const struct progress_state done = {
        .done_bytes = 12000000, .count = 277000, .elapsed_us = 1500000, .share = 0.5};
    assert_true(progress_format(&options, &done, 79, line) <= 79);
    assert_non_null(strstr(line, "[####....]"));
    assert_non_null(strstr(line, "0:02 left"));
}

static void rows_without_bytes_have_no_bytes(void **state)
{
    (void)state;
    const struct progress_options options = {.label = "feed", .unit = "rows"};
    const struct progress_state done = {.count = 300, .elapsed_us = 1000000, .share = -1};
    progress_format(&options, &done, WIDE, line);
    assert_string_equal(line, "feed 300 rows, 300 rows/s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes_give_a_bar_a_rate_and_the_time_left),
        cmocka_unit_test(what_an_earlier_run_did_counts_for_the_bar_and_not_for_the_rate),
        cmocka_unit_test(unknown_bytes_give_neither_a_bar_nor_a_time),
        cmocka_unit_test(the_first_moments_say_nothing_about_the_time_left),
        cmocka_unit_test(a_file_that_grew_is_not_more_than_done),
        cmocka_unit_test(a_line_is_no_wider_than_its_terminal),
        cmocka_unit_test(a_narrow_terminal_has_a_short_bar_and_the_time_left),
        cmocka_unit_test(rows_without_bytes_have_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
