/* Figures of the embedded store's file. */
#include "ds/log.h"
#include "store_fixture.h"
#include "support/test.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_BYTES 100000

/* A row whose value takes pages of its own. */
static void put_large(struct market_store *store, const char *series, int64_t timestamp_us)
{
    char *value = calloc(1, VALUE_BYTES);
    assert_non_null(value);
    struct market_row row = row_of(series, timestamp_us, "t", "");
    row.value = ds_bytes_of(value, VALUE_BYTES);
    put_rows(store, &row, 1, NULL);
    free(value);
}

static void bytes_are_told_by_kind_with_their_indexes(void **state)
{
    struct fixture *fixture = *state;
    struct market_stats stats = stats_of(fixture->store);
    for (size_t kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        assert_int_equal(stats.kinds[kind].bytes, 0);
    }
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    put_text(fixture->store, "A", "1:a=x", MARKET_CONFLICT_ERROR);
    put_series(fixture->store, MARKET_QUOTES, "N", "Q", "1:=x", MARKET_CONFLICT_ERROR);
    put_chain(fixture->store, "N", "2025-01-30", "1:=x");
    stats = stats_of(fixture->store);
    /* A page for each table: rows and series; groups and members; by_group. */
    assert_int_equal(stats.kinds[MARKET_TICKS].bytes, 2 * page);
    assert_int_equal(stats.kinds[MARKET_QUOTES].bytes, 4 * page);
    assert_int_equal(stats.kinds[MARKET_CHAINS].bytes, 5 * page);
    put_large(fixture->store, "A", 2);
    assert_true(stats_of(fixture->store).kinds[MARKET_TICKS].bytes >= VALUE_BYTES);
}

static void what_is_deleted_can_be_used_again_inside_of_the_file(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t i = 0; i < 20; i++) {
        put_large(fixture->store, "A", i);
    }
    const struct market_stats before = stats_of(fixture->store);
    delete_all(fixture->store, MARKET_TICKS, "A");
    const struct market_stats after = stats_of(fixture->store);
    assert_true(after.reusable_bytes >= before.reusable_bytes + 20 * VALUE_BYTES);
    assert_true(after.reusable_bytes < after.file_bytes);
    assert_int_equal(after.kinds[MARKET_TICKS].bytes, 0);
    assert_int_equal(after.commit_count, before.commit_count + 1);
    for (int64_t i = 0; i < 20; i++) {
        put_large(fixture->store, "B", i);
    }
    const struct market_stats again = stats_of(fixture->store);
    /* LMDB leaves the newest free pages alone for a commit or two. */
    assert_true(again.file_bytes < after.file_bytes + 5 * VALUE_BYTES);
    assert_true(again.reusable_bytes < after.reusable_bytes);
}

static void the_file_and_its_limits_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct stat file;
    char path[128];
    snprintf(path, sizeof(path), "%s/data.mdb", fixture->folder);
    put_large(fixture->store, "A", 1);
    assert_int_equal(stat(path, &file), 0);
    const struct market_stats stats = stats_of(fixture->store);
    assert_int_equal(stats.file_bytes, file.st_size);
    assert_int_equal(stats.file_bytes_max, UINT64_C(1) << 30);
    assert_true(stats.disk_free_bytes > 0 && stats.disk_free_bytes < UINT64_MAX);
    assert_int_equal(stats.format_version, 2);
}

static void every_store_has_an_id_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    const struct market_stats stats = stats_of(fixture->store);
    assert_int_equal(strlen(stats.store_id), 36);
    for (size_t i = 0; i < 36; i++) {
        const bool is_joint = i == 8 || i == 13 || i == 18 || i == 23;
        assert_true(is_joint ? stats.store_id[i] == '-' : isxdigit(stats.store_id[i]) != 0);
    }
    struct fixture *other;
    void *other_state;
    fixture_setup(&other_state);
    other = other_state;
    assert_string_not_equal(stats_of(other->store).store_id, stats.store_id);
    fixture_teardown(&other_state);
    fixture_reopen(fixture);
    assert_string_equal(stats_of(fixture->store).store_id, stats.store_id);
}

static uint64_t count_of(const struct ds_histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i < DS_HISTOGRAM_BUCKETS; i++) {
        count += atomic_load(&histogram->buckets[i]);
    }
    return count;
}

static void commits_and_their_rows_are_counted(void **state)
{
    (void)state;
    char folder[256];
    char reason[256];
    struct market_figures figures = {.rows_written = 0};
    struct market_store *store = NULL;
    folder_make(folder, sizeof(folder));
    assert_int_equal(market_lmdb_open(folder, &(struct market_store_options){.figures = &figures},
                                      &store, reason, sizeof(reason)),
                     DS_OK);
    put_text(store, "A", "1:a=x 2:b=y", MARKET_CONFLICT_ERROR);
    put_text(store, "A", "3:c=z", MARKET_CONFLICT_ERROR);
    assert_int_equal(atomic_load(&figures.rows_written), 3);
    assert_int_equal(atomic_load(&figures.rows_deleted), 0);
    assert_int_equal(count_of(&figures.commits), 2);
    struct market_delete order = {.kind = MARKET_TICKS,
                                  .series = ds_bytes_of_text("A"),
                                  .start_us = 2,
                                  .end_us = 4,
                                  .row_max = 10};
    assert_int_equal(market_delete_wait(store, &order), DS_OK);
    assert_int_equal(atomic_load(&figures.rows_deleted), 2);
    assert_int_equal(count_of(&figures.commits), 3);
    assert_int_equal(count_of(&figures.transactions), 3);
    /* A commit is a part of its transaction. */
    assert_true(atomic_load(&figures.commits.sum_us) <= atomic_load(&figures.transactions.sum_us));
    store->ops->close(store);
    folder_remove(folder);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        STORE_TEST(bytes_are_told_by_kind_with_their_indexes),
        STORE_TEST(what_is_deleted_can_be_used_again_inside_of_the_file),
        STORE_TEST(the_file_and_its_limits_are_told),
        cmocka_unit_test(commits_and_their_rows_are_counted),
        STORE_TEST(every_store_has_an_id_of_its_own),
    };
    return cmocka_run_group_tests_name("lmdb stats", tests, NULL, NULL);
}
