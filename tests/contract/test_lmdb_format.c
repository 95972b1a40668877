/* Data folders of older formats: their rows are all there, and new kinds can be written. */
#include "ds/log.h"
#include "lmdb_edit.h"
#include "store_fixture.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOLDEN_FOLDER DS_TESTS_DATA_DIR "/store-v1"
#define GOLDEN_ROWS 198
#define GOLDEN_SERIES 7
#define FILE_BYTES_MAX (1024 * 1024)
#define VALUE_BYTES_MAX 256

struct golden {
    char folder[64];
    char path[96]; /* of data.mdb */
};

static size_t file_read(const char *path, uint8_t *target)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s: %s", path, strerror(errno));
        return 0;
    }
    const size_t size = fread(target, 1, FILE_BYTES_MAX, file);
    assert_int_equal(ferror(file), 0);
    fclose(file);
    return size;
}

static void file_write(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* A copy of the golden file in a folder of its own. */
static int golden_setup(void **state)
{
    struct golden *golden = calloc(1, sizeof(*golden));
    uint8_t *data = malloc(FILE_BYTES_MAX);
    assert_true(golden != NULL && data != NULL);
    folder_make(golden->folder, sizeof(golden->folder));
    snprintf(golden->path, sizeof(golden->path), "%s/data.mdb", golden->folder);
    file_write(golden->path, data, file_read(GOLDEN_FOLDER "/data.mdb", data));
    free(data);
    *state = golden;
    return 0;
}

static int golden_teardown(void **state)
{
    struct golden *golden = *state;
    folder_remove(golden->folder);
    free(golden);
    return 0;
}

static ds_code golden_open(struct golden *golden, struct market_store **ret_store, char *ret_reason,
                           size_t reason_bytes_max)
{
    const struct market_store_options options = {.map_bytes = 1 << 26, .free_bytes_min = 1};
    return market_lmdb_open(golden->folder, &options, ret_store, ret_reason, reason_bytes_max);
}

static struct market_store *store_open(struct golden *golden)
{
    struct market_store *store = NULL;
    char reason[256] = "";
    if (golden_open(golden, &store, reason, sizeof(reason)) != DS_OK) {
        fail_msg("%s", reason);
    }
    return store;
}

static void hex_write(char *target, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sprintf(target + 2 * i, "%02x", data[i]);
    }
    target[2 * size] = '\0';
}

/* Compares each row with the file's next line. */
struct expected_rows {
    FILE *file;
    size_t count;
};

static void expect_row(void *context, const struct market_row *row)
{
    struct expected_rows *expected = context;
    char tie[2 * MARKET_TIE_BYTES_MAX + 1];
    char value[2 * VALUE_BYTES_MAX + 1];
    char text[1024];
    char line[1024] = "";
    assert_true(row->value.size <= VALUE_BYTES_MAX);
    hex_write(tie, row->tie.data, row->tie.size);
    hex_write(value, row->value.data, row->value.size);
    snprintf(text, sizeof(text), "%.*s %lld %s %s\n", (int)row->series.size,
             (const char *)row->series.data, (long long)row->timestamp_us, tie, value);
    assert_non_null(fgets(line, sizeof(line), expected->file));
    assert_string_equal(text, line);
    expected->count++;
}

struct names {
    char text[GOLDEN_SERIES][MARKET_SERIES_BYTES_MAX + 1];
    size_t count;
};

static void take_name(void *context, struct ds_bytes series, struct ds_bytes group)
{
    struct names *names = context;
    assert_true(names->count < GOLDEN_SERIES);
    assert_int_equal(group.size, 0);
    snprintf(names->text[names->count++], sizeof(names->text[0]), "%.*s", (int)series.size,
             (const char *)series.data);
}

/* Every line of the file beside the golden one, and no row more. */
static void assert_golden_rows(struct market_store *store)
{
    struct expected_rows expected = {.file = fopen(GOLDEN_FOLDER "/rows.txt", "r")};
    assert_non_null(expected.file);
    char line[1024];
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(fgets(line, sizeof(line), expected.file));
        assert_int_equal(line[0], '#');
    }
    struct names names = {.count = 0};
    const struct market_series_query query = {.kind = MARKET_TICKS, .series_max = 100};
    bool more;
    assert_int_equal(store->ops->list_series(store, &query, take_name, &names, &more), DS_OK);
    for (size_t i = 0; i < names.count; i++) {
        const struct market_scan scan = scan_all(names.text[i], true);
        assert_int_equal(store->ops->scan(store, &scan, expect_row, &expected, &more), DS_OK);
        assert_false(more);
    }
    assert_null(fgets(line, sizeof(line), expected.file));
    fclose(expected.file);
    assert_int_equal(expected.count, GOLDEN_ROWS);
    const struct market_stats stats = stats_of(store);
    assert_int_equal(stats.kinds[MARKET_TICKS].row_count, GOLDEN_ROWS);
    assert_int_equal(stats.kinds[MARKET_TICKS].series_count, GOLDEN_SERIES);
    assert_int_equal(stats.format_version, 2);
}

static void every_row_of_format_1_is_read(void **state)
{
    struct golden *golden = *state;
    struct market_store *store = store_open(golden);
    assert_golden_rows(store);
    store->ops->close(store);
    assert_false(lmdb_table_exists(golden->folder, "series"));
    assert_true(lmdb_table_exists(golden->folder, "ticks.series"));
    /* The second time there is nothing to change. */
    store = store_open(golden);
    assert_golden_rows(store);
    store->ops->close(store);
}

static void a_store_of_format_1_takes_rows_of_all_kinds(void **state)
{
    struct golden *golden = *state;
    struct market_store *store = store_open(golden);
    /* Its ticks are known as late, and their series' numbers are not given to others. */
    assert_string_equal(put_text(store, "A", "1:a=late", MARKET_CONFLICT_ERROR), "L");
    assert_string_equal(put_text(store, "NEW", "1:a=x", MARKET_CONFLICT_ERROR), "A");
    assert_string_equal(
        put_series(store, MARKET_QUOTES, "NIFTY", "S", "1:=q", MARKET_CONFLICT_ERROR), "A");
    assert_string_equal(put_chain(store, "NIFTY", "2025-01-30", "1:=c"), "A");
    assert_string_equal(delete_text(store, MARKET_TICKS, "A", 1, 1, 1), "1 end");
    assert_string_equal(delete_all(store, MARKET_TICKS, "NEW"), "1 end");
    store->ops->close(store);
    store = store_open(golden);
    assert_golden_rows(store);
    struct market_scan scan = scan_group("NIFTY", true);
    assert_scan(store, &scan, "1:2025-01-30=c end");
    scan = scan_kind(MARKET_QUOTES, "S", true);
    assert_scan(store, &scan, "1:=q end");
    store->ops->close(store);
}

static void a_changed_store_keeps_its_id(void **state)
{
    struct golden *golden = *state;
    struct market_store *store = store_open(golden);
    const struct market_stats first = stats_of(store);
    assert_int_equal(strlen(first.store_id), MARKET_STORE_ID_BYTES_MAX - 1);
    assert_int_equal(first.store_id[14], '4');
    store->ops->close(store);
    store = store_open(golden);
    assert_string_equal(stats_of(store).store_id, first.store_id);
    store->ops->close(store);
}

/* Asserts that the folder is refused and data.mdb has the same bytes behind it. */
static void assert_refused_untouched(struct golden *golden, ds_code code)
{
    uint8_t *before = malloc(FILE_BYTES_MAX);
    uint8_t *after = malloc(FILE_BYTES_MAX);
    assert_true(before != NULL && after != NULL);
    const size_t size = file_read(golden->path, before);
    struct market_store *store = NULL;
    char reason[256] = "";
    assert_int_equal(golden_open(golden, &store, reason, sizeof(reason)), code);
    assert_non_null(strstr(reason, golden->folder));
    assert_int_equal(file_read(golden->path, after), size);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static void a_newer_format_is_refused_untouched(void **state)
{
    struct golden *golden = *state;
    lmdb_entry_put(golden->folder, "meta", BYTES("format_version"), BYTES("\0\0\0\3"));
    assert_refused_untouched(golden, DS_FAILED_PRECONDITION);
}

/* The last series to be moved is damaged: those before it must not have moved. */
static void a_change_that_fails_leaves_the_old_format(void **state)
{
    struct golden *golden = *state;
    lmdb_entry_put(golden->folder, "series", BYTES("\1\377bad"), BYTES("short"));
    assert_refused_untouched(golden, DS_DATA_LOSS);
    lmdb_entry_put(golden->folder, "series", BYTES("\1\377bad"), BYTES("\0\0\0\11"));
    struct market_store *store = store_open(golden);
    assert_int_equal(stats_of(store).kinds[MARKET_TICKS].series_count, GOLDEN_SERIES + 1);
    store->ops->close(store);
}

static void a_series_whose_name_is_too_long_is_damage(void **state)
{
    struct golden *golden = *state;
    char key[1 + MARKET_SERIES_BYTES_MAX + 1];
    memset(key, 'N', sizeof(key));
    key[0] = 1;
    lmdb_entry_put(golden->folder, "series", ds_bytes_of(key, sizeof(key)), BYTES("\0\0\0\1"));
    assert_refused_untouched(golden, DS_DATA_LOSS);
}

static void a_series_of_a_kind_that_format_1_did_not_have_is_damage(void **state)
{
    struct golden *golden = *state;
    lmdb_entry_put(golden->folder, "series", BYTES("\2Q"), BYTES("\0\0\0\1"));
    assert_refused_untouched(golden, DS_DATA_LOSS);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define GOLDEN_TEST(name) cmocka_unit_test_setup_teardown(name, golden_setup, golden_teardown)
    const struct CMUnitTest tests[] = {
        GOLDEN_TEST(every_row_of_format_1_is_read),
        GOLDEN_TEST(a_store_of_format_1_takes_rows_of_all_kinds),
        GOLDEN_TEST(a_changed_store_keeps_its_id),
        GOLDEN_TEST(a_newer_format_is_refused_untouched),
        GOLDEN_TEST(a_change_that_fails_leaves_the_old_format),
        GOLDEN_TEST(a_series_whose_name_is_too_long_is_damage),
        GOLDEN_TEST(a_series_of_a_kind_that_format_1_did_not_have_is_damage),
    };
    return cmocka_run_group_tests_name("lmdb format", tests, NULL, NULL);
}
