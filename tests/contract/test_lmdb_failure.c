/*
 * What the embedded store does when a commit fails. fdatasync() and fstatvfs() are this program's
 * own, so that a test can make LMDB's sync fail and the disk look full; a file system that is full
 * in truth takes part where root may mount one.
 */
#include "ds/log.h"
#include "store_fixture.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAP_BYTES_SMALL (1024 * 1024)
#define TMPFS_RESERVE_BYTES (1024 * 1024)

/* How many syncs succeed before one fails; negative: none fails. */
static atomic_int syncs_before_failure;
static atomic_bool failure_fills_disk;
static atomic_bool disk_looks_full;

/* While it is shut, a sync waits: batches pile up behind it. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_shut;
static size_t gate_waiters;

static void gate_pass(void)
{
    pthread_mutex_lock(&gate_lock);
    gate_waiters++;
    pthread_cond_broadcast(&gate_changed);
    while (gate_is_shut) {
        pthread_cond_wait(&gate_changed, &gate_lock);
    }
    gate_waiters--;
    pthread_mutex_unlock(&gate_lock);
}

static void gate_set(bool is_shut)
{
    pthread_mutex_lock(&gate_lock);
    gate_is_shut = is_shut;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

static void gate_await_waiter(void)
{
    pthread_mutex_lock(&gate_lock);
    while (gate_waiters == 0) {
        pthread_cond_wait(&gate_changed, &gate_lock);
    }
    pthread_mutex_unlock(&gate_lock);
}

int fdatasync(int fd)
{
    gate_pass();
    if (atomic_load(&syncs_before_failure) >= 0 &&
        atomic_fetch_sub(&syncs_before_failure, 1) == 0) {
        atomic_store(&disk_looks_full, atomic_load(&failure_fills_disk));
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fstatvfs(int fd, struct statvfs *ret_disk)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (statvfs(path, ret_disk) != 0) {
        return -1;
    }
    if (atomic_load(&disk_looks_full)) {
        ret_disk->f_bavail = 0;
    }
    return 0;
}

static int failure_setup(void **state)
{
    atomic_store(&syncs_before_failure, -1);
    atomic_store(&failure_fills_disk, false);
    atomic_store(&disk_looks_full, false);
    return fixture_setup(state);
}

/* A failed sync on a disk with room leaves open what is on it: no write is believed any more. */
static void a_failed_sync_stops_writes_for_good_and_reads_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    put_text(store, "NIFTY", "1:a=x", MARKET_CONFLICT_ERROR);
    atomic_store(&syncs_before_failure, 0);
    assert_string_equal(put_text(store, "NIFTY", "2:a=x", MARKET_CONFLICT_ERROR), "UNAVAILABLE");
    assert_string_equal(put_text(store, "NIFTY", "3:a=x", MARKET_CONFLICT_ERROR), "UNAVAILABLE");
    assert_int_equal(store->ops->health(store), DS_UNAVAILABLE);
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(store, &scan, "1:a=x end");
    assert_string_equal(fixture->events, "ticks/NIFTY=x");
    fixture_reopen(fixture);
    assert_string_equal(put_text(fixture->store, "NIFTY", "3:a=x", MARKET_CONFLICT_ERROR), "A");
    assert_int_equal(fixture->store->ops->health(fixture->store), DS_OK);
}

static void a_failed_sync_on_a_full_disk_is_over_when_there_is_room(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    put_text(store, "NIFTY", "5:a=x", MARKET_CONFLICT_ERROR);
    atomic_store(&failure_fills_disk, true);
    atomic_store(&syncs_before_failure, 0);
    assert_string_equal(put_text(store, "NEW", "2:a=x", MARKET_CONFLICT_ERROR),
                        "RESOURCE_EXHAUSTED");
    assert_string_equal(put_text(store, "NEW", "3:a=x", MARKET_CONFLICT_ERROR),
                        "RESOURCE_EXHAUSTED");
    assert_int_equal(store->ops->health(store), DS_RESOURCE_EXHAUSTED);
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(store, &scan, "5:a=x end");
    atomic_store(&disk_looks_full, false);
    assert_int_equal(store->ops->health(store), DS_OK);
    assert_string_equal(put_text(store, "NEW", "2:a=x", MARKET_CONFLICT_ERROR), "A");
    assert_string_equal(put_text(store, "NIFTY", "4:a=x 6:a=x", MARKET_CONFLICT_ERROR), "LA");
    /* The series that was first named in the failed commit is a series now. */
    const struct market_scan new_series = scan_all("NEW", true);
    assert_scan(store, &new_series, "2:a=x end");
}

/* What a failed deletion leaves open is the same as with rows. */
static void a_failed_sync_of_a_deletion_stops_writes_for_good(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    put_text(store, "NIFTY", "1:a=x 2:a=x", MARKET_CONFLICT_ERROR);
    atomic_store(&syncs_before_failure, 0);
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 1, 1, 1), "UNAVAILABLE");
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 1, 1, 1), "UNAVAILABLE");
    assert_string_equal(put_text(store, "NIFTY", "3:a=x", MARKET_CONFLICT_ERROR), "UNAVAILABLE");
    assert_int_equal(store->ops->health(store), DS_UNAVAILABLE);
    assert_int_equal(stats_of(store).writes, MARKET_WRITES_STOPPED);
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(store, &scan, "1:a=x 2:a=x end");
    fixture_reopen(fixture);
    assert_string_equal(delete_text(fixture->store, MARKET_TICKS, "NIFTY", 1, 1, 1), "1 end");
    assert_int_equal(stats_of(fixture->store).writes, MARKET_WRITES_OK);
}

/* What the cache knows of a series must not outlive a deletion, done or failed. */
static void a_failed_deletion_changes_nothing_that_is_late(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    put_text(store, "NIFTY", "5:a=x 9:a=x", MARKET_CONFLICT_ERROR);
    atomic_store(&failure_fills_disk, true);
    atomic_store(&syncs_before_failure, 0);
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 9, 9, 1), "RESOURCE_EXHAUSTED");
    atomic_store(&disk_looks_full, false);
    assert_string_equal(put_text(store, "NIFTY", "8:a=x", MARKET_CONFLICT_ERROR), "L");
    assert_string_equal(delete_text(store, MARKET_TICKS, "NIFTY", 6, 99, 9), "2 end");
    assert_string_equal(put_text(store, "NIFTY", "7:a=x", MARKET_CONFLICT_ERROR), "A");
}

static void deleting_makes_room_while_writes_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    char *value = calloc(1, 100001);
    assert_non_null(value);
    memset(value, 'v', 100000);
    for (int64_t i = 0; i < 40; i++) {
        const struct market_row row = row_of("LARGE", i, "a", value);
        put_rows(store, &row, 1, NULL);
    }
    atomic_store(&disk_looks_full, true);
    assert_string_equal(put_text(store, "NIFTY", "1:a=x", MARKET_CONFLICT_ERROR),
                        "RESOURCE_EXHAUSTED");
    struct market_stats stats = stats_of(store);
    assert_int_equal(stats.writes, MARKET_WRITES_FULL);
    assert_int_equal(stats.disk_free_bytes, 0);
    const uint64_t reusable_before = stats.reusable_bytes;
    assert_string_equal(delete_text(store, MARKET_TICKS, "LARGE", 0, 38, 100), "39 end");
    stats = stats_of(store);
    assert_true(stats.reusable_bytes >= reusable_before + 39 * 100000);
    /* The disk is as full as before; the file has room inside. */
    assert_int_equal(stats.writes, MARKET_WRITES_OK);
    assert_int_equal(store->ops->health(store), DS_OK);
    for (int64_t i = 0; i < 20; i++) {
        const struct market_row row = row_of("LARGE", i, "b", value);
        put_rows(store, &row, 1, NULL);
    }
    free(value);
    /* LMDB leaves the newest free pages alone for one commit. */
    assert_true(stats_of(store).file_bytes < stats.file_bytes + 200000);
}

/* Giving back the pages of large rows is work too: one transaction does so much of it. */
static void a_deletion_of_large_rows_ends_early_and_says_so(void **state)
{
    enum { ROWS = 18 };
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    uint8_t *value = calloc(1, MARKET_VALUE_BYTES_MAX);
    assert_non_null(value);
    for (int64_t i = 0; i < ROWS; i++) {
        struct market_row row = row_of("LARGE", i, "a", "");
        row.value = ds_bytes_of(value, MARKET_VALUE_BYTES_MAX);
        put_rows(store, &row, 1, NULL);
    }
    free(value);
    assert_string_equal(delete_all(store, MARKET_TICKS, "LARGE"), "15 more");
    assert_string_equal(delete_all(store, MARKET_TICKS, "LARGE"), "3 end");
}

static void deletes_done(struct market_delete *order)
{
    atomic_fetch_add((atomic_int *)order->context, 1);
}

static void a_full_queue_of_deletions_refuses_at_once(void **state)
{
    enum { MOST = 1024, ORDERS = MOST + 2 };
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    put_text(store, "NIFTY", "1:a=x 2:a=x", MARKET_CONFLICT_ERROR);
    static struct market_delete orders[ORDERS];
    atomic_int done = 0;
    gate_set(true);
    for (size_t i = 0; i < ORDERS; i++) {
        orders[i] = (struct market_delete){
            .kind = MARKET_TICKS,
            .series = ds_bytes_of_text("NIFTY"),
            .start_us = 1,
            .end_us = 1,
            .row_max = 1,
            .done = deletes_done,
            .context = &done,
        };
        store->ops->delete_rows(store, &orders[i]);
        if (i == 0) {
            gate_await_waiter();
        }
    }
    assert_int_equal(atomic_load(&done), 2);
    assert_int_equal(orders[MOST].code, DS_RESOURCE_EXHAUSTED);
    assert_int_equal(orders[MOST + 1].code, DS_RESOURCE_EXHAUSTED);
    gate_set(false);
    /* Closing ends what is queued. */
    fixture_reopen(fixture);
    assert_int_equal(atomic_load(&done), ORDERS);
    assert_int_equal(orders[0].deleted_count, 1);
    assert_int_equal(orders[MOST - 1].deleted_count, 0);
    assert_int_equal(orders[MOST - 1].code, DS_OK);
}

/* Orders that wait together behind a sync, each for a row of its own. */
struct order_pile {
    struct market_delete orders[3];
    atomic_int done;
};

static void order_pile_send(struct order_pile *pile, struct market_store *store)
{
    gate_set(true);
    for (size_t i = 0; i < 3; i++) {
        pile->orders[i] = (struct market_delete){
            .kind = MARKET_TICKS,
            .series = ds_bytes_of_text("NIFTY"),
            .start_us = (int64_t)i,
            .end_us = (int64_t)i,
            .row_max = 1,
            .done = deletes_done,
            .context = &pile->done,
        };
        store->ops->delete_rows(store, &pile->orders[i]);
        if (i == 0) {
            gate_await_waiter();
        }
    }
}

static void deletions_that_find_no_room_together_are_tried_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    struct order_pile pile = {.done = 0};
    put_text(fixture->store, "NIFTY", "0:=x 1:=x 2:=x 3:=x", MARKET_CONFLICT_ERROR);
    order_pile_send(&pile, fixture->store);
    atomic_store(&failure_fills_disk, true);
    atomic_store(&syncs_before_failure, 1);
    gate_set(false);
    fixture_reopen(fixture);
    assert_int_equal(atomic_load(&pile.done), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pile.orders[i].code, DS_OK);
        assert_int_equal(pile.orders[i].deleted_count, 1);
    }
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, "3:=x end");
}

static void a_failed_sync_acknowledges_no_deletion_of_its_group(void **state)
{
    struct fixture *fixture = *state;
    struct order_pile pile = {.done = 0};
    put_text(fixture->store, "NIFTY", "0:=x 1:=x 2:=x 3:=x", MARKET_CONFLICT_ERROR);
    order_pile_send(&pile, fixture->store);
    atomic_store(&syncs_before_failure, 1);
    gate_set(false);
    fixture_reopen(fixture);
    assert_int_equal(atomic_load(&pile.done), 3);
    assert_int_equal(pile.orders[0].code, DS_OK);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(pile.orders[i].code, DS_UNAVAILABLE);
        assert_int_equal(pile.orders[i].deleted_count, 0);
    }
    const struct market_scan scan = scan_all("NIFTY", true);
    assert_scan(fixture->store, &scan, "1:=x 2:=x 3:=x end");
}

static void counted_done(struct market_batch *batch)
{
    atomic_fetch_add((atomic_int *)batch->context, 1);
}

/* Batches that wait while a sync is held up. */
struct pile {
    struct market_row *rows;
    enum market_outcome *outcomes;
    struct market_batch *batches;
    size_t batch_count;
    atomic_int done;
};

static void pile_init(struct pile *pile, size_t batch_count, size_t rows_per_batch)
{
    const size_t row_count = batch_count * rows_per_batch;
    pile->rows = calloc(row_count, sizeof(*pile->rows));
    pile->outcomes = calloc(row_count, sizeof(*pile->outcomes));
    pile->batches = calloc(batch_count, sizeof(*pile->batches));
    assert_true(pile->rows != NULL && pile->outcomes != NULL && pile->batches != NULL);
    pile->batch_count = batch_count;
    atomic_init(&pile->done, 0);
    for (size_t i = 0; i < row_count; i++) {
        pile->rows[i] = row_of("PILE", (int64_t)i, "t", "v");
    }
    for (size_t i = 0; i < batch_count; i++) {
        pile->batches[i] = (struct market_batch){
            .kind = MARKET_TICKS,
            .rows = pile->rows + i * rows_per_batch,
            .row_count = rows_per_batch,
            .outcomes = pile->outcomes + i * rows_per_batch,
            .done = counted_done,
            .context = &pile->done,
        };
    }
}

static void pile_deinit(struct pile *pile)
{
    free(pile->rows);
    free(pile->outcomes);
    free(pile->batches);
}

static size_t pile_count(const struct pile *pile, ds_code code)
{
    size_t count = 0;
    for (size_t i = 0; i < pile->batch_count; i++) {
        count += pile->batches[i].code == code ? 1 : 0;
    }
    return count;
}

static void rows_that_wait_are_counted(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    struct pile pile;
    pile_init(&pile, 4, 10);
    gate_set(true);
    for (size_t i = 0; i < pile.batch_count; i++) {
        store->ops->put(store, &pile.batches[i]);
    }
    gate_await_waiter();
    assert_int_equal(stats_of(store).queued_row_count, 40);
    gate_set(false);
    put_text(store, "LAST", "1:a=x", MARKET_CONFLICT_ERROR);
    assert_int_equal(stats_of(store).queued_row_count, 0);
    pile_deinit(&pile);
}

static void batches_that_wait_for_a_sync_share_the_next_one(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    struct pile pile;
    pile_init(&pile, 101, 10);
    gate_set(true);
    store->ops->put(store, &pile.batches[0]);
    gate_await_waiter();
    for (size_t i = 1; i < pile.batch_count; i++) {
        store->ops->put(store, &pile.batches[i]);
    }
    assert_int_equal(atomic_load(&pile.done), 0);
    gate_set(false);
    /* Comes behind the others. */
    put_text(store, "LAST", "1:a=x", MARKET_CONFLICT_ERROR);
    assert_int_equal(atomic_load(&pile.done), 101);
    assert_int_equal(pile_count(&pile, DS_OK), 101);
    struct market_stats stats;
    assert_int_equal(store->ops->stats(store, &stats), DS_OK);
    assert_true(stats.commit_count < 101);
    assert_int_equal(stats.row_count, 1011);
    pile_deinit(&pile);
}

static void a_full_queue_refuses_at_once_and_takes_again_later(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    struct pile pile;
    pile_init(&pile, 8, MARKET_BATCH_ROWS_MAX);
    gate_set(true);
    store->ops->put(store, &pile.batches[0]);
    gate_await_waiter();
    for (size_t i = 1; i < pile.batch_count; i++) {
        store->ops->put(store, &pile.batches[i]);
    }
    /* 65,536 rows may be unfinished: six batches of 10,000. */
    assert_int_equal(atomic_load(&pile.done), 2);
    assert_int_equal(pile.batches[6].code, DS_RESOURCE_EXHAUSTED);
    assert_int_equal(pile.batches[7].code, DS_RESOURCE_EXHAUSTED);
    assert_int_equal(store->ops->health(store), DS_OK);
    gate_set(false);
    assert_string_equal(put_text(store, "LATER", "1:a=x", MARKET_CONFLICT_ERROR), "A");
    assert_int_equal(pile_count(&pile, DS_OK), 6);
    pile_deinit(&pile);
}

static void a_failed_sync_acknowledges_no_batch_of_its_group(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    struct pile pile;
    pile_init(&pile, 11, 10);
    gate_set(true);
    store->ops->put(store, &pile.batches[0]);
    gate_await_waiter();
    for (size_t i = 1; i < pile.batch_count; i++) {
        store->ops->put(store, &pile.batches[i]);
    }
    /* The first batch's sync is under way; the next one is the group's. */
    atomic_store(&syncs_before_failure, 1);
    gate_set(false);
    /* Closing waits until all are told; another row would be refused before. */
    fixture_reopen(fixture);
    assert_int_equal(atomic_load(&pile.done), 11);
    assert_int_equal(pile.batches[0].code, DS_OK);
    assert_int_equal(pile_count(&pile, DS_UNAVAILABLE), 10);
    assert_int_equal(fixture->event_count, 10);
    assert_int_equal(stats_of(fixture->store).row_count, 10);
    pile_deinit(&pile);
}

static int small_map_setup(void **state)
{
    failure_setup(state);
    struct fixture *fixture = *state;
    const struct market_store_options options = {
        .map_bytes = MAP_BYTES_SMALL,
        .free_bytes_min = 1,
    };
    fixture->store->ops->close(fixture->store);
    folder_remove(fixture->folder);
    fixture->store = engine_under_test.open(fixture->folder, &options);
    return 0;
}

static struct market_row large_row(const char *series, struct ds_bytes value)
{
    struct market_row row = row_of(series, 1, "a", "");
    row.value = value;
    return row;
}

/* A batch too large for the map shares a transaction with small ones: they are stored, it is not.
 */
static void a_batch_that_does_not_fit_takes_no_other_down(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    uint8_t *large = calloc(1, MARKET_VALUE_BYTES_MAX);
    assert_non_null(large);
    struct pile pile;
    pile_init(&pile, 4, 1);
    pile.rows[2] = large_row("LARGE", ds_bytes_of(large, MARKET_VALUE_BYTES_MAX));
    gate_set(true);
    store->ops->put(store, &pile.batches[0]);
    gate_await_waiter();
    for (size_t i = 1; i < pile.batch_count; i++) {
        store->ops->put(store, &pile.batches[i]);
    }
    gate_set(false);
    assert_string_equal(put_text(store, "LAST", "1:a=x", MARKET_CONFLICT_ERROR), "A");
    assert_int_equal(pile.batches[1].code, DS_OK);
    assert_int_equal(pile.batches[2].code, DS_RESOURCE_EXHAUSTED);
    assert_int_equal(pile.batches[3].code, DS_OK);
    struct market_scan scan = scan_all("PILE", true);
    assert_scan(store, &scan, "0:t=v 1:t=v 3:t=v end");
    scan = scan_all("LARGE", true);
    assert_scan(store, &scan, "end");
    char *series = series_text(store);
    assert_string_equal(series, "LAST,PILE");
    free(series);
    assert_int_equal(store->ops->health(store), DS_OK);
    pile_deinit(&pile);
    free(large);
}

static void a_full_map_is_exhausted_and_reads_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    uint8_t *value = calloc(1, MAP_BYTES_SMALL / 8);
    assert_non_null(value);
    ds_code code = DS_OK;
    int64_t stored = 0;
    while (code == DS_OK && stored < 100) {
        struct market_row row = large_row("FULL", ds_bytes_of(value, MAP_BYTES_SMALL / 8));
        enum market_outcome outcome;
        row.timestamp_us = stored;
        struct market_batch batch = {
            .kind = MARKET_TICKS, .rows = &row, .row_count = 1, .outcomes = &outcome};
        code = market_put_wait(store, &batch);
        stored += code == DS_OK ? 1 : 0;
    }
    free(value);
    assert_int_equal(code, DS_RESOURCE_EXHAUSTED);
    assert_true(stored > 0);
    assert_int_equal(store->ops->health(store), DS_RESOURCE_EXHAUSTED);
    struct market_stats stats;
    assert_int_equal(store->ops->stats(store, &stats), DS_OK);
    assert_int_equal(stats.row_count, stored);
    /* What fits is taken, and shows that there is room. */
    assert_string_equal(put_text(store, "SMALL", "1:a=x", MARKET_CONFLICT_ERROR), "A");
    assert_int_equal(store->ops->health(store), DS_OK);
}

/* Deleting is the way out of a full map, and needs pages of it first. */
static void a_full_map_has_room_again_after_a_deletion(void **state)
{
    struct fixture *fixture = *state;
    struct market_store *store = fixture->store;
    struct market_row rows[100];
    enum market_outcome outcomes[100];
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = rows, .row_count = 100, .outcomes = outcomes};
    int64_t stored = 0;
    ds_code code = DS_OK;
    while (code == DS_OK && stored < 100000) {
        for (int64_t i = 0; i < 100; i++) {
            rows[i] = row_of("FULL", stored + i, "t", "a value of some length");
        }
        code = market_put_wait(store, &batch);
        stored += code == DS_OK ? 100 : 0;
    }
    /* To the last page. */
    batch.row_count = 1;
    code = DS_OK;
    while (code == DS_OK) {
        rows[0] = row_of("FULL", stored, "t", "a value of some length");
        code = market_put_wait(store, &batch);
        stored += code == DS_OK ? 1 : 0;
    }
    assert_int_equal(code, DS_RESOURCE_EXHAUSTED);
    assert_int_equal(stats_of(store).writes, MARKET_WRITES_FULL);
    int64_t deleted = 0;
    struct market_delete order = {
        .kind = MARKET_TICKS,
        .series = ds_bytes_of_text("FULL"),
        .start_us = 0,
        .end_us = INT64_MAX,
        .row_max = MARKET_DELETE_ROWS_MAX,
        .more = true,
    };
    for (size_t i = 0; i < 1000 && deleted < stored; i++) {
        assert_int_equal(market_delete_wait(store, &order), DS_OK);
        assert_true(order.deleted_count > 0);
        deleted += (int64_t)order.deleted_count;
        assert_int_equal(order.more, deleted < stored);
    }
    assert_int_equal(stats_of(store).row_count, 0);
    assert_int_equal(stats_of(store).writes, MARKET_WRITES_OK);
    assert_string_equal(put_text(store, "FULL", "1:a=x", MARKET_CONFLICT_ERROR), "A");
}

struct full_disk {
    char mount_point[64];
    char folder[96];
    char ballast[96];
    struct market_store *store;
    int64_t next;
};

static void ballast_write(const struct full_disk *disk, size_t bytes_left)
{
    struct statvfs room;
    assert_int_equal(statvfs(disk->mount_point, &room), 0);
    const uint64_t free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
    const int fd = open(disk->ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)(free_bytes - bytes_left)), 0);
    close(fd);
}

static ds_code disk_put(struct full_disk *disk, size_t bytes)
{
    uint8_t *value = calloc(1, bytes);
    assert_non_null(value);
    struct market_row row = large_row("DISK", ds_bytes_of(value, bytes));
    row.timestamp_us = disk->next;
    enum market_outcome outcome;
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = &row, .row_count = 1, .outcomes = &outcome};
    const ds_code code = market_put_wait(disk->store, &batch);
    disk->next += code == DS_OK ? 1 : 0;
    free(value);
    return code;
}

static void disk_open(struct full_disk *disk, uint64_t free_bytes_min)
{
    const struct market_store_options options = {.map_bytes = 1 << 28,
                                                 .free_bytes_min = free_bytes_min};
    disk->store = engine_under_test.open(disk->folder, &options);
}

static void assert_disk_rows(const struct full_disk *disk)
{
    struct market_stats stats;
    assert_int_equal(disk->store->ops->stats(disk->store, &stats), DS_OK);
    assert_int_equal(stats.row_count, disk->next);
}

/* With a reserve of one byte the disk runs full inside a commit, which LMDB reports as EIO. */
static void disk_run_full(struct full_disk *disk)
{
    disk_open(disk, 1);
    assert_int_equal(disk_put(disk, 1000), DS_OK);
    ballast_write(disk, 64 * 1024);
    ds_code code = DS_OK;
    for (size_t i = 0; i < 1000 && code == DS_OK; i++) {
        code = disk_put(disk, 9000);
    }
    assert_int_equal(code, DS_RESOURCE_EXHAUSTED);
    assert_disk_rows(disk);
    assert_int_equal(unlink(disk->ballast), 0);
    assert_int_equal(disk_put(disk, 9000), DS_OK);
    assert_int_equal(disk->store->ops->health(disk->store), DS_OK);
    assert_disk_rows(disk);
    disk->store->ops->close(disk->store);
}

/* With a reserve the store stops before the disk is full. */
static void disk_keep_reserve(struct full_disk *disk)
{
    disk_open(disk, TMPFS_RESERVE_BYTES);
    assert_int_equal(disk_put(disk, 1000), DS_OK);
    ballast_write(disk, TMPFS_RESERVE_BYTES / 2);
    assert_int_equal(disk_put(disk, 1000), DS_RESOURCE_EXHAUSTED);
    assert_int_equal(disk->store->ops->health(disk->store), DS_RESOURCE_EXHAUSTED);
    assert_disk_rows(disk);
    /* Also a start on a full disk serves reads. */
    disk->store->ops->close(disk->store);
    disk_open(disk, TMPFS_RESERVE_BYTES);
    assert_disk_rows(disk);
    assert_int_equal(unlink(disk->ballast), 0);
    assert_int_equal(disk_put(disk, 1000), DS_OK);
    assert_disk_rows(disk);
    disk->store->ops->close(disk->store);
}

/* Deleting goes into the reserve; then there is room in the file, and the disk stays as full. */
static void disk_make_room_by_deleting(struct full_disk *disk)
{
    disk_open(disk, TMPFS_RESERVE_BYTES);
    ds_code code = DS_OK;
    for (size_t i = 0; i < 10000 && code == DS_OK; i++) {
        code = disk_put(disk, 9000);
    }
    assert_int_equal(code, DS_RESOURCE_EXHAUSTED);
    const struct market_stats full = stats_of(disk->store);
    struct market_delete order = {
        .kind = MARKET_TICKS,
        .series = ds_bytes_of_text("DISK"),
        .start_us = 0,
        .end_us = disk->next - 11,
        .row_max = MARKET_DELETE_ROWS_MAX,
    };
    assert_int_equal(market_delete_wait(disk->store, &order), DS_OK);
    assert_false(order.more);
    assert_int_equal(stats_of(disk->store).row_count, 10);
    assert_int_equal(disk->store->ops->health(disk->store), DS_OK);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(disk_put(disk, 9000), DS_OK);
    }
    const struct market_stats stats = stats_of(disk->store);
    assert_int_equal(stats.row_count, 110);
    assert_true(stats.disk_free_bytes < TMPFS_RESERVE_BYTES);
    assert_true(stats.disk_free_bytes + 200000 > full.disk_free_bytes);
    disk->store->ops->close(disk->store);
}

static void a_full_file_system_is_exhausted_until_there_is_room(void **state)
{
    (void)state;
    atomic_store(&disk_looks_full, false);
    struct full_disk disk = {.next = 0};
    folder_make(disk.mount_point, sizeof(disk.mount_point));
    if (mount("tmpfs", disk.mount_point, "tmpfs", 0, "size=8m") != 0) {
        printf("not run: a tmpfs can't be mounted here (%s)\n", strerror(errno));
        rmdir(disk.mount_point);
        skip();
    }
    snprintf(disk.folder, sizeof(disk.folder), "%s/store", disk.mount_point);
    snprintf(disk.ballast, sizeof(disk.ballast), "%s/ballast", disk.mount_point);
    disk_run_full(&disk);
    disk_keep_reserve(&disk);
    disk_make_room_by_deleting(&disk);
    assert_int_equal(umount(disk.mount_point), 0);
    rmdir(disk.mount_point);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define FAILURE_TEST(name) cmocka_unit_test_setup_teardown(name, failure_setup, fixture_teardown)
#define SMALL_MAP_TEST(name)                                                                       \
    cmocka_unit_test_setup_teardown(name, small_map_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FAILURE_TEST(a_failed_sync_stops_writes_for_good_and_reads_go_on),
        FAILURE_TEST(a_failed_sync_on_a_full_disk_is_over_when_there_is_room),
        FAILURE_TEST(a_failed_sync_of_a_deletion_stops_writes_for_good),
        FAILURE_TEST(a_failed_deletion_changes_nothing_that_is_late),
        FAILURE_TEST(deleting_makes_room_while_writes_are_refused),
        FAILURE_TEST(a_deletion_of_large_rows_ends_early_and_says_so),
        FAILURE_TEST(a_full_queue_of_deletions_refuses_at_once),
        FAILURE_TEST(deletions_that_find_no_room_together_are_tried_one_by_one),
        FAILURE_TEST(a_failed_sync_acknowledges_no_deletion_of_its_group),
        FAILURE_TEST(rows_that_wait_are_counted),
        FAILURE_TEST(batches_that_wait_for_a_sync_share_the_next_one),
        FAILURE_TEST(a_full_queue_refuses_at_once_and_takes_again_later),
        FAILURE_TEST(a_failed_sync_acknowledges_no_batch_of_its_group),
        SMALL_MAP_TEST(a_batch_that_does_not_fit_takes_no_other_down),
        SMALL_MAP_TEST(a_full_map_is_exhausted_and_reads_go_on),
        SMALL_MAP_TEST(a_full_map_has_room_again_after_a_deletion),
        cmocka_unit_test(a_full_file_system_is_exhausted_until_there_is_room),
    };
    return cmocka_run_group_tests_name("lmdb failures", tests, NULL, NULL);
}
