/*
 * Every call that writes, syncs or cuts a file fails once, one after the other: while a store is
 * made and used, and while a backup is restored. DS_FAULTS=all tries each of them, else a sample is
 * tried, which DS_SEED repeats.
 */
#include "crash_random.h"
#include "ds/buffer.h"
#include "ds/log.h"
#include "fault_calls.h"
#include "fault_workload.h"
#include "storage/restore.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SAMPLE_COUNT 24
/* Above every level: hundreds of faults are meant to be. */
#define NO_LOG ((enum ds_log_level)(DS_LOG_ERROR + 1))
#define BACKUP_BYTES_MAX (16UL * 1024 * 1024)
#define PATH_BYTES_MAX 160
/* Of tests/data/store-v1. */
#define GOLDEN_BYTES_MAX (1024 * 1024)
#define GOLDEN_ROWS 198
#define GOLDEN_SERIES 7

static uint64_t random_state;

static void seed_take(void)
{
    random_state = seed_of_environment();
    printf("DS_SEED=%" PRIu64 " DS_FAULTS=%s\n", random_state,
           getenv("DS_FAULTS") != NULL ? getenv("DS_FAULTS") : "sample");
}

/* Whether one of `count` calls is tried. */
static bool is_tried(size_t count)
{
    const char *wish = getenv("DS_FAULTS");
    if (wish != NULL && strcmp(wish, "all") == 0) {
        return true;
    }
    return count <= SAMPLE_COUNT || random_below(&random_state, count) < SAMPLE_COUNT;
}

static void remove_file(const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
}

static void store_folder_remove(const char *folder)
{
    remove_file(folder, "data.mdb");
    remove_file(folder, "lock.mdb");
    remove_file(folder, "deltastream.lock");
    rmdir(folder);
}

/* In memory where that can be had: what fails here fails before it gets to a disk. */
static void folder_make(char folder[64])
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, 64, "%s/ds-faults-XXXXXX", base);
    assert_non_null(mkdtemp(folder));
}

static ds_code store_open(const char *folder, struct market_store **ret_store)
{
    const struct market_store_options options = {.map_bytes = 1 << 28, .free_bytes_min = 1};
    char reason[256] = "";
    return market_lmdb_open(folder, &options, ret_store, reason, sizeof(reason));
}

/* What a sweep found. */
struct sweep {
    enum fault_kind kind;
    size_t n;
    size_t tried;
    size_t stopped; /* writes stopped for good, and said so */
    size_t resumed; /* later steps were done again */
    size_t unhurt;  /* nobody noticed */
    size_t refused_open;
};

static void sweep_fail(const struct sweep *sweep, const struct fault_report *report,
                       const char *what)
{
    fail_msg("%s at call %zu (%s%s%s): %s", fault_kind_names[sweep->kind], sweep->n,
             report->call_name == NULL ? "not reached" : report->call_name,
             report->is_sync ? ", a sync" : "", report->is_pipe ? ", into a pipe" : "", what);
}

static bool any_write_done_behind(const struct workload *workload, size_t step)
{
    for (size_t later = step + 1; later < WORKLOAD_STEPS; later++) {
        if (workload_step_writes(later) && workload->steps[later] == STEP_DONE) {
            return true;
        }
    }
    return false;
}

static bool any_write_refused_behind(const struct workload *workload, size_t step)
{
    for (size_t later = step + 1; later < WORKLOAD_STEPS; later++) {
        if (workload_step_writes(later) && workload->steps[later] == STEP_REFUSED) {
            return true;
        }
    }
    return false;
}

/* What the store may say to a fault, while it is open. */
static void answer_check(struct sweep *sweep, const struct workload *workload,
                         struct market_store *store, const struct fault_report *report)
{
    const size_t step = workload->first_refused;
    if (step == WORKLOAD_STEPS) {
        sweep->unhurt++;
        return;
    }
    if (report->is_pipe) {
        /* A backup failed, and nothing else. */
        if (any_write_refused_behind(workload, step) || workload_step_writes(step)) {
            sweep_fail(sweep, report, "a write was refused for a backup's fault");
        }
        sweep->resumed++;
        return;
    }
    if (any_write_done_behind(workload, step)) {
        /* LMDB reports a short write as EIO: only the system's own word tells of a full disk. */
        if (sweep->kind != FAULT_ENOSPC) {
            sweep_fail(sweep, report, "writes went on behind a fault of the disk");
        }
        if (workload->codes[step] != DS_RESOURCE_EXHAUSTED ||
            any_write_refused_behind(workload, step)) {
            sweep_fail(sweep, report, "one call had no room, and more than one step knew of it");
        }
        sweep->resumed++;
        return;
    }
    if (sweep->kind == FAULT_ENOSPC && !report->is_sync && step + 1 < WORKLOAD_STEPS) {
        sweep_fail(sweep, report, "writes did not resume behind a full disk");
    }
    if (store->ops->health(store) != DS_UNAVAILABLE && step + 1 < WORKLOAD_STEPS) {
        sweep_fail(sweep, report, "writes stopped, and health does not say so");
    }
    sweep->stopped++;
}

/* Opens the store without faults, and looks. */
static void reopen_check(const struct sweep *sweep, struct workload *workload, const char *folder,
                         const struct fault_report *report)
{
    struct market_store *store;
    if (store_open(folder, &store) != DS_OK) {
        sweep_fail(sweep, report, "the store can't be opened again");
    }
    const char *problem = workload_check(workload, store);
    if (problem != NULL) {
        sweep_fail(sweep, report, problem);
    }
    /* It goes on: also a backup, which would show pages that got lost. */
    struct workload again = {.first_refused = 0};
    workload_run(&again, store);
    if (again.first_refused != WORKLOAD_STEPS) {
        sweep_fail(sweep, report, "the store does not go on behind a restart");
    }
    store->ops->close(store);
}

/* One fault on a new store; returns how many calls there were. */
static size_t fault_try(struct sweep *sweep)
{
    char folder[64];
    struct workload workload = {.first_refused = WORKLOAD_STEPS};
    struct market_store *store = NULL;
    folder_make(folder);
    fault_arm(sweep->kind, sweep->n);
    const ds_code code = store_open(folder, &store);
    if (code == DS_OK) {
        workload_run(&workload, store);
        const struct fault_report report = fault_look();
        if (report.is_hit) {
            answer_check(sweep, &workload, store, &report);
        }
        store->ops->close(store);
    } else {
        sweep->refused_open++;
    }
    const struct fault_report report = fault_disarm();
    if (sweep->n > 0 && !report.is_hit) {
        /* Fewer calls than in the run that was counted: the writer's thread groups as it can. */
        sweep->unhurt++;
    }
    reopen_check(sweep, &workload, folder, &report);
    store_folder_remove(folder);
    return report.call_count;
}

static void sweep_store(enum fault_kind kind)
{
    struct sweep sweep = {.kind = kind};
    const size_t count = fault_try(&sweep);
    assert_true(count > WORKLOAD_STEPS);
    sweep.unhurt = 0;
    for (sweep.n = 1; sweep.n <= count; sweep.n++) {
        if (is_tried(count)) {
            sweep.tried++;
            fault_try(&sweep);
        }
    }
    printf("%s: %zu of %zu calls failed in turn: %zu stopped writes, %zu resumed, %zu refused the "
           "start, %zu unhurt\n",
           fault_kind_names[kind], sweep.tried, count, sweep.stopped, sweep.resumed,
           sweep.refused_open, sweep.unhurt);
    assert_true(sweep.tried > 0);
}

static void every_call_may_fail_with_an_error_of_the_disk(void **state)
{
    (void)state;
    sweep_store(FAULT_EIO);
}

static void every_call_may_find_the_disk_full(void **state)
{
    (void)state;
    sweep_store(FAULT_ENOSPC);
}

static void every_write_may_be_short(void **state)
{
    (void)state;
    sweep_store(FAULT_SHORT);
}

/* LMDB writes the first two pages at once; half of that is no file that it would open. */
static void a_store_whose_making_was_cut_off_is_made_anew(void **state)
{
    (void)state;
    char folder[64];
    struct market_store *store = NULL;
    folder_make(folder);
    /* The first call notes the process's number, the second one makes the file. */
    fault_arm(FAULT_SHORT, 2);
    assert_int_not_equal(store_open(folder, &store), DS_OK);
    assert_true(fault_disarm().is_hit);
    assert_int_equal(store_open(folder, &store), DS_OK);
    struct workload workload = {.first_refused = 0};
    workload_run(&workload, store);
    assert_int_equal(workload.first_refused, WORKLOAD_STEPS);
    store->ops->close(store);
    store_folder_remove(folder);
}

/* The store of format 1 in a folder of its own. */
static void golden_copy(const char *folder)
{
    static uint8_t data[GOLDEN_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    FILE *golden = fopen(DS_TESTS_DATA_DIR "/store-v1/data.mdb", "rb");
    assert_non_null(golden);
    const size_t size = fread(data, 1, sizeof(data), golden);
    fclose(golden);
    assert_true(size > 0 && size < sizeof(data));
    snprintf(path, sizeof(path), "%s/data.mdb", folder);
    FILE *copy = fopen(path, "wb");
    assert_non_null(copy);
    assert_int_equal(fwrite(data, 1, size, copy), size);
    assert_int_equal(fclose(copy), 0);
}

static void change_fault(void *context, const char *text)
{
    const struct sweep *sweep = context;
    fail_msg("%s at call %zu: %s", fault_kind_names[sweep->kind], sweep->n, text);
}

/* One fault while the store is changed to today's format; returns how many calls there were. */
static size_t change_try(struct sweep *sweep)
{
    char folder[64];
    struct market_store *store;
    struct market_stats stats;
    folder_make(folder);
    golden_copy(folder);
    fault_arm(sweep->kind, sweep->n);
    const ds_code code = store_open(folder, &store);
    const struct fault_report report = fault_disarm();
    if (code == DS_OK) {
        store->ops->close(store);
        sweep->unhurt++;
    } else {
        sweep->refused_open++;
    }
    if (store_open(folder, &store) != DS_OK) {
        sweep_fail(sweep, &report, "the store can't be opened again");
    }
    assert_int_equal(store->ops->stats(store, &stats), DS_OK);
    if (stats.row_count != GOLDEN_ROWS || stats.series_count != GOLDEN_SERIES) {
        sweep_fail(sweep, &report, "rows or series are lost");
    }
    struct market_verify verify = {.fault = change_fault, .context = sweep};
    assert_int_equal(store->ops->verify(store, &verify), DS_OK);
    store->ops->close(store);
    store_folder_remove(folder);
    return report.call_count;
}

/* The old format is there still, or the new one is. */
static void a_change_of_the_format_that_fails_is_made_at_the_next_start(void **state)
{
    (void)state;
    for (enum fault_kind kind = FAULT_EIO; kind < FAULT_KIND_COUNT; kind++) {
        struct sweep sweep = {.kind = kind};
        const size_t count = change_try(&sweep);
        for (sweep.n = 1; sweep.n <= count; sweep.n++) {
            change_try(&sweep);
        }
        printf("change of format, %s: %zu calls failed in turn, %zu refused the start\n",
               fault_kind_names[kind], count, sweep.refused_open);
        assert_true(sweep.refused_open > 0);
    }
}

/* What a power cut may leave of these two pages: the file's size, and none of its bytes. */
static void a_store_whose_first_pages_are_zeros_is_made_anew(void **state)
{
    (void)state;
    char folder[64];
    char path[PATH_BYTES_MAX];
    struct market_store *store = NULL;
    folder_make(folder);
    snprintf(path, sizeof(path), "%s/deltastream.lock", folder);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    snprintf(path, sizeof(path), "%s/data.mdb", folder);
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, 2 * sysconf(_SC_PAGESIZE)), 0);
    close(fd);
    assert_int_equal(store_open(folder, &store), DS_OK);
    store->ops->close(store);
    /* A store that was made is kept, whatever is wrong with it. */
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(truncate(path, 2 * sysconf(_SC_PAGESIZE)), 0);
    assert_int_equal(store_open(folder, &store), DS_DATA_LOSS);
    store_folder_remove(folder);
}

/* A restore that fails leaves nothing; one that does not makes the whole store. */
struct restore_bench {
    char top[64];
    char data_dir[96];
    struct workload workload;
    struct ds_buffer bytes;
};

static ds_code take_bytes(void *context, struct ds_bytes bytes)
{
    ds_buffer_append(context, bytes.data, bytes.size);
    return DS_OK;
}

static void restore_bench_make(struct restore_bench *bench)
{
    char folder[64];
    struct market_store *store;
    struct market_backup backup;
    folder_make(folder);
    assert_int_equal(store_open(folder, &store), DS_OK);
    workload_run(&bench->workload, store);
    ds_buffer_init(&bench->bytes, BACKUP_BYTES_MAX);
    assert_int_equal(
        market_backup_write(store, ds_clock_system(), take_bytes, &bench->bytes, &backup), DS_OK);
    store->ops->close(store);
    store_folder_remove(folder);
    folder_make(bench->top);
    snprintf(bench->data_dir, sizeof(bench->data_dir), "%s/data", bench->top);
}

static size_t restore_try(struct sweep *sweep, struct restore_bench *bench)
{
    char path[PATH_BYTES_MAX];
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    struct market_backup backup;
    const int fd = memfd_create("backup", MFD_CLOEXEC);
    assert_int_equal(write(fd, bench->bytes.data, bench->bytes.size), (ssize_t)bench->bytes.size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    const struct storage_restore_options options = {.fd = fd, .data_dir = bench->data_dir};
    fault_arm(sweep->kind, sweep->n);
    const ds_code code = storage_restore(&options, &backup, reason);
    const struct fault_report report = fault_disarm();
    close(fd);
    if (code == DS_OK) {
        sweep->unhurt++;
        snprintf(path, sizeof(path), "%s/storage", bench->data_dir);
        reopen_check(sweep, &bench->workload, path, &report);
        store_folder_remove(path);
        remove_file(bench->data_dir, "deltastream.folder");
        assert_int_equal(rmdir(bench->data_dir), 0);
    } else if (reason[0] == '\0') {
        sweep_fail(sweep, &report, "the restore failed without a reason");
    }
    if (access(bench->data_dir, F_OK) == 0) {
        sweep_fail(sweep, &report, "the restore left something behind");
    }
    return report.call_count;
}

static void a_restore_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    struct restore_bench bench;
    restore_bench_make(&bench);
    for (enum fault_kind kind = FAULT_EIO; kind < FAULT_KIND_COUNT; kind++) {
        struct sweep sweep = {.kind = kind};
        const size_t count = restore_try(&sweep, &bench);
        assert_int_equal(sweep.unhurt, 1);
        sweep.unhurt = 0;
        for (sweep.n = 1; sweep.n <= count; sweep.n++) {
            sweep.tried++;
            restore_try(&sweep, &bench);
        }
        printf("restore, %s: %zu calls failed in turn, %zu unhurt\n", fault_kind_names[kind],
               sweep.tried, sweep.unhurt);
        assert_true(sweep.unhurt < sweep.tried || kind == FAULT_SHORT);
    }
    ds_buffer_deinit(&bench.bytes);
    assert_int_equal(rmdir(bench.top), 0);
}

int main(void)
{
    ds_log_set_level(NO_LOG);
    seed_take();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail_with_an_error_of_the_disk),
        cmocka_unit_test(every_call_may_find_the_disk_full),
        cmocka_unit_test(every_write_may_be_short),
        cmocka_unit_test(a_store_whose_making_was_cut_off_is_made_anew),
        cmocka_unit_test(a_change_of_the_format_that_fails_is_made_at_the_next_start),
        cmocka_unit_test(a_store_whose_first_pages_are_zeros_is_made_anew),
        cmocka_unit_test(a_restore_that_fails_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
