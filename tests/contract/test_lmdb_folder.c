/* Which folders the embedded store opens, and what it leaves alone. */
#include "ds/log.h"
#include "lmdb_edit.h"
#include "store_fixture.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

struct place {
    char folder[64];
    char path[128]; /* of path_in() */
    char reason[256];
};

static int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    folder_make(place->folder, sizeof(place->folder));
    *state = place;
    return 0;
}

static int place_teardown(void **state)
{
    struct place *place = *state;
    folder_remove(place->folder);
    free(place);
    return 0;
}

static const char *path_in(struct place *place, const char *name)
{
    snprintf(place->path, sizeof(place->path), "%s/%s", place->folder, name);
    return place->path;
}

static ds_code try_open(struct place *place, const char *folder, struct market_store **ret_store)
{
    const struct market_store_options options = {.map_bytes = 1 << 26, .free_bytes_min = 1};
    place->reason[0] = '\0';
    return market_lmdb_open(folder, &options, ret_store, place->reason, sizeof(place->reason));
}

/* Asserts that the folder is refused and that the reason names it and says `expected`. */
static void assert_refused(struct place *place, const char *folder, ds_code code,
                           const char *expected)
{
    struct market_store *store = NULL;
    assert_int_equal(try_open(place, folder, &store), code);
    assert_null(store);
    if (strstr(place->reason, folder) == NULL || strstr(place->reason, expected) == NULL) {
        fail_msg("the reason is: %s", place->reason);
    }
}

static void open_and_close(struct place *place, const char *folder)
{
    struct market_store *store = NULL;
    if (try_open(place, folder, &store) != DS_OK) {
        fail_msg("%s", place->reason);
    }
    store->ops->close(store);
}

static void file_write(const char *path, const void *data, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
}

static void a_missing_folder_is_made_for_its_owner_alone(void **state)
{
    struct place *place = *state;
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/new", place->folder);
    open_and_close(place, folder);
    struct stat status;
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    folder_remove(folder);
}

static void a_folder_whose_parent_is_missing_is_refused(void **state)
{
    struct place *place = *state;
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/no/such", place->folder);
    assert_refused(place, folder, DS_FAILED_PRECONDITION, "No such file");
}

static void a_file_in_the_folders_place_is_refused(void **state)
{
    struct place *place = *state;
    char path[128];
    snprintf(path, sizeof(path), "%s", path_in(place, "file"));
    file_write(path, "text", 4);
    assert_refused(place, path, DS_FAILED_PRECONDITION, "not a folder");
    unlink(path);
}

static void a_folder_with_something_else_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    char path[128];
    snprintf(path, sizeof(path), "%s", path_in(place, "letters.txt"));
    file_write(path, "text", 4);
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "letters.txt");
    assert_int_not_equal(access(path_in(place, "data.mdb"), F_OK), 0);
    assert_int_not_equal(access(path_in(place, "deltastream.lock"), F_OK), 0);
    unlink(path);
}

static void a_data_file_that_is_none_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    file_write(path_in(place, "data.mdb"), "this is no LMDB file, whatever its name says", 44);
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "data.mdb");
    struct stat status;
    assert_int_equal(stat(path_in(place, "data.mdb"), &status), 0);
    assert_int_equal(status.st_size, 44);
    assert_int_not_equal(access(path_in(place, "lock.mdb"), F_OK), 0);
    assert_int_not_equal(access(path_in(place, "deltastream.lock"), F_OK), 0);
}

static void another_programs_lmdb_file_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    lmdb_entry_put(place->folder, "meta", BYTES("magic"), BYTES("something else"));
    unlink(path_in(place, "lock.mdb"));
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "data.mdb");
    assert_int_not_equal(access(path_in(place, "lock.mdb"), F_OK), 0);
    assert_int_not_equal(access(path_in(place, "deltastream.lock"), F_OK), 0);
}

static void a_newer_and_a_much_older_format_are_refused_by_number(void **state)
{
    struct place *place = *state;
    open_and_close(place, place->folder);
    lmdb_entry_put(place->folder, "meta", BYTES("format_version"), BYTES("\0\0\0\3"));
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "format 3, newer than format 2");
    lmdb_entry_put(place->folder, "meta", BYTES("format_version"), BYTES("\0\0\0\0"));
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "format 0, older than format 1");
    lmdb_entry_put(place->folder, "meta", BYTES("format_version"), BYTES("\0\0\0\2"));
    open_and_close(place, place->folder);
    lmdb_entry_put(place->folder, "meta", BYTES("magic"), BYTES("something else"));
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "something else");
}

/* Such as a backup. */
static void a_store_without_its_lock_files_is_taken_over(void **state)
{
    struct place *place = *state;
    struct market_store *store = NULL;
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    put_text(store, "NIFTY", "1:a=x", MARKET_CONFLICT_ERROR);
    store->ops->close(store);
    assert_int_equal(unlink(path_in(place, "lock.mdb")), 0);
    assert_int_equal(unlink(path_in(place, "deltastream.lock")), 0);
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(store, &scan, "1:a=x end");
    store->ops->close(store);
}

static void a_start_that_was_cut_short_is_taken_up_again(void **state)
{
    struct place *place = *state;
    file_write(path_in(place, "deltastream.lock"), "", 0);
    file_write(path_in(place, "data.mdb"), "", 0);
    open_and_close(place, place->folder);
    open_and_close(place, place->folder);
}

/* Beginning anew there would hide that everything is lost. */
static void a_data_file_that_lost_its_content_is_not_begun_anew(void **state)
{
    struct place *place = *state;
    open_and_close(place, place->folder);
    assert_int_equal(truncate(path_in(place, "data.mdb"), 0), 0);
    assert_refused(place, place->folder, DS_DATA_LOSS, "data.mdb is empty");
    assert_non_null(strstr(place->reason, "restore a backup"));
    /* It is so again the next time, and nothing was written. */
    assert_refused(place, place->folder, DS_DATA_LOSS, "data.mdb is empty");
    struct stat status;
    assert_int_equal(stat(path_in(place, "data.mdb"), &status), 0);
    assert_int_equal(status.st_size, 0);
    unlink(path_in(place, "data.mdb"));
    assert_refused(place, place->folder, DS_DATA_LOSS, "data.mdb is missing");
    /* The way out that the reason names. */
    unlink(path_in(place, "deltastream.lock"));
    open_and_close(place, place->folder);
}

/* A data file of another store in the place of the lost one, such as a backup. */
static void another_stores_data_file_takes_the_lost_ones_place(void **state)
{
    struct place *place = *state;
    char other[128];
    char file[160];
    snprintf(other, sizeof(other), "%s", path_in(place, "other"));
    open_and_close(place, place->folder);
    open_and_close(place, other);
    snprintf(file, sizeof(file), "%s/data.mdb", other);
    assert_int_equal(rename(file, path_in(place, "data.mdb")), 0);
    folder_remove(other);
    struct market_store *store = NULL;
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    const struct market_stats stats = stats_of(store);
    store->ops->close(store);
    /* The newer one is missed from now on. */
    assert_int_equal(truncate(path_in(place, "data.mdb"), 0), 0);
    assert_refused(place, place->folder, DS_DATA_LOSS, stats.store_id);
}

static void damaged_first_pages_are_data_loss(void **state)
{
    struct place *place = *state;
    open_and_close(place, place->folder);
    const int fd = open(path_in(place, "data.mdb"), O_WRONLY | O_CLOEXEC);
    static const char junk[8192] = "junk";
    assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), (ssize_t)sizeof(junk));
    close(fd);
    assert_refused(place, place->folder, DS_DATA_LOSS, "data.mdb");
}

static void a_file_that_was_cut_off_is_data_loss_and_no_crash(void **state)
{
    struct place *place = *state;
    struct market_store *store = NULL;
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    put_text(store, "NIFTY", "1:a=x", MARKET_CONFLICT_ERROR);
    store->ops->close(store);
    assert_int_equal(truncate(path_in(place, "data.mdb"), 8192), 0);
    assert_refused(place, place->folder, DS_DATA_LOSS, "data.mdb");
    unlink(path_in(place, "deltastream.lock"));
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "data.mdb");
}

/* A value takes the place of two before it, of the same transaction, and needs less than they had
 * at the file's end. */
static void a_file_whose_last_pages_were_never_written_is_whole(void **state)
{
    static const size_t sizes[] = {1 << 20, 1 << 21, 5 << 19};
    struct place *place = *state;
    struct market_store *store = NULL;
    uint8_t *value = calloc(1, sizes[2]);
    assert_non_null(value);
    struct market_row rows[3];
    enum market_outcome outcomes[3];
    for (size_t i = 0; i < 3; i++) {
        rows[i] = row_of("NIFTY", 9, "a", "");
        rows[i].value = ds_bytes_of(value, sizes[i]);
        value[sizes[i] - 1] = 1;
    }
    struct market_batch batch = {.kind = MARKET_TICKS,
                                 .conflict = MARKET_CONFLICT_LAST,
                                 .rows = rows,
                                 .row_count = 3,
                                 .outcomes = outcomes};
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    /* LMDB takes pages back at once where it has others that are free. */
    for (int64_t i = 0; i < 3; i++) {
        const struct market_row row = row_of("NIFTY", i, "a", "x");
        put_rows(store, &row, 1, NULL);
    }
    assert_int_equal(market_put_wait(store, &batch), DS_OK);
    store->ops->close(store);
    free(value);
    struct stat before;
    struct stat after;
    assert_int_equal(stat(path_in(place, "data.mdb"), &before), 0);
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    assert_int_equal(stat(path_in(place, "data.mdb"), &after), 0);
    assert_true(before.st_size < after.st_size);
    const struct market_scan scan = {.kind = MARKET_TICKS,
                                     .series = ds_bytes_of_text("NIFTY"),
                                     .start_us = 0,
                                     .end_us = 8,
                                     .ascending = true,
                                     .row_max = 9,
                                     .bytes_max = SIZE_MAX};
    assert_scan(store, &scan, "0:a=x 1:a=x 2:a=x end");
    store->ops->close(store);
}

/* LMDB would end the process where it meets what is left of such pages. */
static void a_large_file_that_was_cut_off_anywhere_is_data_loss_and_left_alone(void **state)
{
    enum { BATCHES = 10, ROWS = 1000 };
    struct place *place = *state;
    struct market_store *store = NULL;
    struct market_row *rows = calloc(ROWS, sizeof(*rows));
    assert_non_null(rows);
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    for (int64_t batch = 0; batch < BATCHES; batch++) {
        for (int64_t i = 0; i < ROWS; i++) {
            rows[i] = row_of("NIFTY", batch * ROWS + i, "t", "a value of some length");
        }
        put_rows(store, rows, ROWS, NULL);
    }
    store->ops->close(store);
    free(rows);
    struct stat whole;
    assert_int_equal(stat(path_in(place, "data.mdb"), &whole), 0);
    for (off_t size = whole.st_size - 4096; size > 8192; size -= 8 * 4096) {
        struct stat left;
        assert_int_equal(truncate(path_in(place, "data.mdb"), size), 0);
        assert_refused(place, place->folder, DS_DATA_LOSS, "data.mdb");
        assert_int_equal(stat(path_in(place, "data.mdb"), &left), 0);
        assert_int_equal(left.st_size, size);
    }
}

static void a_second_store_on_the_folder_is_refused_until_the_first_closes(void **state)
{
    struct place *place = *state;
    struct market_store *store = NULL;
    assert_int_equal(try_open(place, place->folder, &store), DS_OK);
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "another process");
    char pid[32];
    snprintf(pid, sizeof(pid), "(%ld)", (long)getpid());
    assert_non_null(strstr(place->reason, pid));
    store->ops->close(store);
    open_and_close(place, place->folder);
}

/* The child says by the pipe that it has the store open. */
static pid_t child_with_store(struct place *place)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct market_store *store = NULL;
        const char byte = try_open(place, place->folder, &store) == DS_OK ? '+' : '-';
        if (write(ready[1], &byte, 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, '+');
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void a_killed_process_leaves_the_folder_free(void **state)
{
    struct place *place = *state;
    const pid_t child = child_with_store(place);
    assert_refused(place, place->folder, DS_FAILED_PRECONDITION, "another process");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    open_and_close(place, place->folder);
}

/* What somebody without rights sees; root is allowed everything and so becomes nobody for it. */
static void a_folder_without_permission_is_refused(void **state)
{
    struct place *place = *state;
    open_and_close(place, place->folder);
    assert_int_equal(chmod(place->folder, 0), 0);
    const bool is_root = geteuid() == 0;
    if (is_root) {
        assert_int_equal(seteuid(NOBODY), 0);
    }
    struct market_store *store = NULL;
    const ds_code code = try_open(place, place->folder, &store);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    chmod(place->folder, 0700);
    assert_int_equal(code, DS_PERMISSION_DENIED);
    assert_non_null(strstr(place->reason, place->folder));
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_missing_folder_is_made_for_its_owner_alone),
        FOLDER_TEST(a_folder_whose_parent_is_missing_is_refused),
        FOLDER_TEST(a_file_in_the_folders_place_is_refused),
        FOLDER_TEST(a_folder_with_something_else_is_refused_and_left_alone),
        FOLDER_TEST(a_data_file_that_is_none_is_refused_and_left_alone),
        FOLDER_TEST(another_programs_lmdb_file_is_refused_and_left_alone),
        FOLDER_TEST(a_newer_and_a_much_older_format_are_refused_by_number),
        FOLDER_TEST(a_store_without_its_lock_files_is_taken_over),
        FOLDER_TEST(a_start_that_was_cut_short_is_taken_up_again),
        FOLDER_TEST(a_data_file_that_lost_its_content_is_not_begun_anew),
        FOLDER_TEST(another_stores_data_file_takes_the_lost_ones_place),
        FOLDER_TEST(damaged_first_pages_are_data_loss),
        FOLDER_TEST(a_file_that_was_cut_off_is_data_loss_and_no_crash),
        FOLDER_TEST(a_file_whose_last_pages_were_never_written_is_whole),
        FOLDER_TEST(a_large_file_that_was_cut_off_anywhere_is_data_loss_and_left_alone),
        FOLDER_TEST(a_second_store_on_the_folder_is_refused_until_the_first_closes),
        FOLDER_TEST(a_killed_process_leaves_the_folder_free),
        FOLDER_TEST(a_folder_without_permission_is_refused),
    };
    return cmocka_run_group_tests_name("lmdb folder", tests, NULL, NULL);
}
