#include "clients/load/live.h"
#include "support/load_result_fixture.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND 1000000000LL

struct screen {
    struct load_fixture *fixture;
    struct load_live *live;
    FILE *stream;
};

static struct screen screen_begin(struct load_live_options options)
{
    struct screen screen = {.fixture = load_fixture_create(1, 1)};
    screen.stream = tmpfile();
    assert_non_null(screen.stream);
    options.stream = screen.stream;
    options.plan = &screen.fixture->plan;
    options.is_terminal_known = true;
    screen.live = load_live_create(&options);
    return screen;
}

/* What was written since the last time. */
static const char *written(struct screen *screen)
{
    static char text[65536];
    fflush(screen->stream);
    rewind(screen->stream);
    const size_t size = fread(text, 1, sizeof(text) - 1, screen->stream);
    text[size] = '\0';
    rewind(screen->stream);
    assert_int_equal(ftruncate(fileno(screen->stream), 0), 0);
    return text;
}

static void screen_end(struct screen *screen)
{
    load_live_destroy(screen->live);
    fclose(screen->stream);
    load_fixture_destroy(screen->fixture);
}

static void update(struct screen *screen, int64_t elapsed_ns)
{
    load_live_update(screen->live, &screen->fixture->result, elapsed_ns);
}

static void a_terminal_shows_the_last_second_and_what_is_left(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 200});
    update(&screen, 16 * SECOND);
    const char *text = written(&screen);
    assert_non_null(strstr(text, "[############............]  50 %  0:16, 0:16 left, running"));
    /* Second 15 of the fixture. */
    assert_non_null(strstr(text, "last second   1.10k ok/s      10 errors/s  p50  15.0 ms"));
    assert_non_null(strstr(text, "5 under way"));
    assert_non_null(strstr(text, "so far        33.0k ok       130 errors"));
    assert_non_null(strstr(text, "gateway 0.4"));
    screen_end(&screen);
}

static void the_lines_are_drawn_in_place_and_the_cursor_rests_below(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 80});
    update(&screen, SECOND);
    const char *first = written(&screen);
    assert_null(strstr(first, "\x1B[4A"));
    assert_int_equal(first[strlen(first) - 1], '\n');
    update(&screen, 2 * SECOND);
    const char *second = written(&screen);
    assert_int_equal(strncmp(second, "\r\x1B[4A", 5), 0);
    assert_int_equal(second[strlen(second) - 1], '\n');
    /* The cursor is never hidden and no mode is ever set: nothing has to be restored. */
    assert_null(strstr(second, "\x1B[?"));
    screen_end(&screen);
}

static void it_changes_once_a_second(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 80});
    assert_true(load_live_is_due(screen.live, SECOND));
    update(&screen, SECOND);
    assert_string_not_equal(written(&screen), "");
    assert_false(load_live_is_due(screen.live, SECOND + SECOND / 2));
    update(&screen, SECOND + SECOND / 2);
    assert_string_equal(written(&screen), "");
    assert_true(load_live_is_due(screen.live, 2 * SECOND));
    update(&screen, 2 * SECOND);
    assert_string_not_equal(written(&screen), "");
    screen_end(&screen);
}

static void a_hidden_view_leaves_no_lines(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 80});
    load_live_hide(screen.live);
    assert_string_equal(written(&screen), "");
    update(&screen, SECOND);
    written(&screen);
    load_live_hide(screen.live);
    assert_string_equal(written(&screen), "\r\x1B[4A\x1B[J");
    update(&screen, 2 * SECOND);
    assert_null(strstr(written(&screen), "\x1B[4A"));
    screen_end(&screen);
}

static void the_lines_go_with_the_view(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 80});
    update(&screen, SECOND);
    written(&screen);
    load_live_destroy(screen.live);
    screen.live = NULL;
    assert_string_equal(written(&screen), "\r\x1B[4A\x1B[J");
    screen_end(&screen);
}

static void lines_are_cut_to_the_terminal(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 30});
    /* Characters of two bytes count as one, and are not cut in two. */
    screen.fixture->plan.name = "\xC3\xA9\xC3\xA9\xC3\xA9\x1B[2J";
    update(&screen, 4 * SECOND);
    const char *text = written(&screen);
    assert_null(strstr(text, "\x1B[2J"));
    for (const char *line = text; *line != '\0';) {
        const char *end = strstr(line, "\x1B[K\n");
        assert_non_null(end);
        size_t characters = 0;
        for (const char *at = line; at < end; at++) {
            characters += ((unsigned char)*at & 0xC0) != 0x80;
        }
        assert_true(characters <= 29);
        line = end + strlen("\x1B[K\n");
    }
    screen_end(&screen);
}

static void warm_up_and_the_wait_for_answers_are_named(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 200});
    update(&screen, SECOND);
    assert_non_null(strstr(written(&screen), "warm-up"));
    update(&screen, 33 * SECOND);
    assert_non_null(strstr(written(&screen), "100 %  0:33, 0:00 left, waiting for answers"));
    screen_end(&screen);
}

static void elsewhere_a_line_comes_every_ten_seconds_if_asked_for(void **state)
{
    (void)state;
    struct screen screen = screen_begin((struct load_live_options){.tells_all = true});
    size_t due = 0;
    for (int64_t i = 0; i < 31; i++) {
        due += load_live_is_due(screen.live, i * SECOND);
        update(&screen, i * SECOND);
    }
    assert_int_equal(due, 3);
    const char *text = written(&screen);
    assert_null(strchr(text, '\x1B'));
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, 3);
    assert_int_equal(strncmp(text, "0:10  last second", 17), 0);
    screen_end(&screen);
}

static void elsewhere_and_when_off_nothing_is_written(void **state)
{
    (void)state;
    struct screen elsewhere = screen_begin((struct load_live_options){0});
    assert_false(load_live_is_due(elsewhere.live, 20 * SECOND));
    update(&elsewhere, 20 * SECOND);
    assert_string_equal(written(&elsewhere), "");
    screen_end(&elsewhere);
    struct screen off = screen_begin(
        (struct load_live_options){.is_off = true, .is_terminal = true, .tells_all = true});
    assert_false(load_live_is_due(off.live, 20 * SECOND));
    update(&off, 20 * SECOND);
    assert_string_equal(written(&off), "");
    screen_end(&off);
}

static void a_run_that_has_just_begun_has_no_figures(void **state)
{
    (void)state;
    struct screen screen =
        screen_begin((struct load_live_options){.is_terminal = true, .width = 200});
    screen.fixture->result.second_count = 0;
    load_histogram_clear(screen.fixture->result.total.latency);
    update(&screen, 0);
    const char *text = written(&screen);
    assert_non_null(strstr(text, "last second  -"));
    assert_non_null(strstr(text, "p50        -  p99        -"));
    screen_end(&screen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_shows_the_last_second_and_what_is_left),
        cmocka_unit_test(the_lines_are_drawn_in_place_and_the_cursor_rests_below),
        cmocka_unit_test(it_changes_once_a_second),
        cmocka_unit_test(a_hidden_view_leaves_no_lines),
        cmocka_unit_test(the_lines_go_with_the_view),
        cmocka_unit_test(lines_are_cut_to_the_terminal),
        cmocka_unit_test(warm_up_and_the_wait_for_answers_are_named),
        cmocka_unit_test(elsewhere_a_line_comes_every_ten_seconds_if_asked_for),
        cmocka_unit_test(elsewhere_and_when_off_nothing_is_written),
        cmocka_unit_test(a_run_that_has_just_begun_has_no_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
