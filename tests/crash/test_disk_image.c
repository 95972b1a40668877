/* What a disk may hold after a power cut: the rules of disk_image.h, on files that are known. */
#include "disk_image.h"
#include "image_folder.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 200
#define FILE_BYTES ((size_t)8 * RECORD_SECTOR_BYTES)

/* A folder that is recorded. */
struct bench {
    char top[IMAGE_PATH_BYTES_MAX];
    uint8_t content[2 * FILE_BYTES]; /* of the file that image_read() has read */
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    image_folder_make(bench->top);
    record_start(bench->top, RECORD_TRUTH);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    image_folder_remove(bench->top);
    free(bench);
    return 0;
}

static int file_open(struct bench *bench, const char *name, int flags)
{
    char path[IMAGE_PATH_BYTES_MAX + 16];
    snprintf(path, sizeof(path), "%s/%s", bench->top, name);
    const int fd = open(path, flags | O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void fill(int fd, char byte, size_t size, size_t offset)
{
    char bytes[FILE_BYTES];
    memset(bytes, byte, size);
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), (ssize_t)size);
}

static void top_sync(struct bench *bench)
{
    const int fd = open(bench->top, O_RDONLY | O_DIRECTORY);
    assert_int_equal(fsync(fd), 0);
    close(fd);
}

/* The size of the file in an image of the log's end, its bytes in bench->content; -1: none. */
static ssize_t image_read(struct bench *bench, const struct record_log *log, enum disk_luck luck,
                          uint64_t seed, const char *name)
{
    char folder[IMAGE_PATH_BYTES_MAX];
    char path[IMAGE_PATH_BYTES_MAX + 16];
    const struct disk_cut cut = {.log = log, .at = log->count, .luck = luck, .seed = seed};
    image_folder_make(folder);
    disk_image_write(&cut, folder);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    const int fd = open(path, O_RDONLY);
    const ssize_t size = fd < 0 ? -1 : read(fd, bench->content, sizeof(bench->content));
    if (fd >= 0) {
        close(fd);
    }
    image_folder_remove(folder);
    return size;
}

static void what_was_synced_is_there_and_the_rest_may_be_lost(void **state)
{
    struct bench *bench = *state;
    const int fd = file_open(bench, "file", 0);
    fill(fd, 'a', FILE_BYTES, 0);
    assert_int_equal(fdatasync(fd), 0);
    top_sync(bench);
    fill(fd, 'b', FILE_BYTES, FILE_BYTES);
    close(fd);
    struct record_log *log = record_stop();
    assert_int_equal(image_read(bench, log, DISK_KEEPS_NOTHING, 1, "file"), FILE_BYTES);
    assert_int_equal(bench->content[FILE_BYTES - 1], 'a');
    assert_int_equal(image_read(bench, log, DISK_KEEPS_EVERYTHING, 1, "file"), 2 * FILE_BYTES);
    assert_int_equal(bench->content[FILE_BYTES], 'b');
    record_log_free(log);
}

static void a_name_is_lost_until_its_folder_is_synced(void **state)
{
    struct bench *bench = *state;
    const int fd = file_open(bench, "file", 0);
    fill(fd, 'a', FILE_BYTES, 0);
    assert_int_equal(fsync(fd), 0);
    close(fd);
    struct record_log *log = record_stop();
    assert_int_equal(image_read(bench, log, DISK_KEEPS_NOTHING, 1, "file"), -1);
    assert_int_equal(image_read(bench, log, DISK_KEEPS_EVERYTHING, 1, "file"), FILE_BYTES);
    record_log_free(log);
}

static void a_rename_is_there_or_not_and_no_name_is_between(void **state)
{
    struct bench *bench = *state;
    char from[IMAGE_PATH_BYTES_MAX + 16];
    char to[IMAGE_PATH_BYTES_MAX + 16];
    close(file_open(bench, "old", 0));
    top_sync(bench);
    snprintf(from, sizeof(from), "%s/old", bench->top);
    snprintf(to, sizeof(to), "%s/new", bench->top);
    assert_int_equal(rename(from, to), 0);
    struct record_log *log = record_stop();
    size_t new_count = 0;
    for (uint64_t seed = 1; seed <= TRIES; seed++) {
        const bool is_old = image_read(bench, log, DISK_KEEPS_SOME, seed, "old") == 0;
        const bool is_new = image_read(bench, log, DISK_KEEPS_SOME, seed, "new") == 0;
        assert_true(is_old != is_new);
        new_count += is_new;
    }
    assert_true(new_count > 0 && new_count < TRIES);
    record_log_free(log);
}

/* Sectors of 'a' and of 'b' in any mixture, none of both. */
static void a_write_is_torn_at_sectors(void **state)
{
    struct bench *bench = *state;
    size_t torn_count = 0;
    const int fd = file_open(bench, "file", 0);
    fill(fd, 'a', FILE_BYTES, 0);
    assert_int_equal(fsync(fd), 0);
    top_sync(bench);
    /* From the middle of a sector to the middle of another. */
    fill(fd, 'b', FILE_BYTES - RECORD_SECTOR_BYTES, RECORD_SECTOR_BYTES / 2);
    close(fd);
    struct record_log *log = record_stop();
    for (uint64_t seed = 1; seed <= TRIES; seed++) {
        assert_int_equal(image_read(bench, log, DISK_KEEPS_SOME, seed, "file"), FILE_BYTES);
        size_t b_count = 0;
        for (size_t i = RECORD_SECTOR_BYTES; i + RECORD_SECTOR_BYTES < FILE_BYTES;
             i += RECORD_SECTOR_BYTES) {
            assert_int_equal(bench->content[i], bench->content[i + RECORD_SECTOR_BYTES - 1]);
            b_count += bench->content[i] == 'b';
        }
        torn_count += b_count > 0 && b_count < FILE_BYTES / RECORD_SECTOR_BYTES - 2;
        assert_int_equal(bench->content[0], 'a');
        assert_int_equal(bench->content[FILE_BYTES - 1], 'a');
    }
    assert_true(torn_count > TRIES / 10);
    record_log_free(log);
}

static void a_write_that_syncs_is_there_alone(void **state)
{
    struct bench *bench = *state;
    const int plain = file_open(bench, "file", 0);
    const int synced = file_open(bench, "file", O_DSYNC);
    fill(plain, 'a', FILE_BYTES, 0);
    assert_int_equal(fsync(plain), 0);
    top_sync(bench);
    fill(plain, 'b', FILE_BYTES, 0);
    fill(synced, 'c', 10, RECORD_SECTOR_BYTES);
    close(plain);
    close(synced);
    struct record_log *log = record_stop();
    for (uint64_t seed = 1; seed <= TRIES; seed++) {
        const enum disk_luck luck = (enum disk_luck)(seed % DISK_LUCK_COUNT);
        assert_int_equal(image_read(bench, log, luck, seed, "file"), FILE_BYTES);
        /* Its sector is as it was then, and never goes back. */
        assert_int_equal(bench->content[RECORD_SECTOR_BYTES], 'c');
        assert_int_equal(bench->content[RECORD_SECTOR_BYTES + 10], 'b');
    }
    assert_int_equal(image_read(bench, log, DISK_KEEPS_NOTHING, 1, "file"), FILE_BYTES);
    assert_int_equal(bench->content[0], 'a');
    record_log_free(log);
}

static void a_file_may_be_longer_than_what_was_written_to_it(void **state)
{
    struct bench *bench = *state;
    size_t zero_count = 0;
    const int fd = file_open(bench, "file", 0);
    top_sync(bench);
    fill(fd, 'a', FILE_BYTES, 0);
    close(fd);
    struct record_log *log = record_stop();
    for (uint64_t seed = 1; seed <= TRIES; seed++) {
        const ssize_t size = image_read(bench, log, DISK_KEEPS_SOME, seed, "file");
        assert_in_range(size, 0, FILE_BYTES);
        zero_count += size == FILE_BYTES && bench->content[FILE_BYTES - 1] == 0;
    }
    assert_true(zero_count > 0);
    record_log_free(log);
}

static void a_file_that_was_cut_may_be_long_again(void **state)
{
    struct bench *bench = *state;
    const int fd = file_open(bench, "file", 0);
    fill(fd, 'a', FILE_BYTES, 0);
    assert_int_equal(fsync(fd), 0);
    top_sync(bench);
    assert_int_equal(ftruncate(fd, 100), 0);
    close(fd);
    struct record_log *log = record_stop();
    assert_int_equal(image_read(bench, log, DISK_KEEPS_NOTHING, 1, "file"), FILE_BYTES);
    assert_int_equal(image_read(bench, log, DISK_KEEPS_EVERYTHING, 1, "file"), 100);
    record_log_free(log);
}

static void a_file_that_was_removed_may_be_there_again(void **state)
{
    struct bench *bench = *state;
    char path[IMAGE_PATH_BYTES_MAX + 16];
    close(file_open(bench, "file", 0));
    top_sync(bench);
    snprintf(path, sizeof(path), "%s/file", bench->top);
    assert_int_equal(unlink(path), 0);
    struct record_log *log = record_stop();
    assert_int_equal(image_read(bench, log, DISK_KEEPS_NOTHING, 1, "file"), 0);
    assert_int_equal(image_read(bench, log, DISK_KEEPS_EVERYTHING, 1, "file"), -1);
    record_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_synced_is_there_and_the_rest_may_be_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_is_lost_until_its_folder_is_synced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rename_is_there_or_not_and_no_name_is_between, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_write_is_torn_at_sectors, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_syncs_is_there_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_may_be_longer_than_what_was_written_to_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_cut_may_be_long_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_removed_may_be_there_again, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("disk image", tests, NULL, NULL);
}
