/* Writers and readers at the same time. */
#include "store_fixture.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdlib.h>

#define WRITERS 4
#define READERS 3
#define BATCHES_PER_WRITER 40
#define ROWS_PER_BATCH 5

struct scene {
    struct market_store *store;
    size_t writer; /* its number; the series is its own */
    /* The newest timestamp whose batch was acknowledged, by writer; -1 before the first. */
    _Atomic int64_t *acknowledged;
    atomic_bool *stop;
    atomic_size_t *faults;
};

static void series_name(size_t writer, char target[16])
{
    snprintf(target, 16, "W%zu", writer);
}

static void *write_rows(void *argument)
{
    struct scene *scene = argument;
    char name[16];
    series_name(scene->writer, name);
    for (int64_t i = 0; i < BATCHES_PER_WRITER; i++) {
        struct market_row rows[ROWS_PER_BATCH];
        enum market_outcome outcomes[ROWS_PER_BATCH];
        for (int64_t j = 0; j < ROWS_PER_BATCH; j++) {
            rows[j] = row_of(name, i * ROWS_PER_BATCH + j, "t", name);
        }
        struct market_batch batch = {
            .kind = MARKET_TICKS,
            .rows = rows,
            .row_count = ROWS_PER_BATCH,
            .outcomes = outcomes,
        };
        if (market_put_wait(scene->store, &batch) != DS_OK ||
            outcomes[ROWS_PER_BATCH - 1] != MARKET_ACCEPTED) {
            atomic_fetch_add(scene->faults, 1);
        }
        atomic_store(&scene->acknowledged[scene->writer], (i + 1) * ROWS_PER_BATCH - 1);
    }
    return NULL;
}

struct sight {
    int64_t expected; /* the next timestamp, ascending without a gap */
    bool is_wrong;
};

static void see_row(void *context, const struct market_row *row)
{
    struct sight *sight = context;
    sight->is_wrong |=
        row->timestamp_us != sight->expected || !ds_bytes_equal(row->value, row->series);
    sight->expected++;
}

/* A scan sees whole batches without gaps, and every one acknowledged before it began. */
static void *read_rows(void *argument)
{
    struct scene *scene = argument;
    for (size_t round = 0; round < 20 || !atomic_load(scene->stop); round++) {
        const size_t writer = round % WRITERS;
        char name[16];
        series_name(writer, name);
        const int64_t acknowledged = atomic_load(&scene->acknowledged[writer]);
        struct market_scan scan = scan_all(name, true);
        scan.row_max = BATCHES_PER_WRITER * ROWS_PER_BATCH;
        struct sight sight = {.expected = 0};
        bool more = true;
        const ds_code code = scene->store->ops->scan(scene->store, &scan, see_row, &sight, &more);
        if (code != DS_OK || more || sight.is_wrong || sight.expected % ROWS_PER_BATCH != 0 ||
            sight.expected <= acknowledged) {
            atomic_fetch_add(scene->faults, 1);
        }
    }
    return NULL;
}

static void readers_see_whole_batches_while_writers_write(void **state)
{
    struct fixture *fixture = *state;
    _Atomic int64_t acknowledged[WRITERS];
    atomic_bool stop = false;
    atomic_size_t faults = 0;
    pthread_t threads[WRITERS + READERS];
    struct scene scenes[WRITERS + READERS];
    for (size_t i = 0; i < WRITERS; i++) {
        atomic_init(&acknowledged[i], -1);
    }
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        scenes[i] = (struct scene){
            .store = fixture->store,
            .writer = i,
            .acknowledged = acknowledged,
            .stop = &stop,
            .faults = &faults,
        };
        void *(*run)(void *) = i < WRITERS ? write_rows : read_rows;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &scenes[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&stop, true);
    for (size_t i = WRITERS; i < WRITERS + READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&faults), 0);
    assert_int_equal(fixture->event_count, WRITERS * BATCHES_PER_WRITER * ROWS_PER_BATCH);
    struct market_stats stats;
    assert_int_equal(fixture->store->ops->stats(fixture->store, &stats), DS_OK);
    assert_int_equal(stats.row_count, WRITERS * BATCHES_PER_WRITER * ROWS_PER_BATCH);
}

int run_thread_tests(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(readers_see_whole_batches_while_writers_write),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
