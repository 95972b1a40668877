#include "deltastream/storage/v1/storage.pb-c.h"
#include "storage/core/bar_page.h"
#include "support/test.h"

#include <math.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)

static void an_interval_divides_a_day(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } table[] = {
        {"1s", SECOND},         {"5s", 5 * SECOND},   {"60s", MINUTE},     {"1m", MINUTE},
        {"15m", 15 * MINUTE},   {"45m", 45 * MINUTE}, {"1h", 60 * MINUTE}, {"8h", 480 * MINUTE},
        {"1440m", DAY},         {"24h", DAY},         {"1d", DAY},         {"86400s", DAY},
        {"675s", 675 * SECOND},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int64_t interval_us = 0;
        assert_true(bar_interval_parse(table[i].text, &interval_us));
        assert_int_equal(interval_us, table[i].us);
    }
}

static void what_is_no_interval_is_refused(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "1",
        "m",
        "0s",
        "-1m",
        "+1m",
        " 1m",
        "1m ",
        "1.5m",
        "1M",
        "7m",
        "25h",
        "2d",
        "1w",
        "01m",
        "11s",
        "172800s",
        "9999999s",
        "99999999999999999999s",
        "1mm",
        "1\xc2\xb5s",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int64_t interval_us = 17;
        if (bar_interval_parse(table[i], &interval_us)) {
            fail_msg("\"%s\" is taken", table[i]);
        }
        assert_int_equal(interval_us, 17);
    }
}

static void bars_are_aligned_also_before_1970(void **state)
{
    (void)state;
    assert_int_equal(bar_start_us(0, MINUTE), 0);
    assert_int_equal(bar_start_us(MINUTE - 1, MINUTE), 0);
    assert_int_equal(bar_start_us(MINUTE, MINUTE), MINUTE);
    assert_int_equal(bar_start_us(-1, MINUTE), -MINUTE);
    assert_int_equal(bar_start_us(-MINUTE, MINUTE), -MINUTE);
    assert_int_equal(bar_start_us(1737799200000001, DAY), INT64_C(1737763200000000));
}

/* The stored form of a tick in a static place; NAN and INT64_MIN leave a number out. */
static struct ds_bytes stored(double price, int64_t volume)
{
    static uint8_t bytes[256];
    Storage__Tick tick = STORAGE__TICK__INIT;
    if (!isnan(price)) {
        tick._price_case = STORAGE__TICK___PRICE_PRICE;
        tick.price = price;
    }
    if (volume != INT64_MIN) {
        tick._volume_case = STORAGE__TICK___VOLUME_VOLUME;
        tick.volume = volume;
    }
    tick._tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    tick.tick_id = 1000;
    return ds_bytes_of(bytes, storage__tick__pack(&tick, bytes));
}

static struct bar_tick read(double price, int64_t volume)
{
    struct bar_tick tick;
    assert_true(bar_tick_read(stored(price, volume), &tick));
    return tick;
}

static void a_tick_is_read_with_what_it_has(void **state)
{
    (void)state;
    struct bar_tick tick = read(21500.05, 100);
    assert_true(tick.has_price && tick.has_volume);
    assert_true(tick.price == 21500.05 && tick.volume == 100);
    tick = read(0, INT64_MIN);
    assert_true(tick.has_price && !tick.has_volume && tick.price == 0);
    tick = read(NAN, -3);
    assert_true(!tick.has_price && tick.has_volume && tick.volume == -3);
    const struct ds_bytes whole = stored(1, 2);
    assert_false(bar_tick_read(ds_bytes_of(whole.data, whole.size - 1), &tick));
}

static struct bar add_all(const double *prices, const int64_t *volumes, size_t count,
                          bool ascending)
{
    struct bar bar = {.start_us = 0, .end_us = MINUTE};
    for (size_t i = 0; i < count; i++) {
        const size_t at = ascending ? i : count - 1 - i;
        const struct bar_tick tick = read(prices[at], volumes[at]);
        bar_add(&bar, &tick, ascending);
    }
    return bar;
}

static void a_bar_is_the_same_in_both_directions(void **state)
{
    (void)state;
    /* Added plainly from the front, the ones get lost beside the large number. */
    static const double prices[] = {1e16, 1, 12.5, 1, 1};
    static const int64_t volumes[] = {1, 1, INT64_MIN, 1, 1};
    for (int ascending = 0; ascending <= 1; ascending++) {
        const struct bar bar = add_all(prices, volumes, 5, ascending == 1);
        double vwap = 0;
        assert_true(bar.open == 1e16 && bar.high == 1e16 && bar.low == 1 && bar.close == 1);
        assert_int_equal(bar.num_ticks, 5);
        assert_true(bar.has_volume);
        assert_int_equal(bar.volume, 4);
        assert_true(bar_vwap(&bar, &vwap));
        assert_true(vwap == 2500000000000001);
    }
}

static void without_volume_there_is_no_vwap(void **state)
{
    (void)state;
    static const double prices[] = {1, 2};
    static const int64_t none[] = {INT64_MIN, INT64_MIN};
    static const int64_t zero[] = {0, INT64_MIN};
    double vwap = 17;
    struct bar bar = add_all(prices, none, 2, true);
    assert_false(bar.has_volume);
    assert_false(bar_vwap(&bar, &vwap));
    bar = add_all(prices, zero, 2, true);
    assert_true(bar.has_volume && bar.volume == 0);
    assert_false(bar_vwap(&bar, &vwap));
    assert_true(vwap == 17);
}

static void a_turnover_that_is_too_large_has_no_vwap(void **state)
{
    (void)state;
    static const double prices[] = {1e300, 1};
    static const int64_t volumes[] = {1000000000, 1};
    double vwap = 17;
    const struct bar bar = add_all(prices, volumes, 2, true);
    assert_false(bar_vwap(&bar, &vwap));
    assert_true(vwap == 17);
}

static void a_sum_of_volumes_stays_within_its_type(void **state)
{
    (void)state;
    static const double prices[] = {1, 1};
    static const int64_t large[] = {INT64_MAX, 5};
    assert_int_equal(add_all(prices, large, 2, true).volume, INT64_MAX);
}

#define PAGE_LIMIT 3

static struct bar_page page_of(struct bar *bars, bool ascending, size_t scanned_max)
{
    return (struct bar_page){.interval_us = MINUTE,
                             .ascending = ascending,
                             .bars = bars,
                             .limit = PAGE_LIMIT,
                             .scanned_max = scanned_max};
}

static void a_page_ends_where_the_bar_behind_its_last_one_begins(void **state)
{
    (void)state;
    struct bar bars[PAGE_LIMIT];
    struct bar_page page = page_of(bars, true, 1000);
    for (int64_t i = 0; i < 6; i++) {
        assert_true(bar_page_take(&page, i * MINUTE / 2, stored((double)i, 1)));
    }
    assert_false(page.more);
    assert_false(bar_page_take(&page, 10 * MINUTE, stored(10, 1)));
    assert_true(page.more);
    assert_int_equal(page.count, 3);
    assert_int_equal(bar_page_end_us(&page), 3 * MINUTE);
    assert_int_equal(bars[1].start_us, MINUTE);
    assert_int_equal(bars[1].num_ticks, 2);

    page = page_of(bars, false, 1000);
    for (int64_t i = 9; i >= 7; i--) {
        assert_true(bar_page_take(&page, i * MINUTE, stored(1, 1)));
    }
    assert_false(bar_page_take(&page, 7 * MINUTE - 1, stored(1, 1)));
    assert_int_equal(bar_page_end_us(&page), 7 * MINUTE);
}

static void a_page_that_has_looked_at_enough_finishes_its_bar(void **state)
{
    (void)state;
    struct bar bars[PAGE_LIMIT];
    struct bar_page page = page_of(bars, true, 4);
    for (int64_t i = 0; i < 10; i++) {
        assert_true(bar_page_take(&page, i, stored(1, 1)));
    }
    assert_false(bar_page_take(&page, MINUTE, stored(1, 1)));
    assert_true(page.more);
    assert_int_equal(page.count, 1);
    assert_int_equal(bars[0].num_ticks, 10);
}

static void ticks_without_a_price_count_for_nothing(void **state)
{
    (void)state;
    struct bar bars[PAGE_LIMIT];
    struct bar_page page = page_of(bars, true, 1000);
    assert_true(bar_page_take(&page, 0, stored(NAN, 5)));
    assert_int_equal(page.count, 0);
    assert_true(bar_page_take(&page, 1, stored(2, 5)));
    assert_int_equal(bars[0].num_ticks, 1);
    assert_int_equal(bars[0].volume, 5);
}

static void a_damaged_tick_ends_the_page(void **state)
{
    (void)state;
    struct bar bars[PAGE_LIMIT];
    struct bar_page page = page_of(bars, true, 1000);
    assert_false(bar_page_take(&page, 0, ds_bytes_of("\x11\x01", 2)));
    assert_true(page.damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_divides_a_day),
        cmocka_unit_test(what_is_no_interval_is_refused),
        cmocka_unit_test(bars_are_aligned_also_before_1970),
        cmocka_unit_test(a_tick_is_read_with_what_it_has),
        cmocka_unit_test(a_bar_is_the_same_in_both_directions),
        cmocka_unit_test(without_volume_there_is_no_vwap),
        cmocka_unit_test(a_turnover_that_is_too_large_has_no_vwap),
        cmocka_unit_test(a_sum_of_volumes_stays_within_its_type),
        cmocka_unit_test(a_page_ends_where_the_bar_behind_its_last_one_begins),
        cmocka_unit_test(a_page_that_has_looked_at_enough_finishes_its_bar),
        cmocka_unit_test(ticks_without_a_price_count_for_nothing),
        cmocka_unit_test(a_damaged_tick_ends_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
