/*
 * Durable ingest: 500 interleaved series, 5 % of the rows late, batches of 1,000, over RPC beside
 * raw LMDB commits of the same rows; and what callers wait while old rows are deleted.
 */
#include "storage/core/tick.h"
#include "storage/store/lmdb/key.h"
#include "store_bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERIES_COUNT 500
#define BATCH_ROWS 1000
#define ROUND_BATCHES 40
/* Of a whole run, and of a quick look. */
#define ROUND_COUNT 9
#define ROUND_COUNT_QUICK 3
#define ROWS_MAX_QUICK 1000000
#define LATE_PERCENT 5
#define LATE_US_MAX (INT64_C(60) * 1000000)
#define IN_FLIGHT_MAX 8
#define MAP_BYTES (UINT64_C(64) << 30)
#define ARENA_BYTES (64 * 1024 * 1024)

/* Rows in both forms: as a request, and as keys and values. */
struct ingest_batch {
    struct ds_bytes request;
    struct market_row rows[BATCH_ROWS];
    uint32_t series[BATCH_ROWS];
};

struct ingest_round {
    struct ds_arena *arena; /* of the rows' values */
    struct ingest_batch batches[ROUND_BATCHES];
};

static char series_names[SERIES_COUNT][16];

static void batch_fill(struct ingest_round *round, size_t index, int64_t first_us,
                       uint64_t *random_state)
{
    static Storage__Tick ticks[BATCH_ROWS];
    static Storage__Tick *pointers[BATCH_ROWS];
    static Google__Protobuf__Timestamp moments[BATCH_ROWS][2];
    static int64_t tick_id;
    struct ingest_batch *batch = &round->batches[index];
    for (size_t i = 0; i < BATCH_ROWS; i++) {
        const size_t series = i % SERIES_COUNT;
        int64_t timestamp_us = first_us + (int64_t)i * 500;
        if (bench_random(random_state) % 100 < LATE_PERCENT) {
            timestamp_us -= (int64_t)(bench_random(random_state) % LATE_US_MAX);
        }
        bench_tick_set(&ticks[i], moments[i], series_names[series], timestamp_us, tick_id++);
        pointers[i] = &ticks[i];
        batch->series[i] = (uint32_t)series + 1;
        const char *fault;
        bench_require(tick_to_row(round->arena, &ticks[i], 0, &batch->rows[i], &fault) == DS_OK,
                      "a row");
        /* What a row points into is used again for the next batch. */
        const struct ds_bytes value = batch->rows[i].value;
        uint8_t *copy = ds_arena_alloc(round->arena, value.size);
        memcpy(copy, value.data, value.size);
        batch->rows[i].value.data = copy;
    }
    Storage__IngestTicksRequest request = STORAGE__INGEST_TICKS_REQUEST__INIT;
    request.n_ticks = BATCH_ROWS;
    request.ticks = pointers;
    batch->request = bench_pack(&request.base);
}

static void round_fill(struct ingest_round *round, size_t number, uint64_t *random_state)
{
    round->arena = ds_arena_create(ARENA_BYTES);
    for (size_t i = 0; i < ROUND_BATCHES; i++) {
        const int64_t first_us =
            BENCH_EPOCH_US + (int64_t)(number * ROUND_BATCHES + i) * BATCH_ROWS * 500;
        batch_fill(round, i, first_us, random_state);
    }
}

static void round_free(struct ingest_round *round)
{
    for (size_t i = 0; i < ROUND_BATCHES; i++) {
        free((void *)(uintptr_t)round->batches[i].request.data);
    }
    ds_arena_destroy(round->arena);
}

/* LMDB alone, opened as the store opens it. */
struct raw {
    char folder[BENCH_PATH_BYTES_MAX];
    MDB_env *env;
    MDB_dbi table;
};

static void raw_open(struct raw *raw, const struct bench_options *options)
{
    MDB_txn *txn;
    snprintf(raw->folder, sizeof(raw->folder), "%s/raw", options->folder);
    mkdir(raw->folder, 0700);
    const bool opened =
        mdb_env_create(&raw->env) == 0 && mdb_env_set_mapsize(raw->env, MAP_BYTES) == 0 &&
        mdb_env_set_maxdbs(raw->env, 4) == 0 &&
        mdb_env_open(raw->env, raw->folder, MDB_NOTLS, 0600) == 0 &&
        mdb_txn_begin(raw->env, NULL, 0, &txn) == 0 &&
        mdb_dbi_open(txn, "ticks", MDB_CREATE, &raw->table) == 0 && mdb_txn_commit(txn) == 0;
    bench_require(opened, "LMDB");
}

static void raw_close(struct raw *raw)
{
    char path[2 * BENCH_PATH_BYTES_MAX];
    mdb_env_close(raw->env);
    snprintf(path, sizeof(path), "%s/data.mdb", raw->folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", raw->folder);
    unlink(path);
    rmdir(raw->folder);
}

/* One mdb_put a row, one transaction a batch. */
static void raw_put(struct raw *raw, const struct ingest_batch *batch)
{
    MDB_txn *txn;
    bench_require(mdb_txn_begin(raw->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    for (size_t i = 0; i < BATCH_ROWS; i++) {
        const struct market_row *row = &batch->rows[i];
        struct row_key row_key = row_key_of(batch->series[i], row->timestamp_us, &row->tie);
        MDB_val key = row_key_val(&row_key);
        MDB_val value = lmdb_val_of(row->value);
        bench_require(mdb_put(txn, raw->table, &key, &value, 0) == 0, "mdb_put");
    }
    bench_require(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
}

static double raw_bytes(struct raw *raw)
{
    MDB_txn *txn;
    MDB_stat table;
    bench_require(mdb_txn_begin(raw->env, NULL, MDB_RDONLY, &txn) == 0 &&
                      mdb_stat(txn, raw->table, &table) == 0,
                  "mdb_stat");
    mdb_txn_abort(txn);
    return (double)(table.ms_branch_pages + table.ms_leaf_pages + table.ms_overflow_pages) *
           table.ms_psize;
}

/* Calls under way, at most `limit`. */
struct window {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t in_flight;
    size_t failed;
};

static void window_done(struct ds_client_call *call)
{
    struct window *window = call->context;
    pthread_mutex_lock(&window->lock);
    window->in_flight--;
    window->failed += call->code != DS_OK;
    pthread_cond_signal(&window->changed);
    pthread_mutex_unlock(&window->lock);
}

static void window_wait(struct window *window, size_t limit)
{
    pthread_mutex_lock(&window->lock);
    while (window->in_flight > limit) {
        pthread_cond_wait(&window->changed, &window->lock);
    }
    pthread_mutex_unlock(&window->lock);
}

static void rpc_put(struct ds_channel *channel, const struct ingest_round *round, size_t limit)
{
    static struct ds_client_call calls[ROUND_BATCHES];
    struct window window = {.in_flight = 0};
    pthread_mutex_init(&window.lock, NULL);
    pthread_cond_init(&window.changed, NULL);
    for (size_t i = 0; i < ROUND_BATCHES; i++) {
        bench_call_fill(&calls[i], "IngestTicks", round->batches[i].request);
        calls[i].done = window_done;
        calls[i].context = &window;
        window_wait(&window, limit - 1);
        pthread_mutex_lock(&window.lock);
        window.in_flight++;
        pthread_mutex_unlock(&window.lock);
        ds_channel_call(channel, &calls[i]);
        ds_channel_flush(channel);
    }
    window_wait(&window, 0);
    bench_require(window.failed == 0, "IngestTicks");
    for (size_t i = 0; i < ROUND_BATCHES; i++) {
        ds_client_call_release(&calls[i]);
    }
    pthread_cond_destroy(&window.changed);
    pthread_mutex_destroy(&window.lock);
}

enum way { WAY_RAW = 0, WAY_DIRECT, WAY_IPC, WAY_DIRECT_MANY, WAY_IPC_MANY, WAY_COUNT };

static const char *const way_names[WAY_COUNT] = {
    "raw LMDB, one transaction a batch", "IngestTicks, direct, one at a time",
    "IngestTicks, ipc, one at a time", "IngestTicks, direct, 8 in flight",
    "IngestTicks, ipc, 8 in flight"};

struct ways {
    struct raw raw;
    struct bench_service services[WAY_COUNT]; /* but for WAY_RAW */
    struct bench_samples samples[WAY_COUNT];
};

static void way_put(struct ways *ways, enum way way, const struct ingest_round *round)
{
    struct bench_service *service = &ways->services[way];
    switch (way) {
    case WAY_DIRECT:
        rpc_put(service->direct, round, 1);
        break;
    case WAY_IPC:
        rpc_put(service->ipc, round, 1);
        break;
    case WAY_DIRECT_MANY:
        rpc_put(service->direct, round, IN_FLIGHT_MAX);
        break;
    case WAY_IPC_MANY:
        rpc_put(service->ipc, round, IN_FLIGHT_MAX);
        break;
    default:
        for (size_t i = 0; i < ROUND_BATCHES; i++) {
            raw_put(&ways->raw, &round->batches[i]);
        }
        break;
    }
}

/* Bytes of the pages that hold the rows, for each of them. */
static double way_bytes(struct ways *ways, enum way way, size_t row_count)
{
    if (way == WAY_RAW) {
        return raw_bytes(&ways->raw) / (double)row_count;
    }
    struct market_stats stats;
    struct market_store *store = ways->services[way].store;
    bench_require(store->ops->stats(store, &stats) == DS_OK, "statistics");
    bench_require(stats.row_count == row_count, "every row stored");
    return (double)stats.kinds[MARKET_TICKS].bytes / (double)row_count;
}

static void print_ways(struct ways *ways, size_t row_count)
{
    const double raw = bench_samples_part(&ways->samples[WAY_RAW], 0.5);
    printf("\n### Durable ingest: %d series, %d %% late, batches of %d\n\n"
           "| way | rows/s, median | lowest | highest | ratio to raw | bytes a row |\n"
           "|---|---|---|---|---|---|\n",
           SERIES_COUNT, LATE_PERCENT, BATCH_ROWS);
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct bench_samples *samples = &ways->samples[way];
        printf("| %s | %.0f | %.0f | %.0f | %.2f | %.0f |\n", way_names[way],
               bench_samples_part(samples, 0.5), bench_samples_part(samples, 0),
               bench_samples_part(samples, 1), bench_samples_part(samples, 0.5) / raw,
               way_bytes(ways, way, row_count));
    }
    fflush(stdout);
}

static void name_series(void)
{
    for (size_t i = 0; i < SERIES_COUNT; i++) {
        snprintf(series_names[i], sizeof(series_names[i]), "SERIES%03zu", i);
    }
}

void bench_ingest(const struct bench_options *options)
{
    static struct ways ways;
    static struct ingest_round round;
    uint64_t random_state = 1;
    const size_t rounds = options->rows_max > ROWS_MAX_QUICK ? ROUND_COUNT : ROUND_COUNT_QUICK;
    name_series();
    raw_open(&ways.raw, options);
    for (enum way way = WAY_RAW + 1; way < WAY_COUNT; way++) {
        char name[16];
        snprintf(name, sizeof(name), "ingest%d", (int)way);
        bench_service_open(&ways.services[way], options, name);
    }
    for (size_t number = 0; number < rounds; number++) {
        round_fill(&round, number, &random_state);
        for (enum way way = 0; way < WAY_COUNT; way++) {
            const int64_t began_us = bench_now_us();
            way_put(&ways, way, &round);
            const double seconds = (double)(bench_now_us() - began_us) / 1000000;
            bench_samples_add(&ways.samples[way], ROUND_BATCHES * BATCH_ROWS / seconds);
        }
        round_free(&round);
    }
    print_ways(&ways, rounds * ROUND_BATCHES * BATCH_ROWS);
    for (enum way way = WAY_RAW + 1; way < WAY_COUNT; way++) {
        bench_service_close(&ways.services[way]);
    }
    raw_close(&ways.raw);
}

/* Milliseconds of batches, one at a time, until `until` calls of it are done or enough are taken.
 */
static void ingest_until(struct bench_service *service, size_t *number, struct window *window,
                         struct bench_samples *samples)
{
    static struct ingest_round round;
    static uint64_t random_state = 7;
    bool ends = false;
    while (!ends) {
        round_fill(&round, (*number)++, &random_state);
        for (size_t i = 0; i < ROUND_BATCHES && !ends; i++) {
            struct ds_client_call call;
            const int64_t began_us = bench_now_us();
            bench_call_fill(&call, "IngestTicks", round.batches[i].request);
            bench_require(ds_channel_call_wait(service->direct, &call) == DS_OK, "IngestTicks");
            ds_client_call_release(&call);
            bench_samples_add(samples, (double)(bench_now_us() - began_us) / 1000);
            pthread_mutex_lock(&window->lock);
            ends = window->in_flight == 0 && samples->count >= 4 * ROUND_BATCHES;
            pthread_mutex_unlock(&window->lock);
        }
        round_free(&round);
    }
}

static void print_waits(const char *what, struct bench_samples *samples)
{
    printf("| %s | %zu | %.1f | %.1f | %.1f |\n", what, samples->count,
           bench_samples_part(samples, 0.5), bench_samples_part(samples, 0.99),
           bench_samples_part(samples, 1));
    fflush(stdout);
}

static size_t load_old(struct bench_service *service, size_t rounds)
{
    static struct ingest_round round;
    uint64_t random_state = 3;
    for (size_t number = 0; number < rounds; number++) {
        round_fill(&round, number, &random_state);
        rpc_put(service->direct, &round, IN_FLIGHT_MAX);
        round_free(&round);
    }
    return rounds * ROUND_BATCHES * BATCH_ROWS;
}

/* Ingests while a run deletes what is older than yesterday; returns its seconds. */
static double ingest_beside_run(struct bench_service *service, size_t *number, size_t old_rows,
                                struct bench_samples *samples)
{
    Storage__RunRetentionRequest request = STORAGE__RUN_RETENTION_REQUEST__INIT;
    Storage__RetentionRule rule = STORAGE__RETENTION_RULE__INIT;
    Storage__RetentionRule *rules[] = {&rule};
    Google__Protobuf__Duration keep = GOOGLE__PROTOBUF__DURATION__INIT;
    struct window window = {.in_flight = 1};
    pthread_mutex_init(&window.lock, NULL);
    pthread_cond_init(&window.changed, NULL);
    keep.seconds = ds_clock_wall_us(ds_clock_system()) / 1000000 - BENCH_EPOCH_US / 1000000 - 86400;
    rule.kind = STORAGE__ROW_KIND__TICKS;
    rule.keep = &keep;
    request.n_rules = 1;
    request.rules = rules;
    const struct ds_bytes packed = bench_pack(&request.base);
    struct ds_client_call call;
    bench_call_fill(&call, "RunRetention", packed);
    call.done = window_done;
    call.context = &window;
    const int64_t began_us = bench_now_us();
    ds_channel_call(service->direct, &call);
    ds_channel_flush(service->direct);
    ingest_until(service, number, &window, samples);
    const double seconds = (double)(bench_now_us() - began_us) / 1000000;
    bench_require(window.failed == 0, "RunRetention");
    Storage__RunRetentionResponse *response =
        storage__run_retention_response__unpack(NULL, call.response.size, call.response.data);
    bench_require(response != NULL && response->results[0]->deleted == (int64_t)old_rows,
                  "a run that deletes every old row");
    storage__run_retention_response__free_unpacked(response, NULL);
    ds_client_call_release(&call);
    free((void *)(uintptr_t)packed.data);
    pthread_cond_destroy(&window.changed);
    pthread_mutex_destroy(&window.lock);
    return seconds;
}

void bench_retention(const struct bench_options *options)
{
    struct bench_service service;
    static struct bench_samples alone;
    static struct bench_samples beside;
    struct window nothing = {.in_flight = 0};
    name_series();
    pthread_mutex_init(&nothing.lock, NULL);
    bench_service_open(&service, options, "retention");
    const size_t old_rows = load_old(&service, options->rows_max > ROWS_MAX_QUICK ? 25 : 5);
    /* The rows that come meanwhile are of a day that the rule keeps. */
    size_t number = 10000000;
    ingest_until(&service, &number, &nothing, &alone);
    const double seconds = ingest_beside_run(&service, &number, old_rows, &beside);
    printf("\n### Ingest beside retention: %zu old rows deleted in %.1f s meanwhile\n\n"
           "| batches of %d, one at a time | batches | median (ms) | 99 %% | highest |\n"
           "|---|---|---|---|---|\n",
           old_rows, seconds, BATCH_ROWS);
    print_waits("alone", &alone);
    print_waits("while retention deletes", &beside);
    pthread_mutex_destroy(&nothing.lock);
    bench_service_close(&service);
}
