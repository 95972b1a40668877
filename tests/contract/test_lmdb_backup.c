/* A backup restored is the store that it was taken of, at one moment. */
#include "backup_bench.h"
#include "ds/log.h"
#include "sample_store.h"
#include "support/test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

static void a_restored_backup_is_the_same_store(void **state)
{
    struct bench *bench = *state;
    /* What comes later is not in it. */
    sample_put_row(bench->fixture->store, MARKET_TICKS, "NIFTY", "", 4, SAMPLE_VALUE);
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_OK);
    struct market_store *restored = bench_open_restored(bench);
    assert_sound(restored, "9 rows, 6 series");
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(restored, &scan, "1:= 2:= 3:= end");
    struct market_stats stats;
    struct market_stats stats_before;
    assert_int_equal(restored->ops->stats(restored, &stats), DS_OK);
    assert_int_equal(bench->fixture->store->ops->stats(bench->fixture->store, &stats_before),
                     DS_OK);
    assert_string_equal(stats.store_id, stats_before.store_id);
    /* And it goes on as a store. */
    sample_put_row(restored, MARKET_CHAINS, "SENSEX/2025-01-25", "SENSEX", 1, SAMPLE_VALUE);
    assert_sound(restored, "10 rows, 7 series");
    restored->ops->close(restored);
}

static void a_backup_of_an_empty_store_is_an_empty_store(void **state)
{
    struct bench *bench = *state;
    const struct market_store_options options = {.map_bytes = UINT64_C(1) << 30,
                                                 .free_bytes_min = 1};
    bench->fixture->store->ops->close(bench->fixture->store);
    folder_remove(bench->fixture->folder);
    bench->fixture->store = engine_under_test.open(bench->fixture->folder, &options);
    bench_take(bench);
    assert_int_equal(bench->backup.row_count, 0);
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_OK);
    struct market_store *restored = bench_open_restored(bench);
    assert_sound(restored, "0 rows, 0 series");
    restored->ops->close(restored);
}

static void a_backup_leaves_out_what_was_deleted(void **state)
{
    struct bench *bench = *state;
    struct market_store *store = bench->fixture->store;
    enum { VALUE_BYTES = 100000 };
    char *text = calloc(1, VALUE_BYTES + 1);
    assert_non_null(text);
    /* A field that Tick does not have, of bytes. */
    memset(text, 'x', VALUE_BYTES);
    memcpy(text, "\xa2\x06\x9a\x8d\x06", 5);
    text[VALUE_BYTES] = '\0';
    sample_put_row(store, MARKET_TICKS, "BIG", "", 1, text);
    free(text);
    const size_t bytes_before = bench->bytes.size;
    bench_take(bench);
    assert_true(bench->bytes.size > bytes_before + VALUE_BYTES / 2);
    struct market_delete order = {.kind = MARKET_TICKS,
                                  .series = ds_bytes_of_text("BIG"),
                                  .start_us = INT64_MIN,
                                  .end_us = INT64_MAX,
                                  .row_max = 1};
    assert_int_equal(market_delete_wait(store, &order), DS_OK);
    bench_take(bench);
    assert_true(bench->bytes.size < bytes_before + VALUE_BYTES / 2);
}

struct busy_writer {
    struct market_store *store;
    atomic_bool stop;
    atomic_int written;
};

static void *write_always(void *argument)
{
    struct busy_writer *writer = argument;
    while (!atomic_load(&writer->stop)) {
        struct market_row row = row_of("BUSY", atomic_load(&writer->written), "", SAMPLE_VALUE);
        enum market_outcome outcome;
        struct market_batch batch = {
            .kind = MARKET_TICKS, .rows = &row, .row_count = 1, .outcomes = &outcome};
        if (market_put_wait(writer->store, &batch) != DS_OK) {
            break;
        }
        atomic_fetch_add(&writer->written, 1);
    }
    return NULL;
}

/* The count in the backup is that of the very moment of its image. */
static void a_backup_beside_a_writer_is_of_one_moment(void **state)
{
    struct bench *bench = *state;
    struct busy_writer writer = {.store = bench->fixture->store};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_always, &writer), 0);
    for (int wanted = 20; wanted <= 100; wanted += 20) {
        while (atomic_load(&writer.written) < wanted) {
            sched_yield();
        }
        const int before = atomic_load(&writer.written);
        bench_take(bench);
        assert_true(bench->backup.row_count >= (uint64_t)before + SAMPLE_ROWS);
        assert_int_equal(bench_restore(bench, bench->bytes.size), DS_OK);
        char path[PATH_MAX_BYTES];
        snprintf(path, sizeof(path), "%s/storage", bench->data_dir);
        folder_remove(path);
    }
    atomic_store(&writer.stop, true);
    pthread_join(thread, NULL);
}

static ds_code take_nothing(void *context, struct ds_bytes bytes)
{
    size_t *left = context;
    if (*left < bytes.size) {
        return DS_CANCELLED;
    }
    *left -= bytes.size;
    return DS_OK;
}

static void a_backup_that_nobody_takes_ends_and_the_store_goes_on(void **state)
{
    struct bench *bench = *state;
    struct market_store *store = bench->fixture->store;
    struct market_backup backup;
    const size_t tried[] = {0, 80, 84, 5000, 40000};
    for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
        size_t left = tried[i];
        assert_int_equal(
            market_backup_write(store, ds_clock_system(), take_nothing, &left, &backup),
            DS_CANCELLED);
    }
    sample_put_row(store, MARKET_TICKS, "NIFTY", "", 9, SAMPLE_VALUE);
    bench_take(bench);
    assert_int_equal(bench->backup.row_count, SAMPLE_ROWS + 1);
}

static void a_store_in_memory_has_no_backup(void **state)
{
    (void)state;
    const struct market_store_options options = {.clock = NULL};
    struct market_store *store = market_memory_open(&options);
    struct market_backup backup;
    size_t left = SIZE_MAX;
    assert_int_equal(market_backup_write(store, ds_clock_system(), take_nothing, &left, &backup),
                     DS_UNIMPLEMENTED);
    sample_put(store);
    assert_sound(store, "9 rows, 6 series");
    sample_put_row(store, MARKET_QUOTES, "NIFTY20250125C21500", "NIFTY", 2, "\x08");
    assert_sound(store, "10 rows, 6 series\nquotes \"NIFTY20250125C21500\": the row at 2 us is "
                        "damaged: symbol: the wire type does not fit the field");
    store->ops->close(store);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_restored_backup_is_the_same_store),
        BENCH_TEST(a_backup_of_an_empty_store_is_an_empty_store),
        BENCH_TEST(a_backup_leaves_out_what_was_deleted),
        BENCH_TEST(a_backup_beside_a_writer_is_of_one_moment),
        BENCH_TEST(a_backup_that_nobody_takes_ends_and_the_store_goes_on),
        cmocka_unit_test(a_store_in_memory_has_no_backup),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
