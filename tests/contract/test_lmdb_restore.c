/* What is no sound backup is refused by its reason, and nothing is left behind. */
#include "backup_bench.h"
#include "ds/log.h"
#include "sample_store.h"
#include "support/test.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_backup_that_is_cut_off_anywhere_is_refused(void **state)
{
    struct bench *bench = *state;
    const size_t size = bench->bytes.size;
    for (size_t cut = 0; cut < MARKET_BACKUP_HEADER_BYTES; cut += 7) {
        assert_refused(bench, cut, DS_DATA_LOSS, "no backup of DeltaStream");
    }
    for (size_t cut = MARKET_BACKUP_HEADER_BYTES; cut < size; cut += size / 50) {
        assert_refused(bench, cut, DS_DATA_LOSS, "cut off");
    }
    for (size_t cut = size - 60; cut < size; cut++) {
        assert_refused(bench, cut, DS_DATA_LOSS, "cut off");
    }
}

static void a_flipped_bit_anywhere_is_found(void **state)
{
    struct bench *bench = *state;
    const size_t size = bench->bytes.size;
    uint64_t random = seed_of_environment();
    for (size_t round = 0; round < 200; round++) {
        /* The fixed parts at both ends whole, and random places between. */
        const size_t at = round < 80    ? round
                          : round < 130 ? size - 1 - (round - 80)
                                        : (size_t)(random_next(&random) % size);
        const uint8_t bit = (uint8_t)(1U << (random_next(&random) >> 61));
        bench->bytes.data[at] ^= bit;
        const ds_code code = bench_restore(bench, size);
        if (code == DS_OK) {
            fail_msg("bit %u of byte %zu of %zu is not missed", bit, at, size);
        }
        assert_true(bench->reason[0] != '\0');
        assert_false(is_there(bench->top, "data"));
        bench->bytes.data[at] ^= bit;
    }
    assert_int_equal(bench_restore(bench, size), DS_OK);
}

static void what_follows_a_backup_is_refused(void **state)
{
    struct bench *bench = *state;
    ds_buffer_append_byte(&bench->bytes, 0);
    assert_refused(bench, bench->bytes.size, DS_DATA_LOSS, "something follows");
}

static void a_foreign_file_is_refused(void **state)
{
    struct bench *bench = *state;
    ds_buffer_clear(&bench->bytes);
    for (size_t i = 0; i < 1000; i++) {
        ds_buffer_append_text(&bench->bytes, "timestamp,price\n");
    }
    assert_refused(bench, bench->bytes.size, DS_DATA_LOSS, "no backup of DeltaStream");
}

/* Makes a backup whose hash is right, whatever it says. */
static void forge(struct bench *bench, const struct market_backup *backup, uint8_t version,
                  struct ds_bytes image)
{
    uint8_t header[MARKET_BACKUP_HEADER_BYTES];
    uint8_t length[MARKET_BACKUP_LENGTH_BYTES];
    uint8_t counts[MARKET_BACKUP_COUNTS_BYTES];
    uint8_t hash[MARKET_BACKUP_HASH_BYTES];
    ds_buffer_clear(&bench->bytes);
    market_backup_header_write(backup, header);
    header[11] = version;
    ds_buffer_append(&bench->bytes, header, sizeof(header));
    while (image.size > 0) {
        const size_t size = image.size < 10000 ? image.size : 10000;
        market_backup_length_write((uint32_t)size, length);
        ds_buffer_append(&bench->bytes, length, sizeof(length));
        ds_buffer_append(&bench->bytes, image.data, size);
        image = ds_bytes_of(image.data + size, image.size - size);
    }
    market_backup_length_write(0, length);
    ds_buffer_append(&bench->bytes, length, sizeof(length));
    market_backup_counts_write(backup, counts);
    ds_buffer_append(&bench->bytes, counts, sizeof(counts));
    crypto_generichash(hash, sizeof(hash), bench->bytes.data, bench->bytes.size, NULL, 0);
    ds_buffer_append(&bench->bytes, hash, sizeof(hash));
}

static ds_code take_image(void *context, struct ds_bytes bytes)
{
    ds_buffer_append(context, bytes.data, bytes.size);
    return DS_OK;
}

/* The image of the store as it is now. Free it. */
static struct ds_buffer image_of(struct bench *bench)
{
    struct ds_buffer bytes;
    ds_buffer_init(&bytes, BACKUP_BYTES_MAX);
    struct market_image image = {.take = take_image, .context = &bytes};
    struct market_store *store = bench->fixture->store;
    assert_int_equal(store->ops->write_image(store, &image), DS_OK);
    assert_int_equal(image.bytes, bytes.size);
    assert_int_equal(image.row_count, SAMPLE_ROWS);
    return bytes;
}

static void a_forged_backup_with_nothing_wrong_is_taken(void **state)
{
    struct bench *bench = *state;
    struct ds_buffer image = image_of(bench);
    forge(bench, &bench->backup, MARKET_BACKUP_VERSION, ds_buffer_bytes(&image));
    ds_buffer_deinit(&image);
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_OK);
}

static void a_backup_of_a_later_version_is_refused(void **state)
{
    struct bench *bench = *state;
    struct ds_buffer image = image_of(bench);
    forge(bench, &bench->backup, MARKET_BACKUP_VERSION + 1, ds_buffer_bytes(&image));
    ds_buffer_deinit(&image);
    assert_refused(bench, bench->bytes.size, DS_FAILED_PRECONDITION, "version 2");
}

static void a_backup_of_another_engine_is_refused(void **state)
{
    struct bench *bench = *state;
    struct market_backup backup = bench->backup;
    struct ds_buffer image = image_of(bench);
    snprintf(backup.engine, sizeof(backup.engine), "other");
    forge(bench, &backup, MARKET_BACKUP_VERSION, ds_buffer_bytes(&image));
    ds_buffer_deinit(&image);
    assert_refused(bench, bench->bytes.size, DS_FAILED_PRECONDITION, "another kind: other");
}

static void a_backup_with_a_wrong_count_is_refused(void **state)
{
    struct bench *bench = *state;
    struct market_backup backup = bench->backup;
    struct ds_buffer image = image_of(bench);
    backup.row_count++;
    forge(bench, &backup, MARKET_BACKUP_VERSION, ds_buffer_bytes(&image));
    assert_refused(bench, bench->bytes.size, DS_DATA_LOSS, "says it has 10 rows");
    backup = bench->backup;
    backup.image_bytes--;
    forge(bench, &backup, MARKET_BACKUP_VERSION, ds_buffer_bytes(&image));
    ds_buffer_deinit(&image);
    assert_refused(bench, bench->bytes.size, DS_DATA_LOSS, "contradict");
}

static void an_image_that_is_no_store_is_refused(void **state)
{
    struct bench *bench = *state;
    struct market_backup backup = bench->backup;
    uint8_t *zeros = calloc(1, 100000);
    assert_non_null(zeros);
    backup.image_bytes = 100000;
    forge(bench, &backup, MARKET_BACKUP_VERSION, ds_bytes_of(zeros, 100000));
    free(zeros);
    assert_int_not_equal(bench_restore(bench, bench->bytes.size), DS_OK);
    assert_true(bench->reason[0] != '\0');
    assert_false(is_there(bench->top, "data"));
}

static void a_backup_of_an_unsound_store_is_refused_by_its_fault(void **state)
{
    struct bench *bench = *state;
    /* The store takes what its callers give it. */
    sample_put_row(bench->fixture->store, MARKET_TICKS, "NIFTY", "", 9, "\x20");
    bench_take(bench);
    assert_refused(bench, bench->bytes.size, DS_DATA_LOSS, "\"NIFTY\": the row at 9 us is damaged");
}

static void a_folder_with_a_store_is_refused_and_left_alone(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_OK);
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_FAILED_PRECONDITION);
    assert_non_null(strstr(bench->reason, "holds market data already"));
    struct market_store *restored = bench_open_restored(bench);
    assert_sound(restored, "9 rows, 6 series");
    restored->ops->close(restored);
}

static void a_foreign_folder_is_refused_and_left_alone(void **state)
{
    struct bench *bench = *state;
    char path[PATH_MAX_BYTES];
    assert_int_equal(mkdir(bench->data_dir, 0700), 0);
    snprintf(path, sizeof(path), "%s/letter.txt", bench->data_dir);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_FAILED_PRECONDITION);
    assert_true(is_there(bench->data_dir, "letter.txt"));
    assert_false(is_there(bench->data_dir, "deltastream.folder"));
    assert_int_equal(unlink(path), 0);
}

static void an_empty_folder_is_taken_and_given_back_empty_on_a_failure(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(mkdir(bench->data_dir, 0700), 0);
    assert_int_equal(bench_restore(bench, bench->bytes.size / 2), DS_DATA_LOSS);
    assert_int_equal(rmdir(bench->data_dir), 0);
    assert_int_equal(mkdir(bench->data_dir, 0700), 0);
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_OK);
    assert_false(is_there(bench->data_dir, "storage.restoring"));
}

static void what_a_killed_restore_left_is_cleared_away(void **state)
{
    struct bench *bench = *state;
    char path[PATH_MAX_BYTES];
    assert_int_equal(mkdir(bench->data_dir, 0700), 0);
    snprintf(path, sizeof(path), "%s/deltastream.folder", bench->data_dir);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    snprintf(path, sizeof(path), "%s/storage.restoring", bench->data_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/storage.restoring/data.mdb", bench->data_dir);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_OK);
    assert_false(is_there(bench->data_dir, "storage.restoring"));
    struct market_store *restored = bench_open_restored(bench);
    assert_sound(restored, "9 rows, 6 series");
    restored->ops->close(restored);
}

static void two_restores_at_a_time_are_one_too_many(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(mkdir(bench->data_dir, 0700), 0);
    const int folder_fd = open(bench->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(folder_fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(bench_restore(bench, bench->bytes.size), DS_FAILED_PRECONDITION);
    assert_non_null(strstr(bench->reason, "somebody else restores"));
    close(folder_fd);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_backup_that_is_cut_off_anywhere_is_refused),
        BENCH_TEST(a_flipped_bit_anywhere_is_found),
        BENCH_TEST(what_follows_a_backup_is_refused),
        BENCH_TEST(a_foreign_file_is_refused),
        BENCH_TEST(a_forged_backup_with_nothing_wrong_is_taken),
        BENCH_TEST(a_backup_of_a_later_version_is_refused),
        BENCH_TEST(a_backup_of_another_engine_is_refused),
        BENCH_TEST(a_backup_with_a_wrong_count_is_refused),
        BENCH_TEST(an_image_that_is_no_store_is_refused),
        BENCH_TEST(a_backup_of_an_unsound_store_is_refused_by_its_fault),
        BENCH_TEST(a_folder_with_a_store_is_refused_and_left_alone),
        BENCH_TEST(a_foreign_folder_is_refused_and_left_alone),
        BENCH_TEST(an_empty_folder_is_taken_and_given_back_empty_on_a_failure),
        BENCH_TEST(what_a_killed_restore_left_is_cleared_away),
        BENCH_TEST(two_restores_at_a_time_are_one_too_many),
    };
    return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
