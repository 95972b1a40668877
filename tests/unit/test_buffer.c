#include "ds/buffer.h"
#include "support/test.h"

static void it_grows_and_keeps_its_content(void **state)
{
    (void)state;
    struct ds_buffer buffer;
    ds_buffer_init(&buffer, 1 << 20);
    assert_null(buffer.data);
    for (int i = 0; i < 100000; i++) {
        ds_buffer_append_byte(&buffer, (uint8_t)i);
    }
    assert_int_equal(buffer.size, 100000);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buffer.data[i], (uint8_t)i);
    }
    ds_buffer_deinit(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.limit, 1 << 20);
}

static void the_limit_is_exact_and_overflow_lasts(void **state)
{
    (void)state;
    struct ds_buffer buffer;
    ds_buffer_init(&buffer, 1000);
    for (int i = 0; i < 1000; i++) {
        ds_buffer_append_byte(&buffer, 'a');
    }
    assert_false(buffer.overflow);
    ds_buffer_append(&buffer, "b", 1);
    assert_true(buffer.overflow);
    assert_int_equal(buffer.size, 1000);
    assert_in_range(buffer.capacity, 1000, 1000);
    ds_buffer_append(&buffer, "", 0);
    assert_null(ds_buffer_reserve(&buffer, 1));
    ds_buffer_clear(&buffer);
    assert_false(buffer.overflow);
    ds_buffer_append_text(&buffer, "again");
    assert_true(ds_bytes_equal_text(ds_buffer_bytes(&buffer), "again"));
    ds_buffer_deinit(&buffer);
}

static void a_small_append_after_an_overflow_does_nothing(void **state)
{
    (void)state;
    struct ds_buffer buffer;
    ds_buffer_init(&buffer, 10);
    ds_buffer_append_text(&buffer, "12345678901");
    ds_buffer_append_text(&buffer, "1");
    assert_true(buffer.overflow);
    assert_int_equal(buffer.size, 0);
    ds_buffer_deinit(&buffer);
}

static void a_huge_reservation_overflows(void **state)
{
    (void)state;
    struct ds_buffer buffer;
    ds_buffer_init(&buffer, SIZE_MAX / 2);
    ds_buffer_append_text(&buffer, "a");
    assert_null(ds_buffer_reserve(&buffer, SIZE_MAX));
    ds_buffer_deinit(&buffer);
}

static void printf_appends_short_and_long_text(void **state)
{
    (void)state;
    struct ds_buffer buffer;
    ds_buffer_init(&buffer, 1000);
    ds_buffer_printf(&buffer, "%d-%s", 12, "a");
    ds_buffer_printf(&buffer, "%500d", 7);
    assert_int_equal(buffer.size, 504);
    assert_memory_equal(buffer.data, "12-a   ", 7);
    assert_int_equal(buffer.data[503], '7');
    ds_buffer_printf(&buffer, "%496d", 8);
    assert_int_equal(buffer.size, 1000);
    assert_false(buffer.overflow);
    ds_buffer_printf(&buffer, "%d", 9);
    assert_true(buffer.overflow);
    ds_buffer_deinit(&buffer);
}

static void what_is_kept_beyond_a_little_is_taken_from_the_budget(void **state)
{
    (void)state;
    struct ds_buffer buffer;
    size_t budget = DS_BUFFER_KEPT_LARGE_BYTES_MAX;
    ds_buffer_init(&buffer, SIZE_MAX);
    ds_buffer_append_text(&buffer, "x");
    assert_int_equal(ds_buffer_recycle(&buffer, &budget), 0);
    assert_int_equal(buffer.size, 0);
    assert_non_null(buffer.data);

    assert_non_null(ds_buffer_reserve(&buffer, DS_BUFFER_KEPT_LARGE_BYTES_MAX));
    assert_int_equal(ds_buffer_recycle(&buffer, &budget), DS_BUFFER_KEPT_LARGE_BYTES_MAX);
    assert_int_equal(budget, 0);
    assert_int_equal(ds_buffer_recycle(&buffer, &budget), 0);
    assert_null(buffer.data);

    budget = SIZE_MAX;
    assert_non_null(ds_buffer_reserve(&buffer, DS_BUFFER_KEPT_LARGE_BYTES_MAX + 1));
    assert_int_equal(ds_buffer_recycle(&buffer, &budget), 0);
    assert_null(buffer.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_and_keeps_its_content),
        cmocka_unit_test(the_limit_is_exact_and_overflow_lasts),
        cmocka_unit_test(a_small_append_after_an_overflow_does_nothing),
        cmocka_unit_test(a_huge_reservation_overflows),
        cmocka_unit_test(printf_appends_short_and_long_text),
        cmocka_unit_test(what_is_kept_beyond_a_little_is_taken_from_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
