/* Reads beside the size of the store: lists of ticks, bars, and lists of chains by group. */
#include "ds/wire.h"
#include "store_bench.h"

#include <stdio.h>
#include <stdlib.h>

#define PRODUCT_COUNT 4
#define SIZE_COUNT 3
#define SAMPLE_COUNT 31
#define SCANS_PER_SAMPLE 50
#define CALLS_PER_SAMPLE 20
#define TICKS_FIELD 3
#define VALUE_BYTES_MAX 96
#define REPLY_BYTES_MAX (16 * 1024 * 1024)
/* Between two ticks of a product. */
#define TICK_STEP_US 100000
#define BARS_TICKS 1000000

static const char *const products[PRODUCT_COUNT] = {"NIFTY", "BANKNIFTY", "FINNIFTY", "SENSEX"};

/* A batch of loaded ticks; the products take turns. */
struct load {
    struct market_row rows[MARKET_BATCH_ROWS_MAX];
    enum market_outcome outcomes[MARKET_BATCH_ROWS_MAX];
    uint8_t values[MARKET_BATCH_ROWS_MAX][VALUE_BYTES_MAX];
};

static void load_row(struct load *load, size_t index, const char *product, int64_t timestamp_us,
                     int64_t tick_id)
{
    Storage__Tick tick;
    Google__Protobuf__Timestamp moments[2];
    bench_tick_set(&tick, moments, "", timestamp_us, tick_id);
    const size_t bytes = storage__tick__pack(&tick, load->values[index]);
    load->rows[index] = (struct market_row){
        .series = ds_bytes_of_text(product),
        .timestamp_us = timestamp_us,
        .tie = {.size = 9,
                .data = {0, 0, 0, 0, 0, (uint8_t)(tick_id >> 24), (uint8_t)(tick_id >> 16),
                         (uint8_t)(tick_id >> 8), (uint8_t)tick_id}},
        .value = ds_bytes_of(load->values[index], bytes),
    };
}

/* Rows of numbers `from` to `to` - 1 of one product, or of all in turns. */
static void load_ticks(struct market_store *store, const char *only, size_t from, size_t to)
{
    struct load *load = malloc(sizeof(*load));
    bench_require(load != NULL, "memory");
    while (from < to) {
        size_t count = 0;
        for (; count < MARKET_BATCH_ROWS_MAX && from < to; count++, from++) {
            const size_t turn = only != NULL ? from : from / PRODUCT_COUNT;
            load_row(load, count, only != NULL ? only : products[from % PRODUCT_COUNT],
                     BENCH_EPOCH_US + (int64_t)turn * TICK_STEP_US, (int64_t)turn);
        }
        struct market_batch batch = {.kind = MARKET_TICKS,
                                     .rows = load->rows,
                                     .row_count = count,
                                     .outcomes = load->outcomes};
        bench_require(market_put_wait(store, &batch) == DS_OK, "loading");
    }
    free(load);
}

/* What is read again and again. */
struct read {
    struct bench_service *service;
    struct market_scan scan;
    struct ds_buffer reply;
    size_t count;
    struct ds_bytes request;
    const char *method;
};

/* As rpc/ frames rows: a tag, the length, the stored bytes. */
static void frame_row(void *context, const struct market_row *row)
{
    struct read *read = context;
    ds_wire_write_bytes_field(&read->reply, TICKS_FIELD, row->value);
    read->count++;
}

static void read_by_scan(struct read *read)
{
    bool more;
    struct market_store *store = read->service->store;
    ds_buffer_clear(&read->reply);
    read->count = 0;
    bench_require(store->ops->scan(store, &read->scan, frame_row, read, &more) == DS_OK, "a scan");
    bench_require(read->count == read->scan.row_max, "a scan of all rows wanted");
}

static void read_by_call(struct read *read)
{
    struct ds_client_call call;
    bench_call_fill(&call, read->method, read->request);
    bench_require(ds_channel_call_wait(read->service->direct, &call) == DS_OK, read->method);
    ds_client_call_release(&call);
}

/* Microseconds of one operation on each of the stores; they take turns, so that whatever else the
 * machine does meanwhile meets all of them. */
static void measure(struct read *reads, size_t read_count, void (*operation)(struct read *read),
                    size_t repetitions, struct bench_samples *samples)
{
    for (size_t i = 0; i < read_count; i++) {
        samples[i].count = 0;
        operation(&reads[i]);
    }
    for (size_t turn = 0; turn < SAMPLE_COUNT * read_count; turn++) {
        struct read *read = &reads[turn % read_count];
        const int64_t began_us = bench_now_us();
        for (size_t i = 0; i < repetitions; i++) {
            operation(read);
        }
        bench_samples_add(&samples[turn % read_count],
                          (double)(bench_now_us() - began_us) / (double)repetitions);
    }
}

static void print_line(const char *what, size_t rows, struct bench_samples *samples)
{
    const double median = bench_samples_part(samples, 0.5);
    printf("| %s | %zu | %.1f | %.1f | %.1f |\n", what, rows, median,
           bench_samples_part(samples, 0), bench_samples_part(samples, 1));
    fflush(stdout);
}

static void print_head(const char *unit)
{
    printf("\n| what | stored rows | median (%s) | lowest | highest |\n|---|---|---|---|---|\n",
           unit);
}

/* Stores of different sizes. */
struct read_stores {
    struct bench_service services[SIZE_COUNT];
    size_t rows[SIZE_COUNT];
    size_t count;
};

static void measure_list(const struct read_stores *stores, struct read *reads, const char *name)
{
    static struct bench_samples samples[SIZE_COUNT];
    char what[64];
    snprintf(what, sizeof(what), "%s, scan and frames", name);
    measure(reads, stores->count, read_by_scan, SCANS_PER_SAMPLE, samples);
    for (size_t i = 0; i < stores->count; i++) {
        print_line(what, stores->rows[i], &samples[i]);
    }
    snprintf(what, sizeof(what), "%s, ListTicks", name);
    measure(reads, stores->count, read_by_call, CALLS_PER_SAMPLE, samples);
    for (size_t i = 0; i < stores->count; i++) {
        print_line(what, stores->rows[i], &samples[i]);
    }
}

/* The newest `count` rows up to a time, by both ways. */
static void read_prepare(struct read *read, struct bench_service *service, size_t count,
                         int64_t end_us)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    Google__Protobuf__Timestamp end = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    end.seconds = end_us / 1000000;
    end.nanos = (int32_t)(end_us % 1000000 * 1000);
    request.product = (char *)(uintptr_t)products[1];
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = (int32_t)count;
    request.end = end_us == INT64_MAX ? NULL : &end;
    *read = (struct read){.service = service,
                          .method = "ListTicks",
                          .request = bench_pack(&request.base),
                          .scan = {.kind = MARKET_TICKS,
                                   .series = ds_bytes_of_text(products[1]),
                                   .start_us = INT64_MIN,
                                   .end_us = end_us,
                                   .row_max = count,
                                   .bytes_max = REPLY_BYTES_MAX}};
    ds_buffer_init(&read->reply, REPLY_BYTES_MAX);
}

static void reads_free(struct read *reads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)reads[i].request.data);
        ds_buffer_deinit(&reads[i].reply);
    }
}

/* The newest 100 of a product, and 1,000 from the middle of it. */
static void measure_lists(struct read_stores *stores)
{
    struct read reads[SIZE_COUNT];
    for (size_t i = 0; i < stores->count; i++) {
        read_prepare(&reads[i], &stores->services[i], 100, INT64_MAX);
    }
    measure_list(stores, reads, "latest 100");
    reads_free(reads, stores->count);
    for (size_t i = 0; i < stores->count; i++) {
        const size_t middle = stores->rows[i] / PRODUCT_COUNT / 2 + 500;
        read_prepare(&reads[i], &stores->services[i], 1000,
                     BENCH_EPOCH_US + (int64_t)middle * TICK_STEP_US);
    }
    measure_list(stores, reads, "1,000 of the middle");
    reads_free(reads, stores->count);
}

static void measure_bars(struct bench_service *service)
{
    struct bench_samples samples;
    Storage__GetBarsRequest request = STORAGE__GET_BARS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "BARS";
    request._limit_case = STORAGE__GET_BARS_REQUEST___LIMIT_LIMIT;
    request.limit = 10000;
    load_ticks(service->store, "BARS", 0, BARS_TICKS);
    static const char *const intervals[] = {"1m", "1h", "1d"};
    for (size_t i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
        char what[64];
        request.interval = (char *)(uintptr_t)intervals[i];
        struct read read = {.service = service, .method = "GetBars"};
        read.request = bench_pack(&request.base);
        measure(&read, 1, read_by_call, 1, &samples);
        for (size_t sample = 0; sample < samples.count; sample++) {
            samples.values[sample] /= 1000;
        }
        snprintf(what, sizeof(what), "bars of %s, GetBars", intervals[i]);
        print_line(what, BARS_TICKS, &samples);
        free((void *)(uintptr_t)read.request.data);
    }
}

void bench_reads(const struct bench_options *options)
{
    static const size_t sizes[SIZE_COUNT] = {10000, 1000000, 10000000};
    struct read_stores stores = {.count = 0};
    for (size_t i = 0; i < SIZE_COUNT && sizes[i] <= options->rows_max; i++) {
        char name[32];
        snprintf(name, sizeof(name), "reads%zu", sizes[i]);
        bench_service_open(&stores.services[i], options, name);
        load_ticks(stores.services[i].store, NULL, 0, sizes[i]);
        stores.rows[i] = sizes[i];
        stores.count++;
    }
    printf("\n### Lists beside the size of the store\n");
    print_head("µs");
    measure_lists(&stores);
    printf("\n### Bars of 1,000,000 ticks\n");
    print_head("ms");
    measure_bars(&stores.services[0]);
    for (size_t i = 0; i < stores.count; i++) {
        bench_service_close(&stores.services[i]);
    }
}

/* The chain of 21 strikes: 42 quotes, some 6 KB. */
static struct ds_bytes chain_value(void)
{
    enum { STRIKES = 21 };
    static Storage__Quote quotes[2 * STRIKES];
    Storage__Quote *calls[STRIKES];
    Storage__Quote *puts[STRIKES];
    Storage__OptionChain chain = STORAGE__OPTION_CHAIN__INIT;
    Google__Protobuf__Timestamp moment = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    moment.seconds = BENCH_EPOCH_US / 1000000;
    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
        Storage__Quote *quote = &quotes[i];
        storage__quote__init(quote);
        quote->symbol = (char *)(uintptr_t) "NIFTY20250130C21500";
        quote->product = (char *)(uintptr_t)products[0];
        quote->expiry = (char *)(uintptr_t) "2025-01-30";
        quote->timestamp = &moment;
        quote->_strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
        quote->strike = 21000 + 50 * (double)i;
        quote->_bid_case = STORAGE__QUOTE___BID_BID;
        quote->bid = 101.35;
        quote->_ask_case = STORAGE__QUOTE___ASK_ASK;
        quote->ask = 101.75;
        quote->_last_case = STORAGE__QUOTE___LAST_LAST;
        quote->last = 101.5;
        quote->_iv_case = STORAGE__QUOTE___IV_IV;
        quote->iv = 0.141;
        quote->_delta_case = STORAGE__QUOTE___DELTA_DELTA;
        quote->delta = 0.48;
        quote->_open_interest_case = STORAGE__QUOTE___OPEN_INTEREST_OPEN_INTEREST;
        quote->open_interest = 120000;
        (i < STRIKES ? calls : puts)[i % STRIKES] = quote;
    }
    chain.expiry = (char *)(uintptr_t) "2025-01-30";
    chain.n_calls = STRIKES;
    chain.calls = calls;
    chain.n_puts = STRIKES;
    chain.puts = puts;
    chain.timestamp = &moment;
    return bench_pack(&chain.base);
}

/* Chains of numbers `from` to `to` - 1; four expiries take turns. */
static void load_chains(struct market_store *store, struct ds_bytes value, size_t from, size_t to)
{
    enum { BATCH_ROWS = 1000 };
    static const char *const series[] = {"NIFTY/2025-01-30", "NIFTY/2025-02-06", "NIFTY/2025-02-13",
                                         "NIFTY/2025-02-20"};
    static struct market_row rows[BATCH_ROWS];
    static enum market_outcome outcomes[BATCH_ROWS];
    while (from < to) {
        size_t count = 0;
        for (; count < BATCH_ROWS && from < to; count++, from++) {
            rows[count] =
                (struct market_row){.series = ds_bytes_of_text(series[from % 4]),
                                    .group = ds_bytes_of_text(products[0]),
                                    .timestamp_us = BENCH_EPOCH_US + (int64_t)(from / 4) * 1000000,
                                    .value = value};
        }
        struct market_batch batch = {
            .kind = MARKET_CHAINS, .rows = rows, .row_count = count, .outcomes = outcomes};
        bench_require(market_put_wait(store, &batch) == DS_OK, "loading");
    }
}

void bench_chains(const struct bench_options *options)
{
    static const size_t sizes[] = {1000, 100000};
    struct bench_service service;
    struct bench_samples samples;
    size_t loaded = 0;
    Storage__ListChainsRequest request = STORAGE__LIST_CHAINS_REQUEST__INIT;
    request.product = (char *)(uintptr_t)products[0];
    const struct ds_bytes value = chain_value();
    bench_service_open(&service, options, "chains");
    struct read read = {
        .service = &service, .method = "ListChains", .request = bench_pack(&request.base)};
    printf("\n### Chains of a product, whatever their expiry (%zu bytes each)\n", value.size);
    print_head("µs");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && sizes[i] * 10 <= options->rows_max;
         i++) {
        load_chains(service.store, value, loaded, sizes[i]);
        loaded = sizes[i];
        measure(&read, 1, read_by_call, CALLS_PER_SAMPLE, &samples);
        print_line("latest 10, ListChains", loaded, &samples);
    }
    free((void *)(uintptr_t)read.request.data);
    free((void *)(uintptr_t)value.data);
    bench_service_close(&service);
}
