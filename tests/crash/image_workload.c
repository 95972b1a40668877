#include "image_workload.h"

#include "crash_random.h"
#include "image_store.h"
#include "record_calls.h"
#include "row_value.h"
#include "storage/store/backup.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_ROWS 30
#define BURST_BATCHES 3
/* Few moments, so that rows are late, known or changed without being made so. */
#define TIMES 300
#define FILLS 26
#define SERIES_PER_KIND 3

static const struct {
    const char *series;
    const char *group;
} series_of_kind[MARKET_KIND_MAX + 1][SERIES_PER_KIND] = {
    [MARKET_TICKS] = {{"NIFTY", ""}, {"BANKNIFTY", ""}, {"A", ""}},
    [MARKET_QUOTES] = {{"NIFTY20250125C21500", "NIFTY"},
                       {"NIFTY20250125P21500", "NIFTY"},
                       {"A20250125C100", "A"}},
    [MARKET_CHAINS] = {{"NIFTY/2025-01-25", "NIFTY"},
                       {"NIFTY/2025-02-01", "NIFTY"},
                       {"A/2025-01-25", "A"}},
};

/* The largest get pages of their own. */
static const size_t value_sizes[] = {24, 40, 120, 400, 6000};
#define VALUE_SIZES (sizeof(value_sizes) / sizeof(value_sizes[0]))
#define LARGE_ONE_OF 12

/* Rows on their way to the store and to the model. */
struct burst {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t ended_count;
    struct market_batch batches[BURST_BATCHES];
    struct market_row rows[BURST_BATCHES][BATCH_ROWS];
    enum market_outcome outcomes[BURST_BATCHES][BATCH_ROWS];
};

/* The model's state is the next one. */
static void state_note(struct image_workload *workload, size_t state)
{
    if (state > CHANGES_MAX ||
        image_store_digest(workload->model, &workload->digests[state]) != DS_OK) {
        abort();
    }
    workload->change_count = state;
}

void image_workload_init(struct image_workload *workload, uint64_t seed)
{
    static const struct market_store_options options = {.map_bytes = 0};
    *workload = (struct image_workload){.random = seed, .model = market_memory_open(&options)};
    state_note(workload, 0);
}

void image_workload_deinit(struct image_workload *workload)
{
    workload->model->ops->close(workload->model);
}

/* From where to where. */
struct image_load {
    struct image_workload *workload;
    struct market_store *store;
};

static void load_row(void *context, const struct market_row *row)
{
    struct image_workload *workload = context;
    enum market_outcome outcome;
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = row, .row_count = 1, .outcomes = &outcome};
    if (market_put_wait(workload->model, &batch) != DS_OK) {
        abort();
    }
}

static void load_series(void *context, struct ds_bytes series, struct ds_bytes group)
{
    struct image_load *load = context;
    const struct market_scan scan = {.kind = MARKET_TICKS,
                                     .series = series,
                                     .start_us = INT64_MIN,
                                     .end_us = INT64_MAX,
                                     .ascending = true,
                                     .row_max = SIZE_MAX,
                                     .bytes_max = SIZE_MAX};
    bool more;
    (void)group;
    if (load->store->ops->scan(load->store, &scan, load_row, load->workload, &more) != DS_OK) {
        abort();
    }
}

void image_workload_load(struct image_workload *workload, struct market_store *store)
{
    const struct market_series_query query = {.kind = MARKET_TICKS, .series_max = SIZE_MAX};
    struct image_load load = {.workload = workload, .store = store};
    bool more;
    if (store->ops->list_series(store, &query, load_series, &load, &more) != DS_OK) {
        abort();
    }
    state_note(workload, 0);
}

void image_workload_forget(struct image_workload *workload)
{
    state_note(workload, 1);
}

static void problem_tell(struct image_workload *workload, const char *what, unsigned int code)
{
    if (workload->problem[0] == '\0') {
        snprintf(workload->problem, sizeof(workload->problem), "change %zu: %s (%u)",
                 workload->change_count + 1, what, code);
    }
}

static struct ds_bytes value_pick(struct image_workload *workload)
{
    static uint8_t values[VALUE_SIZES][FILLS][ROW_VALUE_BYTES_MAX];
    const size_t sizes =
        random_below(&workload->random, LARGE_ONE_OF) == 0 ? VALUE_SIZES : VALUE_SIZES - 1;
    const size_t size = random_below(&workload->random, sizes);
    const size_t fill = random_below(&workload->random, FILLS);
    return row_value_write(values[size][fill], value_sizes[size], (uint8_t)('a' + fill));
}

static void batch_fill(struct image_workload *workload, struct burst *burst, size_t index)
{
    const enum market_kind kind =
        (enum market_kind)(MARKET_KIND_FIRST + random_below(&workload->random, MARKET_KIND_MAX));
    const size_t row_count = 1 + random_below(&workload->random, BATCH_ROWS);
    for (size_t i = 0; i < row_count; i++) {
        const size_t series = random_below(&workload->random, SERIES_PER_KIND);
        burst->rows[index][i] = (struct market_row){
            .series = ds_bytes_of_text(series_of_kind[kind][series].series),
            .group = ds_bytes_of_text(series_of_kind[kind][series].group),
            .timestamp_us = (int64_t)random_below(&workload->random, TIMES),
            .value = value_pick(workload),
        };
    }
    burst->batches[index] = (struct market_batch){
        .kind = kind,
        .conflict = (enum market_conflict)random_below(&workload->random, MARKET_CONFLICT_LAST + 1),
        .rows = burst->rows[index],
        .row_count = row_count,
        .outcomes = burst->outcomes[index],
    };
}

static void batch_done(struct market_batch *batch)
{
    struct burst *burst = batch->context;
    record_mark(RECORD_DONE);
    pthread_mutex_lock(&burst->lock);
    burst->ended_count++;
    pthread_cond_signal(&burst->ended);
    pthread_mutex_unlock(&burst->lock);
}

/* Batches that wait for their turn go into one transaction with others. */
static void burst_put(struct burst *burst, struct market_store *store, size_t batch_count)
{
    for (size_t i = 0; i < batch_count; i++) {
        burst->batches[i].done = batch_done;
        burst->batches[i].context = burst;
        record_mark(RECORD_BEGIN);
        store->ops->put(store, &burst->batches[i]);
    }
    pthread_mutex_lock(&burst->lock);
    while (burst->ended_count < batch_count) {
        pthread_cond_wait(&burst->ended, &burst->lock);
    }
    pthread_mutex_unlock(&burst->lock);
}

/* The model takes the batch too, and must say the same of each of its rows. */
static void batch_follow(struct image_workload *workload, const struct market_batch *batch)
{
    enum market_outcome outcomes[BATCH_ROWS];
    struct market_batch same = {.kind = batch->kind,
                                .conflict = batch->conflict,
                                .rows = batch->rows,
                                .row_count = batch->row_count,
                                .outcomes = outcomes};
    if (batch->code != DS_OK || market_put_wait(workload->model, &same) != DS_OK) {
        problem_tell(workload, "a batch was refused", batch->code);
    } else if (memcmp(outcomes, batch->outcomes, batch->row_count * sizeof(outcomes[0])) != 0) {
        problem_tell(workload, "store and model say different things of a batch", 0);
    }
    state_note(workload, workload->change_count + 1);
}

static void step_put(struct image_workload *workload, struct market_store *store,
                     size_t batch_count)
{
    struct burst *burst = calloc(1, sizeof(*burst));
    if (burst == NULL) {
        abort();
    }
    pthread_mutex_init(&burst->lock, NULL);
    pthread_cond_init(&burst->ended, NULL);
    for (size_t i = 0; i < batch_count; i++) {
        batch_fill(workload, burst, i);
    }
    burst_put(burst, store, batch_count);
    for (size_t i = 0; i < batch_count; i++) {
        batch_follow(workload, &burst->batches[i]);
    }
    pthread_cond_destroy(&burst->ended);
    pthread_mutex_destroy(&burst->lock);
    free(burst);
}

/* One transaction; returns whether rows of the range are left. */
static bool delete_once(struct image_workload *workload, struct market_store *store,
                        struct market_delete order)
{
    struct market_delete same = order;
    record_mark(RECORD_BEGIN);
    const ds_code code = market_delete_wait(store, &order);
    record_mark(RECORD_DONE);
    if (code != DS_OK) {
        problem_tell(workload, "a deletion was refused", code);
        return false;
    }
    /* The store may take fewer rows than it is asked to. */
    same.row_max = order.deleted_count;
    if (same.row_max > 0 && (market_delete_wait(workload->model, &same) != DS_OK ||
                             same.deleted_count != order.deleted_count)) {
        problem_tell(workload, "store and model delete different rows", 0);
    }
    state_note(workload, workload->change_count + 1);
    return order.more;
}

static struct market_delete delete_make(struct image_workload *workload)
{
    const enum market_kind kind =
        (enum market_kind)(MARKET_KIND_FIRST + random_below(&workload->random, MARKET_KIND_MAX));
    const size_t series = random_below(&workload->random, SERIES_PER_KIND);
    const int64_t start = (int64_t)random_below(&workload->random, TIMES);
    return (struct market_delete){
        .kind = kind,
        .series = ds_bytes_of_text(series_of_kind[kind][series].series),
        .start_us = start,
        .end_us = start + (int64_t)random_below(&workload->random, TIMES),
        .row_max = 1 + random_below(&workload->random, BATCH_ROWS),
    };
}

/* As retention does: the oldest rows of a series, bit by bit. */
static void step_retain(struct image_workload *workload, struct market_store *store)
{
    struct market_delete order = delete_make(workload);
    order.start_us = INT64_MIN;
    order.end_us = (int64_t)random_below(&workload->random, TIMES);
    order.row_max += BATCH_ROWS;
    while (delete_once(workload, store, order)) {
    }
}

static ds_code take_nothing(void *context, struct ds_bytes bytes)
{
    (void)context;
    (void)bytes;
    return DS_OK;
}

static void step_backup(struct image_workload *workload, struct market_store *store)
{
    struct market_backup backup;
    const ds_code code = market_backup_write(store, ds_clock_system(), take_nothing, NULL, &backup);
    if (code != DS_OK) {
        problem_tell(workload, "a backup failed", code);
    }
}

static void step_reopen(const char *folder, struct market_store **store)
{
    char reason[PROBLEM_BYTES_MAX];
    (*store)->ops->close(*store);
    if (image_store_open(folder, store, reason, sizeof(reason)) != DS_OK) {
        fprintf(stderr, "%s\n", reason);
        abort();
    }
}

static void step_run(struct image_workload *workload, const char *folder,
                     struct market_store **store)
{
    const uint64_t chance = random_below(&workload->random, 100);
    if (chance < 60) {
        step_put(workload, *store, 1);
    } else if (chance < 75) {
        step_put(workload, *store, BURST_BATCHES);
    } else if (chance < 87) {
        (void)delete_once(workload, *store, delete_make(workload));
    } else if (chance < 92) {
        step_retain(workload, *store);
    } else if (chance < 95) {
        step_backup(workload, *store);
    } else {
        step_reopen(folder, store);
    }
}

void image_workload_run(struct image_workload *workload, const char *folder,
                        struct market_store **store, size_t step_count)
{
    for (size_t i = 0; i < step_count; i++) {
        step_run(workload, folder, store);
    }
    uint64_t digest;
    if (image_store_digest(*store, &digest) != DS_OK ||
        digest != workload->digests[workload->change_count]) {
        problem_tell(workload, "store and model hold different rows", 0);
    }
}
