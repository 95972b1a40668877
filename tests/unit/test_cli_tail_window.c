#include "clients/cli/tail_window.h"
#include "support/test.h"

#define BEGIN_OF_TIME INT64_MIN

static bool note(struct tail_window *window, uint64_t key, uint64_t content, int64_t time_us,
                 int64_t begin_us)
{
    const struct tail_window_row row = {.key = key, .content = content, .time_us = time_us};
    return tail_window_note(window, &row, begin_us);
}

static void a_row_is_known_by_the_content_that_was_last(void **state)
{
    (void)state;
    struct tail_window window;
    tail_window_init(&window, 100);
    assert_false(tail_window_knows(&window, 1, 10));
    assert_true(note(&window, 1, 10, 5, BEGIN_OF_TIME));
    assert_true(tail_window_knows(&window, 1, 10));
    assert_true(note(&window, 1, 11, 5, BEGIN_OF_TIME));
    assert_false(tail_window_knows(&window, 1, 10));
    assert_true(tail_window_knows(&window, 1, 11));
    assert_true(note(&window, 1, 10, 5, BEGIN_OF_TIME));
    assert_true(tail_window_knows(&window, 1, 10));
    assert_int_equal(window.count, 1);
    tail_window_deinit(&window);
}

static void keys_that_meet_in_one_place_are_told_apart(void **state)
{
    (void)state;
    struct tail_window window;
    tail_window_init(&window, 10000);
    for (uint64_t i = 0; i < 5000; i++) {
        /* Place 0's mark, and numbers whose halves cancel each other out. */
        const uint64_t key = i == 1 ? 0 : i << 32 | i;
        assert_true(note(&window, key, i, 1, BEGIN_OF_TIME));
    }
    for (uint64_t i = 2; i < 5000; i++) {
        assert_true(tail_window_knows(&window, i << 32 | i, i));
        assert_false(tail_window_knows(&window, i << 32 | i, i + 1));
    }
    assert_true(tail_window_knows(&window, 0, 1));
    assert_false(tail_window_knows(&window, UINT64_C(5000) << 32 | 5000, 5000));
    tail_window_deinit(&window);
}

static void rows_behind_the_window_make_room(void **state)
{
    (void)state;
    struct tail_window window;
    tail_window_init(&window, 1000);
    for (int64_t i = 0; i < 1000000; i++) {
        assert_true(note(&window, (uint64_t)i + 1, 7, i, i - 500));
    }
    assert_true(window.capacity <= 4096);
    for (uint64_t key = 1000000; key > 1000000 - 500; key--) {
        assert_true(tail_window_knows(&window, key, 7));
    }
    assert_false(tail_window_knows(&window, 1, 7));
    tail_window_deinit(&window);
}

static void more_rows_than_may_be_within_the_window_are_refused(void **state)
{
    (void)state;
    struct tail_window window;
    tail_window_init(&window, 1000);
    uint64_t count = 0;
    while (note(&window, count + 1, 7, 0, 0)) {
        count++;
        assert_true(count < 2000 * 2);
    }
    assert_true(count >= 1000);
    /* It goes on where they are outside. */
    assert_true(note(&window, count + 1, 7, 1, 1));
    assert_false(tail_window_knows(&window, 1, 7));
    tail_window_deinit(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_known_by_the_content_that_was_last),
        cmocka_unit_test(keys_that_meet_in_one_place_are_told_apart),
        cmocka_unit_test(rows_behind_the_window_make_room),
        cmocka_unit_test(more_rows_than_may_be_within_the_window_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
